"""Choosing how a model runs here: ask every engine, try each candidate, rank them, and say why."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtimes.engine import ModelFile, Rejection
from runtimes.golden import GoldenSet
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import RuntimePack
from runtimes.selection.candidates import Offer, survey
from runtimes.selection.plan import CandidateResult, Objective, Plan, Verdict
from runtimes.selection.ranking import rank
from runtimes.selection.search import Budget, Search

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
    budget_seconds: float = 20.0,
    cache: Path | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Plan:
    """Try every candidate on the golden samples, one at a time, and choose the best that is right.

    Where nothing right was found in time, the candidates that were skipped are tried again with a larger budget,
    until one is right or each has failed: a model that takes a minute to load gets a plan too. What fails is a
    result with its reason, never an exception.
    """
    started = time.perf_counter()
    on_progress(SelectionProgress("asking the engines what they can run", 0, None))
    found = await survey(packs, model, hardware)
    search = Search(model, golden, cache, hardware.memory.usable)
    results = await _try_all(search, found.offers, budget_seconds, on_progress)
    return Plan(
        model_digest=model.digest,
        objective=objective,
        hardware=hardware.fingerprint,
        engines={pack.title: pack.version for pack in packs},
        results=rank([*results, *map(_infeasible, found.rejections)], objective),
        seconds=time.perf_counter() - started,
    )


async def _try_all(
    search: Search, offers: Sequence[Offer], budget_seconds: float, on_progress: OnProgress
) -> Sequence[CandidateResult]:
    results: dict[int, CandidateResult] = {}
    waiting = list(range(len(offers)))
    while waiting:
        budget = Budget(budget_seconds)
        for position, number in enumerate(waiting):
            label = offers[number].candidate.label
            on_progress(
                SelectionProgress(f"measuring {label}", len(offers) - len(waiting) + position, len(offers))
            )
            results[number] = await search.take(offers[number], budget, left=len(waiting) - position)
        if any(result.measurement is not None for result in results.values()):
            break
        waiting = [number for number, result in results.items() if result.verdict is Verdict.SKIPPED]
        budget_seconds *= _MORE_TIME
    on_progress(SelectionProgress("every candidate has its verdict", len(offers), len(offers)))
    return list(results.values())


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
