"""What is measured of a candidate: latency alone, throughput with several requests at once; in a real worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtimes.engine import Candidate
from runtimes.golden import GoldenSet, TensorSample
from runtimes.modelfile import identify
from runtimes.packs import RuntimePack
from runtimes.selection import measure as measuring
from runtimes.selection.measure import measure
from runtimes.selection.plan import Measurement
from runtimes.selection.runs import run_sample
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

X = np.ones((3, 4), np.float32)
GOLDEN = GoldenSet((TensorSample("a", {"x": X}, {"y": X + 1}), TensorSample("b", {"x": -X}, {"y": 1 - X})))


class Watched:
    """A worker, and how many requests it has at once."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._now = 0
        self.seen: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)

    async def infer(self, *arguments: Any) -> Any:
        self._now += 1
        self.seen.append(self._now)
        try:
            return await self._worker.infer(*arguments)
        finally:
            self._now -= 1


@asynccontextmanager
async def worker_for(path: Path, pack: RuntimePack) -> AsyncIterator[Watched]:
    candidate = Candidate("onnxruntime", "CPU", "f32", 1, {"spinning": 1})
    worker = await Worker.start(WorkerSpec(identify(path), candidate, pack.interpreter))
    try:
        yield Watched(worker)
    finally:
        await worker.stop()


async def measured(watched: Watched, seconds: float) -> Measurement:
    worker: Any = watched
    compared = [await run_sample(worker, sample) for sample in GOLDEN.samples]
    return await measure(worker, GOLDEN, compared, seconds)


async def test_throughput_is_measured_with_one_four_and_sixteen_requests_at_once(
    onnx_adder: Path, packs: dict[str, RuntimePack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "LONGEST", 6.0)
    async with worker_for(onnx_adder, packs["onnxruntime"]) as worker:
        found = await measured(worker, 6.0)
        assert max(worker.seen) == 16
    assert [at.concurrency for at in found.throughput_at] == [1, 4, 16]
    assert all(at.per_second > 0 for at in found.throughput_at)
    assert found.throughput == max(at.per_second for at in found.throughput_at)


async def test_without_time_for_more_the_single_runs_give_the_throughput(
    onnx_adder: Path, packs: dict[str, RuntimePack]
) -> None:
    async with worker_for(onnx_adder, packs["onnxruntime"]) as worker:
        found = await measured(worker, 0.0)
        assert max(worker.seen) == 1
    (only,) = found.throughput_at
    assert (only.concurrency, only.per_second) == (1, found.throughput)
    assert found.runs == len(GOLDEN.samples)


async def test_requests_too_large_to_wait_together_are_not_sent_together(
    onnx_adder: Path, packs: dict[str, RuntimePack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "MOST_IN_FLIGHT", 4 * 2 * X.nbytes)
    async with worker_for(onnx_adder, packs["onnxruntime"]) as worker:
        found = await measured(worker, 1.5)
        assert max(worker.seen) <= 4
    assert 16 not in [at.concurrency for at in found.throughput_at]
