"""Bringing artifacts from a medium into the blob store: one pass, verified while it is copied, resumable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from updates.artifacts import Artifact
from updates.blobs import BlobStore
from updates.digest import Digest
from updates.errors import MediumError, StoreError, UpdateError
from updates.layout import LIMITS, blob_file
from updates.manifest import Descriptor, Manifest, parse_manifest
from updates.media import Medium
from updates.refusals import missing, truncated, wrong_bytes

SPARE = 16 << 20
"""Bytes that stay free beside the payload, for the database and the logs."""


class Phase(StrEnum):
    CHECK = "check"
    """Manifests are read, and every payload file's presence and size are looked at."""
    COPY = "copy"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transfer has come, in bytes; `file` is the one being read, relative to the update's folder."""

    phase: Phase
    done: int
    total: int
    file: str
    medium_needed: bool = True
    """False in the last event: from then on the medium may be pulled."""


@dataclass(frozen=True, slots=True)
class Received:
    """An artifact whose every blob is in the store, durable and verified."""

    artifact: Artifact
    manifest: Manifest

    @property
    def digests(self) -> frozenset[Digest]:
        """What the store must keep for it."""
        return frozenset({self.artifact.digest, *(blob.digest for blob in self.manifest.blobs)})

    @property
    def files(self) -> dict[str, Digest]:
        """Its files by their path inside the artifact."""
        return {layer.path: layer.digest for layer in self.manifest.layers if layer.path is not None}


OnProgress = Callable[[Progress], None]


def receive(
    medium: Medium,
    artifacts: Iterable[Artifact],
    blobs: BlobStore,
    on_progress: OnProgress = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Received]:
    """Copy what `artifacts` need and the store lacks.

    Blobs that the store has are not read from the medium. What had arrived when the medium was pulled is kept for
    the next attempt; after a cancellation the unfinished blob is removed, and finished ones belong to nobody until
    `BlobStore.remove_unreferenced` takes them.

    Args:
        artifacts: from a Preview; their digests are signed.
        on_progress: called after each stretch of at most 1 MiB.
        cancelled: asked as often.

    Raises:
        MediumError: `medium.gone`, `medium.missing-file`, `medium.truncated`, `medium.digest-mismatch`,
            `medium.malformed`, `medium.not-a-file`, `medium.unreadable`; `file` names the file.
        StoreError: `disk.full` before the first byte where that can be foreseen, `disk.unwritable`.
        UpdateError: `import.cancelled`.
    """
    received = [_receive_manifest(medium, artifact, blobs) for artifact in artifacts]
    wanted = {blob.digest: blob for item in received for blob in item.manifest.blobs}
    absent = [blob for blob in wanted.values() if not blobs.has(blob.digest)]
    _check_presence(medium, absent, on_progress)
    _check_space(blobs, absent)
    total = sum(blob.size for blob in absent)
    done = 0
    for blob in absent:
        _copy(medium, blob, blobs, _Reporter(on_progress, cancelled, done, total, blob_file(blob.digest.hex)))
        done += blob.size
    on_progress(Progress(Phase.COPY, total, total, "", medium_needed=False))
    return received


@dataclass(frozen=True, slots=True)
class _Reporter:
    tell: OnProgress
    cancelled: Callable[[], bool]
    before: int
    total: int
    file: str

    def __call__(self, done: int) -> None:
        if self.cancelled():
            raise UpdateError(
                "import.cancelled",
                "The import was cancelled.",
                kept="Nothing on the box was changed.",
            )
        self.tell(Progress(Phase.COPY, self.before + done, self.total, self.file))


def _receive_manifest(medium: Medium, artifact: Artifact, blobs: BlobStore) -> Received:
    file = artifact.manifest_file
    if blobs.verify(artifact.digest):
        data: bytes | None = blobs.path(artifact.digest).read_bytes()
    else:
        data = medium.read(file, LIMITS.manifest)
    if data is None:
        raise missing(file)
    if len(data) != artifact.manifest_size or Digest.of(data) != artifact.digest:
        raise wrong_bytes(file, "its digest is another one")
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


def _check_presence(medium: Medium, absent: list[Descriptor], on_progress: OnProgress) -> None:
    total = sum(blob.size for blob in absent)
    for blob in absent:
        file = blob_file(blob.digest.hex)
        on_progress(Progress(Phase.CHECK, 0, total, file))
        with medium.open(file) as source:
            if source.size != blob.size:
                raise _wrong_size(file, source.size, blob.size)


def _wrong_size(file: str, found: int, wanted: int) -> MediumError:
    if found > wanted:
        return wrong_bytes(file, f"it is longer than {wanted} bytes")
    return truncated(file, found, wanted)


def _check_space(blobs: BlobStore, absent: list[Descriptor]) -> None:
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


def _copy(medium: Medium, blob: Descriptor, blobs: BlobStore, report: _Reporter) -> None:
    with medium.open(report.file) as source:
        try:
            blobs.put_stream(source, blob.digest, blob.size, report)
        except UpdateError as error:
            if error.code == "import.cancelled":
                blobs.discard_partial(blob.digest)
            raise
