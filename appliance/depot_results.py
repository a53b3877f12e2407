"""What the depot's commands on roles and signatures give back; dates are ISO 8601 in UTC, durations seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArtifactAdded:
    kind: str
    name: str
    version: str
    digest: str
    """SHA-256 of the artifact's manifest."""
    size: int


@dataclass(frozen=True, slots=True)
class KeyMade:
    file: str
    public: str
    """The public half, for whoever keeps a depot."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    name: str
    key_id: str


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """Who signs for each role that was changed, once what is proposed has its signatures."""

    roles: tuple["RoleHolders", ...]
    root_version: int
    proposed_root: int | None
    """The version of a new root that waits for signatures."""


@dataclass(frozen=True, slots=True)
class RoleHolders:
    role: str
    threshold: int
    keys: tuple[KeyHolder, ...]
    days: int
    """How long its signatures last."""


@dataclass(frozen=True, slots=True)
class SignatureLack:
    """Metadata that waits: `signed` of `threshold` signatures are there, anybody of `missing` may sign next."""

    role: str
    version: int
    threshold: int
    signed: tuple[KeyHolder, ...]
    missing: tuple[KeyHolder, ...]


@dataclass(frozen=True, slots=True)
class DepotRole:
    role: str
    version: int | None
    """None where it was never published."""
    expires: str | None
    left: float | None
    """Until it runs out; negative where it has."""
    threshold: int
    keys: tuple[KeyHolder, ...]
    keys_here: int


@dataclass(frozen=True, slots=True)
class DepotReport:
    depot: str
    roles: tuple[DepotRole, ...]
    unpublished: tuple[str, ...]
    """Artifacts added or removed since the last publication."""
    lacking: tuple[SignatureLack, ...]


@dataclass(frozen=True, slots=True)
class SignaturesAsked:
    file: str | None
    """None where nothing is lacking: `depot publish` can go ahead."""
    lacking: tuple[SignatureLack, ...]


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """What a signature would be over, read from those very bytes."""

    role: str
    version: int
    expires: str
    changes: tuple[str, ...]
    threshold: int
    signed: tuple[KeyHolder, ...]
    missing: tuple[KeyHolder, ...]


@dataclass(frozen=True, slots=True)
class RequestSigned:
    file: str
    proposed: tuple[ProposedChange, ...]
    added: tuple[str, ...]
    """`role by name` each; none where the request was only looked at."""


@dataclass(frozen=True, slots=True)
class FleetFailure:
    """An artifact that a box refused."""

    name: str
    version: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class FleetBox:
    """A box as its newest receipt shows it."""

    box: str
    key_id: str
    time: str
    """When it wrote the receipt, by its own effective time."""
    metadata_version: int
    artifacts: tuple[str, ...]
    """`name version` each, of what it has."""
    lacks: tuple[str, ...]
    """Of what the depot has and it has not."""
    code: str
    """Why its last import was refused as a whole; empty where it was not."""
    failures: tuple[FleetFailure, ...]
    log_entries: int | None
    """Of its audit log as the depot cosigned it; None before the first."""


@dataclass(frozen=True, slots=True)
class Fleet:
    boxes: tuple[FleetBox, ...]
    taken: tuple[str, ...] = ()
    """Boxes whose receipts on the medium were news."""
    faults: tuple[str, ...] = ()
    """Receipts that were not used, and why."""


@dataclass(frozen=True, slots=True)
class SignaturesCollected:
    added: tuple[str, ...]
    """`role by name` each."""
    lacking: tuple[SignatureLack, ...]
