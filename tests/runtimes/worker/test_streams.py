"""A worker whose candidate has several streams answers as many requests at once."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from runtimes.errors import EngineError
from runtimes.worker.handle import NotStartedError, Worker
from tests.runtimes import onnx_files

Start = Callable[..., Awaitable[Worker]]
LONG = {"trips": np.array(2**62, np.int64)}
SHORT = {"trips": np.array(3, np.int64)}


async def begun(worker: Worker, number: int) -> None:
    """Wait until the worker has taken the request of that number."""
    async with asyncio.timeout(30):
        while worker._child.arena.begun < number:  # noqa: ASYNC110 - the worker writes it, nothing tells
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
async def test_every_request_gets_its_own_answer(start: Start, tmp_path: Path, engine: str) -> None:
    worker = await start(onnx_files.negation(tmp_path / "m.onnx"), engine, threads=2, streams=2)
    tensors = [np.full(1 + 997 * i, i, np.float32) for i in range(60)]
    answers = await asyncio.gather(*(worker.infer({"x": x}) for x in tensors))
    for x, answer in zip(tensors, answers, strict=True):
        np.testing.assert_array_equal(answer["y"], -x)
    assert worker.in_force.threads == 2


async def test_a_quick_request_is_answered_while_a_slow_one_computes(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.countdown(tmp_path / "m.onnx"), threads=2, streams=2)
    slow = asyncio.create_task(worker.infer(LONG))
    await begun(worker, 0)
    async with asyncio.timeout(30):
        await worker.infer(SHORT)
    assert not slow.done()
    await worker.stop(grace=0)
    with pytest.raises(EngineError):
        await slow


async def test_each_stream_has_its_own_time_limit(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.countdown(tmp_path / "m.onnx"), threads=2, streams=2)
    patient = asyncio.create_task(worker.infer(LONG, timeout=600))
    with pytest.raises(EngineError) as refused:
        await worker.infer(LONG, timeout=0.3)
    assert refused.value.code == "request.timeout"
    with pytest.raises(EngineError):
        await patient


async def test_what_no_stream_had_begun_when_the_worker_died_can_be_asked_elsewhere(
    start: Start, tmp_path: Path
) -> None:
    worker = await start(onnx_files.countdown(tmp_path / "m.onnx"), threads=2, streams=2)
    requests = [asyncio.create_task(worker.infer(LONG)) for _ in range(3)]
    await begun(worker, 1)
    os.kill(worker.pid, signal.SIGKILL)
    ends = await asyncio.gather(*requests, return_exceptions=True)
    assert [isinstance(end, NotStartedError) for end in ends] == [False, False, True]
    assert all(isinstance(end, EngineError) for end in ends)
