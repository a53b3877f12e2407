"""A file's chunk index: where it was cut, and the digest of each piece.

The index is a layer of the artifact, so the signed manifest binds it by its digest. With it a box takes from a medium
only the chunks that no file of its own has, and names those that are damaged. The chunks together are checked once
more as the whole file: the index decides what is read, never what is believed.

    appliance-chunks/1 LF
    (SHA-256, 32 bytes; size, 4 bytes big-endian) for each chunk, in the file's order
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

from updates import canonical

HEADER = b"appliance-chunks/1\n"
MOST = 1 << 23
"""Bytes that one chunk may have."""
_DIGEST = 32
_ENTRY = _DIGEST + 4


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    """The chunks of one file, numbered from 0."""

    table: bytes = field(repr=False)
    """The entries, as they lie in the index."""
    offsets: "array[int]" = field(repr=False)
    """Where each chunk begins in the file, and the file's size at the end."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.offsets[-1]

    def digest(self, number: int) -> bytes:
        """SHA-256 of a chunk, 32 bytes."""
        return self.table[number * _ENTRY : number * _ENTRY + _DIGEST]

    def digests(self) -> Iterator[bytes]:
        return (self.digest(number) for number in range(len(self)))

    def span(self, number: int) -> tuple[int, int]:
        """Where a chunk begins in the file, and its size."""
        start = self.offsets[number]
        return start, self.offsets[number + 1] - start

    def to_bytes(self) -> bytes:
        return HEADER + self.table

    @classmethod
    def of(cls, chunks: Iterator[tuple[bytes, int]]) -> Self:
        """From (digest, size) of each chunk."""
        table, offsets = bytearray(), array("Q", [0])
        for digest, size in chunks:
            table += digest + size.to_bytes(4)
            offsets.append(offsets[-1] + size)
        return cls(bytes(table), offsets)

    @classmethod
    def parse(cls, data: bytes, size: int, file: str) -> Self:
        """Read the index of a file of `size` bytes, which came from `file`.

        Raises:
            MediumError: `medium.malformed`.
        """
        table = data.removeprefix(HEADER)
        if len(table) == len(data) or len(table) % _ENTRY:
            raise canonical.malformed(file, "it is no chunk index")
        offsets = array("Q", [0])
        for at in range(_DIGEST, len(table), _ENTRY):
            offsets.append(offsets[-1] + int.from_bytes(table[at : at + 4]))
        if offsets[-1] != size or any(not 0 < after - before <= MOST for before, after in pairwise(offsets)):
            raise canonical.malformed(file, f"its chunks do not make up a file of {size} bytes")
        return cls(table, offsets)


def runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as (first, count) of each unbroken run."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        first, count = found[-1] if found else (number, 0)
        if first + count == number:
            found[-1:] = [(first, count + 1)]
        else:
            found.append((number, 1))
    return found
