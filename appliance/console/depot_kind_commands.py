"""The depot's commands for the kinds of artifact beside models."""

from appliance.console.commands import Argument, Command, Role, Where
from appliance.console.depot_commands import DEPOT, PASSPHRASE

_LICENCE = (
    Argument("licence", "SPDX licence expression, such as Apache-2.0"),
    Argument("licence_file", "text of the licence", path=True),
    Argument("summary", "one sentence about it", default=""),
    PASSPHRASE,
)
_WHEELS = Argument(
    "wheels",
    "folder with every wheel that is installed; of one project there may be several, for different machines",
    required=True,
    path=True,
)


def _named(what: str, example: str) -> tuple[Argument, ...]:
    return (
        Argument("name", f"name of the {what}, such as {example}", positional=True, required=True),
        Argument("version", "its version, such as 1.31.1", positional=True, required=True),
    )


def _here(name: str, title: str, text: str, *arguments: Argument) -> Command:
    return Command(f"depot.{name}", title, text, arguments, role=Role.INTEGRATOR, where=Where.HERE)


DEPOT_KIND_COMMANDS: tuple[Command, ...] = (
    _here(
        "add-runtime",
        "Add a runtime pack to a depot",
        "Pack the wheels of an engine; boxes make its environment from them, without a network.",
        DEPOT,
        *_named("pack", "onnxruntime-cuda"),
        _WHEELS,
        Argument("engine", "name of its adapter's entry point, such as onnxruntime", required=True),
        Argument(
            "adapter",
            "an adapter of the appliance's own that it is to use, such as runtimes.adapters.onnxruntime:OnnxRuntime; "
            "default: a wheel brings the entry point",
            metavar="MODULE:CLASS",
        ),
        Argument("needs", "what a machine must have for it, one sentence", default=""),
        *_LICENCE,
    ),
    _here(
        "add-software",
        "Add a release of the appliance to a depot",
        "Pack the wheels of a release, the appliance's own and all that it needs; its version is the appliance's.",
        DEPOT,
        _WHEELS,
        *_LICENCE,
    ),
    _here(
        "add-system",
        "Add a system image to a depot",
        "Pack a RAUC bundle; boxes hand it to the RAUC of the image that they run.",
        DEPOT,
        *_named("image", "edge-os"),
        Argument("bundle", "the bundle, as `rauc bundle` made it", required=True, path=True),
        *_LICENCE,
    ),
    _here(
        "add-policy",
        "Add a policy to a depot",
        "Pack a JSON policy; boxes take it in as a whole, by default with two people behind it.",
        DEPOT,
        *_named("policy", "site"),
        Argument("file", "the JSON file", required=True, path=True),
        Argument("summary", "one sentence about it", default=""),
        PASSPHRASE,
    ),
)
