"""The state of the box as values: what `status --json` prints and every console shows."""

from dataclasses import dataclass, field
from enum import StrEnum

from runtimes.hardware.profile import HardwareProfile


class Health(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


class DeploymentState(StrEnum):
    STARTING = "starting"
    SERVING = "serving"
    DEGRADED = "degraded"
    """It serves, but not by the candidate of its plan, since what that runs on is gone."""
    RESTARTING = "restarting"
    """Its worker died; a new one is being loaded."""
    FAILED = "failed"
    """It crashed too often, or could not be loaded; needs a person."""
    STOPPED = "stopped"
    """Planned, but no daemon is running."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a deployment answered in the last minute. Seconds; None where there was no request."""

    requests_per_second: float
    errors: int
    p50_seconds: float | None
    p99_seconds: float | None
    history: tuple[float, ...]
    """Requests a second, one value a second, oldest first, 60 values."""


@dataclass(frozen=True, slots=True)
class SoakStatus:
    """How the version that the last update of a deployment brought proves itself."""

    version: str
    previous: str
    """Version that is kept until this one is confirmed, or was gone back to."""
    phase: str
    """`soaking`, `confirmed`, `failing` (the way back has begun) or `rolled-back`."""
    began: str
    ended: str
    """Empty while it is not."""
    seconds: float
    """Of service."""
    needed_seconds: float
    requests: int
    needed_requests: int
    errors: int
    crashes: int
    p50_seconds: float | None
    cause: str = ""
    reason: str = ""
    """Why it was not good enough."""


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    name: str
    version: str
    kind: str
    """`tensor` or `text`."""
    state: DeploymentState
    detail: str
    """Why it is restarting, degraded or failed; empty otherwise."""
    engine: str
    """Label of the candidate that serves, such as `openvino CPU bf16 x2`."""
    worker_pid: int | None
    memory: int | None
    """Resident bytes of the worker."""
    restarts: int
    planned_p50_seconds: float | None
    traffic: Traffic
    confinement: dict[str, str] = field(default_factory=dict)
    """Wall around its worker -> `in force`, or why it is not; empty while no worker runs."""
    last_words: tuple[str, ...] = ()
    """Last lines of the dead worker's engine, oldest first; empty while a worker runs."""
    cause: str = ""
    """Cause code of why it is degraded or failed, where one is known."""
    remedy: str = ""
    """What to do about the cause."""
    planned: str = ""
    """Label of the plan's own candidate while it is degraded."""
    soak: SoakStatus | None = None
    """None where no update has changed its version since it was deployed by hand."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What the box keeps on its disk, by kind. Bytes."""

    blobs: int
    """Imported models."""
    databases: int
    """Registry, audit log and telemetry."""
    compiled: int
    """Compiled models; safe to delete."""
    packs: int
    """Runtime packs of the box's own and those that the system or APPLIANCE_PACKS offers."""


@dataclass(frozen=True, slots=True)
class AuditLine:
    index: int
    time: str
    """ISO 8601, UTC."""
    actor: str
    action: str
    subject: str
    outcome: str
    """`ok`, `refused` or `failed`."""


@dataclass(frozen=True, slots=True)
class AuditStatus:
    size: int
    root: str
    """Hexadecimal root hash of the whole tree."""
    checkpoint_size: int | None
    checkpoint_time: str | None
    recent: tuple[AuditLine, ...]
    """Newest first, at most ten."""


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """The last import that was applied."""

    time: str
    medium: str
    artifacts: tuple[str, ...]
    """`name version` each."""
    metadata_version: int
    metadata_age_seconds: float | None
    """Age of the newest signed metadata against the box's effective time."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps the box from being well."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Everything the home screen shows."""

    box: str
    """Name of the box."""
    version: str
    time: str
    """ISO 8601, UTC, when the report was made."""
    daemon_running: bool
    health: Health
    problems: tuple[Problem, ...]
    hardware: HardwareProfile | None
    deployments: tuple[DeploymentStatus, ...]
    last_update: UpdateStatus | None
    audit: AuditStatus
    disk_free: int
    """Bytes free where the state lies."""
    disk_total: int
    endpoints: tuple[str, ...]
    """Where requests are answered: `unix:/run/appliance/inference.sock`, `http://127.0.0.1:8080`."""
    disk_use: DiskUse | None = None
    """None where it was not counted."""
    waiting: tuple[str, ...] = ()
    """What waits for another person's approval: `abc234: import model x 1.2.0`."""
    media: tuple[str, ...] = ()
    """Where updates lie now, as far as the daemon has seen."""
