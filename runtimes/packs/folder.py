"""A pack in a folder of its own: a virtual environment with a `pack.toml` beside its `pyvenv.cfg`.

name = "onnxruntime-cuda"       # the folder's name too, or that of the link to it
version = "1.31.0"              # of the engine
engine = "onnxruntime"          # entry point in the group `appliance.runtimes`, in this environment
needs = "Needs an NVIDIA GPU."  # optional, one sentence
"""

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

import msgspec

from runtimes.engine import ENTRY_POINT_GROUP
from runtimes.packs.pack import BrokenPack, RuntimePack
from runtimes.packs.places import place_of, versions_in

DESCRIPTION = "pack.toml"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class _Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: str
    engine: str
    needs: str = ""


class _UnusableError(Exception):
    """Why a folder is no pack."""


def packs_in(folders: Sequence[Path]) -> Iterator[RuntimePack | BrokenPack]:
    """Every pack below `folders`, by name; of two with one name the one in the earlier folder counts."""
    found: dict[str, Path] = {}
    for folder in folders:
        for pack in _subfolders(folder):
            found.setdefault(pack.name, pack)
    for name in sorted(found):
        place = found[name]
        yield _read(name, place.resolve() if place.is_symlink() else place)


def version_of_pack(folders: Sequence[Path], name: str, version: str) -> RuntimePack | None:
    """That version of a pack where several lie side by side (`runtimes.packs.versions`); None where it is not whole."""
    return next(
        (pack for pack in versions_of_packs(folders) if (pack.name, pack.version) == (name, version)), None
    )


def versions_of_packs(folders: Sequence[Path]) -> Iterator[RuntimePack]:
    """Every whole version of the packs of which several may lie side by side."""
    for packs in folders:
        for name, version in versions_in(packs):
            pack = _read(name, place_of(packs, name, version))
            if isinstance(pack, RuntimePack):
                yield pack


def _subfolders(folder: Path) -> list[Path]:
    """A folder that is not there holds nothing; what is being unpacked or removed starts with a dot."""
    try:
        return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []


def _read(name: str, folder: Path) -> RuntimePack | BrokenPack:
    try:
        described = _description(folder / DESCRIPTION)
        if described.name != name or not _NAME.fullmatch(described.name):
            raise _UnusableError(f"{folder / DESCRIPTION} names the pack {described.name!r}.")
        interpreter = folder / "bin" / "python"
        if not os.access(interpreter, os.X_OK):
            raise _UnusableError(f"{interpreter} is missing or cannot be executed.")
        if not _has_adapter(folder, described.engine):
            raise _UnusableError(
                f"No package in {folder} has the entry point {described.engine!r} in {ENTRY_POINT_GROUP}."
            )
    except _UnusableError as reason:
        return BrokenPack(name, folder, str(reason))
    return RuntimePack(
        described.name, described.engine, described.version, interpreter, folder, described.needs
    )


def _description(file: Path) -> _Description:
    try:
        return msgspec.convert(tomllib.loads(file.read_text()), _Description)
    except OSError as error:
        raise _UnusableError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # not UTF-8, not TOML, or not what a pack says of itself
        raise _UnusableError(f"{file} is not a pack's description: {error}.") from error


def _has_adapter(folder: Path, engine: str) -> bool:
    """Looks at what is installed in the environment without starting its interpreter."""
    places = [str(place) for place in sorted(folder.glob("lib/python3*/site-packages"))]
    return any(
        entry.group == ENTRY_POINT_GROUP and entry.name == engine
        for distribution in distributions(path=places)
        for entry in distribution.entry_points
    )
