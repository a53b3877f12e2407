"""Keeps a console's picture of the box fresh: listens for events, asks for the status, comes back by itself.

Two threads: one listens for events, one asks for the status when something changed. Nothing is polled while
nothing changes, and a burst of events costs one question.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from appliance.console.link import Link
from appliance.console.session import Session
from appliance.errors import Explanation, explain
from appliance.status import StatusReport

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds."""

    first_retry: float = 0.5
    longest_retry: float = 15.0
    gather: float = 0.2
    """How long a burst of events is gathered before the status is asked for."""
    patience: float = 5.0
    """How long a question for the status may stay unanswered before the daemon counts as away."""
    settle: float = 1.0
    """A second look after connecting, for what changed between the first report and the subscription."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The newest that is known, with times of the monotonic clock."""

    report: StatusReport | None = None
    seen_at: float | None = None
    away: Explanation | None = None
    """Why the daemon does not answer; None while it does."""
    retry_at: float | None = None

    def link(self, at: float) -> Link:
        """How the line is at time `at` of the same clock."""
        if self.away is None:
            return Link(live=True)
        return Link(
            live=False,
            last_seen=None if self.seen_at is None else at - self.seen_at,
            retry_in=None if self.retry_at is None else max(0.0, self.retry_at - at),
            why=self.away,
        )


class Live:
    """Calls `changed`, from a thread of its own, whenever `report` or `link` changed, until `stop`."""

    def __init__(
        self,
        session: Session,
        changed: Callable[[], None],
        *,
        pace: Pace | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._session = session
        self._changed = changed
        self._pace = pace or Pace()
        self._clock = clock
        self._feed = Feed()
        self._asking_since: float | None = None
        self._stopped = threading.Event()
        self._news = threading.Event()
        self._asker = threading.Thread(target=self._ask, name="console-status", daemon=True)
        self._listener: threading.Thread | None = None

    def start(self) -> None:
        self._asker.start()

    def stop(self, patience: float = 5.0) -> None:
        """Close the session and wait until the threads have ended, at most `patience` seconds each."""
        self._stopped.set()
        self._news.set()
        self._session.close()
        for thread in (self._asker, self._listener):
            if thread is not None and thread.is_alive():
                thread.join(patience)

    @property
    def report(self) -> StatusReport | None:
        """The newest report."""
        return self._feed.report

    def link(self) -> Link:
        """How the line to the daemon is at this moment."""
        at = self._clock()
        asking = self._asking_since
        if self._feed.away is None and asking is not None and at - asking > self._pace.patience:
            silent = Explanation(
                "daemon.silent",
                "The daemon was asked for the status and does not answer.",
                remedy="It may be very busy. If it stays so, restart it.",
            )
            return Feed(self._feed.report, self._feed.seen_at, silent).link(at)
        return self._feed.link(at)

    def hurry(self) -> None:
        """Ask again now: a command was just carried out, or somebody does not want to wait."""
        self._news.set()

    def _ask(self) -> None:
        retry = self._pace.first_retry
        while not self._stopped.is_set():
            self._news.clear()
            heard = self._ask_once(retry)
            if heard and self._listening():
                self._news.wait()
                self._stopped.wait(self._pace.gather)
                retry = self._pace.first_retry
            elif heard and self._start_listening():
                retry = self._pace.first_retry
            else:
                self._news.wait(retry)
                retry = min(retry * 2, self._pace.longest_retry)

    def _ask_once(self, retry: float) -> bool:
        self._asking_since = self._clock()
        try:
            report = self._session.status()
        except Exception as error:  # noqa: BLE001 - a console that stops asking would show old news as live
            away = Feed(self._feed.report, self._feed.seen_at, explain(error), self._clock() + retry)
            self._asking_since = None
            self._publish(away)
            return False
        self._asking_since = None
        self._publish(Feed(report, self._clock()))
        return True

    def _publish(self, feed: Feed) -> None:
        self._feed = feed
        if not self._stopped.is_set():
            self._changed()

    def _listening(self) -> bool:
        return self._listener is not None and self._listener.is_alive()

    def _start_listening(self) -> bool:
        """Subscribe, and say whether that held; the settling time is also when a second look is due."""
        self._listener = threading.Thread(target=self._listen, name="console-events", daemon=True)
        self._listener.start()
        self._listener.join(self._pace.settle)
        return self._listening()

    def _listen(self) -> None:
        with contextlib.suppress(
            Exception
        ):  # why it ended is what the next question for the status finds out
            for _event in self._session.events():
                self._news.set()
                if self._stopped.is_set():
                    return
        self._news.set()
