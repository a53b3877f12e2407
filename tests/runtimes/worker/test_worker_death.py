"""Workers die in many ways; each costs one worker and says why."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runtimes.errors import EngineError
from runtimes.worker.handle import NotStartedError, Worker
from runtimes.worker.spec import WorkerSpec
from tests.runtimes import onnx_files
from tests.runtimes.conftest import exists

Start = Callable[..., Awaitable[Worker]]
ENDLESS = {"trips": np.array(2**62, np.int64)}
SHORT = {"trips": np.array(3, np.int64)}


async def test_an_endless_loop_is_ended_by_the_requests_time_limit(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.countdown(tmp_path / "m.onnx"))

    with pytest.raises(EngineError) as late:
        await worker.infer(ENDLESS, timeout=0.3)

    assert late.value.code == "request.timeout"
    await worker.closed.wait()
    assert worker.death is late.value


async def test_waiting_behind_a_slow_request_is_not_ones_own_slowness(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.countdown(tmp_path / "m.onnx"))
    slow = asyncio.create_task(worker.infer(ENDLESS, timeout=0.5))
    await asyncio.sleep(0)

    with pytest.raises(NotStartedError):
        await worker.infer(SHORT, timeout=0.1)
    with pytest.raises(EngineError, match=r"0\.5 s"):
        await slow


async def test_kill_9_costs_the_request_at_work_and_tells_the_signal(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.countdown(tmp_path / "m.onnx"))
    at_work = asyncio.create_task(worker.infer(ENDLESS))
    behind = asyncio.create_task(worker.infer(SHORT))
    await asyncio.sleep(0.1)

    os.kill(worker.pid, signal.SIGKILL)

    with pytest.raises(EngineError, match="SIGKILL") as died:
        await at_work
    assert died.value.code == "worker.died"
    assert not isinstance(died.value, NotStartedError)
    with pytest.raises(NotStartedError):
        await behind
    with pytest.raises(NotStartedError):
        await worker.infer(SHORT)
    assert worker.resident_memory() is None


async def test_a_worker_that_died_idle_is_said_to_have_waited(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    os.kill(worker.pid, signal.SIGKILL)
    await worker.closed.wait()

    assert worker.death is not None
    assert worker.death.what == "The worker was killed by SIGKILL while waiting for requests."


async def test_a_memory_limit_holds_and_costs_one_answer(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.glutton(tmp_path / "m.onnx"), memory_limit=2 << 30)

    with pytest.raises(EngineError) as refused:
        await worker.infer({"length": np.array([25 << 30], np.int64)})

    assert refused.value.code == "worker.out-of-memory"
    assert worker.confinement["memory limit"] == "in force"
    await worker.closed.wait()
    assert worker.death is not None
    assert worker.death.code == "worker.out-of-memory"


async def test_a_worker_that_is_stopped_ends(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    await worker.stop()

    assert worker.closed.is_set()
    assert not exists(worker.pid)


async def test_a_busy_worker_is_ended_after_the_grace(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.countdown(tmp_path / "m.onnx"))
    busy = asyncio.create_task(worker.infer(ENDLESS))
    await asyncio.sleep(0)

    await worker.stop(grace=0.1)

    with pytest.raises(EngineError) as stopped:
        await busy
    assert stopped.value.code == "worker.stopped"


async def test_a_load_that_takes_too_long_is_ended(start: Start, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as late:
        await start(onnx_files.linear(tmp_path / "m.onnx"), load_timeout=0.001)
    assert late.value.code == "worker.load-timeout"


async def test_an_interpreter_that_is_not_there_is_a_broken_pack(
    start: Start, tmp_path: Path, spec: Callable[..., WorkerSpec]
) -> None:
    with pytest.raises(EngineError, match="no-python") as broken:
        await Worker.start(
            replace(spec(onnx_files.linear(tmp_path / "m.onnx")), interpreter=tmp_path / "no-python")
        )
    assert broken.value.code == "pack.broken"


def test_workers_die_with_the_daemon(tmp_path: Path) -> None:
    """A daemon of its own starts a worker that loops for ever, and is killed with kill -9."""
    model = onnx_files.countdown(tmp_path / "m.onnx")
    daemon = textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        import numpy as np
        from runtimes.engine import Candidate, ModelFile, ModelFormat
        from runtimes.worker.handle import Worker
        from runtimes.worker.spec import WorkerSpec

        async def main():
            model = ModelFile(Path({str(model)!r}), ModelFormat.ONNX, "0" * 64, 1)
            candidate = Candidate("onnxruntime", "CPU", "f32", 1)
            worker = await Worker.start(WorkerSpec(model, candidate, Path(sys.executable)))
            asyncio.create_task(worker.infer({{"trips": np.array(2**62)}}))
            await asyncio.sleep(0.1)
            print(worker.pid, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", daemon], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        pidfd = os.pidfd_open(worker)
        process.kill()
    assert select.select([pidfd], [], [], 10)[0], "the worker outlived its daemon"
    os.close(pidfd)
