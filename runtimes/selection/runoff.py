"""The run-off: candidates that came out close are measured again in turns, so that a busy moment hits all alike.

Candidates are first measured one after the other, seconds apart. What else the machine did in those seconds can be
more than what lies between the best of them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from statistics import median

from runtimes.errors import EngineError
from runtimes.golden import GoldenSet
from runtimes.selection.measure import measure
from runtimes.selection.plan import CandidateResult, Limits, Measurement, Objective, Throughput
from runtimes.selection.runs import Run, run_sample
from runtimes.selection.trial import start_for_trial
from runtimes.selection.yardstick import Yardstick, broken_limits
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

CLOSE = 1.3
"""Times the best one's cost, up to which a candidate is in the run-off."""
MOST_CONTENDERS = 3
ROUNDS = 5
PAUSE = 0.02
"""Seconds between two turns: engines' threads spin for a moment after an answer."""
TURN_SECONDS = 0.08
RUNS_A_TURN = 6
"""At least, however long one takes."""
MARGIN = 2
"""Loading, and running the golden samples once, may take so many times what loading took at first."""


def close_to_best(
    results: Mapping[int, CandidateResult], objective: Objective, limits: Limits, memory: int | None
) -> list[int]:
    """Whose results are close to the best, that one among them; none where there is nothing to decide.

    Args:
        memory: bytes that all of them together may use.
    """
    found = {n: own for n, result in results.items() if (own := result.measurement) is not None}
    yardstick = Yardstick.common_to(list(found.values()), objective)
    kept = {n: own for n, own in found.items() if not broken_limits(own, limits)} or found
    order = sorted(kept, key=lambda number: yardstick.cost(kept[number]))
    close = [n for n in order if yardstick.cost(kept[n]) <= CLOSE * yardstick.cost(kept[order[0]])]
    close = close[:MOST_CONTENDERS]
    together = sum(kept[n].peak_memory or 0 for n in close)
    if len(close) < 2 or objective is Objective.MEMORY or (memory is not None and together > memory):
        return []
    return close


async def run_off(
    contenders: Sequence[tuple[WorkerSpec, CandidateResult]], golden: GoldenSet, seconds: float
) -> list[CandidateResult]:
    """Measure them again in turns, at most `seconds` in all; the results with what was measured now.

    They come back as they were where one of them can no longer be run, or the time is too short.
    """
    unchanged = [result for _, result in contenders]
    try:
        async with asyncio.timeout(seconds), AsyncExitStack() as afterwards:
            workers = [await start_for_trial(spec, afterwards) for spec, _ in contenders]
            compared = [[await run_sample(worker, s) for s in golden.samples] for worker in workers]
            rounds = await _take_turns(workers, golden, compared, _turn(seconds, unchanged))
    except (EngineError, TimeoutError):
        return unchanged
    return [
        replace(result, measurement=_together(result.measurement, own))
        for result, own in zip(unchanged, rounds, strict=True)
        if result.measurement is not None
    ]


def _turn(seconds: float, results: Sequence[CandidateResult]) -> float:
    """What one candidate gets in one round, once all have been loaded again; raises TimeoutError where it is too little."""
    measured = [result.measurement for result in results if result.measurement]
    left = seconds - MARGIN * sum(own.load_seconds for own in measured)
    wanted = max(TURN_SECONDS, RUNS_A_TURN * max(own.p50_seconds for own in measured))
    if wanted + PAUSE > left / (ROUNDS * len(results)):
        raise TimeoutError
    return wanted


async def _take_turns(
    workers: Sequence[Worker], golden: GoldenSet, compared: Sequence[Sequence[Run]], seconds: float
) -> list[list[Measurement]]:
    """Each worker's measurements, one a round."""
    rounds: list[list[Measurement]] = [[] for _ in workers]
    for _ in range(ROUNDS):
        for worker, runs, own in zip(workers, compared, rounds, strict=True):
            await asyncio.sleep(PAUSE)
            own.append(await measure(worker, golden, runs, seconds))
    return rounds


def _together(before: Measurement, rounds: Sequence[Measurement]) -> Measurement:
    """The medians of the rounds; how long loading took, from the first time."""
    levels = {at.concurrency for at in rounds[0].throughput_at}.intersection(
        *({at.concurrency for at in own.throughput_at} for own in rounds)
    )
    return replace(
        before,
        runs=sum(own.runs for own in rounds),
        p50_seconds=median(own.p50_seconds for own in rounds),
        p99_seconds=median(own.p99_seconds for own in rounds),
        throughput=median(own.throughput for own in rounds),
        first_token_seconds=_median([own.first_token_seconds for own in rounds]),
        prompt_tokens_per_second=_median([own.prompt_tokens_per_second for own in rounds]),
        generation_tokens_per_second=_median([own.generation_tokens_per_second for own in rounds]),
        throughput_at=tuple(
            Throughput(
                level,
                median(
                    at.per_second for own in rounds for at in own.throughput_at if at.concurrency == level
                ),
            )
            for level in sorted(levels)
        )
        or before.throughput_at,
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
