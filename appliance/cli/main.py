"""The `appliance` command: parse, carry out here or through the daemon, print."""

import asyncio
import getpass
import os
import sys
from importlib.metadata import version
from typing import Any

import msgspec

from appliance.actor import Actor
from appliance.cli.parser import build_parser
from appliance.cli.printing import Printer
from appliance.cli.secrets import with_secrets
from appliance.console.commands import Command, Where
from appliance.console.table import BY_ID, TABLE
from appliance.control.client import ControlSession, daemon_answers
from appliance.control.messages import OnProgress
from appliance.operations.carrying import carry_out
from appliance.operations.context import BoxContext, LocalContext
from appliance.operations.table import operation
from appliance.state import StateFolder


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is documented in docs/cli.md."""
    parsed = vars(build_parser(TABLE, version("appliance")).parse_args(arguments))
    command = BY_ID[parsed.pop("command")]
    state = StateFolder.choose(parsed.pop("state_dir"))
    printer = Printer(command.id, as_json=parsed.pop("json"))
    try:
        result = _carry_out(command, with_secrets(command, _absolute(command, parsed)), state, printer)
    except KeyboardInterrupt:
        return printer.interrupted()
    except Exception as error:  # noqa: BLE001 - every failure is told in the house's words
        return printer.failed(error)
    printer.done(result)
    return getattr(result, "code", 0)


def _carry_out(command: Command, arguments: dict[str, Any], state: StateFolder, printer: Printer) -> Any:
    if command.where is Where.HERE:
        return _here(command, arguments, state, printer)
    with printer.progress() as on_progress:
        if daemon_answers(state.control_socket):
            answer = ControlSession(state).call(command.id, arguments, on_progress)
            return msgspec.convert(answer, operation(command.id).result)
        return _on_the_box(command, arguments, state, on_progress)


def _here(command: Command, arguments: dict[str, Any], state: StateFolder, printer: Printer) -> Any:
    with printer.progress() as on_progress:
        context = LocalContext(state, _actor(), on_progress, printer.as_json)
        return operation(command.id).run(context, **arguments)


def _on_the_box(
    command: Command, arguments: dict[str, Any], state: StateFolder, on_progress: OnProgress
) -> Any:
    from appliance.box import Box  # noqa: PLC0415 - costs a third of a second that a running daemon spares us

    with Box.open(state, writing=command.changes) as box:
        context = BoxContext(box, _actor(), on_progress)
        return asyncio.run(carry_out(command, arguments, context))


def _absolute(command: Command, arguments: dict[str, Any]) -> dict[str, Any]:
    """Paths as the daemon, which runs elsewhere, needs them."""
    for argument in command.arguments:
        if argument.path and arguments[argument.name] is not None:
            arguments[argument.name] = os.path.abspath(os.path.expanduser(arguments[argument.name]))  # noqa: PTH100, PTH111
    return arguments


def _actor() -> Actor:
    return Actor(f"{getpass.getuser()}@local", "operator")


if __name__ == "__main__":
    sys.exit(main())
