"""Choosing how a model runs here: ask every engine, try each candidate, rank them, and say why."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtimes.engine import Candidate, ModelFile, Rejection
from runtimes.errors import EngineError
from runtimes.golden import GoldenSet
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import RuntimePack
from runtimes.selection.candidates import Offer, survey
from runtimes.selection.measure import Bounds, Trial, try_out
from runtimes.selection.plan import CandidateResult, Objective, Plan, Verdict
from runtimes.selection.ranking import rank

_HOPELESS = frozenset({"model.unsupported", "model.invalid"})
"""What an engine says of the model itself: its other candidates on that device would say the same."""


@dataclass(frozen=True, slots=True)
class SelectionProgress:
    """How far choosing has come, counted in candidates."""

    text: str
    done: int
    total: int | None
    """None until the engines have answered."""


OnProgress = Callable[[SelectionProgress], None]


async def choose(
    model: ModelFile,
    golden: GoldenSet,
    *,
    objective: Objective,
    hardware: HardwareProfile,
    packs: Sequence[RuntimePack],
    budget_seconds: float = 20.0,
    cache: Path | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Plan:
    """Try every candidate on the golden samples, one at a time, and choose the best that is right.

    The budget ends the search only once something right is found: a model too large for it still gets a plan.
    What fails is a result with its reason, never an exception.
    """
    started = time.perf_counter()
    on_progress(SelectionProgress("asking the engines what they can run", 0, None))
    found = await survey(packs, model, hardware)
    search = _Search(
        model=model,
        golden=golden,
        cache=cache,
        bounds=Bounds(memory=hardware.memory.usable),
        budget=budget_seconds,
        end=started + budget_seconds,
    )
    for number, offer in enumerate(found.offers):
        on_progress(SelectionProgress(f"measuring {offer.candidate.label}", number, len(found.offers)))
        await search.take(offer, left=len(found.offers) - number)
    on_progress(SelectionProgress("every candidate has its verdict", len(found.offers), len(found.offers)))
    results = [*search.results, *(_infeasible(rejection) for rejection in found.rejections)]
    return Plan(
        model_digest=model.digest,
        objective=objective,
        hardware=hardware.fingerprint,
        engines={pack.engine: pack.version for pack in packs},
        results=rank(results, objective),
        seconds=time.perf_counter() - started,
    )


@dataclass(slots=True)
class _Search:
    """Candidates tried so far, within one budget."""

    model: ModelFile
    golden: GoldenSet
    cache: Path | None
    bounds: Bounds
    budget: float
    end: float
    """When the budget is used up, on the clock of `time.perf_counter`."""
    results: list[CandidateResult] = field(default_factory=list)
    hopeless: dict[tuple[str, str], EngineError] = field(default_factory=dict)
    """Engine and device -> what the engine says of the model on it."""

    async def take(self, offer: Offer, left: int) -> None:
        """Try one candidate; `left` counts those that still share the budget, this one among them."""
        candidate = offer.candidate
        known = self.hopeless.get((candidate.engine, candidate.device))
        if known is not None:
            self.results.append(_result(candidate, Verdict.INFEASIBLE, known.code, known.what))
            return
        remaining = self.end - time.perf_counter()
        found_one = any(result.measurement is not None for result in self.results)
        if found_one and remaining <= 0:
            self._skip(candidate, "not measured")
            return
        try:
            async with asyncio.timeout(remaining if found_one else None):
                trial = await self._try_out(offer, remaining / left)
        except TimeoutError:
            self._skip(candidate, "not finished")
        except EngineError as error:
            if error.code in _HOPELESS:
                self.hopeless[candidate.engine, candidate.device] = error
            self.results.append(_result(candidate, Verdict.FAILED, error.code, error.what))
        else:
            self.results.append(_tried(candidate, trial))

    async def _try_out(self, offer: Offer, seconds: float) -> Trial:
        return await try_out(
            self.model,
            self.golden,
            offer.candidate,
            interpreter=offer.pack.interpreter,
            cache=self.cache,
            seconds=seconds,
            bounds=self.bounds,
        )

    def _skip(self, candidate: Candidate, how: str) -> None:
        reason = f"{how}: the time budget of {self.budget:g} s was used up"
        self.results.append(_result(candidate, Verdict.SKIPPED, "plan.budget-used-up", reason))


def _result(candidate: Candidate, verdict: Verdict, code: str, reason: str) -> CandidateResult:
    return CandidateResult(
        candidate.engine, candidate.device, candidate.label, candidate, verdict, code, reason
    )


def _tried(candidate: Candidate, trial: Trial) -> CandidateResult:
    """A candidate that ran; the verdict of one that is right comes from ranking."""
    wrong = not trial.parity.within
    return CandidateResult(
        engine=candidate.engine,
        device=candidate.device,
        label=candidate.label,
        candidate=candidate,
        verdict=Verdict.WRONG if wrong else Verdict.SLOWER,
        code="parity.outside-tolerance" if wrong else "plan.slower",
        reason=trial.wrong,
        measurement=trial.measurement,
        parity=trial.parity,
        in_force=trial.in_force,
    )


def _infeasible(rejection: Rejection) -> CandidateResult:
    return CandidateResult(
        engine=rejection.engine,
        device=rejection.device,
        label=f"{rejection.engine} {rejection.device}".strip(),
        candidate=None,
        verdict=Verdict.INFEASIBLE,
        code=rejection.code,
        reason=rejection.reason,
    )
