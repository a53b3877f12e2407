"""Sticks that are plugged in and mounted nowhere, by what sysfs says of block devices (sysfs-block(5) of the kernel's ABI).

The kernel announces plugging by netlink, but not into containers; looking costs less than a millisecond and works
everywhere. Mounting is not the daemon's: it has no right to.
"""

from collections.abc import Iterator
from pathlib import Path

from appliance.media.mounts import MOUNTINFO

SECTOR = 512
"""Bytes of what sysfs counts in, whatever the device's own sectors are."""


def unmounted_media(system: Path = Path("/sys"), mountinfo: Path = MOUNTINFO) -> tuple[tuple[str, int], ...]:
    """Name (`sdb1`) and bytes of each removable or USB device that holds something and is mounted nowhere, sorted."""
    try:
        mounted = {line.split(" ")[2] for line in mountinfo.read_text(errors="replace").splitlines()}
    except (OSError, IndexError):
        mounted = set()
    disks = (disk for disk in _entries(system / "block") if _may_be_pulled(disk))
    parts = (part for disk in disks for part in _parts(disk))
    sizes = (
        (part.name, _number(part / "size") * SECTOR) for part in parts if _text(part / "dev") not in mounted
    )
    return tuple(sorted((name, size) for name, size in sizes if size))


def _parts(disk: Path) -> Iterator[Path]:
    """A disk's partitions; the disk itself where it has none."""
    found = [entry for entry in _entries(disk) if (entry / "partition").is_file()]
    yield from found or [disk]


def _may_be_pulled(disk: Path) -> bool:
    """Some sticks do not say that they are removable: those hang on USB all the same."""
    return _text(disk / "removable") == "1" or "/usb" in str(disk.resolve())


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _number(file: Path) -> int:
    text = _text(file)
    return int(text) if text.isdecimal() else 0


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
