"""Finding updates: at a place itself, and in the folders that lie right in it."""

import os
from collections.abc import Iterable
from pathlib import Path

from updates.errors import MediumError
from updates.layout import METADATA_FOLDER, UPDATE_FOLDER
from updates.media import find_update, is_stray

MOST_FOLDERS = 1_000
"""Of one place that are looked into."""


def updates_at(place: Path) -> tuple[Path, ...]:
    """What to name to import each update at a place, sorted; nothing where it cannot be read, or was pulled just now."""
    found = [place] if _is_update(place) else []
    found += [folder for folder in _folders(place) if folder.name != UPDATE_FOLDER and _is_update(folder)]
    return tuple(found)


def all_updates(places: Iterable[Path]) -> tuple[Path, ...]:
    """Those of several places, each once."""
    return tuple(dict.fromkeys(update for place in places for update in updates_at(place)))


def the_update_at(place: Path) -> Path:
    """The one update at a place that a person has named.

    Raises:
        MediumError: `medium.several`, naming them; as `updates.media.find_update` where there is none.
    """
    if (place / METADATA_FOLDER).is_dir():
        return place
    found = updates_at(place)
    if len(found) > 1:
        named = [str(path / UPDATE_FOLDER if path == place else path) for path in found]
        raise MediumError(
            "medium.several",
            f"There are {len(found)} updates at {place}: {', '.join(named[:20])}.",
            kept="Nothing on the box was changed.",
            remedy="Name the one that is meant.",
        )
    if not found:
        find_update(place)
    return found[0] if found else place


def _is_update(folder: Path) -> bool:
    try:
        return (folder / UPDATE_FOLDER / METADATA_FOLDER).is_dir()
    except OSError:
        return False


def _folders(place: Path) -> list[Path]:
    try:
        with os.scandir(place) as entries:
            folders = [
                Path(entry.path)
                for entry in entries
                if not is_stray(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
    return sorted(folders)[:MOST_FOLDERS]
