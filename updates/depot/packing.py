"""A file as layers of an artifact: cut into chunks by its content, and into parts where FAT32 could not hold it.

Cutting: FastCDC (Xia et al., 2016 and 2020; the library `pyfastcdc`). Why so, and why these sizes: ADR 12.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pyfastcdc import FastCDC

from updates.blobs import BlobStore
from updates.chunks import ChunkIndex
from updates.digest import Digest
from updates.errors import DepotError
from updates.layout import CHUNK_INDEX_TYPE, PART_SIZE
from updates.manifest import Descriptor, index_of_file, part_of

INDEXED_FROM = 256 << 10
"""Bytes of the smallest file that is worth an index."""
_AVERAGES = ((32 << 20, 8 << 10), (4 << 30, 64 << 10), (64 << 30, 256 << 10))
_LARGEST_AVERAGE = 1 << 20


def layers_of(
    blobs: BlobStore, file: Path, media_type: str, path: str, part_size: int = PART_SIZE
) -> list[Descriptor]:
    """Store a file that lies at `path` in its artifact, and give its layers: one or more parts, and its index.

    Raises:
        StoreError: `disk.full`, `disk.unwritable`.
        DepotError: `file.unreadable`.
    """
    try:
        total = file.stat().st_size
        if total < min(INDEXED_FROM, part_size):
            digest, size = blobs.put_file(file)
            return [Descriptor(media_type, digest, size, path)]
        whole, index = chunk(file, total)
    except OSError as error:
        raise _unreadable(file, error) from error
    spans = list(_parts(index, part_size))
    layers = []
    for number, (offset, length) in enumerate(spans, 1):
        digest, size = blobs.put_file(file, offset, length)
        told = part_of(whole, number, len(spans)) if len(spans) > 1 else {}
        layers.append(Descriptor(media_type, digest, size, path, told))
    data = index.to_bytes()
    return [
        *layers,
        Descriptor(CHUNK_INDEX_TYPE, blobs.put_bytes(data), len(data), None, index_of_file(whole)),
    ]


def chunk(file: Path, size: int) -> tuple[Digest, ChunkIndex]:
    """Digest and chunks of a file of `size` bytes, read once. Raises OSError."""
    whole = hashlib.sha256()

    def pieces() -> Iterator[tuple[bytes, int]]:
        with file.open("rb", buffering=0) as stream:
            for piece in FastCDC(average_size(size)).cut_stream(stream):
                whole.update(piece.data)
                yield hashlib.sha256(piece.data).digest(), piece.length

    index = ChunkIndex.of(pieces())
    return Digest(whole.hexdigest()), index


def average_size(size: int) -> int:
    """What FastCDC aims at in a file of `size` bytes. It must not change: files of other releases would share nothing."""
    return next((average for most, average in _AVERAGES if size <= most), _LARGEST_AVERAGE)


def _parts(index: ChunkIndex, part_size: int) -> Iterator[tuple[int, int]]:
    """Offset and size of each part: as many chunks as fit, and at least one."""
    start = 0
    for number in range(1, len(index)):
        if index.offsets[number + 1] - start > part_size:
            yield start, index.offsets[number] - start
            start = index.offsets[number]
    yield start, index.size - start


def _unreadable(file: Path, error: OSError) -> DepotError:
    return DepotError(
        "file.unreadable",
        f"{file} cannot be read: {error.strerror}.",
        kept="The depot was left as it is.",
        remedy="Check the file's name and its permissions.",
    )
