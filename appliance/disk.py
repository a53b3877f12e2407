"""What the box keeps on its disk, by kind."""

from functools import lru_cache
from pathlib import Path

from appliance.state import StateFolder
from appliance.status import DiskUse
from runtimes.packs import installed_packs, versions_of_packs
from runtimes.packs.folder import DESCRIPTION
from runtimes.packs.occupied import occupied

_BESIDE_A_DATABASE = ("", "-wal", "-shm")


def disk_use(state: StateFolder) -> DiskUse:
    """Count it; a folder that is not there takes no room."""
    databases = (
        path.with_name(path.name + suffix)
        for path in (state.database, state.telemetry)
        for suffix in _BESIDE_A_DATABASE
    )
    found = (*installed_packs(state.packs), *versions_of_packs(state.packs))
    packs = {pack.folder for pack in found if pack.folder is not None}
    return DiskUse(
        blobs=occupied(state.blobs),
        databases=occupied(*databases),
        compiled=occupied(state.compiled),
        packs=sum(_of_pack(folder, (folder / DESCRIPTION).stat().st_mtime_ns) for folder in packs),
    )


@lru_cache(maxsize=64)
def _of_pack(folder: Path, made: int) -> int:  # noqa: ARG001 - a pack that is made again is counted again
    """A pack has thousands of files and does not change: it is counted once."""
    return occupied(folder)
