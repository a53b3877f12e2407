"""Where the versions of a pack lie that are there side by side: in `.NAME/VERSION`, below the folder of packs."""

from collections.abc import Iterator
from pathlib import Path


def place_of(packs: Path, name: str, version: str) -> Path:
    """Where a version of a pack lies below the folder of packs."""
    return packs / f".{name}" / version


def versions_in(packs: Path) -> Iterator[tuple[str, str]]:
    """Name and version of all that lies where a version would, whole or not."""
    for folder in sorted(packs.glob(".*/*")):
        if folder.name[0].isdigit() and folder.is_dir() and not folder.is_symlink():
            yield folder.parent.name.removeprefix("."), folder.name
