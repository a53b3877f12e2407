"""What travels over the control socket: one JSON object a line, in both directions.

A client sends a `Call`; the daemon answers with any number of `Progress` lines and then exactly one
`Reply` or `Failure`. After a `Subscribe` it sends `Event` lines until the client goes away.
"""

from collections.abc import Callable
from typing import Any

import msgspec

PROTOCOL = 1


class Call(msgspec.Struct, frozen=True, tag="call"):
    """Carry out one command of the command table."""

    command: str
    arguments: dict[str, Any] = {}
    protocol: int = PROTOCOL


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    """Tell me of every event from now on."""

    protocol: int = PROTOCOL


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """How far a command has come."""

    phase: str
    """`check`, `copy`, `certify`, `activate`, `measure` …"""
    text: str
    done: int | None = None
    total: int | None = None
    unit: str = ""
    """`bytes`, `candidates`, `entries` …: what `done` and `total` count."""
    medium_needed: bool | None = None
    """False once the medium may be pulled; None where no medium is involved."""
    rate: float | None = None
    """Of `unit` a second; None where that cannot be said yet."""
    seconds_left: float | None = None
    """At this rate."""


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """The command's result, as the JSON that `--json` prints below `result`."""

    result: Any


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    code: str
    what: str
    kept: str = ""
    remedy: str = ""


class Event(msgspec.Struct, frozen=True, tag="event"):
    """Something on the box changed; consoles then ask for what they show."""

    kind: str
    """`deployments`, `update`, `audit`, `hardware`, `media`, `traffic` (at most one a second) or `closing`."""
    subject: str = ""
    time: str = ""


Request = Call | Subscribe
Answer = Progress | Reply | Failure | Event

OnProgress = Callable[[Progress], None]
