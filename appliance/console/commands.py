"""What a command is: one thing a person can tell the box, the same on every console.

The table itself is `appliance.console.table`; what carries a command out is `appliance.operations`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """Who may; a command names the least of them."""

    ANYONE = "anyone"
    TECHNICIAN = "technician"
    ADMIN = "admin"
    AUDITOR = "auditor"
    INTEGRATOR = "integrator"


class Where(StrEnum):
    """Where a command runs."""

    BOX = "box"
    """On the box's state: through the daemon while it runs, else here."""
    DAEMON = "daemon"
    """Only where a daemon answers."""
    HERE = "here"
    """In the calling process: the depot's commands and the long-running ones."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument; `name` in the Python way, `--name` or the position on the command line."""

    name: str
    help: str
    kind: type[str] | type[int] | type[float] | type[bool] = str
    positional: bool = False
    required: bool = False
    repeat: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    path: bool = False
    """A file or folder: made absolute before it travels to the daemon."""
    secret: bool = False
    """Typed unseen, or read from the file that `--name-file` names; never shown again."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can do."""

    id: str
    """Words with dots, the CLI's verbs: `update.import` is `appliance update import`."""
    title: str
    """Imperative, as on a button: `Import an update`."""
    help: str
    arguments: tuple[Argument, ...] = ()
    role: Role = Role.ANYONE
    where: Where = Where.BOX
    changes: bool = False
    """It changes the box, and so leaves an audit entry."""
    destructive: bool = False
    key: str | None = None
    """The key that starts it on the consoles."""
