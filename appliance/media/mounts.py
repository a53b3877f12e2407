"""Mount points, from proc_pid_mountinfo(5)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
_NO_MEDIA = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs"),
        *("efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "overlay", "proc", "pstore", "rpc_pipefs"),
        *("securityfs", "sysfs", "tracefs"),
    }
)
"""File systems that no medium has; some would block, or be mounted by looking at them."""
_ESCAPED = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    point: Path
    file_system: str


def media_mounts(mountinfo: str) -> tuple[Mount, ...]:
    """The mounts that may be media, the root left out; lines that are not understood are passed over."""
    return tuple(
        mount
        for mount in _mounts(mountinfo)
        if mount.file_system not in _NO_MEDIA and mount.point != Path("/")
    )


def _mounts(mountinfo: str) -> Iterator[Mount]:
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")[0]
        if separator and len(fields) > 4 and kind:
            yield Mount(Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])), kind)
