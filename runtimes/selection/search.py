"""Trying candidates one after the other within a time budget; each try ends in a result, never in an exception."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runtimes.engine import Candidate, ModelFile
from runtimes.errors import EngineError
from runtimes.golden import GoldenSet
from runtimes.hardware.energy_meter import EnergyMeter
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs.compiled import compiled_key
from runtimes.selection.candidates import Offer
from runtimes.selection.plan import CandidateResult, Verdict
from runtimes.selection.trial import LOAD_SECONDS, Trial, try_out
from runtimes.worker.spec import WorkerSpec

_LARGEST_PART = 0.5
"""Of what is left of the budget, for one candidate while others wait: a stuck one must not use it up."""
_ABOUT_THE_MODEL = frozenset({"model.unsupported", "model.invalid", "request.timeout", "worker.load-timeout"})
"""What no other precision or number of threads is likely to change: the engine's other candidates on that device
are not tried after it."""


_Place = tuple[str, str, str]
"""Pack, engine and device."""


class Budget:
    """Seconds that several candidates share, running from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.perf_counter() + seconds

    @property
    def remaining(self) -> float:
        return self._end - time.perf_counter()


@dataclass(slots=True)
class Search:
    """One search for the best way to run a model."""

    model: ModelFile
    golden: GoldenSet
    cache: Path | None = None
    """Root of all compiled models."""
    hardware: HardwareProfile | None = None
    """Whose drivers they are for; may be None where every device is the processor."""
    memory: int | None = None
    """Bytes a worker may use."""
    energy: EnergyMeter | None = None
    _refused: dict[_Place, EngineError] = field(default_factory=dict)
    """What an engine says of the model on a device."""

    async def take(self, offer: Offer, budget: Budget, left: int) -> CandidateResult:
        """Try a candidate with its share; `left` counts those that still wait, this one among them."""
        candidate = offer.candidate
        refused = self._refused.get(_place(candidate))
        if refused is not None:
            return _result(candidate, Verdict.INFEASIBLE, refused.code, refused.what)
        remaining = budget.remaining
        if remaining <= 0:
            return _skipped(candidate, f"not measured: the time budget of {budget.seconds:g} s was used up")
        share = remaining / left
        at_most = max(share, remaining * _LARGEST_PART)
        try:
            trial = await try_out(
                self.spec(offer), self.golden, seconds=share, at_most=at_most, energy=self.energy
            )
        except TimeoutError:
            return _skipped(
                candidate,
                f"not finished within {at_most:.1f} s, its part of the time budget of {budget.seconds:g} s",
            )
        except EngineError as error:
            if error.code in _ABOUT_THE_MODEL:
                self._refused[_place(candidate)] = error
            return _result(candidate, Verdict.FAILED, error.code, error.what)
        return _tried(candidate, trial)

    def spec(self, offer: Offer) -> WorkerSpec:
        """The worker that tries a candidate."""
        return WorkerSpec(
            model=self.model,
            candidate=offer.candidate,
            interpreter=offer.pack.interpreter,
            cache=self._compiled(offer),
            load_timeout=LOAD_SECONDS,
            memory_limit=self.memory,
        )

    def _compiled(self, offer: Offer) -> Path | None:
        if self.cache is None:
            return None
        device = offer.candidate.device
        return compiled_key(self.model.digest, offer.pack, device, self.hardware).folder(self.cache)


def in_reserve(number: int, offers: Sequence[Offer], results: Mapping[int, CandidateResult]) -> bool:
    """Whether an offer is not needed, by the results so far: some that go before it are good, or not yet tried."""
    candidate = offers[number].candidate
    before = (
        n
        for n, other in enumerate(offers)
        if other.candidate.reserve < candidate.reserve and _place(other.candidate) == _place(candidate)
    )
    return any(n not in results or results[n].verdict not in (Verdict.FAILED, Verdict.WRONG) for n in before)


def _place(candidate: Candidate) -> _Place:
    return candidate.pack, candidate.engine, candidate.device


def _skipped(candidate: Candidate, reason: str) -> CandidateResult:
    return _result(candidate, Verdict.SKIPPED, "plan.budget-used-up", reason)


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
