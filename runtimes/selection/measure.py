"""How fast a loaded candidate is, on its golden samples."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from runtimes.golden import GoldenSet, TensorSample, TextSample
from runtimes.selection.plan import Measurement
from runtimes.selection.runs import Run, run_sample
from runtimes.worker.handle import Worker

FEWEST_RUNS = 3
"""Where the time allows no more, the runs that were compared with the golden outputs count too."""
MOST_RUNS = 300
LONGEST = 1.5
"""Seconds after which more runs would tell no more."""
IN_LINE = 4
"""Requests kept waiting while throughput is measured, so that the worker never waits for one."""


async def measure(worker: Worker, golden: GoldenSet, compared: Sequence[Run], seconds: float) -> Measurement:
    """Time a warm worker.

    Args:
        compared: the runs that warmed it up, one a sample.
        seconds: to spend; one run may go beyond it, and none is made where it is not positive.

    Raises:
        EngineError: a sample could not be run.
    """
    seconds = min(seconds, LONGEST)
    samples: Sequence[TensorSample | TextSample] = golden.samples
    if isinstance(samples[0], TextSample):
        runs = await _repeat(worker, samples, compared, seconds)
        return _measurement(worker, runs, sum(run.tokens for run in runs) / sum(run.seconds for run in runs))
    runs = await _repeat(worker, samples, compared, seconds * 2 / 3)
    return _measurement(worker, runs, await _throughput(worker, samples, runs, seconds / 3))


async def _repeat(
    worker: Worker, samples: Sequence[TensorSample | TextSample], compared: Sequence[Run], seconds: float
) -> Sequence[Run]:
    """One request after the other."""
    runs: list[Run] = []
    end = time.perf_counter() + seconds
    while len(runs) < MOST_RUNS and time.perf_counter() < end:
        runs.append(await run_sample(worker, samples[len(runs) % len(samples)]))
    return runs if len(runs) >= FEWEST_RUNS else [*compared, *runs]


async def _throughput(
    worker: Worker, samples: Sequence[TensorSample | TextSample], runs: Sequence[Run], seconds: float
) -> float:
    """Inferences a second with requests always in line; from the single runs where there is no time for that."""
    alone = float(np.mean([run.seconds for run in runs]))
    if seconds < IN_LINE * alone:
        return 1 / alone
    finished: list[float] = []
    began = time.perf_counter()

    async def client(turn: int) -> None:
        while len(finished) < MOST_RUNS and time.perf_counter() < began + seconds:
            await run_sample(worker, samples[turn % len(samples)])
            finished.append(time.perf_counter())
            turn += IN_LINE

    await asyncio.gather(*(client(first) for first in range(IN_LINE)))
    return len(finished) / (finished[-1] - began)


def _measurement(worker: Worker, runs: Sequence[Run], throughput: float) -> Measurement:
    times = [run.seconds for run in runs]
    first_tokens = [run.first_token_seconds for run in runs if run.tokens]
    prompts = sum(run.prompt_tokens for run in runs)
    return Measurement(
        load_seconds=worker.load_seconds,
        runs=len(runs),
        p50_seconds=float(np.percentile(times, 50)),
        p99_seconds=float(np.percentile(times, 99)),
        throughput=throughput,
        peak_memory=worker.peak_memory(),
        first_token_seconds=float(np.percentile(first_tokens, 50)) if first_tokens else None,
        prompt_tokens_per_second=prompts / sum(first_tokens) if prompts else None,
    )
