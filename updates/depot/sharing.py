"""What goes onto which medium: all of an update, what one box lacks, or a share of either."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, takewhile

from updates.artifacts import Artifact
from updates.carried import Carried, Pack, Parity, Share
from updates.chunks import ChunkIndex, runs
from updates.depot.cargo import Cargo, Load, blob_load, pack_load, parity_load
from updates.depot.repository import Depot
from updates.digest import Digest
from updates.errors import DepotError, MediumError
from updates.layout import PART_SIZE
from updates.manifest import Descriptor, Manifest, PackedFile
from updates.parity import MOST_SHARE, Code
from updates.receipt import Receipt
from updates.supply import manifest_here, read_index
from updates.transfer import contents_of

CLUSTER = 32 << 10
"""What FAT32 gives a file at least; every file is counted in these."""
METADATA = 4 << 20
"""Bytes kept free on every medium of a set for the metadata, the OCI index and the table."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a medium is to be made."""

    against: Receipt | None = None
    """Leave out what this box has; None carries all."""
    split_size: int | None = None
    """Bytes that one medium of a set may hold; None makes one medium."""
    number: int = 1
    """Which medium of the set is written, from 1."""
    parity: int = 0
    """Percent of large blobs that parity can repair."""


WHOLE = Shape()
"""All of an update on one medium: nothing but an OCI image layout beside the metadata."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a box has: files, and chunks of them."""

    files: frozenset[Digest] = frozenset()
    chunks: frozenset[bytes] = frozenset()


def plan(depot: Depot, artifacts: Iterable[Artifact], shape: Shape) -> Cargo:
    """Work out a medium's cargo. The same depot and shape give the same, however often they are asked.

    Raises:
        DepotError: `depot.blob-damaged`, `depot.bad-shape`, `depot.unknown-contents`.
    """
    if not 0 <= shape.parity <= MOST_SHARE or shape.number < 1:
        raise _bad_shape(f"Parity is 0 to {MOST_SHARE} percent, and media are numbered from 1")
    manifests = [(artifact, _manifest(depot, artifact)) for artifact in artifacts]
    small = {artifact.digest: artifact.manifest_size for artifact, _ in manifests}
    files: dict[Digest, PackedFile] = {}
    for _, manifest in manifests:
        own = {packed.digest: packed for packed in manifest.files}
        small |= {one.digest: one.size for one in contents_of(manifest) if one.digest not in own}
        files |= own
    if shape == WHOLE:
        parts = {part.digest: part.size for packed in files.values() for part in packed.parts}
        return Cargo({digest: blob_load(depot, digest, size) for digest, size in (small | parts).items()})
    loader = _Loader(depot, shape, sum(map(_rounded, small.values())))
    inventory = inventory_of(depot, shape.against) if shape.against else Inventory()
    for packed in files.values():
        if packed.digest not in inventory.files | small.keys():
            loader.add(packed, inventory)
    manifests_only = {artifact.digest for artifact, _ in manifests}
    common = frozenset(small.keys() - manifests_only)
    return loader.cargo({digest: blob_load(depot, digest, size) for digest, size in small.items()}, common)


def inventory_of(depot: Depot, receipt: Receipt) -> Inventory:
    """What a box says that it has, as far as this depot knows the chunks of it.

    Raises:
        DepotError: `depot.unknown-contents`: nothing of it ever was in this depot.
    """
    known = {packed.digest: packed for packed in _files_of(depot, receipt)}
    if receipt.artifacts and not known:
        raise DepotError(
            "depot.unknown-contents",
            f"Nothing that {receipt.box} has came from this depot.",
            kept="Nothing was signed or written.",
            remedy="Name a receipt of a box that this depot serves, or publish a whole update.",
        )
    files = frozenset(Digest(held.digest) for held in receipt.files)
    chunks: set[bytes] = set()
    for digest in files & known.keys():
        index = read_index(depot.blobs, known[digest])
        chunks.update(index.digests() if index is not None else ())
    return Inventory(files, frozenset(chunks))


@dataclass(slots=True)
class _Bin:
    """One medium being filled; `loads` are its large blobs."""

    loads: dict[Digest, Load] = field(default_factory=dict)
    packs: list[Pack] = field(default_factory=list)
    protected: list[Digest] = field(default_factory=list)
    used: int = 0


