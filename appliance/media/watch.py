"""Watches where updates arrive, in a thread of its own: poll(2) on the mounts, a look now and then into the inbox.

The kernel tells changes of mountinfo as POLLPRI (proc_pid_mountinfo(5)). A stick that does not answer keeps this thread
waiting and nobody else.
"""

import contextlib
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path

from appliance.console.media import media_with_updates
from appliance.errors import ApplianceError
from appliance.media.finding import all_updates
from appliance.media.mounts import MOUNTINFO
from appliance.media.places import places
from appliance.policy import Media

LOOK_SECONDS = 5.0
"""How often the inbox is looked into; changed mounts are told at once."""


class MediaWatch:
    """`changed` is told the updates that are there now, from the thread, whenever they are others than before."""

    def __init__(
        self,
        rules: Callable[[], Media],
        changed: Callable[[tuple[Path, ...]], None],
        *,
        mountinfo: Path = MOUNTINFO,
        others: Callable[[], tuple[str, ...]] = media_with_updates,
    ) -> None:
        self._rules = rules
        self._changed = changed
        self._mountinfo = mountinfo
        self._others = others
        self._found: tuple[Path, ...] = ()
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="media", daemon=True)

    @property
    def found(self) -> tuple[Path, ...]:
        """The updates that were there at the last look."""
        return self._found

    def start(self) -> None:
        self._thread.start()

    def close(self, patience: float = 5.0) -> None:
        """End the thread; one that waits for a dead stick is left behind."""
        self._stopped.set()
        os.write(self._waker, b"x")
        if self._thread.ident is not None:
            self._thread.join(patience)
        if not self._thread.is_alive():
            os.close(self._wake)
            os.close(self._waker)

    def look(self) -> tuple[Path, ...]:
        """Look now; tells what changed. May take as long as the slowest stick."""
        found = all_updates(places(self._rules(), self._mountinfo, self._others))
        if found != self._found:
            self._found = found
            self._changed(found)
        return found

    def _watch(self) -> None:
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        with self._mountinfo.open("rb") as mounts:
            poller.register(mounts, select.POLLPRI)
            while not self._stopped.is_set():
                with contextlib.suppress(OSError, ApplianceError):
                    self.look()
                poller.poll(LOOK_SECONDS * 1000)
                mounts.seek(0)
                mounts.read()  # the next change is told only after this one was read
