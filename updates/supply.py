"""Where each stretch of a file is to come from: from what the box has, from this medium, or from another of its set."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from updates.blobs import BlobStore
from updates.carried import Carried, Pack
from updates.chunks import ChunkIndex
from updates.digest import Digest
from updates.errors import MediumError, StoreError
from updates.layout import blob_file
from updates.manifest import Descriptor, Manifest, PackedFile, parse_manifest
from updates.refusals import for_another_box, missing
from updates.stretches import Stretch

Places = dict[bytes, tuple[Path, int]]
"""By a chunk's digest: a file of the box and where the chunk begins in it."""


def read_index(blobs: BlobStore, packed: PackedFile) -> ChunkIndex | None:
    """The index of a file, from the store; None where it has none.

    Raises:
        MediumError: `medium.malformed`.
    """
    if packed.index is None:
        return None
    path = blobs.path(packed.index.digest)
    return ChunkIndex.parse(path.read_bytes(), packed.size, blob_file(packed.index.digest.hex))


def chunks_here(blobs: BlobStore, here: Iterable[Digest], wanted: Iterable[ChunkIndex]) -> Places:
    """Where the box has chunks of `wanted`, in files of the artifacts whose manifests are `here`."""
    places: dict[bytes, tuple[Path, int] | None] = {}
    for index in wanted:
        places.update(dict.fromkeys(index.digests()))
    if places:
        for packed in _files_here(blobs, here):
            try:
                index_here = read_index(blobs, packed)
            except (OSError, MediumError):
                continue
            path = blobs.path(packed.digest)
            for number, digest in enumerate(index_here.digests() if index_here else ()):
                if digest in places and index_here:
                    places[digest] = (path, index_here.offsets[number])
    return {digest: place for digest, place in places.items() if place is not None}


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is to build files from."""

    carried: Carried | None
    places: Places = field(default_factory=dict)

    def stretches(
        self, packed: PackedFile, index: ChunkIndex | None, numbers: Iterable[int] | None = None
    ) -> list[Stretch]:
        """The file in stretches, in order; with `numbers`, only these chunks of it.

        Raises:
            MediumError: `medium.missing-file`, `medium.for-another-box`: nobody has a part of it.
        """
        if index is None:
            return [self._blob(part, 0, part.size) for part in packed.parts]
        return _joined(self._chunks(packed, index, range(len(index)) if numbers is None else numbers))

    def from_media(self, packed: PackedFile, index: ChunkIndex, numbers: Iterable[int]) -> Iterator[Stretch]:
        """Each of these chunks, wherever it is but on the box. Raises: as `stretches`."""
        return replace(self, places={})._chunks(packed, index, numbers)

    def _chunks(self, packed: PackedFile, index: ChunkIndex, numbers: Iterable[int]) -> Iterator[Stretch]:
        part_ends = _ends(packed.parts)
        packs = self._in_packs(packed.digest, index)
        part = 0
        for number in numbers:
            offset, size = index.span(number)
            while offset >= part_ends[part]:
                part += 1
            blob = packed.parts[part]
            begins = part_ends[part] - blob.size
            if (place := self.places.get(index.digest(number))) is not None:
                yield Stretch(blob_file(blob.digest.hex), place[1], size, path=place[0])
            elif self.carried is None or self.carried.has(blob.digest) or number not in packs:
                yield self._blob(blob, offset - begins, size)
            else:
                yield replace(packs[number], size=size)

    def _blob(self, blob: Descriptor, offset: int, size: int) -> Stretch:
        file = blob_file(blob.digest.hex)
        if self.carried is None or self.carried.has(blob.digest):
            return Stretch(file, offset, size)
        medium = self.carried.medium_with(blob.digest)
        if medium is None:
            raise for_another_box(file, self.carried.against) if self.carried.against else missing(file)
        return Stretch(file, offset, size, medium=medium)

    def _in_packs(self, file: Digest, index: ChunkIndex) -> dict[int, Stretch]:
        """Where chunks lie in packs; this medium's before others'."""
        found: dict[int, Stretch] = {}
        if self.carried is None:
            return found
        others = [(n, share) for n, share in enumerate(self.carried.media, 1) if n != self.carried.number]
        for medium, share in [(None, self.carried.here), *others]:
            for pack in share.packs:
                if pack.file == file:
                    for number, offset in pack_offsets(pack, index):
                        place = Stretch(blob_file(pack.blob.hex), offset, 0, medium=medium)
                        found.setdefault(number, place)
        return found


def pack_offsets(pack: Pack, index: ChunkIndex) -> Iterator[tuple[int, int]]:
    """Each chunk of a pack and where it begins in it; what the file has no chunks for is left out."""
    at = 0
    for first, count in pack.runs:
        for number in range(first, min(first + count, len(index))):
            yield number, at
            at += index.span(number)[1]


def _files_here(blobs: BlobStore, here: Iterable[Digest]) -> Iterator[PackedFile]:
    for digest in here:
        manifest = manifest_here(blobs, digest)
        if manifest is not None:
            yield from (packed for packed in manifest.files if packed.index and blobs.has(packed.digest))


def manifest_here(blobs: BlobStore, digest: Digest) -> Manifest | None:
    """A manifest from the store; None where it is not there or not readable."""
    try:
        return parse_manifest(blobs.path(digest).read_bytes(), digest.hex)
    except (OSError, MediumError, StoreError):
        return None


def _ends(parts: tuple[Descriptor, ...]) -> list[int]:
    ends = [parts[0].size]
    for part in parts[1:]:
        ends.append(ends[-1] + part.size)
    return ends


def _joined(pieces: Iterable[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if (
            last is not None
            and (last.path, last.medium) == (piece.path, piece.medium)
            and (piece.path is not None or last.file == piece.file)
            and last.offset + last.size == piece.offset
        ):
            joined[-1] = replace(last, size=last.size + piece.size)
        else:
            joined.append(piece)
    return joined
