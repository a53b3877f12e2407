"""The machine's hardware as the daemon knows it: examined when something came or went, never on a request's way."""

import asyncio
from collections.abc import Callable

from runtimes.hardware.detect import detect
from runtimes.hardware.profile import HardwareProfile
from runtimes.hardware.watch import Watch


class HardwareWatch:
    """Examines the machine again when the kernel shows a change, and tells when its fingerprint is another one.

    Made within the event loop in which `on_change` is to be called.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._profile: HardwareProfile | None = None
        self._watch = Watch(self._examine_again)

    async def profile(self) -> HardwareProfile:
        """The newest examination; the first one is waited for."""
        if self._profile is None:
            self._profile = await asyncio.to_thread(detect)
        return self._profile

    def start(self) -> None:
        self._watch.start()

    def close(self) -> None:
        self._watch.close()

    def _examine_again(self) -> None:
        before, self._profile = self._profile, detect()
        if before is None or before.fingerprint != self._profile.fingerprint:
            self._loop.call_soon_threadsafe(self._on_change)
