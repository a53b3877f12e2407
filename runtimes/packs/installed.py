"""Which packs are here, which are not, and under which interpreter a candidate's worker runs."""

import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path

from runtimes.engine import ENTRY_POINT_GROUP, Candidate
from runtimes.errors import EngineError
from runtimes.packs.folder import packs_in, version_of_pack
from runtimes.packs.known import ACCELERATED, CPU_PACKS
from runtimes.packs.pack import AbsentPack, BrokenPack, RuntimePack


def installed_packs(folders: Sequence[Path] = ()) -> tuple[RuntimePack, ...]:
    """The packs of the core's own environment, by engine, then those in `folders`, by name.

    Adapters without their engine are left out, and so are packs that are broken.
    """
    own = _own()
    return (*own, *(pack for pack in _foreign(folders, own) if isinstance(pack, RuntimePack)))


def broken_packs(folders: Sequence[Path]) -> tuple[BrokenPack, ...]:
    """What lies in `folders` as a pack and cannot be used, with the reason."""
    return tuple(pack for pack in _foreign(folders, _own()) if isinstance(pack, BrokenPack))


def absent_packs(folders: Sequence[Path] = ()) -> tuple[AbsentPack, ...]:
    """Packs that are known and not installed, with what each needs."""
    own = _own()
    here = {pack.name for pack in (*own, *_foreign(folders, own))}
    cpu = (
        AbsentPack(known.name, engine, "any", f"Needs the Python package {known.distribution}.")
        for engine, known in CPU_PACKS.items()
    )
    return tuple(pack for pack in (*cpu, *ACCELERATED) if pack.name not in here)


def interpreter_of(candidate: Candidate, folders: Sequence[Path] = ()) -> Path:
    """Python that a candidate's worker runs under. Raises EngineError `pack.missing`."""
    return pack_of(candidate, folders).interpreter


def pack_of(candidate: Candidate, folders: Sequence[Path] = (), version: str = "") -> RuntimePack:
    """The pack whose workers run a candidate: where it is there, the version that it was measured with.

    Raises EngineError `pack.missing`.
    """
    if candidate.pack and version and (measured := version_of_pack(folders, candidate.pack, version)):
        return measured
    for pack in installed_packs(folders):
        if (pack.engine, pack.mark) == (candidate.engine, candidate.pack):
            return pack
    which = f"runtime pack {candidate.pack}" if candidate.pack else f"engine {candidate.engine}"
    broken = next((pack for pack in broken_packs(folders) if pack.name == candidate.pack), None)
    raise EngineError(
        "pack.missing",
        f"The {which} cannot be used: {broken.reason}" if broken else f"The {which} is not installed here.",
        kept="Nothing was changed.",
        remedy="Install its runtime pack, or deploy again to choose among the engines that are here.",
    )


def _own() -> tuple[RuntimePack, ...]:
    packs = (_pack(adapter) for adapter in entry_points(group=ENTRY_POINT_GROUP))
    return tuple(sorted((pack for pack in packs if pack is not None), key=lambda pack: pack.engine))


def _foreign(folders: Sequence[Path], own: Sequence[RuntimePack]) -> tuple[RuntimePack | BrokenPack, ...]:
    taken = {word for pack in own for word in (pack.name, pack.engine)}
    return tuple(
        BrokenPack(pack.name, pack.folder, f"{pack.folder} has the name of a pack of the core's own.")
        if pack.name in taken and pack.folder is not None
        else pack
        for pack in packs_in(folders)
    )


def _pack(adapter: EntryPoint) -> RuntimePack | None:
    known = CPU_PACKS.get(adapter.name)
    if known is not None:
        found = _version(known.distribution)
        name = known.name
    else:
        found = adapter.dist.version if adapter.dist is not None else None
        name = adapter.name
    return None if found is None else RuntimePack(name, adapter.name, found, Path(sys.executable))


@cache
def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
