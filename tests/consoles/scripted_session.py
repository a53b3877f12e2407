"""A session that answers as a test tells it to; everything above it is the real thing."""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from appliance.control.messages import Event, OnProgress
from appliance.errors import ApplianceError
from appliance.status import StatusReport

Answer = Callable[[Mapping[str, Any], OnProgress], Any]


def away() -> ApplianceError:
    return ApplianceError(
        "daemon.away",
        "No daemon answers on /run/appliance/control.sock (Connection refused).",
        kept="Nothing was changed.",
        remedy="Start it with `appliance serve`.",
    )


class ScriptedSession:
    """Set `report` (None: the daemon is away), answers to commands, and push events."""

    def __init__(self, report: StatusReport | None = None, **answers: Answer) -> None:
        self.report = report
        self.answers: dict[str, Answer] = dict(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.asked = 0
        self.closed = threading.Event()
        self._events: queue.Queue[Event | None] = queue.Queue()

    def status(self) -> StatusReport:
        self.asked += 1
        if self.report is None:
            raise away()
        return self.report

    def call(self, command: str, arguments: Mapping[str, Any], on_progress: OnProgress | None = None) -> Any:
        self.calls.append((command, dict(arguments)))
        if self.report is None:
            raise away()
        return self.answers[command](arguments, on_progress or (lambda _: None))

    def events(self) -> Iterator[Event]:
        if self.report is None:
            raise away()
        while (event := self._events.get()) is not None:
            yield event
        if not self.closed.is_set():
            raise away()

    def close(self) -> None:
        self.closed.set()
        self._events.put(None)

    def becomes(self, report: StatusReport | None) -> None:
        """The box changed, and the daemon says so; None: the daemon went away."""
        self.report = report
        self._events.put(Event("deployments") if report else None)
