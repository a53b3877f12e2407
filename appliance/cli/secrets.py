"""Passwords for the command line: from a file, or typed unseen at the terminal."""

import getpass
import sys
from pathlib import Path
from typing import Any

from appliance.console.commands import Argument, Command
from appliance.errors import ApplianceError

LONGEST = 4_096
"""Bytes that are read of a file."""


def with_secrets(command: Command, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with each secret in place of its file's name.

    One that is required, or that belongs to a named account, is asked for at a terminal where there is one.
    Raises ApplianceError `account.password-file`.
    """
    wanted = arguments.get("account") is not None
    for argument in command.arguments:
        if argument.secret and arguments[argument.name] is not None:
            arguments[argument.name] = _read(Path(arguments[argument.name]).expanduser())
        elif argument.secret and (wanted or argument.required) and sys.stdin.isatty():
            arguments[argument.name] = getpass.getpass(f"{_asked(argument)}: ")
    return arguments


def _asked(argument: Argument) -> str:
    return argument.help[:1].upper() + argument.help[1:]


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as stream:
            return stream.read(LONGEST).splitlines()[0]
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise ApplianceError(
            "account.password-file",
            f"No password can be read from {file}: {getattr(error, 'strerror', None) or 'it has no line of text'}.",
            kept="Nothing was changed.",
            remedy="Name a file whose first line is the password.",
        ) from error
