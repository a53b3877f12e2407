"""Which mounted media carry an update."""

from pathlib import Path

UPDATE_FOLDER = "appliance-update"
PLACES = ("media/*", "media/*/*", "run/media/*/*", "mnt", "mnt/*")
"""Where Debian, its desktops and people by hand mount a stick; relative to the root."""


def media_with_updates(root: Path = Path("/")) -> tuple[str, ...]:
    """Return the mount points below `root` with an update on them. Reads folders only; may be slow on a bad stick."""
    places = {place for pattern in PLACES for place in root.glob(pattern)}
    return tuple(sorted(str(place) for place in places if _carries_update(place)))


def _carries_update(place: Path) -> bool:
    try:
        return (place / UPDATE_FOLDER).is_dir()
    except OSError:
        return False  # unreadable, or pulled just now
