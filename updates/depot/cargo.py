"""A medium's cargo: blobs by digest, each with where its bytes come from."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from updates.carried import Carried
from updates.chunks import ChunkIndex
from updates.depot.repository import Depot
from updates.digest import Digest
from updates.layout import blob_file
from updates.manifest import PackedFile
from updates.media import Medium
from updates.parity import Code
from updates.sources import CHUNK, Source
from updates.stretches import Stretch, StretchedSource
from updates.supply import Supply


class OpenSource(Source, Protocol):
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Load:
    """One blob; `open` reads it from its beginning, as often as is needed."""

    digest: Digest
    size: int
    open: Callable[[], OpenSource]


@dataclass(frozen=True, slots=True)
class Cargo:
    """What one medium is to hold; `carried` is its table, where it needs one."""

    loads: Mapping[Digest, Load]
    carried: Carried | None = None

    @property
    def size(self) -> int:
        return sum(load.size for load in self.loads.values())


def blob_load(depot: Depot, digest: Digest, size: int) -> Load:
    """A blob as the depot has it."""
    stretches = [Stretch(blob_file(digest.hex), 0, size)]
    return Load(digest, size, lambda: StretchedSource(Medium(depot.path), stretches))


def pack_load(depot: Depot, packed: PackedFile, index: ChunkIndex, numbers: list[int]) -> Load:
    """Chunks of a file, one after another; they are read once to know their digest."""
    stretches = Supply(None).stretches(packed, index, numbers)
    return _digested(lambda: StretchedSource(Medium(depot.path), stretches))


def parity_load(code: Code, of: Load) -> Load:
    """Parity of a blob, which is read once to know the digest."""
    return _digested(lambda: _ParitySource(code, of.open()))


class _ParitySource:
    """The parity of a blob while it is computed."""

    def __init__(self, code: Code, blob: OpenSource) -> None:
        self.name = blob.name
        self._code = code
        self._blob = blob
        self._at = 0
        self._group: tuple[int, bytes] = (-1, b"")

    def seek(self, offset: int) -> None:
        self._at = offset

    def readinto(self, buffer: memoryview) -> int:
        group, skip = divmod(self._at, self._code.group_size)
        if group >= self._code.groups:
            return 0
        if self._group[0] != group:
            self._group = (group, self._code.encode_group(group, self._read))
        part = self._group[1][skip : skip + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        self._blob.close()

    def _read(self, offset: int, size: int) -> bytes:
        if offset >= self._code.size:
            return b""
        found, view = bytearray(size), memoryview(bytearray(size))
        self._blob.seek(offset)
        done = 0
        while done < size and (count := self._blob.readinto(view[: size - done])):
            found[done : done + count] = view[:count]
            done += count
        return bytes(found[:done])


def _digested(opened: Callable[[], OpenSource]) -> Load:
    hashed, size, buffer = hashlib.sha256(), 0, memoryview(bytearray(CHUNK))
    with closing(opened()) as source:
        source.seek(0)
        while count := source.readinto(buffer):
            hashed.update(buffer[:count])
            size += count
    return Load(Digest(hashed.hexdigest()), size, opened)
