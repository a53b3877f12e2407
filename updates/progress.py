"""How far a transfer has come, and how fast it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from updates.errors import UpdateError


class Phase(StrEnum):
    CHECK = "check"
    """Manifests are read, and every payload file's presence and size are looked at."""
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer has come, in bytes; `file` is the one being read, relative to the update's folder."""

    phase: Phase
    done: int
    total: int
    file: str
    medium_needed: bool = True
    """False in the last event: from then on the medium may be pulled."""
    rate: float | None = None
    """Bytes a second since the copy began; None until that can be said."""

    @property
    def seconds_left(self) -> float | None:
        """At this rate; None while there is none."""
        return (self.total - self.done) / self.rate if self.rate else None


OnProgress = Callable[[Progress], None]


class Reporter:
    """Tells progress over all files, and how fast it is."""

    def __init__(self, tell: OnProgress, cancelled: Callable[[], bool], total: int) -> None:
        self.total = total
        self._tell = tell
        self._cancelled = cancelled
        self._before = 0
        """Bytes of the files before this one."""
        self._moved = 0
        """Bytes copied; those that an earlier attempt had left are not among them."""
        self._last: int | None = None
        self._began = time.monotonic()

    def check(self, file: str) -> None:
        self._tell(Progress(Phase.CHECK, 0, self.total, file))

    def bytes(self, done: int, file: str) -> None:
        if self._cancelled():
            raise UpdateError(
                "import.cancelled",
                "The import was cancelled.",
                kept="Nothing on the box was changed.",
            )
        self._moved += 0 if self._last is None else done - self._last
        self._last = done
        seconds = time.monotonic() - self._began
        rate = self._moved / seconds if self._moved and seconds > 0.1 else None
        self._tell(Progress(Phase.COPY, self._before + done, self.total, file, rate=rate))

    def next_file(self, size: int) -> None:
        """The file is done with; its size counts as done."""
        self._before += size
        self._last = None

    def end(self) -> None:
        self._tell(Progress(Phase.COPY, self.total, self.total, "", medium_needed=False))
