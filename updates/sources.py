"""What a blob is read from: bytes, or a stretch of a file of this machine."""

import hashlib
import os
from pathlib import Path
from typing import Protocol

from updates.digest import Digest
from updates.errors import DepotError

CHUNK = 1 << 20
"""Bytes read, hashed and written at a time."""


class Source(Protocol):
    """What a blob is read from, once, in order."""

    @property
    def name(self) -> str:
        """The file, as errors name it."""

    def seek(self, offset: int) -> None: ...

    def readinto(self, buffer: memoryview) -> int: ...


class BytesSource:
    def __init__(self, data: bytes, digest: Digest) -> None:
        self.name = str(digest)
        self._rest = memoryview(data)

    def seek(self, offset: int) -> None:
        self._rest = self._rest[offset:]

    def readinto(self, buffer: memoryview) -> int:
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class FileSource:
    """A stretch of a file: `size` bytes from `offset` on, or all that follow."""

    def __init__(self, descriptor: int, path: Path, offset: int, size: int | None) -> None:
        self.name = str(path)
        self._path = path
        self._descriptor = descriptor
        self._start = self._at = offset
        self._end = os.fstat(descriptor).st_size if size is None else offset + size

    def seek(self, offset: int) -> None:
        self._at = self._start + offset

    def readinto(self, buffer: memoryview) -> int:
        try:
            count = os.preadv(self._descriptor, [buffer[: self._end - self._at]], self._at)
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._at += count
        return count

    def digest_and_size(self) -> tuple[Digest, int]:
        hashed, size, buffer = hashlib.sha256(), 0, memoryview(bytearray(CHUNK))
        while count := self.readinto(buffer):
            hashed.update(buffer[:count])
            size += count
        return Digest(hashed.hexdigest()), size


def unreadable(path: Path, error: OSError) -> DepotError:
    return DepotError(
        "file.unreadable",
        f"{path} cannot be read: {error.strerror}.",
        kept="Nothing was added.",
        remedy="Check the file's name and its permissions.",
    )
