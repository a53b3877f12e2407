"""Bringing artifacts from a medium into the blob store: one pass, verified while it is copied, resumable."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass

from updates.artifacts import Artifact
from updates.blobs import BlobStore
from updates.carried import read_carried
from updates.chunks import ChunkIndex
from updates.digest import Digest
from updates.errors import MediumError, StoreError, UpdateError
from updates.layout import LIMITS, blob_file
from updates.manifest import Descriptor, Manifest, PackedFile, parse_manifest
from updates.media import Medium
from updates.mending import Mender
from updates.progress import OnProgress, Reporter
from updates.refusals import missing, next_needed, truncated, wrong_bytes
from updates.stretches import Stretch, StretchedSource
from updates.supply import Supply, chunks_here, read_index

SPARE = 16 << 20
"""Bytes that stay free beside the payload, for the database and the logs."""


@dataclass(frozen=True, slots=True)
class Received:
    """An artifact whose every blob is in the store, durable and verified."""

    artifact: Artifact
    manifest: Manifest

    @property
    def digests(self) -> frozenset[Digest]:
        """What the store must keep for it."""
        contents = (packed.digest for packed in contents_of(self.manifest))
        return frozenset({self.artifact.digest, *contents})

    @property
    def files(self) -> dict[str, Digest]:
        """Its files by their path inside the artifact."""
        return {packed.path: packed.digest for packed in self.manifest.files if packed.path is not None}


def receive(
    medium: Medium,
    artifacts: Iterable[Artifact],
    blobs: BlobStore,
    on_progress: OnProgress = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    here: Iterable[Digest] = (),
) -> list[Received]:
    """Copy what `artifacts` need and the store lacks.

    Blobs that the store has are not read from the medium, nor are chunks that a file of `here` has. What had arrived
    when the medium was pulled is kept for the next attempt; after a cancellation the unfinished blob is removed, and
    finished ones belong to nobody until `BlobStore.remove_unreferenced` takes them.

    Args:
        artifacts: from a Preview; their digests are signed.
        on_progress: called after each stretch of at most 1 MiB.
        cancelled: asked as often.
        here: manifests of artifacts in the store whose files may share chunks with the new ones.

    Raises:
        MediumError: `medium.gone`, `medium.missing-file`, `medium.truncated`, `medium.digest-mismatch`,
            `medium.malformed`, `medium.not-a-file`, `medium.unreadable`; `medium.next-needed` once all that this
            medium of several has is here, `medium.for-another-box`; `file` names the file.
        StoreError: `disk.full` before the first byte where that can be foreseen, `disk.unwritable`.
        UpdateError: `import.cancelled`.
    """
    received = [_receive_manifest(medium, artifact, blobs) for artifact in artifacts]
    wanted = {packed.digest: packed for item in received for packed in contents_of(item.manifest)}
    absent = [packed for packed in wanted.values() if not blobs.has(packed.digest)]
    transfer = _Transfer(medium, blobs, Reporter(on_progress, cancelled, sum(p.size for p in absent)))
    transfer.prepare(absent, here)
    _check_space(blobs, absent)
    transfer.copy()
    transfer.report.end()
    return received


def contents_of(manifest: Manifest) -> tuple[PackedFile, ...]:
    """Everything the artifact needs beside its manifest, as it lies in a store: files, chunk indexes, configuration."""
    config = manifest.config
    indexes = (packed.index for packed in manifest.files if packed.index is not None)
    small = (PackedFile(None, one.media_type, one.digest, one.size, (one,)) for one in (config, *indexes))
    return (*small, *manifest.files)


@dataclass(frozen=True, slots=True)
class _Planned:
    packed: PackedFile
    index: ChunkIndex | None
    stretches: list[Stretch]


class _Transfer:
    """From one medium into the store: first looked at as a whole, then copied file by file."""

    def __init__(self, medium: Medium, blobs: BlobStore, report: Reporter) -> None:
        self.report = report
        self._medium = medium
        self._blobs = blobs
        self._carried = read_carried(medium)
        self._supply = Supply(self._carried)
        self._planned: list[_Planned] = []

    def prepare(self, absent: list[PackedFile], here: Iterable[Digest]) -> None:
        """Find out where everything is to come from, and look whether it is there; nothing is copied but indexes."""
        for packed in absent:
            if packed.index is not None and not self._blobs.has(packed.index.digest):
                self._blobs.put_bytes(_read_small(self._medium, packed.index, LIMITS.chunk_index))
        indexes = {packed.digest: read_index(self._blobs, packed) for packed in absent}
        places = chunks_here(self._blobs, here, (index for index in indexes.values() if index is not None))
        self._supply = Supply(self._carried, places)
        for packed in absent:
            if not self._blobs.has(packed.digest):
                index = indexes[packed.digest]
                self._planned.append(_Planned(packed, index, self._supply.stretches(packed, index)))
            else:
                self.report.next_file(packed.size)
        self._check_presence()

    def copy(self) -> None:
        """Copy all that this medium has. Raises `medium.next-needed` where the set has more."""
        elsewhere: list[MediumError] = []
        for planned in self._planned:
            try:
                self._copy(planned)
            except MediumError as error:
                if error.code != "medium.next-needed":
                    raise
                elsewhere.append(error)
            self.report.next_file(planned.packed.size)
        if elsewhere:
            raise self._next(elsewhere[0])

    def _check_presence(self) -> None:
        """Every file that is to be read is there and as long as was signed, or as its stretches reach."""
        sizes = {blob_file(part.digest.hex): part.size for one in self._planned for part in one.packed.parts}
        reach: dict[str, int] = {}
        for stretch in (stretch for one in self._planned for stretch in one.stretches):
            if stretch.path is None and stretch.medium is None:
                reach[stretch.file] = max(reach.get(stretch.file, 0), stretch.offset + stretch.size)
        for file, end in reach.items():
            self.report.check(file)
            wanted = sizes.get(file, end)
            with self._medium.open(file) as source:
                if source.size < wanted:
                    raise truncated(file, source.size, wanted)
                if file in sizes and source.size > wanted:
                    raise wrong_bytes(file, f"it is longer than {wanted} bytes")

    def _copy(self, planned: _Planned) -> None:
        packed, index = planned.packed, planned.index
        carried = self._carried
        mend = None if index is None else Mender(self._medium, self._supply, packed, index).mend
        source = StretchedSource(
            self._medium,
            planned.stretches,
            len(carried.media) if carried else 1,
            tolerant=mend is not None and bool(carried and carried.parity),
        )
        with closing(source):
            try:
                self._blobs.put_stream(
                    source,
                    packed.digest,
                    packed.size,
                    lambda done: self.report.bytes(done, source.name),
                    mend,
                )
            except UpdateError as error:
                if error.code == "import.cancelled":
                    self._blobs.discard_partial(packed.digest)
                raise

    def _next(self, error: MediumError) -> MediumError:
        """The medium to ask for: the first that something is missing from."""
        needed = [
            stretch.medium
            for planned in self._planned
            if not self._blobs.has(planned.packed.digest)
            for stretch in self._to_come(planned)
            if stretch.medium is not None
        ]
        assert self._carried is not None  # noqa: S101 - it is what named another medium
        return next_needed(min(needed), len(self._carried.media), error.file) if needed else error

    def _to_come(self, planned: _Planned) -> list[Stretch]:
        """The stretches that have not arrived; the first of them is where the file goes on."""
        arrived = planned.packed.size - self._blobs.missing_bytes(planned.packed.digest, planned.packed.size)
        stretches, end = [], 0
        for stretch in planned.stretches:
            end += stretch.size
            if end > arrived:
                stretches.append(stretch)
        return stretches[:1]


def _receive_manifest(medium: Medium, artifact: Artifact, blobs: BlobStore) -> Received:
    file = artifact.manifest_file
    if blobs.verify(artifact.digest):
        data = blobs.path(artifact.digest).read_bytes()
    else:
        descriptor = Descriptor("", artifact.digest, artifact.manifest_size)
        data = _read_small(medium, descriptor, LIMITS.manifest)
    manifest = parse_manifest(data, file)
    if manifest.artifact_type != artifact.artifact_type or manifest.size != artifact.size:
        raise MediumError(
            "medium.malformed",
            f"{artifact.identity} is not what was announced: another type or another size.",
            kept="Nothing on the box was changed.",
            remedy="Tell whoever keeps the depot: manifest and announcement do not agree.",
            file=file,
        )
    blobs.put_bytes(data)
    return Received(artifact, manifest)


def _read_small(medium: Medium, blob: Descriptor, limit: int) -> bytes:
    """A manifest or a chunk index, checked."""
    file = blob_file(blob.digest.hex)
    data = medium.read(file, limit)
    if data is None:
        raise missing(file)
    if len(data) < blob.size:
        raise truncated(file, len(data), blob.size)
    if len(data) > blob.size or Digest.of(data) != blob.digest:
        raise wrong_bytes(file, "its digest is another one")
    return data


def _check_space(blobs: BlobStore, absent: list[PackedFile]) -> None:
    needed = sum(blobs.missing_bytes(blob.digest, blob.size) for blob in absent)
    free = blobs.free_bytes()
    if needed and needed + SPARE > free:
        raise StoreError(
            "disk.full",
            f"The update needs {needed / 1e6:.1f} MB and {SPARE / 1e6:.1f} MB to spare; "
            f"{free / 1e6:.1f} MB are free under {blobs.folder}.",
            kept="Nothing was copied.",
            remedy="Free space, for example by removing retired model versions, and start again.",
        )
