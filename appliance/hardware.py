"""The machine's hardware as the daemon knows it: examined in the background, never on a request's way."""

import asyncio
from collections.abc import Callable

from runtimes.hardware.detect import detect
from runtimes.hardware.profile import HardwareProfile

EVERY_SECONDS = 30.0


class HardwareWatch:
    """Examines the machine again and again, and tells when something came, went or changed."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._profile: HardwareProfile | None = None

    async def profile(self) -> HardwareProfile:
        """The newest examination; the first one is waited for."""
        if self._profile is None:
            self._profile = await asyncio.to_thread(detect)
        return self._profile

    async def run(self) -> None:
        """Examine until cancelled."""
        before = await self.profile()
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self._profile = now = await asyncio.to_thread(detect)
            if now.fingerprint != before.fingerprint:
                self._on_change()
            before = now
