"""Writing a medium: complete, signed, read back, and only then given the name that a box looks for."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from updates import canonical
from updates.artifacts import Artifact, index_of
from updates.blobs import BlobStore
from updates.depot.cargo import Cargo
from updates.depot.fleet import cosignatures
from updates.depot.repository import Depot
from updates.depot.sharing import WHOLE, Shape, damaged, plan
from updates.depot.signing import metadata_files, sign
from updates.digest import Digest
from updates.durable import sync_folder, write_file
from updates.errors import DepotError, MediumError, StoreError, UpdateError
from updates.inspect import inspect
from updates.layout import (
    BLOB_FOLDER,
    CARRIED,
    COSIGNATURES,
    INDEX,
    LIMITS,
    METADATA_FOLDER,
    OCI_LAYOUT,
    REPLACED_FOLDER,
    UNFINISHED_FOLDER,
    UPDATE_FOLDER,
    blob_file,
)
from updates.manifest import layout_bytes
from updates.media import Medium
from updates.trust.clock import EffectiveTime, TimeSource
from updates.trust.state import TrustState

OnProgress = Callable[[str, int, int], None]
"""Told the phase (`write`, `verify`), the bytes done and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was written."""

    folder: Path
    artifacts: tuple[Artifact, ...]
    size: int
    """Bytes of all files."""
    signed: tuple[str, ...]
    """Roles that were signed for this publication; none where nothing had changed."""
    media: int = 1
    """How many media the set has."""


def publish(
    depot: Depot,
    medium: Path,
    shape: Shape = WHOLE,
    *,
    now: datetime | None = None,
    renew: bool = False,
    on_progress: OnProgress = lambda _phase, _done, _total: None,
) -> Published:
    """Sign what is pending and write `MEDIUM/appliance-update/`, replacing an older one.

    Everything is written under another name first; a medium that is pulled too early carries the update it had, or
    none, and the next attempt goes on with the blobs that had arrived.

    Args:
        depot: an opened depot.
        medium: a folder, usually where a stick is mounted.
        shape: whether it carries all of the update, what one box lacks, a share of several media, parity.
        now: when this happens; by default, now.
        renew: sign with fresh dates even though nothing changed.
        on_progress: told how far it is.

    Raises:
        DepotError: `depot.no-medium`, `depot.medium-full`, `depot.too-large`, `depot.blob-damaged`, `depot.bad-shape`,
            `depot.unknown-contents`, `depot.medium-failed`, `depot.readback`, `depot.key-…`, what `sign` raises.
    """
    if not medium.is_dir():
        raise DepotError(
            "depot.no-medium",
            f"There is no folder {medium}.",
            kept="Nothing was signed or written.",
            remedy="Insert and mount the medium, and name where it is mounted.",
        )
    artifacts = depot.artifacts()
    try:
        cargo = plan(depot, artifacts, shape)
    except MediumError as error:
        raise _depot_failed(depot, error) from error
    _check_fits(medium, cargo)
    signed = sign(depot, now, renew=renew)
    unfinished = medium / UNFINISHED_FOLDER
    try:
        _write(depot, unfinished, artifacts, cargo, on_progress)
        _read_back(depot, unfinished, cargo, on_progress)
        _swap(medium)
    except OSError as error:
        raise _failed(f"{error.filename or medium} cannot be written: {error.strerror}.") from error
    except StoreError as error:
        raise _failed(error.what) from error
    folder = medium / UPDATE_FOLDER
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Published(folder, artifacts, size, signed, len(cargo.carried.media) if cargo.carried else 1)


def _check_fits(medium: Path, cargo: Cargo) -> None:
    for load in cargo.loads.values():
        if load.size > LIMITS.fat_file:
            raise DepotError(
                "depot.too-large",
                f"The blob {load.digest} has {load.size} bytes; FAT32 holds files below 4 GiB.",
                kept="Nothing was signed or written.",
                remedy="Split the weights into parts.",
            )
    arrived = medium / UNFINISHED_FOLDER
    needed = sum(
        load.size for load in cargo.loads.values() if not (arrived / blob_file(load.digest.hex)).exists()
    )
    free = shutil.disk_usage(medium).free
    if needed + LIMITS.root > free:
        raise DepotError(
            "depot.medium-full",
            f"The update needs {needed / 1e6:.1f} MB; {free / 1e6:.1f} MB are free on {medium}.",
            kept="Nothing was signed or written.",
            remedy="Use a larger medium, remove other files and old updates from it, or write a set with --split-size.",
        )


def _write(
    depot: Depot, folder: Path, artifacts: tuple[Artifact, ...], cargo: Cargo, on_progress: OnProgress
) -> None:
    folder.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        if entry.name != "blobs":
            _remove(entry)
    total, done = cargo.size, 0
    blobs = BlobStore(folder / "blobs")
    for digest, load in cargo.loads.items():
        if not blobs.has(digest):
            with closing(load.open()) as source:
                try:
                    blobs.put_stream(source, digest, load.size, _offset(on_progress, done, total))
                except MediumError as error:
                    raise _depot_failed(depot, error) from error
        done += load.size
        on_progress("write", done, total)
    blobs.remove_unreferenced(cargo.loads)
    blobs.remove_partials()
    (folder / METADATA_FOLDER).mkdir()
    for file in metadata_files(depot):
        write_file(folder / METADATA_FOLDER / file.name, file.read_bytes())
    if cargo.carried is not None:
        write_file(folder / CARRIED, cargo.carried.to_bytes())
    cosigned = cosignatures(depot)
    if cosigned:
        write_file(folder / COSIGNATURES, canonical.to_bytes(cosigned))
    write_file(folder / OCI_LAYOUT, layout_bytes())
    write_file(folder / INDEX, index_of(artifacts))
    sync_folder(folder)


def _read_back(depot: Depot, folder: Path, cargo: Cargo, on_progress: OnProgress) -> None:
    """Read every file again, past the page cache, as a new box would."""
    for path in folder.rglob("*"):
        if path.is_file():
            _forget_cached(path)
    first_root = depot.path / METADATA_FOLDER / "1.root.json"
    trust = TrustState.from_root(first_root.read_bytes())
    epoch = EffectiveTime(datetime.fromisoformat("1970-01-01T00:00:00+00:00"), TimeSource.BUILD)
    try:
        inspect(Medium(folder), trust, epoch)
    except UpdateError as error:
        raise _readback(error.what) from error
    blobs = BlobStore(folder / "blobs")
    total, done = cargo.size, 0
    for digest, load in cargo.loads.items():
        if not blobs.verify(digest):
            blobs.path(digest).unlink(missing_ok=True)
            raise _readback(f"The blob {digest} reads back differently.")
        done += load.size
        on_progress("verify", done, total)


def _swap(medium: Path) -> None:
    current, replaced = medium / UPDATE_FOLDER, medium / REPLACED_FOLDER
    if replaced.exists():
        _remove(replaced)
    if current.exists():
        current.rename(replaced)
    (medium / UNFINISHED_FOLDER).rename(current)
    sync_folder(medium)
    if replaced.exists():
        _remove(replaced)
        sync_folder(medium)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _forget_cached(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _offset(on_progress: OnProgress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: on_progress("write", before + done, total)


def _depot_failed(depot: Depot, error: MediumError) -> DepotError:
    """What reading the depot's own blobs raises, in the depot's words."""
    return damaged(depot, Digest(error.file.removeprefix(f"{BLOB_FOLDER}/")))


def _failed(why: str) -> DepotError:
    return DepotError(
        "depot.medium-failed",
        f"The medium was not written to its end. {why}",
        kept="It carries the update that it had before, or none.",
        remedy="Check that it has room and is mounted writable, and publish again; what had arrived is used.",
    )


def _readback(why: str) -> DepotError:
    return DepotError(
        "depot.readback",
        f"The medium does not give back what was written. {why}",
        kept="It carries no complete update.",
        remedy="Publish again; if it happens twice, take another medium: this one is failing.",
    )
