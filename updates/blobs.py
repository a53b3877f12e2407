"""The blob store: content by digest, written once, durable before it has its name.

    FOLDER/sha256/<hex>          complete, verified while it was written, read-only
    FOLDER/partial/<hex>         on its way in
    FOLDER/partial/<hex>.mark    how much of that is known to be on the disk, and its digest so far

A blob's file name appears only after its bytes and then its folder are on the disk. What a power cut leaves behind
is a partial; its mark says from where to go on, and is itself checked before it is believed.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from updates import canonical
from updates.digest import Digest
from updates.durable import sync_folder, write_file
from updates.errors import MediumError, StoreError
from updates.names import check_file_path
from updates.refusals import truncated, wrong_bytes
from updates.sources import CHUNK, BytesSource, FileSource, Source, unreadable

MARK_EVERY = 64 << 20
"""Bytes between two marks: the most that is copied again after a power cut."""

OnBytes = Callable[[int], None]
"""Told the bytes of a blob that are in place so far, those found from an earlier attempt included."""

Mend = Callable[[Path], None]
"""Given a file of the right size with wrong content, makes it right or raises a MediumError."""


class BlobStore:
    """Blobs in one folder, which is made where it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "sha256"
        self._partials = folder / "partial"

    def has(self, digest: Digest) -> bool:
        return self.path(digest).is_file()

    def path(self, digest: Digest) -> Path:
        """Where the blob lies, or would lie."""
        return self._blobs / digest.hex

    def missing_bytes(self, digest: Digest, size: int) -> int:
        """Bytes still to come for a blob of `size` bytes."""
        if self.has(digest):
            return 0
        with suppress(OSError):
            return max(0, size - self._partial(digest).stat().st_size)
        return size

    def free_bytes(self) -> int:
        """Bytes that can still be written here."""
        self._make_folders()
        return shutil.disk_usage(self.folder).free

    def put_bytes(self, data: bytes) -> Digest:
        """Store a small blob.

        Raises:
            StoreError: `disk.full`, `disk.unwritable`.
        """
        digest = Digest.of(data)
        self.put_stream(BytesSource(data, digest), digest, len(data))
        return digest

    def put_file(self, path: Path, offset: int = 0, size: int | None = None) -> tuple[Digest, int]:
        """Store a copy of a file of this machine, or of a stretch of it; gives the blob's digest and size.

        Raises:
            StoreError: `disk.full`, `disk.unwritable`.
            DepotError: `file.unreadable`: the file cannot be read.
        """
        try:
            with path.open("rb", buffering=0) as stream:
                source = FileSource(stream.fileno(), path, offset, size)
                digest, length = source.digest_and_size()
                self.put_stream(source, digest, length)
        except OSError as error:
            raise unreadable(path, error) from error
        return digest, length

    def put_stream(
        self,
        source: Source,
        digest: Digest,
        size: int,
        on_bytes: OnBytes | None = None,
        mend: Mend | None = None,
    ) -> Path:
        """Copy, hash and make durable in one pass; goes on where an earlier attempt stopped.

        What had arrived is kept when `source` or `on_bytes` raises; it is removed when the disk is full or the
        content is wrong. Before content is found wrong for good, `mend` may change it in place.

        Raises:
            MediumError: `medium.digest-mismatch`, `medium.truncated`: `source` is not the blob; what `source` and
                `mend` raise.
            StoreError: `disk.full`, `disk.unwritable`.
        """
        if self.has(digest):
            return self.path(digest)
        try:
            with _disk(self.folder):
                self._make_folders()
            self._receive(source, digest, size, on_bytes or _ignore, mend)
            with _disk(self.folder):
                self._seal(digest)
        except StoreError:
            self.discard_partial(digest)
            raise
        except MediumError as error:
            if error.code in ("medium.digest-mismatch", "medium.truncated"):
                self.discard_partial(digest)
            raise
        return self.path(digest)

    def lay_out(self, files: Mapping[str, Digest], folder: Path) -> None:
        """Give blobs their names: `folder` is made anew and holds each file under its path, sharing the blob's bytes.

        Raises:
            StoreError: `disk.full`, `disk.unwritable`, also where a blob is missing.
        """
        fresh = folder.with_name(f"{folder.name}.new")
        with _disk(folder):
            for stale in (fresh, folder):
                if stale.exists():
                    shutil.rmtree(stale)
            for name, digest in files.items():
                place = fresh / check_file_path(name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.hardlink_to(self.path(digest))
            fresh.mkdir(parents=True, exist_ok=True)
            fresh.replace(folder)
            sync_folder(folder.parent)

    def verify(self, digest: Digest) -> bool:
        """Whether the blob is here and its bytes are still what its name says."""
        try:
            with self.path(digest).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest() == digest.hex
        except OSError:
            return False

    def digests(self) -> frozenset[Digest]:
        """Every complete blob."""
        if not self._blobs.is_dir():
            return frozenset()
        return frozenset(Digest(path.name) for path in self._blobs.iterdir() if len(path.name) == 64)

    def discard_partial(self, digest: Digest) -> None:
        """Forget what had arrived of a blob."""
        with suppress(OSError):
            self._partial(digest).unlink(missing_ok=True)
            self._mark(digest).unlink(missing_ok=True)

    def remove_unreferenced(self, keep: Collection[Digest]) -> int:
        """Remove every blob and partial that is not in `keep`; gives the bytes freed."""
        kept = {digest.hex for digest in keep}
        freed = 0
        for folder in (self._blobs, self._partials):
            if not folder.is_dir():
                continue
            for path in folder.iterdir():
                if path.name.partition(".")[0] not in kept:
                    freed += path.stat().st_size
                    path.unlink()
            sync_folder(folder)
        return freed

    def remove_partials(self) -> None:
        """Forget everything that is on its way in."""
        if self._partials.exists():
            shutil.rmtree(self._partials)

    def _receive(
        self, source: Source, digest: Digest, size: int, on_bytes: OnBytes, mend: Mend | None
    ) -> None:
        done, hashed = self._resume(digest)
        with self._open_partial(digest, done) as sink:
            source.seek(done)
            on_bytes(done)
            marked = done
            buffer = memoryview(bytearray(CHUNK))
            try:
                while count := source.readinto(buffer):
                    if done + count > size:
                        raise wrong_bytes(source.name, f"it is longer than {size} bytes")
                    with _disk(self.folder):
                        _write_all(sink.fileno(), buffer[:count])
                    hashed.update(buffer[:count])
                    done += count
                    if done - marked >= MARK_EVERY:
                        marked = self._set_mark(digest, sink.fileno(), done, hashed.hexdigest())
                    on_bytes(done)
            except StoreError:
                raise
            except BaseException:
                if done > marked:
                    self._set_mark(digest, sink.fileno(), done, hashed.hexdigest())
                raise
            if done < size:
                raise truncated(source.name, done, size)
            if hashed.hexdigest() != digest.hex:
                self._mend(digest, mend, source.name)
            with _disk(self.folder):
                os.fsync(sink.fileno())

    def _mend(self, digest: Digest, mend: Mend | None, file: str) -> None:
        if mend is not None:
            with _disk(self.folder):
                mend(self._partial(digest))
                with self._partial(digest).open("rb", buffering=0) as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() == digest.hex:
                        return
        raise wrong_bytes(file, "its digest is another one")

    def _open_partial(self, digest: Digest, done: int) -> FileIO:
        with _disk(self.folder):
            sink = FileIO(self._partial(digest), "r+" if done else "w")
            try:
                sink.truncate(done)
                sink.seek(done)
            except OSError:
                sink.close()
                raise
            return sink

    def _seal(self, digest: Digest) -> None:
        partial = self._partial(digest)
        with suppress(PermissionError):  # FAT keeps no modes
            partial.chmod(0o444)
        partial.replace(self.path(digest))
        sync_folder(self._blobs)
        self._mark(digest).unlink(missing_ok=True)

    def _resume(self, digest: Digest) -> "tuple[int, hashlib._Hash]":
        fresh = hashlib.sha256()
        try:
            mark = canonical.parse_object(self._mark(digest).read_bytes(), "mark")
            done, expected = mark["bytes"], mark["sha256"]
            hashed = hashlib.sha256()
            with self._partial(digest).open("rb", buffering=0) as stream:
                buffer = memoryview(bytearray(CHUNK))
                left = done
                while left and (count := stream.readinto(buffer[: min(CHUNK, left)])):
                    hashed.update(buffer[:count])
                    left -= count
        except (OSError, MediumError, KeyError, TypeError):
            return 0, fresh
        if left or hashed.hexdigest() != expected:
            return 0, fresh
        return done, hashed

    def _set_mark(self, digest: Digest, descriptor: int, done: int, hexdigest: str) -> int:
        mark = {"bytes": done, "sha256": hexdigest}
        with _disk(self.folder):
            os.fsync(descriptor)
            write_file(self._mark(digest), canonical.to_bytes(mark))
        return done

    def _make_folders(self) -> None:
        for folder in (self._blobs, self._partials):
            folder.mkdir(parents=True, exist_ok=True)

    def _partial(self, digest: Digest) -> Path:
        return self._partials / digest.hex

    def _mark(self, digest: Digest) -> Path:
        return self._partials / f"{digest.hex}.mark"


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Tell what the operating system says of our own disk as a StoreError."""
    try:
        yield
    except OSError as error:
        raise _store_failure(error, folder) from error


def _store_failure(error: OSError, folder: Path) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError(
            "disk.full",
            f"The disk under {folder} is full.",
            kept="What had been copied was removed; everything that was there before is as it was.",
            remedy="Free space, for example by removing retired model versions, and start again.",
        )
    return StoreError(
        "disk.unwritable",
        f"{error.filename or folder} cannot be written: {error.strerror}.",
        kept="Everything that was there before is as it was.",
        remedy="Check the disk and the owner of the state folder.",
    )


def _ignore(_: int) -> None:
    return
