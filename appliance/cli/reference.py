"""Writes the reference from the command table: `docs/cli.md` and the results' JSON Schema.

python -m appliance.cli.reference FOLDER
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from appliance.cli.exits import BY_CAUSE, FAILED, INTERRUPTED, OK, USAGE
from appliance.cli.parser import GROUPS
from appliance.console.commands import Argument, Command, Where
from appliance.console.table import TABLE
from appliance.errors import Explanation
from appliance.operations.table import operation
from appliance.results import SCHEMA
from appliance.service_manager import RESTART

WHERE = {
    Where.BOX: "on the box's state: in the daemon while one runs, else in the calling process",
    Where.DAEMON: "in the daemon",
    Where.HERE: "in the calling process",
}


def command_reference() -> str:
    """`docs/cli.md`."""
    parts = [_INTRODUCTION.format(schema=SCHEMA, exits=_exit_codes())]
    for group, about in GROUPS.items():
        parts.append(f"`{group}`: {about}.\n")
    parts += [_section(command) for command in TABLE]
    return "\n".join(parts)


def results_schema() -> bytes:
    """`docs/results.schema.json`: what `--json` prints, by command (JSON Schema 2020-12)."""
    types = [operation(command.id).result for command in TABLE]
    schemas, definitions = msgspec.json.schema_components(
        [Explanation, *types], ref_template="#/$defs/{name}"
    )
    error, *results = schemas
    branches = [
        _envelope(command.id, "result", schema) for command, schema in zip(TABLE, results, strict=True)
    ]
    branches.append(_envelope(None, "error", error))
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "oneOf": branches,
        "$defs": definitions,
    }
    return msgspec.json.format(msgspec.json.encode(whole, order="deterministic")) + b"\n"


def write(folder: Path) -> None:
    (folder / "cli.md").write_text(command_reference())
    (folder / "results.schema.json").write_bytes(results_schema())


def _envelope(command: str | None, key: str, schema: dict[str, Any]) -> dict[str, Any]:
    name: dict[str, Any] = {"type": "string"} if command is None else {"const": command}
    return {
        "type": "object",
        "properties": {"schema": {"const": SCHEMA}, "command": name, key: schema},
        "required": ["schema", "command", key],
        "additionalProperties": False,
    }


def _section(command: Command) -> str:
    words = " ".join(["appliance", *command.id.split("."), *map(_usage, command.arguments)])
    lines = [f"## {command.id.replace('.', ' ')}\n", f"{command.help}\n", f"    {words}\n"]
    lines += [f"- `{_flag(argument)}`: {argument.help}{_default(argument)}" for argument in command.arguments]
    if command.arguments:
        lines.append("")
    lines.append(f"Least role: {command.role}. Runs {WHERE[command.where]}.")
    if command.changes:
        lines.append("Changes the box and leaves an audit entry.")
    lines.append(f"Result: `{operation(command.id).result.__name__}`.\n")
    return "\n".join(lines)


def _usage(argument: Argument) -> str:
    if argument.positional:
        shown = argument.name.upper()
    elif argument.kind is bool:
        shown = _flag(argument)
    elif argument.secret:
        return f"[{_flag(argument)} FILE]"
    else:
        shown = f"{_flag(argument)} {argument.metavar or argument.name.upper()}"
    return shown if argument.required else f"[{shown}]"


def _flag(argument: Argument) -> str:
    if argument.positional:
        return argument.name.upper()
    return "--" + argument.name.replace("_", "-") + ("-file" if argument.secret else "")


def _default(argument: Argument) -> str:
    return f" (default: {argument.default})" if argument.default not in (None, "", False) else ""


def _exit_codes() -> str:
    causes: dict[int, list[str]] = {}
    for cause, code in BY_CAUSE.items():
        causes.setdefault(code, []).append(f"`{cause}.*`")
    rows = [(OK, "done"), (FAILED, "failed with any other cause code"), (USAGE, "the command line was wrong")]
    rows += [(code, ", ".join(names)) for code, names in causes.items()]
    rows.append((RESTART, "`serve` wants to be started again, as another release"))
    rows.append((INTERRUPTED, "interrupted"))
    return "\n".join(f"| {code} | {meaning} |" for code, meaning in sorted(rows))


_INTRODUCTION = """# The command line

This page is written from the command table (`./dev docs`); a test holds it to be up to date.

Every command takes `--state-dir DIR` (else `$APPLIANCE_STATE`, else the system's places) and `--json`.
With `--json` exactly one object is printed, `{{"schema": "{schema}", "command": …, "result": …}}` or, where the command failed,
`{{"schema": "{schema}", "command": …, "error": {{"code", "what", "kept", "remedy"}}}}`: what happened, what was left as it was, what to do.
Its JSON Schema is [results.schema.json](results.schema.json).

| exit code | cause |
|---:|---|
{exits}
"""

if __name__ == "__main__":
    write(Path(sys.argv[1]))
