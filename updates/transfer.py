"""Bringing artifacts from a medium into the blob store: one pass, verified while it is copied, resumable."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from enum import StrEnum

from updates.artifacts import Artifact
from updates.blobs import BlobStore, Source
from updates.digest import Digest
from updates.errors import MediumError, StoreError, UpdateError
from updates.layout import LIMITS, blob_file
from updates.manifest import Manifest, PackedFile, parse_manifest
from updates.media import Medium
from updates.parts import PartsSource
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
        files = (packed.digest for packed in self.manifest.files)
        return frozenset({self.artifact.digest, self.manifest.config.digest, *files})

    @property
    def files(self) -> dict[str, Digest]:
        """Its files by their path inside the artifact."""
        return {packed.path: packed.digest for packed in self.manifest.files if packed.path is not None}


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
    wanted = {packed.digest: packed for item in received for packed in _contents(item.manifest)}
    absent = [packed for packed in wanted.values() if not blobs.has(packed.digest)]
    _check_presence(medium, absent, on_progress)
    _check_space(blobs, absent)
    total = sum(packed.size for packed in absent)
    done = 0
    for packed in absent:
        _copy(medium, packed, blobs, _Reporter(on_progress, cancelled, done, total))
        done += packed.size
    on_progress(Progress(Phase.COPY, total, total, "", medium_needed=False))
    return received


@dataclass(frozen=True, slots=True)
class _Reporter:
    tell: OnProgress
    cancelled: Callable[[], bool]
    before: int
    total: int

    def __call__(self, done: int, file: str) -> None:
        if self.cancelled():
            raise UpdateError(
                "import.cancelled",
                "The import was cancelled.",
                kept="Nothing on the box was changed.",
            )
        self.tell(Progress(Phase.COPY, self.before + done, self.total, file))


def _contents(manifest: Manifest) -> tuple[PackedFile, ...]:
    config = manifest.config
    return (PackedFile(None, config.media_type, config.digest, config.size, (config,)), *manifest.files)


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


def _check_presence(medium: Medium, absent: list[PackedFile], on_progress: OnProgress) -> None:
    total = sum(packed.size for packed in absent)
    for part in (part for packed in absent for part in packed.parts):
        file = blob_file(part.digest.hex)
        on_progress(Progress(Phase.CHECK, 0, total, file))
        with medium.open(file) as source:
            if source.size < part.size:
                raise truncated(file, source.size, part.size)
            if source.size > part.size:
                raise wrong_bytes(file, f"it is longer than {part.size} bytes")


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


def _copy(medium: Medium, packed: PackedFile, blobs: BlobStore, report: _Reporter) -> None:
    with _open(medium, packed) as source:
        try:
            blobs.put_stream(source, packed.digest, packed.size, lambda done: report(done, source.name))
        except UpdateError as error:
            if error.code == "import.cancelled":
                blobs.discard_partial(packed.digest)
            raise


def _open(medium: Medium, packed: PackedFile) -> AbstractContextManager[Source]:
    if packed.parts[0].digest == packed.digest:
        return medium.open(blob_file(packed.digest.hex))
    return closing(PartsSource(medium, packed.parts))
