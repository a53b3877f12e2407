"""The consoles' line to the box: ask for the status, carry out a command, hear of events.

Every call blocks; a console makes it from a thread of its own, never from the one that paints.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from appliance.control.messages import Event, OnProgress
from appliance.status import StatusReport


class Session(Protocol):
    """One console's connection. Raises ApplianceError with code `daemon.away` when nobody answers."""

    def status(self) -> StatusReport: ...

    def call(self, command: str, arguments: Mapping[str, Any], on_progress: OnProgress | None = None) -> Any:
        """Carry out a command of the table; the result as JSON values. Raises ApplianceError."""
        ...

    def events(self) -> Iterator[Event]:
        """Yield events until the daemon goes away (raises `daemon.away`) or `close` is called."""
        ...

    def close(self) -> None: ...
