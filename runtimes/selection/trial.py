"""Trying one candidate in a worker of its own: does it load, is it right, and how fast is it?"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from runtimes.engine import InForce
from runtimes.golden import GoldenSet, TensorSample, TextSample
from runtimes.hardware.energy_meter import EnergyMeter
from runtimes.selection.measure import measure
from runtimes.selection.parity import Comparison, compare_tensors, compare_text, conclude
from runtimes.selection.patterns import finds
from runtimes.selection.plan import Measurement, Parity
from runtimes.selection.runs import Run, run_sample
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

_GRACE = 0.5
"""Seconds a worker gets to end by itself."""


LOAD_SECONDS = 120.0
"""For loading in a trial, unless all of it has less time."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that was loaded and ran every golden sample."""

    parity: Parity
    wrong: str
    """Why it is outside the tolerance; empty where it is within."""
    in_force: InForce
    load_seconds: float
    measurement: Measurement | None
    """None where it was not right, or where no timing was asked."""


async def try_out(
    spec: WorkerSpec,
    golden: GoldenSet,
    *,
    seconds: float | None,
    at_most: float | None,
    energy: EnergyMeter | None = None,
) -> Trial:
    """Load one candidate, compare its answers, and time it where they are right.

    Args:
        seconds: for everything together; timing gets what loading and comparing leave of it. None for no timing.
        at_most: seconds for everything, from the worker's start to the last run; None for no limit.
        energy: as for `measure`.

    Raises:
        EngineError: it could not be loaded, or a golden sample could not be run.
        TimeoutError: `at_most` was not enough.
    """
    began = time.perf_counter()
    async with AsyncExitStack() as afterwards:
        async with asyncio.timeout(at_most):
            worker = await start_for_trial(spec, afterwards)
            runs = [await run_sample(worker, sample) for sample in golden.samples]
            parity, wrong = conclude(await _compare(golden, runs))
            measurement = None
            if parity.within and seconds is not None:
                left = seconds - (time.perf_counter() - began)
                measurement = await measure(worker, golden, runs, left, energy)
        return Trial(parity, wrong, worker.in_force, worker.load_seconds, measurement)


async def start_for_trial(spec: WorkerSpec, afterwards: AsyncExitStack) -> Worker:
    """Start a worker that ends with the stack. Raises EngineError."""
    worker = await Worker.start(spec)
    afterwards.push_async_callback(_end, worker)
    return worker


async def _compare(golden: GoldenSet, runs: list[Run]) -> list[Comparison]:
    comparisons: list[Comparison] = []
    samples: Sequence[TensorSample | TextSample] = golden.samples
    for sample, run in zip(samples, runs, strict=True):
        if isinstance(sample, TensorSample):
            comparisons += compare_tensors(sample, run.outputs, golden)
        else:
            comparisons.append(compare_text(sample, run.text, matches=await _matches(sample, run.text)))
    return comparisons


async def _matches(sample: TextSample, text: str) -> bool:
    return sample.pattern is not None and await finds(sample.pattern, text)


async def _end(worker: Worker) -> None:
    """See the worker's end even when cancelled meanwhile: until then its pipes are open."""
    ending = asyncio.create_task(worker.stop(_GRACE))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise
