"""What commands give back: the values that `--json` prints and every console formats.

Their JSON Schema is `docs/results.schema.json`. Sizes are bytes, times are ISO 8601 in UTC, durations seconds.
"""

from dataclasses import dataclass
from typing import Any

from appliance.service_manager import RESTART
from runtimes.hardware.profile import HardwareProfile
from runtimes.selection.plan import CandidateResult, Plan
from runtimes.selection.whatif import WhatIf

SCHEMA = "appliance/1"


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Who signs for a TUF role: `threshold` of `key_ids`."""

    role: str
    threshold: int
    key_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DepotMade:
    depot: str
    root: str
    """The root metadata file to give to boxes."""
    keys: str
    roles: tuple[RoleKeys, ...]


@dataclass(frozen=True, slots=True)
class ModelAdded:
    name: str
    version: str
    format: str
    digest: str
    """SHA-256 of the artifact's manifest."""
    size: int
    samples: int
    """Golden samples."""
    left_out: tuple[str, ...] = ()
    """Files of an OCI layout that are not carried: a box has no use for them."""
    provenance_signed: bool = False
    """False where no key of the model's role is here and can be opened; the signed targets vouch for it then."""


@dataclass(frozen=True, slots=True)
class UpdatePublished:
    medium: str
    artifacts: tuple[str, ...]
    """`name version` each."""
    metadata_version: int
    files: int
    size: int
    expires: str
    number: int = 1
    """Which medium of its set this is."""
    media: int = 1


@dataclass(frozen=True, slots=True)
class BoxMade:
    box: str
    state: str
    administrator: str
    password: str
    """Shown once; the box keeps only its Argon2id hash."""
    device_key: str
    """The device key's C2SP verifier key, for those who check its checkpoints."""
    root_version: int


@dataclass(frozen=True, slots=True)
class ArtifactPreview:
    kind: str
    name: str
    version: str
    summary: str
    size: int
    digest: str
    change: str
    """`new`, `newer` than the box's, `present` already, or `older`."""
    replaces: str | None
    """Version the box has now."""
    refused: str = ""
    """Why it would not be taken in: the policy's floor, or the machine's memory."""


@dataclass(frozen=True, slots=True)
class Signed:
    role: str
    threshold: int
    signers: tuple[str, ...]
    """Whose keys have signed: the name that the depot gave each, and the beginning of its key id."""


@dataclass(frozen=True, slots=True)
class UpdatePreview:
    """What is on a medium, from the signed metadata alone."""

    medium: str
    artifacts: tuple[ArtifactPreview, ...]
    signed: tuple[Signed, ...]
    metadata_version: int
    trusted_version: int | None
    """Metadata version that the box trusts now; None before the first import."""
    metadata_age: float | None
    expires: str
    expired: bool
    size: int
    """What would be copied."""
    disk_free: int
    refused: str = ""
    """Why whoever asks may not import it."""
    people: int = 1
    """Accounts that must stand behind the import; 1 where nobody else is needed."""
    request: str = ""
    """The request that waits for them, once somebody has asked for the import."""
    behind: tuple[str, ...] = ()
    """Accounts that stand behind it."""
    approvers: tuple[str, ...] = ()
    """Roles that may approve."""


