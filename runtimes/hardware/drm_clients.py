"""Memory that programs hold on GPUs, from /proc/PID/fdinfo (kernel documentation, gpu/drm-usage-stats).

It is the unprivileged way where Level Zero wants root; other users' programs show only to root.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from runtimes.hardware.sysroot import Sysroot, parse_decimal

UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
MOST_FILES = 20_000
"""Open files that are looked at, so that a machine with very many cannot hold up the scan."""


@dataclass(frozen=True, slots=True)
class Used:
    """Bytes in the card's own and in the machine's memory."""

    local: int
    system: int
    source: str = "/proc/*/fdinfo"


def memory(root: Sysroot) -> dict[str, Used]:
    """PCI address -> memory of all its clients; a client that shows in several processes counts once."""
    clients: dict[tuple[str, str], tuple[int, int]] = {}
    for path in _files(root):
        parts = (line.partition(":") for line in root.lines(path, containing="drm-"))
        told = {name: text.strip() for name, _, text in parts}
        address = told.get("drm-pdev")
        if address:
            clients.setdefault((address, told.get("drm-client-id", path)), _held(told))
    found: dict[str, Used] = {}
    for (address, _), (local, system) in clients.items():
        so_far = found.get(address, Used(0, 0))
        found[address] = Used(so_far.local + local, so_far.system + system)
    return found


def _files(root: Sysroot) -> Iterator[str]:
    """The fdinfo files of open GPU files; looking for them leaves no trace in a capture."""
    quiet, left = root.quiet, MOST_FILES
    for pid in filter(str.isdecimal, quiet.names("/proc")):
        for number in quiet.names(f"/proc/{pid}/fdinfo"):
            left -= 1
            if left < 0:
                return
            opened = quiet.link(f"/proc/{pid}/fd/{number}")
            path = f"/proc/{pid}/fdinfo/{number}"
            if (opened is None or opened.startswith(("renderD", "card"))) and quiet.lines(
                path, containing="drm-pdev"
            ):
                yield path


def _held(told: dict[str, str]) -> tuple[int, int]:
    """Local and system bytes; `resident` is the newer word for what `memory` said."""
    local = system = 0
    for name, text in told.items():
        kind, _, region = name.removeprefix("drm-").partition("-")
        if kind == "resident" or (kind == "memory" and f"drm-resident-{region}" not in told):
            if region.startswith("vram") or "local" in region:
                local += _bytes(text)
            else:
                system += _bytes(text)
    return local, system


def _bytes(text: str) -> int:
    number, _, unit = text.partition(" ")
    return (parse_decimal(number) or 0) * UNITS.get(unit.strip(), 1)
