"""When a file is not what was signed: which of its chunks are bad, and making them good where that can be done.

A chunk that came from the box itself is fetched from the medium instead. One that the medium carries damaged is
computed from parity, where the medium has some.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from updates.carried import Pack, Parity
from updates.chunks import ChunkIndex, runs
from updates.errors import MediumError, StoreError
from updates.layout import blob_file
from updates.manifest import PackedFile
from updates.media import Medium
from updates.parity import Code, ReadAt
from updates.refusals import wrong_bytes
from updates.stretches import Stretch
from updates.supply import Supply

_SHOWN = 8
_Piece = tuple[int, int, int]
"""Offset in the protected blob, offset in the file, size."""


@dataclass(frozen=True, slots=True)
class Mender:
    """Mends one file; `index` says what each chunk should be."""

    medium: Medium
    supply: Supply
    packed: PackedFile
    index: ChunkIndex

    def mend(self, path: Path) -> None:
        """Make the file at `path` good, which has the right size.

        Raises:
            MediumError: `medium.digest-mismatch`, naming the chunks that stay bad; what reading the medium raises.
            StoreError: `disk.damaged`: the box's own chunks are bad, and this medium does not have them.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            bad = self._bad(descriptor, range(len(self.index)))
            own = [number for number in bad if self.index.digest(number) in self.supply.places]
            self._fetch(descriptor, own)
            bad = self._bad(descriptor, bad)
            if bad:
                self._repair(descriptor, bad)
                bad = self._bad(descriptor, bad)
        finally:
            os.close(descriptor)
        if bad:
            raise self._damaged(bad)

    def _bad(self, descriptor: int, numbers: range | list[int]) -> list[int]:
        bad = []
        for number in numbers:
            offset, size = self.index.span(number)
            if hashlib.sha256(os.pread(descriptor, size, offset)).digest() != self.index.digest(number):
                bad.append(number)
        return bad

    def _fetch(self, descriptor: int, numbers: list[int]) -> None:
        """Chunks that the box itself has damaged, from the medium instead."""
        try:
            stretches = list(self.supply.from_media(self.packed, self.index, numbers))
        except MediumError as error:
            raise self._damaged_here(numbers) from error
        if any(stretch.medium is not None for stretch in stretches):
            raise self._damaged_here(numbers)
        for number, stretch in zip(numbers, stretches, strict=True):
            with self.medium.open(stretch.file) as file:
                file.seek(stretch.offset)
                os.pwrite(descriptor, file.read(stretch.size), self.index.span(number)[0])

    def _repair(self, descriptor: int, bad: list[int]) -> None:
        carried = self.supply.carried
        for parity in carried.parity if carried else ():
            for pieces in self._layouts(parity):
                spans = [span for piece in pieces for span in self._bad_in(piece, bad)]
                code = Code(parity.size, parity.block, parity.rows)
                if spans and pieces[-1][0] + pieces[-1][2] == code.size:
                    with self._open(parity) as read_parity:
                        code.repair(
                            spans, _reader(descriptor, pieces), read_parity, _writer(descriptor, pieces)
                        )

    def _bad_in(self, piece: _Piece, bad: list[int]) -> Iterator[tuple[int, int]]:
        at, start, size = piece
        for number in bad:
            offset, length = self.index.span(number)
            if start <= offset < start + size:
                yield at + offset - start, length

    def _layouts(self, parity: Parity) -> Iterator[list[_Piece]]:
        """Where the protected blob's bytes lie in the file, if it holds any of them."""
        start = 0
        for part in self.packed.parts:
            if part.digest == parity.blob:
                yield [(0, start, part.size)]
            start += part.size
        carried = self.supply.carried
        for pack in carried.here.packs if carried else ():
            if pack.blob == parity.blob and pack.file == self.packed.digest:
                yield self._pack_pieces(pack)

    def _pack_pieces(self, pack: Pack) -> list[_Piece]:
        pieces, at = [], 0
        for first, count in pack.runs:
            last = min(first + count, len(self.index))
            start = self.index.offsets[min(first, last)]
            size = self.index.offsets[last] - start
            pieces.append((at, start, size))
            at += size
        return pieces

    @contextmanager
    def _open(self, parity: Parity) -> Iterator[ReadAt]:
        file_name = blob_file(parity.parity.hex)
        with self.medium.open(file_name) as file:

            def read(offset: int, size: int) -> bytes:
                with suppress(MediumError):
                    file.seek(offset)
                    return file.read(size)
                return b""

            yield read

    def _damaged_here(self, numbers: list[int]) -> StoreError:
        path, _ = self.supply.places[self.index.digest(numbers[0])]
        return StoreError(
            "disk.damaged",
            f"{path.name} in the box's blob store is damaged: {len(numbers)} chunks that the update needs are wrong.",
            kept="Nothing on the box was changed.",
            remedy="Import a whole update on one medium: what is damaged here is then taken from there. Check the disk.",
        )

    def _damaged(self, bad: list[int]) -> MediumError:
        stretch = self._stretch_of(bad[0])
        told = ", ".join(
            str(first) if count == 1 else f"{first} to {first + count - 1}"
            for first, count in runs(bad)[:_SHOWN]
        )
        more = " and more" if len(runs(bad)) > _SHOWN else ""
        carried = self.supply.carried
        parity = "; its parity file is not enough to repair it" if carried and carried.parity else ""
        name = self.packed.path or self.packed.digest.hex
        of = f"{len(bad)} of {len(self.index)} chunks of {name} are bad ({told}{more})"
        return wrong_bytes(stretch.file if stretch else blob_file(self.packed.digest.hex), of, parity)

    def _stretch_of(self, number: int) -> Stretch | None:
        try:
            return next(self.supply.from_media(self.packed, self.index, [number]))
        except MediumError:
            return None


def _reader(descriptor: int, pieces: list[_Piece]) -> ReadAt:
    def read(offset: int, size: int) -> bytes:
        return b"".join(
            os.pread(descriptor, length, start) for start, length, _ in _within(pieces, offset, size)
        )

    return read


def _writer(descriptor: int, pieces: list[_Piece]) -> Callable[[int, bytes], None]:
    def write(offset: int, data: bytes) -> None:
        for start, length, skip in _within(pieces, offset, len(data)):
            os.pwrite(descriptor, data[skip : skip + length], start)

    return write


def _within(pieces: list[_Piece], offset: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Where a stretch of the blob lies in the file: offset there, length, and how far into the stretch that is."""
    for at, start, length in pieces:
        first, last = max(offset, at), min(offset + size, at + length)
        if first < last:
            yield start + first - at, last - first, first - offset
