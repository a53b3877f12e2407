"""Where to look for updates."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from appliance.console.media import media_with_updates
from appliance.media.mounts import MOUNTINFO, media_mounts
from appliance.policy import Media


def places(
    rules: Media,
    mountinfo: Path = MOUNTINFO,
    others: Callable[[], tuple[str, ...]] = media_with_updates,
) -> list[Path]:
    """The inbox, then mounted media and what lies where people mount them; each once."""
    found = [Path(rules.inbox)] if rules.inbox else []
    if rules.mounts:
        with contextlib.suppress(OSError):
            found += [mount.point for mount in media_mounts(mountinfo.read_text(errors="replace"))]
        found += map(Path, others())
    return list(dict.fromkeys(found))
