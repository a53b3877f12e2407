"""The argument parser, made from the command table."""

import argparse
from collections.abc import Iterable

from appliance.console.commands import Argument, Command

DESCRIPTION = "A single-node AI appliance: signed models from a stick, measured on this machine, served over standard APIs."

GROUPS = {
    "depot": "the connected side: build and sign updates",
    "update": "look at and import updates from a medium",
    "models": "list the imported models and remove versions",
    "release": "the release of the appliance that runs here, and the one before it",
    "policy": "show and change what this box allows",
    "approvals": "what waits for a second person",
    "accounts": "who may act at this box",
    "cache": "list and clear the compiled models",
    "settings": "list and change the settings of this box",
    "audit": "list, verify and export the audit log",
}


def build_parser(table: Iterable[Command], version: str) -> argparse.ArgumentParser:
    """A parser whose result has `command` (the id), `state_dir`, `json` and the command's arguments."""
    parser = argparse.ArgumentParser("appliance", description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"appliance {version}")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)
    groups: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    words: dict[str, argparse.ArgumentParser] = {}
    for command in table:
        group, _, verb = command.id.rpartition(".")
        if group in words:  # a command of its own, such as `models`, with further ones below it
            groups.setdefault(group, words[group].add_subparsers(metavar="COMMAND"))
        elif group and group not in groups:
            inner = verbs.add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = inner.add_subparsers(metavar="COMMAND", required=True)
        words[command.id] = _add_command(groups[group] if group else verbs, verb, command)
    return parser


def _add_command(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", verb: str, command: Command
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(verb, help=command.title, description=command.help, allow_abbrev=False)
    parser.set_defaults(command=command.id)
    for argument in command.arguments:
        _add_argument(parser, argument)
    everywhere = parser.add_argument_group("everywhere")
    everywhere.add_argument("--state-dir", metavar="DIR", help="the box's state; else $APPLIANCE_STATE")
    everywhere.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _add_argument(parser: argparse.ArgumentParser, argument: Argument) -> None:
    help_text = argument.help.replace("%", "%%")
    if argument.positional:
        parser.add_argument(
            argument.name,
            help=help_text,
            type=argument.kind,
            nargs=None if argument.required else "?",
            metavar=argument.name.upper(),
        )
        return
    flag = "--" + argument.name.replace("_", "-")
    if argument.secret:
        parser.add_argument(
            f"{flag}-file",
            dest=argument.name,
            help=f"file with {help_text}; default: it is asked for",
            metavar="FILE",
        )
        return
    if argument.kind is bool:
        parser.add_argument(flag, help=help_text, action="store_true")
        return
    if argument.default not in (None, ""):
        help_text += f" (default: {argument.default})"
    parser.add_argument(
        flag,
        help=help_text,
        type=argument.kind,
        required=argument.required,
        default=argument.default,
        choices=argument.choices or None,
        action="append" if argument.repeat else "store",
        metavar=argument.metavar or (None if argument.choices else argument.name.upper()),
    )
