"""Carries a command of the table out on an open box: arguments checked, failures logged, checkpoint signed."""

import contextlib
from collections.abc import Mapping
from types import GenericAlias
from typing import Any

import msgspec

from appliance.console.commands import Argument, Command
from appliance.errors import ApplianceError
from appliance.operations.context import BoxContext
from appliance.operations.table import operation


async def carry_out(command: Command, arguments: Mapping[str, Any], context: BoxContext) -> Any:
    """Run the command's operation; its result.

    A command that changes the box leaves an audit entry also where it fails. Raises the house's errors.
    """
    complete = checked(command, arguments)
    if command.changes:
        _refuse_while_on_trial(context)
    try:
        result = await operation(command.id).run(context, **complete)
    except Exception as error:
        if command.changes:
            _note_failure(command, complete, context, error)
        raise
    if command.changes:
        context.box.sign_checkpoint()
    return result


def checked(command: Command, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of the command, defaults filled in. Raises ApplianceError `control.arguments`."""
    unknown = sorted(set(arguments) - {argument.name for argument in command.arguments})
    if unknown:
        raise _wrong(command, f"knows no argument {unknown[0]!r}")
    return {argument.name: _value(command, argument, arguments) for argument in command.arguments}


def _value(command: Command, argument: Argument, arguments: Mapping[str, Any]) -> Any:
    given = arguments.get(argument.name)
    if given is None:
        if argument.required:
            raise _wrong(command, f"needs the argument {argument.name!r}")
        return False if argument.kind is bool else argument.default
    kind: Any = GenericAlias(list, (argument.kind,)) if argument.repeat else argument.kind
    try:
        value = msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise _wrong(command, f"cannot take this for {argument.name!r}: {error}") from None
    if argument.choices and value not in argument.choices:
        raise _wrong(command, f"takes one of {', '.join(argument.choices)} for {argument.name!r}")
    return value


def _refuse_while_on_trial(context: BoxContext) -> None:
    from appliance.releases.folder import Releases  # noqa: PLC0415 - a command that goes to the daemon does without
    from appliance.releases.trial import refuse_while_on_trial  # noqa: PLC0415

    refuse_while_on_trial(Releases(context.box.state.releases))


def _wrong(command: Command, what: str) -> ApplianceError:
    return ApplianceError("control.arguments", f"{command.id} {what}.", kept="Nothing was changed.")


def _note_failure(
    command: Command, arguments: Mapping[str, Any], context: BoxContext, error: Exception
) -> None:
    subject = next((str(arguments[a.name]) for a in command.arguments if a.positional), "")
    with contextlib.suppress(ApplianceError):  # a full disk must not hide the first error
        context.box.note_failure(context.actor, command.id, error, subject=subject)
        context.box.sign_checkpoint()