@dataclass(frozen=True, slots=True)
class Applied:
    kind: str
    name: str
    version: str
    evidence: str
    """How it was certified: `openvino CPU f32 x2 gives all 4 golden samples`."""
    serving: bool
    """A deployment of this name was switched to it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    kind: str
    name: str
    version: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    medium: str
    found: int
    applied: tuple[Applied, ...]
    rejected: tuple[Rejected, ...]
    present: tuple[str, ...]
    """`name version` of what the box had already."""
    copied: int
    seconds: float
    metadata_version: int


@dataclass(frozen=True, slots=True)
class PackStatus:
    name: str
    engine: str
    version: str | None
    """None where it is not installed."""
    needs: str
    """What it needs to run here; empty where it is installed."""
    here: str = ""
    """Which accelerators of this machine it would serve, or that there is none for it."""


@dataclass(frozen=True, slots=True)
class DoctorReport:
    hardware: HardwareProfile
    packs: tuple[PackStatus, ...]
    seconds: float
    captured: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRow:
    name: str
    version: str
    format: str
    size: int
    digest: str
    imported: str
    deployed: bool
    summary: str
    licence: str
    kept_for: str = ""
    """Why it is never removed by itself; empty where the policy may let it go."""


@dataclass(frozen=True, slots=True)
class RetiredModel:
    """A version whose content was removed; its evidence is kept."""

    name: str
    version: str
    digest: str
    imported: str
    retired: str


@dataclass(frozen=True, slots=True)
class ModelList:
    models: tuple[ModelRow, ...]
    retired: tuple[RetiredModel, ...] = ()


@dataclass(frozen=True, slots=True)
class Production:
    """What requests of the last minute took, from the gateway's reading to its answer: waiting in line included."""

    requests: int
    """Those that went well."""
    p50_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True, slots=True)
class WhatIfReport:
    """How a deployment would run without something, from its plan's stored evidence."""

    answer: WhatIf
    limits_kept: bool | None
    """Whether it would keep the model's limits; None where it has none or nothing would run."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """The plan of a deployment; `results` of the plan has the chosen candidate first."""

    name: str
    version: str
    plan: Plan
    reused: bool
    """It is the stored plan; nothing was measured."""
    serving: bool
    limits_kept: bool | None
    """Whether what was measured keeps the model's limits of latency and memory; None where it has none."""
    what_if: WhatIfReport | None = None
    """Only where it was asked for."""
    stale: str | None = None
    """Why the stored plan must be measured again; None where it holds."""
    production: Production | None = None
    """None where no daemon serves it."""

    @property
    def chosen(self) -> CandidateResult | None:
        return self.plan.chosen


@dataclass(frozen=True, slots=True)
class Undeployed:
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class CacheRow:
    """What an engine compiled of a model for a device."""

    model: str | None
    """`name version`; None where no imported model has these weights."""
    digest: str
    """SHA-256 of the weights."""
    pack: str
    """Runtime pack, or the engine in the core's own environment."""
    version: str
    """Of the engine."""
    device: str
    driver: str
    """Drivers that it was compiled for; `none` where the device is the processor."""
    size: int


@dataclass(frozen=True, slots=True)
class CacheList:
    compiled: tuple[CacheRow, ...]


@dataclass(frozen=True, slots=True)
class CacheCleared:
    removed: int
    """Compiled models, counted by model, engine and device."""
    freed: int


@dataclass(frozen=True, slots=True)
class SettingRow:
    name: str
    value: str
    default: str
    choices: tuple[str, ...]
    help: str


@dataclass(frozen=True, slots=True)
class SettingList:
    settings: tuple[SettingRow, ...]


@dataclass(frozen=True, slots=True)
class SettingChanged:
    name: str
    before: str
    value: str


@dataclass(frozen=True, slots=True)
class Served:
    """The daemon ran and stopped in good order."""

    seconds: float
    restart: bool = False
    """It wants to be started again, as another release."""

    @property
    def code(self) -> int:
        return RESTART if self.restart else 0


@dataclass(frozen=True, slots=True)
class OutputTensor:
    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any
    """Nested lists, or null where it was saved to a file."""
    saved: str | None = None


@dataclass(frozen=True, slots=True)
class Inferred:
    name: str
    version: str
    outputs: tuple[OutputTensor, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Chatted:
    name: str
    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ConsoleClosed:
    code: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    index: int
    time: str
    actor: str
    role: str
    action: str
    subject: str
    digest: str
    outcome: str
    code: str


@dataclass(frozen=True, slots=True)
class AuditList:
    size: int
    entries: tuple[AuditRow, ...]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class AuditVerified:
    """The log proves itself."""

    entries: int
    checkpoints: int
    checkpoint_size: int | None
    root: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AuditExported:
    file: str
    entries: int
    size: int
    digest: str
    """SHA-256 of the file."""
