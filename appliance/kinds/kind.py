"""What an import needs to know of a kind of artifact, and no more; `appliance.kinds.table` lists them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.box import Change
from appliance.operations.context import BoxContext
from appliance.registry import Artifact, ArtifactFile, Deployment, ModelConfig
from appliance.results import Applied
from updates.transfer import Received, contents_of


class Prepared:
    """An artifact that this machine can take, while nothing here uses it yet. By itself it needs nothing more."""

    deployment: Deployment | None = None
    """What goes over to it."""
    packs: Path | None = None
    """A folder of runtime packs that it brings, for what is certified after it."""

    def __init__(self, artifact: Artifact, evidence: str) -> None:
        self.artifact = artifact
        self.evidence = evidence
        """How it was certified, in words."""

    @property
    def applied(self) -> Applied:
        """What the report says of it."""
        artifact = self.artifact
        serving = self.deployment is not None
        return Applied(artifact.kind, artifact.name, artifact.version, self.evidence, serving)

    async def stage(self) -> None:
        """Begin what must stand beside that which serves now, such as a worker. Whatever it raises stops the import."""

    def activate(self, change: Change) -> None:
        """Write down what the kind adds, within the import's transaction; record and audit entry are written already."""

    async def settle(self) -> None:
        """The transaction is on the disk: go over to it. Raises where it cannot; then `undo` follows."""

    async def undo(self) -> None:
        """It does not come to be: leave nothing behind, staged or not. What served before goes on."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One import, as the kinds see it."""

    context: BoxContext
    prepared: Sequence[Prepared]
    """What the same import brings and has prepared so far, kinds in the order of the table."""

    @property
    def packs(self) -> tuple[Path, ...]:
        """Where runtime packs lie: those of this import, then the box's."""
        arrived = (one.packs for one in reversed(self.prepared))
        return (*(folder for folder in arrived if folder is not None), *self.context.box.state.packs)

    def report(self, phase: str, text: str) -> None:
        self.context.report(phase, text, medium_needed=False)


class ArtifactKind(Protocol):
    """How a kind of artifact is taken in."""

    def check(self, arrival: Arrival, received: Received) -> Artifact:
        """The registry's record of it. Raises where its content is not what it says, or nothing for this box."""
        ...

    async def certify(self, arrival: Arrival, artifact: Artifact) -> Prepared:
        """Find out that it works here. Raises where it does not; then nothing of it is left but blobs."""
        ...


def record(
    received: Received,
    time: str,
    *,
    licence: str,
    format: str,  # noqa: A002 - the field's name
    config: ModelConfig | None = None,
) -> Artifact:
    """An artifact as the registry keeps it."""
    identity = received.artifact.identity
    return Artifact(
        digest=received.artifact.digest.hex,
        kind=identity.kind,
        name=identity.name,
        version=identity.version,
        summary=received.artifact.summary,
        licence=licence,
        format=format,
        size=received.artifact.size,
        config=config or ModelConfig(),
        imported=time,
        files=tuple(
            ArtifactFile(blob.path or blob.digest.hex, blob.media_type, blob.digest.hex, blob.size)
            for blob in contents_of(received.manifest)
        ),
    )