class _Loader:
    """Fills one medium after the other, each file's chunks in their order."""

    def __init__(self, depot: Depot, shape: Shape, small: int) -> None:
        self._depot = depot
        self._shape = shape
        self._room = 1 << 62 if shape.split_size is None else shape.split_size - METADATA - small
        self._bins = [_Bin()]

    def add(self, packed: PackedFile, inventory: Inventory) -> None:
        index = read_index(self._depot.blobs, packed)
        if index is None:
            for part in packed.parts:
                self._add_blob(part, protected=False)
            return
        lacking = [n for n, digest in enumerate(index.digests()) if digest not in inventory.chunks]
        if len(lacking) < len(index):
            self._add_chunks(packed, index, lacking)
            return
        for part, numbers in _parts(packed, index):
            if self._cost(part.size) <= self._left():
                self._add_blob(part, protected=True)
            else:
                self._add_chunks(packed, index, numbers)

    def cargo(self, small: Mapping[Digest, Load], common: frozenset[Digest]) -> Cargo:
        shape = self._shape
        if shape.number > len(self._bins):
            raise _bad_shape(f"The set has {len(self._bins)} media; there is no medium {shape.number}")
        packed = [{pack.blob for pack in one.packs} for one in self._bins]
        media = tuple(
            Share(frozenset(one.loads.keys() - packs), tuple(one.packs))
            for one, packs in zip(self._bins, packed, strict=True)
        )
        here = self._bins[shape.number - 1]
        loads, parity = {**small, **here.loads}, []
        for digest in here.protected if shape.parity else ():
            load = here.loads[digest]
            code = Code.for_share(load.size, shape.parity)
            made = parity_load(code, load)
            loads[made.digest] = made
            parity.append(Parity(digest, made.digest, code.size, code.block, code.rows))
        against = shape.against.box if shape.against else ""
        return Cargo(loads, Carried(shape.number, media, common, against, tuple(parity)))

    def _add_blob(self, part: Descriptor, *, protected: bool) -> None:
        cost = self._cost(part.size) if protected else _rounded(part.size)
        if cost > self._left():
            self._next_bin()
            if cost > self._left():
                raise _bad_shape(f"A file of {part.size / 1e6:.1f} MB does not fit a medium of this size")
        self._put(blob_load(self._depot, part.digest, part.size), cost, protected=protected)

    def _add_chunks(self, packed: PackedFile, index: ChunkIndex, numbers: list[int]) -> None:
        """Packs of at most a part's size, going on on the next medium where one is full."""
        while numbers:
            fitting = self._fitting(index, numbers)
            if not fitting:
                self._next_bin()
                fitting = self._fitting(index, numbers)
                if not fitting:
                    raise _bad_shape("A medium of this size would not hold one chunk")
            load = pack_load(self._depot, packed, index, numbers[:fitting])
            self._put(load, self._cost(load.size), protected=True)
            pack = Pack(packed.digest, load.digest, tuple(runs(numbers[:fitting])))
            self._bins[-1].packs.append(pack)
            numbers = numbers[fitting:]

    def _fitting(self, index: ChunkIndex, numbers: list[int]) -> int:
        """How many of the chunks go into one pack here."""
        sizes = accumulate(index.span(number)[1] for number in numbers)
        room = self._left()
        return sum(1 for _ in takewhile(lambda size: size <= PART_SIZE and self._cost(size) <= room, sizes))

    def _put(self, load: Load, cost: int, *, protected: bool) -> None:
        here = self._bins[-1]
        here.loads[load.digest] = load
        here.used += cost
        if protected and load.digest not in here.protected:
            here.protected.append(load.digest)

    def _next_bin(self) -> None:
        self._bins.append(_Bin())

    def _left(self) -> int:
        return self._room - self._bins[-1].used

    def _cost(self, size: int) -> int:
        """Bytes that a blob and its parity take on a medium."""
        parity = self._shape.parity
        return _rounded(size) + (_rounded(Code.for_share(size, parity).encoded_size) if parity else 0)


def _parts(packed: PackedFile, index: ChunkIndex) -> Iterator[tuple[Descriptor, list[int]]]:
    """Each part of a file, and the numbers of its chunks."""
    number, end = 0, 0
    for part in packed.parts:
        end += part.size
        numbers = []
        while number < len(index) and index.offsets[number] < end:
            numbers.append(number)
            number += 1
        yield part, numbers


def _manifest(depot: Depot, artifact: Artifact) -> Manifest:
    found = manifest_here(depot.blobs, artifact.digest) if depot.blobs.verify(artifact.digest) else None
    if found is None:
        raise damaged(depot, artifact.digest)
    for packed in found.files:
        try:
            read_index(depot.blobs, packed)
        except (OSError, MediumError) as error:
            raise damaged(depot, packed.index.digest if packed.index else packed.digest) from error
    return found


def _files_of(depot: Depot, receipt: Receipt) -> Iterator[PackedFile]:
    """The files of every artifact that the box has and this depot knows."""
    for held in receipt.artifacts:
        manifest = manifest_here(depot.blobs, Digest(held.digest))
        yield from manifest.files if manifest is not None else ()


def _rounded(size: int) -> int:
    return -(-size // CLUSTER) * CLUSTER


def damaged(depot: Depot, digest: Digest) -> DepotError:
    return DepotError(
        "depot.blob-damaged",
        f"The blob {digest} in {depot.path} is missing or damaged.",
        kept="The medium carries what it had before, or no update at all.",
        remedy="Restore the depot's blobs from a backup, or add the artifact again.",
    )


def _bad_shape(what: str) -> DepotError:
    return DepotError(
        "depot.bad-shape",
        f"{what}.",
        kept="Nothing was signed or written.",
        remedy="Choose other figures; media of a set hold some megabytes of metadata each besides their share.",
    )
