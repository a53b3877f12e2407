"""Carries out commands away from the thread that paints."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from appliance.console.session import Session
from appliance.control.messages import OnProgress
from appliance.errors import Explanation, explain

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """A command of the table with its arguments, to be carried out."""

    command: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Caller:
    """Runs each task in a thread of its own; the callbacks come from that thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._threads: list[threading.Thread] = []

    def start(
        self,
        task: Task,
        *,
        on_progress: OnProgress,
        on_result: Callable[[Any], None],
        on_failure: Callable[[Explanation], None],
    ) -> None:
        """Carry a task out; exactly one of `on_result` and `on_failure` is called in the end."""

        def carry_out() -> None:
            try:
                result = self._session.call(task.command, task.arguments, on_progress)
            except Exception as error:  # noqa: BLE001 - whatever went wrong, a person waits to be told
                on_failure(explain(error))
            else:
                on_result(result)

        self._begin(carry_out, task.command)

    def run(self, function: Callable[[], T], on_result: Callable[[T], None]) -> None:
        """Run something slow that does not fail, such as looking at the mounted media."""
        self._begin(lambda: on_result(function()), "look")

    def join(self, patience: float = 5.0) -> None:
        """Wait for what still runs; the session was closed before, so that nothing blocks."""
        for thread in self._threads:
            thread.join(patience)

    def _begin(self, function: Callable[[], None], name: str) -> None:
        self._threads = [t for t in self._threads if t.is_alive()]
        thread = threading.Thread(target=function, name=f"console-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()
