"""Cancelling an import: asked for by a command or an interrupt, heard between two pieces of work."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from updates.errors import UpdateError

T = TypeVar("T")


class Cancellation:
    """Whether the import that runs, if any, shall end. Any thread may ask."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._running = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """An import runs in this block; what was asked for before does not count, a cancelled task does."""
        self._asked.clear()
        self._running = True
        try:
            yield
        except asyncio.CancelledError:
            self.ask()
            self.check()
        finally:
            self._running = False

    def ask(self) -> bool:
        """End the import that runs; False where there is none."""
        self._asked.set()
        return self._running

    def asked(self) -> bool:
        return self._asked.is_set()

    def check(self) -> None:
        """Raises UpdateError `import.cancelled` where somebody asked."""
        if self.asked():
            raise UpdateError(
                "import.cancelled",
                "The import was cancelled.",
                kept="Nothing on the box was changed.",
                remedy="Start it again whenever it suits.",
            )

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do work that listens to `asked` in a thread; where the caller itself is cancelled, wait for its end."""
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.ask()
            with suppress(Exception):
                await task
            raise
