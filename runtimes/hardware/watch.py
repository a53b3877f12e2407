"""Noticing that a card came or went, or that a driver was loaded, without asking any driver.

The kernel announces hot-plug by netlink, but not into containers; looking at which devices and device
files exist costs well under a millisecond and works everywhere.
"""

import threading
import time
from collections.abc import Callable

from runtimes.hardware.detect import at
from runtimes.hardware.pci import ACCELERATOR, DEVICES, DISPLAY
from runtimes.hardware.sysroot import Sysroot

LOOK_SECONDS = 2.0
SCAN_SECONDS = 300.0

Presence = tuple[tuple[str, str], ...]


def presence(root: Sysroot) -> Presence:
    """Devices that display or accelerate with their drivers, and the device files; equal while nothing changed."""
    found = [
        (path, root.link(f"{path}/driver") or "")
        for _, path in root.folders(DEVICES)
        if (root.number(f"{path}/class") or 0) >> 16 in (DISPLAY, ACCELERATOR)
    ]
    for folder in ("/dev/dri", "/dev/accel", "/sys/class/kfd/kfd/topology/nodes"):
        found += [(path, "") for _, path in root.folders(folder)]
    found += [(path, "") for path in ("/dev/kfd", "/dev/nvidiactl", "/dev/dxg") if root.exists(path)]
    return tuple(found)


class Watch:
    """Calls back when hardware came or went, and from time to time anyway, on a thread of its own."""

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        root: Sysroot | None = None,
        look_seconds: float = LOOK_SECONDS,
        scan_seconds: float = SCAN_SECONDS,
    ) -> None:
        """`changed` is to scan again; it must not raise. Nothing runs before `start`."""
        self._changed = changed
        self._root = root or at(live=False)
        self._look_seconds = look_seconds
        self._scan_seconds = scan_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hardware-watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Returns when the thread has ended."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        seen = presence(self._root)
        scanned = time.monotonic()
        while not self._stop.wait(self._look_seconds):
            now = presence(self._root)
            if now != seen or time.monotonic() - scanned >= self._scan_seconds:
                seen = now
                scanned = time.monotonic()
                self._changed()
