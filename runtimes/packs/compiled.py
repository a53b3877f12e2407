"""Where compiled models are kept: a folder for each model, pack, version of its engine, device and driver.

Below the root lies PACK/VERSION/DEVICE/DRIVER/DIGEST. A worker may write in its own folder alone, so no model reaches
what an engine made of another one. All of it is safe to delete: what is missing is compiled again.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from runtimes.hardware.profile import HardwareProfile
from runtimes.packs.occupied import occupied
from runtimes.packs.pack import RuntimePack

CPU = "CPU"
NO_DRIVER = "none"
"""Of the processor, which needs none."""


@dataclass(frozen=True, slots=True)
class CompiledKey:
    """What a compiled model is good for, and nothing else."""

    pack: str
    """`RuntimePack.title`."""
    version: str
    """Of the engine."""
    device: str
    """As `Candidate.device`."""
    driver: str
    model: str
    """SHA-256 of the weights."""

    def folder(self, root: Path) -> Path:
        return root.joinpath(*(_quoted(part) for part in astuple(self)))


@dataclass(frozen=True, slots=True)
class Compiled:
    """One folder of compiled models."""

    key: CompiledKey
    folder: Path
    size: int
    """Bytes on disk."""


def compiled_key(model: str, pack: RuntimePack, device: str, hardware: HardwareProfile | None) -> CompiledKey:
    """The key of the model with that digest. `hardware` may be None where the device is the processor."""
    return CompiledKey(pack.title, pack.version, device, driver_of(device, hardware), model)


def driver_of(device: str, hardware: HardwareProfile | None) -> str:
    """Every driver of the machine, since an engine's device does not say whose card it is; `none` for the processor.

    `nvidia-580.65.06~1f0c2a9b`: drivers by name and version, then a hash of the kernel's version, which stands for drivers
    without one of their own, and of the vendors' libraries.
    """
    if device == CPU:
        return NO_DRIVER
    if hardware is None:
        raise ValueError(f"the driver of {device} is not known without the hardware")
    drivers = {f"{card.driver or NO_DRIVER}-{card.driver_version or '?'}" for card in hardware.accelerators}
    others = [hardware.system, *sorted(f"{library.name} {library.version}" for library in hardware.libraries)]
    return f"{'+'.join(sorted(drivers)) or NO_DRIVER}~{hashlib.sha256(repr(others).encode()).hexdigest()[:8]}"


def compiled_models(root: Path) -> tuple[Compiled, ...]:
    """Every folder below the root that lies where a key puts it, by key."""
    folders = ((_key(root, folder), folder) for folder in sorted(root.glob("*/*/*/*/*")))
    return tuple(Compiled(key, folder, occupied(folder)) for key, folder in folders if key is not None)


def sweep(root: Path, wanted: Callable[[CompiledKey], bool]) -> int:
    """Remove what has no key or an unwanted one; bytes that were freed. A folder with a wanted key is not touched."""
    before = occupied(root)
    kept = {folder for folder in root.glob("*/*/*/*/*") if (key := _key(root, folder)) and wanted(key)}
    needed = kept.union(*(folder.parents for folder in kept))
    for path in _outermost(root, lambda path: path not in needed, kept):
        _remove(path)
    return before - occupied(root)


def clear(root: Path) -> int:
    """Remove all that was compiled; bytes that were freed. Workers go on: the folders that they write in stay."""
    before = occupied(root)
    folders = {folder for folder in root.glob("*/*/*/*/*") if _key(root, folder) is not None}
    for folder in folders:
        for path in folder.iterdir():
            _remove(path)
    sweep(root, lambda _: True)
    return before - occupied(root)


def _outermost(folder: Path, unneeded: Callable[[Path], bool], kept: set[Path]) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if unneeded(path):
            yield path
        elif path not in kept:
            yield from _outermost(path, unneeded, kept)


def _remove(path: Path) -> None:
    """A file that a worker makes or removes meanwhile is no fault."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _key(root: Path, folder: Path) -> CompiledKey | None:
    """None where the folder is none that a key would name."""
    key = CompiledKey(*(unquote(part) for part in folder.relative_to(root).parts))
    return key if folder.is_dir() and not folder.is_symlink() and key.folder(root) == folder else None


def _quoted(part: str) -> str:
    """A folder's name; never one that means another folder."""
    quoted = quote(part, safe=":+~ ")
    return quoted.replace(".", "%2E") if not quoted.strip(".") else quoted
