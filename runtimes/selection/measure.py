"""Running one candidate in a worker of its own: is it right, and how fast is it?"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtimes.engine import Candidate, GenerationRequest, InForce, Message, ModelFile
from runtimes.golden import GoldenSet, TensorSample, TextSample
from runtimes.selection.parity import Comparison, compare_tensors, compare_text, conclude
from runtimes.selection.patterns import finds
from runtimes.selection.plan import Measurement, Parity
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

FEWEST_RUNS = 3
MOST_RUNS = 300
LONGEST = 1.5
"""Seconds of timed runs after which more would tell no more."""
IN_FLIGHT = 4
"""Requests that wait in line while throughput is measured, so that the worker never waits for one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that was loaded and ran every golden sample."""

    parity: Parity
    wrong: str
    """Why it is outside the tolerance; empty where it is within."""
    in_force: InForce
    load_seconds: float
    measurement: Measurement | None
    """None where it was not right, or where only that was asked."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a trial may use. Seconds and bytes; None for no limit."""

    load_seconds: float = 120.0
    request_seconds: float = 60.0
    memory: int | None = None


async def try_out(
    model: ModelFile,
    golden: GoldenSet,
    candidate: Candidate,
    *,
    interpreter: Path,
    cache: Path | None,
    seconds: float | None,
    bounds: Bounds,
) -> Trial:
    """Load one candidate, compare its answers, and time it where they are right.

    Args:
        seconds: for everything together; the timed runs get what loading and comparing leave of it, but are
            never fewer than FEWEST_RUNS. None for no timed runs.

    Raises:
        EngineError: it could not be loaded, or a golden sample could not be run.
    """
    started = time.perf_counter()
    spec = WorkerSpec(
        model=model,
        candidate=candidate,
        interpreter=interpreter,
        cache=cache,
        load_timeout=bounds.load_seconds,
        request_timeout=bounds.request_seconds,
        memory_limit=bounds.memory,
    )
    async with _worker(spec) as worker:
        parity, wrong = conclude(await _compare(worker, golden))
        measurement = None
        if parity.within and seconds is not None:
            left = seconds - (time.perf_counter() - started)
            measurement = await _measure(worker, golden, min(left, LONGEST))
        return Trial(parity, wrong, worker.in_force, worker.load_seconds, measurement)


@asynccontextmanager
async def _worker(spec: WorkerSpec) -> AsyncIterator[Worker]:
    worker = await Worker.start(spec)
    try:
        yield worker
    finally:
        await worker.stop(grace=0.5)


async def _compare(worker: Worker, golden: GoldenSet) -> list[Comparison]:
    comparisons: list[Comparison] = []
    for sample in golden.samples:
        if isinstance(sample, TensorSample):
            got = await worker.infer(sample.inputs, tuple(sample.outputs))
            comparisons += compare_tensors(sample, got, golden)
        else:
            comparisons.append(await _compare_text(sample, (await _generate(worker, sample)).text))
    return comparisons


async def _compare_text(sample: TextSample, text: str) -> Comparison:
    matches = sample.pattern is not None and await finds(sample.pattern, text)
    return compare_text(sample, text, matches=matches)


async def _measure(worker: Worker, golden: GoldenSet, seconds: float) -> Measurement:
    tensors = [sample for sample in golden.samples if isinstance(sample, TensorSample)]
    if tensors:
        return await _measure_tensors(worker, tensors, seconds)
    texts = [sample for sample in golden.samples if isinstance(sample, TextSample)]
    return await _measure_text(worker, texts, seconds)


async def _measure_tensors(worker: Worker, samples: Sequence[TensorSample], seconds: float) -> Measurement:
    """One request after the other for the latencies, then several in line for the throughput."""
    times: list[float] = []
    end = time.perf_counter() + seconds * 2 / 3
    while _more(times, end):
        sample = samples[len(times) % len(samples)]
        began = time.perf_counter()
        await worker.infer(sample.inputs, tuple(sample.outputs))
        times.append(time.perf_counter() - began)
    return Measurement(
        load_seconds=worker.load_seconds,
        runs=len(times),
        p50_seconds=float(np.percentile(times, 50)),
        p99_seconds=float(np.percentile(times, 99)),
        throughput=await _throughput(worker, samples, seconds / 3),
        peak_memory=worker.peak_memory(),
    )


async def _throughput(worker: Worker, samples: Sequence[TensorSample], seconds: float) -> float:
    """Inferences a second while there is always a request in line."""
    finished: list[float] = []
    began = time.perf_counter()

    async def client(first: int) -> None:
        turn = first
        while _more(finished, began + seconds):
            sample = samples[turn % len(samples)]
            await worker.infer(sample.inputs, tuple(sample.outputs))
            finished.append(time.perf_counter())
            turn += IN_FLIGHT

    await asyncio.gather(*(client(first) for first in range(IN_FLIGHT)))
    return len(finished) / (finished[-1] - began)


def _more(runs: Sequence[float], end: float) -> bool:
    return len(runs) < FEWEST_RUNS or (len(runs) < MOST_RUNS and time.perf_counter() < end)


@dataclass(frozen=True, slots=True)
class _Generated:
    text: str
    prompt_tokens: int
    tokens: int
    first_token_seconds: float
    seconds: float


async def _generate(worker: Worker, sample: TextSample) -> _Generated:
    """Answer one sample greedily."""
    request = GenerationRequest(
        prompt=sample.prompt,
        messages=tuple(Message(role, content) for role, content in sample.messages),
        max_tokens=sample.max_tokens,
        temperature=0.0,
        top_p=1.0,
        seed=sample.seed,
    )
    began = time.perf_counter()
    first = None
    pieces: list[str] = []
    prompt_tokens = tokens = 0
    async for chunk in worker.generate(request):
        first = first or time.perf_counter()
        pieces.append(chunk.text)
        prompt_tokens, tokens = chunk.prompt_tokens, chunk.completion_tokens
    done = time.perf_counter()
    return _Generated("".join(pieces), prompt_tokens, tokens, (first or done) - began, done - began)


async def _measure_text(worker: Worker, samples: Sequence[TextSample], seconds: float) -> Measurement:
    """Whole answers, one after the other."""
    runs: list[_Generated] = []
    end = time.perf_counter() + seconds
    while _more([run.seconds for run in runs], end):
        runs.append(await _generate(worker, samples[len(runs) % len(samples)]))
    times = [run.seconds for run in runs]
    waiting = sum(run.first_token_seconds for run in runs)
    return Measurement(
        load_seconds=worker.load_seconds,
        runs=len(runs),
        p50_seconds=float(np.percentile(times, 50)),
        p99_seconds=float(np.percentile(times, 99)),
        throughput=sum(run.tokens for run in runs) / sum(times),
        peak_memory=worker.peak_memory(),
        first_token_seconds=float(np.percentile([run.first_token_seconds for run in runs], 50)),
        prompt_tokens_per_second=sum(run.prompt_tokens for run in runs) / waiting if waiting else None,
    )
