"""Writing a medium: complete, signed, read back, and only then given the name that a box looks for."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from updates.artifacts import Artifact, index_of
from updates.blobs import BlobStore
from updates.depot.repository import Depot
from updates.depot.signing import metadata_files, sign
from updates.digest import Digest
from updates.durable import sync_folder, write_file
from updates.errors import DepotError, StoreError, UpdateError
from updates.inspect import inspect
from updates.layout import (
    INDEX,
    LIMITS,
    METADATA_FOLDER,
    OCI_LAYOUT,
    REPLACED_FOLDER,
    UNFINISHED_FOLDER,
    UPDATE_FOLDER,
    blob_file,
)
from updates.manifest import layout_bytes, parse_manifest
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


def publish(
    depot: Depot,
    medium: Path,
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
        now: when this happens; by default, now.
        renew: sign with fresh dates even though nothing changed.
        on_progress: told how far it is.

    Raises:
        DepotError: `depot.no-medium`, `depot.medium-full`, `depot.too-large`, `depot.blob-damaged`,
            `depot.medium-failed`, `depot.readback`, `depot.key-…`, `depot.keys-missing`, `depot.unwritable`.
    """
    if not medium.is_dir():
        raise DepotError(
            "depot.no-medium",
            f"There is no folder {medium}.",
            kept="Nothing was signed or written.",
            remedy="Insert and mount the medium, and name where it is mounted.",
        )
    artifacts = depot.artifacts()
    sizes = _blobs_of(depot, artifacts)
    _check_fits(medium, sizes)
    signed = sign(depot, now, renew=renew)
    unfinished = medium / UNFINISHED_FOLDER
    try:
        _write(depot, unfinished, artifacts, sizes, on_progress)
        _read_back(depot, unfinished, sizes, on_progress)
        _swap(medium)
    except OSError as error:
        raise _failed(f"{error.filename or medium} cannot be written: {error.strerror}.") from error
    except StoreError as error:
        raise _failed(error.what) from error
    folder = medium / UPDATE_FOLDER
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Published(folder, artifacts, size, signed)


def _blobs_of(depot: Depot, artifacts: tuple[Artifact, ...]) -> dict[Digest, int]:
    sizes: dict[Digest, int] = {}
    for artifact in artifacts:
        if not depot.blobs.verify(artifact.digest):
            raise _damaged(depot, artifact.digest)
        data = depot.blobs.path(artifact.digest).read_bytes()
        sizes[artifact.digest] = len(data)
        for blob in parse_manifest(data, artifact.manifest_file).blobs:
            sizes[blob.digest] = blob.size
    for digest, size in sizes.items():
        if size > LIMITS.fat_file:
            raise DepotError(
                "depot.too-large",
                f"The blob {digest} has {size} bytes; FAT32 holds files below 4 GiB.",
                kept="Nothing was signed or written.",
                remedy="Split the weights into parts.",
            )
    return sizes


def _check_fits(medium: Path, sizes: dict[Digest, int]) -> None:
    arrived = medium / UNFINISHED_FOLDER
    needed = sum(size for digest, size in sizes.items() if not (arrived / blob_file(digest.hex)).exists())
    free = shutil.disk_usage(medium).free
    if needed + LIMITS.root > free:
        raise DepotError(
            "depot.medium-full",
            f"The update needs {needed / 1e6:.1f} MB; {free / 1e6:.1f} MB are free on {medium}.",
            kept="Nothing was signed or written.",
            remedy="Use a larger medium, or remove other files and old updates from it.",
        )


def _write(
    depot: Depot,
    folder: Path,
    artifacts: tuple[Artifact, ...],
    sizes: dict[Digest, int],
    on_progress: OnProgress,
) -> None:
    folder.mkdir(exist_ok=True)
    for entry in folder.iterdir():
        if entry.name != "blobs":
            _remove(entry)
    total, done = sum(sizes.values()), 0
    blobs = BlobStore(folder / "blobs")
    for digest, size in sizes.items():
        if not blobs.has(digest):
            with Medium(depot.path / "blobs").open(f"sha256/{digest.hex}") as source:
                try:
                    blobs.put_stream(source, digest, size, _offset(on_progress, done, total))
                except UpdateError as error:
                    if error.code in ("medium.digest-mismatch", "medium.truncated"):
                        raise _damaged(depot, digest) from error
                    raise
        done += size
        on_progress("write", done, total)
    blobs.remove_unreferenced(sizes)
    blobs.remove_partials()
    (folder / METADATA_FOLDER).mkdir()
    for file in metadata_files(depot):
        write_file(folder / METADATA_FOLDER / file.name, file.read_bytes())
    write_file(folder / OCI_LAYOUT, layout_bytes())
    write_file(folder / INDEX, index_of(artifacts))
    sync_folder(folder)


def _read_back(depot: Depot, folder: Path, sizes: dict[Digest, int], on_progress: OnProgress) -> None:
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
    total, done = sum(sizes.values()), 0
    for digest, size in sizes.items():
        if not blobs.verify(digest):
            blobs.path(digest).unlink(missing_ok=True)
            raise _readback(f"The blob {digest} reads back differently.")
        done += size
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


def _damaged(depot: Depot, digest: Digest) -> DepotError:
    return DepotError(
        "depot.blob-damaged",
        f"The blob {digest} in {depot.path} is missing or damaged.",
        kept="The medium carries what it had before, or no update at all.",
        remedy="Restore the depot's blobs from a backup, or add the artifact again.",
    )


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
