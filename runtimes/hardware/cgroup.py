"""Control groups of this process, version 1 and 2, from its own up to the top that it can see."""

from collections.abc import Iterator
from dataclasses import dataclass

from runtimes.hardware.sysroot import Sysroot

UNLIMITED = 1 << 60
"""Version 1 says "no limit" with a number near 2^63, rounded down to pages."""


@dataclass(frozen=True, slots=True)
class Group:
    version: int
    path: str
    """The folder of one level; the first one yielded is this process's own."""


def levels(root: Sysroot, controller: str) -> Iterator[Group]:
    """The groups that may limit this process in `controller` (`cpu`, `cpuset`, `memory`), innermost first."""
    own = _own_paths(root)
    for version, mount, mounted_root, names in _mounts(root):
        if version == 1 and controller not in names:
            continue
        inside = own.get(controller if version == 1 else "", "/")
        if mounted_root != "/" and (inside + "/").startswith(mounted_root + "/"):
            inside = inside[len(mounted_root) :]
        parts = [part for part in inside.split("/") if part and part != ".."]
        for depth in range(len(parts), -1, -1):
            yield Group(version, "/".join([mount, *parts[:depth]]))


def limit(text: str | None) -> int | None:
    """A byte count; None for `max`, for version 1's huge numbers and for what is no number."""
    try:
        value = int(text) if text else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < UNLIMITED else None


def _own_paths(root: Sysroot) -> dict[str, str]:
    """Controller -> path; version 2 under the empty name (`0::/path`)."""
    found: dict[str, str] = {}
    for line in (root.text("/proc/self/cgroup") or "").splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            found |= dict.fromkeys(parts[1].split(","), parts[2])
    return found


def _mounts(root: Sysroot) -> Iterator[tuple[int, str, str, frozenset[str]]]:
    """`(version, mount point, the group that is mounted there, controllers)` from /proc/self/mountinfo (proc(5))."""
    seen = False
    for line in root.lines("/proc/self/mountinfo", containing=" - cgroup"):
        before, dash, after = line.partition(" - ")
        fields, tail = before.split(), after.split()
        if not dash or len(fields) < 5 or len(tail) < 3:
            continue
        if tail[0] == "cgroup2":
            yield 2, fields[4], fields[3], frozenset()
        elif tail[0] == "cgroup":
            yield 1, fields[4], fields[3], frozenset(tail[2].split(","))
        else:
            continue
        seen = True
    if not seen and root.exists("/sys/fs/cgroup/cgroup.controllers"):
        yield 2, "/sys/fs/cgroup", "/", frozenset()
