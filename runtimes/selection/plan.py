"""The plan: how a model runs on this machine, with the evidence for it."""

from dataclasses import dataclass
from enum import StrEnum

from runtimes.engine import Candidate, InForce


class Objective(StrEnum):
    """What the best means for a deployment."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    MEMORY = "memory"
    ENERGY = "energy"
    """Where the machine counts it; else latency decides, and the plan says so."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment must keep, whatever its objective. Those that do not, come after all that do."""

    latency_seconds: float | None = None
    """For the median of an answer."""
    memory: int | None = None
    """Bytes, for the most that its worker uses."""


class Verdict(StrEnum):
    CHOSEN = "chosen"
    SLOWER = "slower"
    """Right, but another one serves the objective better, or keeps the limits."""
    WRONG = "wrong"
    """Ran, but its answers are outside the model's tolerance."""
    FAILED = "failed"
    """Could not be loaded or did not finish."""
    INFEASIBLE = "infeasible"
    """Was never started: the engine cannot run this model here."""
    SKIPPED = "skipped"
    """Not measured because the time budget was used up."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How close a candidate's answers to the golden samples came."""

    within: bool
    worst_error: float | None
    """Largest |got - want| over all samples and outputs; None for text."""
    worst_sample: str | None
    """Name of the sample (and output) with the largest excess over the tolerance, or that differed."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Inferences a second with so many requests waiting at every moment."""

    concurrency: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Times in seconds, sizes in bytes, measured in a worker on the golden samples."""

    load_seconds: float
    runs: int
    p50_seconds: float
    p99_seconds: float
    throughput: float
    """The most inferences a second of `throughput_at`; for text, generated tokens a second, prompt included."""
    peak_memory: int | None
    first_token_seconds: float | None = None
    """Only for text: from the request to the first piece of the answer, p50."""
    prompt_tokens_per_second: float | None = None
    generation_tokens_per_second: float | None = None
    """Only for text: generated tokens after the first, by the time that they took."""
    joules: float | None = None
    """Of all counters that the machine has, while it answered, by answers; for text by generated tokens."""
    throughput_at: tuple[Throughput, ...] = ()
    """By rising concurrency, of those there was time for; empty for text.

    A candidate with one stream answers one request after the other, so a higher figure than that for 1 is what is won
    by never letting it wait for the next request, no more.
    """


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """One row of the table that `deploy` prints."""

    engine: str
    device: str
    label: str
    candidate: Candidate | None
    """None where a whole engine or device was rejected before there was a candidate."""
    verdict: Verdict
    code: str
    """Cause code of the verdict: `plan.fastest`, `plan.slower`, `plan.outside-limits`, `parity.outside-tolerance`, or
    the rejection's."""
    reason: str
    measurement: Measurement | None = None
    parity: Parity | None = None
    in_force: InForce | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The chosen candidate and every other one with the reason it lost. The chosen one comes first."""

    model_digest: str
    objective: Objective
    hardware: str
    """`HardwareProfile.fingerprint` at the time of measuring."""
    engines: dict[str, str]
    """Engine, or pack outside the core's environment -> version, of all that were asked."""
    results: tuple[CandidateResult, ...]
    seconds: float
    """How long choosing took."""
    limits: Limits = Limits()

    @property
    def chosen(self) -> CandidateResult | None:
        """None where no candidate was both able and right."""
        return next((r for r in self.results if r.verdict is Verdict.CHOSEN), None)
