"""What becomes of a deployment when what its plan runs on is gone: it is down and says why, or serves otherwise, by policy."""

from dataclasses import dataclass
from enum import StrEnum

from runtimes.engine import Candidate
from runtimes.errors import EngineError
from runtimes.selection.plan import CandidateResult, Plan, Verdict


class FallbackPolicy(StrEnum):
    REFUSE = "refuse"
    """It is down until what it needs is back, or it is deployed again."""
    DEGRADE = "degrade"
    """The next best candidate on another device serves meanwhile, for everyone to see."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """A deployment that does not run as planned."""

    name: str
    planned: Candidate
    cause: EngineError
    by: Candidate | None
    """Who serves instead; None where nobody does."""


def alternatives(plan: Plan, lost: Candidate) -> tuple[Candidate, ...]:
    """Candidates of the plan that were measured and right, best first, without those on the device that was lost."""
    return tuple(
        candidate
        for result in plan.results
        if (candidate := result.candidate) is not None
        and _measured_right(result)
        and _where(candidate) != _where(lost)
    )


def _measured_right(result: CandidateResult) -> bool:
    right = result.parity is not None and result.parity.within
    return right and result.measurement is not None and result.verdict in (Verdict.CHOSEN, Verdict.SLOWER)


def _where(candidate: Candidate) -> tuple[str, str, str]:
    return candidate.pack, candidate.engine, candidate.device
