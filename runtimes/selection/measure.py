"""How fast a loaded candidate is, on its golden samples."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import numpy as np

from runtimes.golden import GoldenSet, TensorSample, TextSample
from runtimes.hardware.energy import spent
from runtimes.hardware.energy_meter import EnergyMeter
from runtimes.selection.plan import Measurement, Throughput
from runtimes.selection.runs import Run, run_sample
from runtimes.worker.handle import Worker

FEWEST_RUNS = 3
"""Where the time allows no more, the runs that were compared with the golden outputs count too."""
MOST_RUNS = 300
LONGEST = 1.5
"""Seconds after which more runs would tell no more."""
CONCURRENCY = (4, 16)
"""Requests in flight at every moment while throughput is measured, besides the single ones that give the latency."""
FOR_THROUGHPUT = 1 / 3
"""Of the time for measuring; for all of CONCURRENCY together."""
MOST_IN_FLIGHT = 64 << 20
"""Bytes of tensors; measuring must not want memory that answering one request after the other does not."""


async def measure(
    worker: Worker,
    golden: GoldenSet,
    compared: Sequence[Run],
    seconds: float,
    energy: EnergyMeter | None = None,
) -> Measurement:
    """Time a warm worker.

    Args:
        compared: the runs that warmed it up, one a sample.
        seconds: to spend; one run may go beyond it, and none is made where it is not positive.
        energy: what counts the joules of the single requests; None for no such figure.

    Raises:
        EngineError: a sample could not be run.
    """
    seconds = min(seconds, LONGEST)
    samples: Sequence[TensorSample | TextSample] = golden.samples
    text = isinstance(samples[0], TextSample)
    before = await _read(energy)
    fresh = await _repeat(worker, samples, seconds if text else seconds * (1 - FOR_THROUGHPUT))
    joules = _joules(energy, before, await _read(energy), fresh)
    runs = fresh if len(fresh) >= FEWEST_RUNS else [*compared, *fresh]
    if text:
        throughput = sum(run.tokens for run in runs) / sum(run.seconds for run in runs)
        return _measurement(worker, runs, throughput, (), joules)
    levels = await _throughput(worker, samples, runs, seconds * FOR_THROUGHPUT)
    return _measurement(worker, runs, max(at.per_second for at in levels), levels, joules)


async def _read(energy: EnergyMeter | None) -> Mapping[str, float]:
    return {} if energy is None else await asyncio.to_thread(energy.read)


def _joules(
    energy: EnergyMeter | None, before: Mapping[str, float], after: Mapping[str, float], runs: Sequence[Run]
) -> float | None:
    """An answer, or for text a generated token."""
    answers = sum(run.tokens for run in runs) or len(runs)
    joules = None if energy is None else spent(before, after, energy.ranges)
    return None if joules is None or not answers else joules / answers


async def _repeat(
    worker: Worker, samples: Sequence[TensorSample | TextSample], seconds: float
) -> Sequence[Run]:
    """One request after the other."""
    runs: list[Run] = []
    end = time.perf_counter() + seconds
    while len(runs) < MOST_RUNS and time.perf_counter() < end:
        runs.append(await run_sample(worker, samples[len(runs) % len(samples)]))
    return runs


async def _throughput(
    worker: Worker, samples: Sequence[TensorSample | TextSample], runs: Sequence[Run], seconds: float
) -> tuple[Throughput, ...]:
    """One at a time from the single runs; each other concurrency where time and memory are enough for all at once."""
    largest = max(map(_bytes, samples))
    alone = float(np.mean([run.seconds for run in runs]))
    share = seconds / len(CONCURRENCY)
    fitting = [n for n in CONCURRENCY if n * alone <= share and n * largest <= MOST_IN_FLIGHT]
    together = [Throughput(n, await _at_once(worker, samples, n, share)) for n in fitting]
    return (Throughput(1, 1 / alone), *together)


async def _at_once(
    worker: Worker, samples: Sequence[TensorSample | TextSample], clients: int, seconds: float
) -> float:
    """Inferences a second of clients who each send a request as soon as they have the answer to the last one."""
    finished: list[float] = []
    began = time.perf_counter()

    async def client(turn: int) -> None:
        while len(finished) < MOST_RUNS and time.perf_counter() < began + seconds:
            await run_sample(worker, samples[turn % len(samples)])
            finished.append(time.perf_counter())
            turn += clients

    await asyncio.gather(*(client(first) for first in range(clients)))
    return len(finished) / (finished[-1] - began)


def _bytes(sample: TensorSample | TextSample) -> int:
    """Of all tensors that go to the worker and back."""
    if isinstance(sample, TextSample):
        return 0
    return sum(tensor.nbytes for tensor in (*sample.inputs.values(), *sample.outputs.values()))


def _measurement(
    worker: Worker,
    runs: Sequence[Run],
    throughput: float,
    throughput_at: tuple[Throughput, ...],
    joules: float | None,
) -> Measurement:
    times = [run.seconds for run in runs]
    texts = [run for run in runs if run.tokens]
    first_tokens = [run.first_token_seconds for run in texts]
    prompts = sum(run.prompt_tokens for run in texts)
    generating = sum(run.seconds - run.first_token_seconds for run in texts)
    return Measurement(
        load_seconds=worker.load_seconds,
        runs=len(runs),
        p50_seconds=float(np.percentile(times, 50)),
        p99_seconds=float(np.percentile(times, 99)),
        throughput=throughput,
        peak_memory=worker.peak_memory(),
        first_token_seconds=float(np.percentile(first_tokens, 50)) if texts else None,
        prompt_tokens_per_second=prompts / sum(first_tokens) if prompts else None,
        generation_tokens_per_second=sum(run.tokens - 1 for run in texts) / generating
        if generating
        else None,
        joules=joules,
        throughput_at=throughput_at,
    )
