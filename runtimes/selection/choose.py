"""Choosing how a model runs here: ask every engine, try each candidate, rank them, and say why."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtimes.engine import ModelFile, Rejection
from runtimes.golden import GoldenSet
from runtimes.hardware.energy_meter import EnergyMeter
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import RuntimePack
from runtimes.selection.candidates import Offer, survey
from runtimes.selection.plan import CandidateResult, Limits, Objective, Plan, Verdict
from runtimes.selection.ranking import rank
from runtimes.selection.runoff import close_to_best, run_off
from runtimes.selection.search import Budget, Search, in_reserve

_NO_LIMITS = Limits()
_MORE_TIME = 3
"""How many times larger the next budget is where one was too small."""


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
    limits: Limits = _NO_LIMITS,
    budget_seconds: float = 20.0,
    cache: Path | None = None,
    energy: EnergyMeter | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Plan:
    """Try every candidate on the golden samples, one at a time, and choose the best that is right.

    Those that came out close are measured again in turns, as far as the budget lasts. Where nothing right was found
    in time, the candidates that were skipped are tried again with a larger budget, until one is right or each has
    failed: a model that takes a minute to load gets a plan too. What fails is a result with its reason, never an
    exception.
    """
    started = time.perf_counter()
    on_progress(SelectionProgress("asking the engines what they can run", 0, None))
    found = await survey(packs, model, hardware, at_once=objective is Objective.THROUGHPUT)
    search = Search(model, golden, cache, hardware, hardware.memory.usable, energy)
    results, budget = await _try_all(search, found.offers, budget_seconds, on_progress)
    close = close_to_best(results, objective, limits, hardware.memory.usable)
    if close:
        on_progress(SelectionProgress("measuring the closest again, in turns", len(results), len(results)))
        contenders = [(search.spec(found.offers[number]), results[number]) for number in close]
        results |= zip(close, await run_off(contenders, golden, budget.remaining), strict=True)
    on_progress(SelectionProgress("every candidate has its verdict", len(results), len(results)))
    return Plan(
        model_digest=model.digest,
        objective=objective,
        hardware=hardware.fingerprint,
        engines={pack.title: pack.version for pack in packs},
        results=rank([*results.values(), *map(_infeasible, found.rejections)], objective, limits),
        seconds=time.perf_counter() - started,
        limits=limits,
    )


async def _try_all(
    search: Search, offers: Sequence[Offer], budget_seconds: float, on_progress: OnProgress
) -> tuple[dict[int, CandidateResult], Budget]:
    """Results by the number of their offer, and what is left of the last budget; unneeded reserves have none."""
    results: dict[int, CandidateResult] = {}
    waiting = list(range(len(offers)))
    while True:
        budget = Budget(budget_seconds)
        for position, number in enumerate(waiting):
            if in_reserve(number, offers, results):
                continue
            later = [n for n in waiting[position:] if not in_reserve(n, offers, results)]
            done = len(results.keys() - later)
            text = f"measuring {offers[number].candidate.label}"
            on_progress(SelectionProgress(text, done, done + len(later)))
            results[number] = await search.take(offers[number], budget, left=len(later))
        verdicts = [results[number].verdict if number in results else None for number in range(len(offers))]
        waiting = [number for number, verdict in enumerate(verdicts) if verdict in (None, Verdict.SKIPPED)]
        if Verdict.SKIPPED not in verdicts or any(result.measurement for result in results.values()):
            return results, budget
        budget_seconds *= _MORE_TIME


def _infeasible(rejection: Rejection) -> CandidateResult:
    return CandidateResult(
        engine=rejection.engine,
        device=rejection.device,
        label=f"{rejection.pack or rejection.engine} {rejection.device}".strip(),
        candidate=None,
        verdict=Verdict.INFEASIBLE,
        code=rejection.code,
        reason=rejection.reason,
    )
