"""Deployments stay served: swapped without a gap, restarted after a death, given up when they only crash."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from runtimes.engine import GenerationRequest
from runtimes.errors import EngineError
from runtimes.supervisor import RestartPolicy, ServingState, Supervisor, WorkerEvent
from runtimes.worker.spec import WorkerSpec
from tests.runtimes import gguf_files, onnx_files
from tests.runtimes.conftest import exists

MakeSpec = Callable[..., WorkerSpec]
QUICK = RestartPolicy(attempts=3, first_pause=0.01, wait_seconds=10.0)
ONE_ROW = {"x": np.ones((1, 4), np.float32)}
ENDLESS = {"trips": np.array(2**62, np.int64)}
SHORT = {"trips": np.array(3, np.int64)}


@pytest.fixture
def events() -> list[WorkerEvent]:
    return []


@pytest.fixture
async def supervisor(events: list[WorkerEvent]) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(events.append, QUICK)
    yield supervisor
    await supervisor.close()


async def reaches(supervisor: Supervisor, name: str, state: ServingState) -> None:
    while supervisor.state(name).state is not state:  # noqa: ASYNC110 - the supervisor offers no event for it
        await asyncio.sleep(0.01)


def kill(supervisor: Supervisor, name: str) -> None:
    pid = supervisor.state(name).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def kill_unheard(supervisor: Supervisor, name: str) -> None:
    """The worker is dead when this returns, and the event loop had no chance to hear of it."""
    kill(supervisor, name)
    pid = supervisor.state(name).pid
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.001)


async def test_a_deployment_answers_and_shows_its_state(
    supervisor: Supervisor, events: list[WorkerEvent], spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "m.onnx")), version="1.2")

    assert "y" in await supervisor.infer("m", ONE_ROW)
    (state,) = supervisor.states()
    assert (state.name, state.version, state.state, state.restarts) == ("m", "1.2", ServingState.SERVING, 0)
    assert state.facts is not None
    assert state.facts.kind == "tensor"
    assert state.memory
    assert [event.state for event in events] == [ServingState.STARTING, ServingState.SERVING]


async def test_an_unknown_name_is_refused_with_the_known_ones(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("known", spec(onnx_files.linear(tmp_path / "m.onnx")))

    with pytest.raises(EngineError) as refused:
        await supervisor.infer("other", ONE_ROW)
    assert refused.value.code == "deployment.unknown"
    assert "known" in refused.value.remedy


async def test_a_first_worker_that_cannot_load_leaves_nothing(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    with pytest.raises(EngineError):
        await supervisor.deploy("m", spec(onnx_files.unknown_operator(tmp_path / "m.onnx")))
    assert supervisor.states() == ()


async def test_a_new_worker_that_cannot_load_leaves_the_old_one_serving(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "1.onnx")), version="1")
    before = supervisor.state("m").pid

    with pytest.raises(EngineError):
        await supervisor.deploy("m", spec(onnx_files.unknown_operator(tmp_path / "2.onnx")), version="2")

    assert (supervisor.state("m").pid, supervisor.state("m").version) == (before, "1")
    assert "y" in await supervisor.infer("m", ONE_ROW)


async def test_a_swap_loses_no_request(supervisor: Supervisor, spec: MakeSpec, tmp_path: Path) -> None:
    first = spec(onnx_files.linear(tmp_path / "1.onnx"))
    await supervisor.deploy("m", first, version="1")
    before = supervisor.state("m").pid
    swapped = False

    async def ask_on() -> int:
        answered = 0
        while not swapped:
            await supervisor.infer("m", ONE_ROW)
            answered += 1
        return answered

    asking = [asyncio.create_task(ask_on()) for _ in range(4)]
    await supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "2.onnx"), "openvino"), version="2")
    swapped = True

    assert all(answered > 0 for answered in await asyncio.gather(*asking))
    state = supervisor.state("m")
    assert state.pid != before
    assert state.facts is not None
    assert state.version == "2"


async def test_the_replaced_worker_finishes_what_it_has_and_ends(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("m", spec(onnx_files.countdown(tmp_path / "1.onnx")))
    old = supervisor.state("m").pid
    slow = asyncio.create_task(supervisor.infer("m", {"trips": np.array(300_000, np.int64)}))
    await asyncio.sleep(0)

    await supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "2.onnx")))

    assert (await slow)["y"] == 300_000
    while exists(old):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)


async def test_kill_9_costs_the_request_at_work_and_nothing_else(
    supervisor: Supervisor, events: list[WorkerEvent], spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("looping", spec(onnx_files.countdown(tmp_path / "1.onnx")))
    await supervisor.deploy("other", spec(onnx_files.linear(tmp_path / "2.onnx")))
    other = supervisor.state("other").pid
    at_work = asyncio.create_task(supervisor.infer("looping", ENDLESS))
    queued = [asyncio.create_task(supervisor.infer("looping", SHORT)) for _ in range(5)]
    await asyncio.sleep(0.1)

    kill(supervisor, "looping")
    late = asyncio.create_task(supervisor.infer("looping", SHORT))

    with pytest.raises(EngineError) as died:
        await at_work
    assert died.value.code == "worker.died"
    assert [answer["y"] for answer in await asyncio.gather(*queued, late)] == [3] * 6
    assert supervisor.state("looping").restarts == 1
    assert supervisor.state("other").pid == other
    assert [e.state for e in events if e.name == "looping"][2:] == [
        ServingState.RESTARTING,
        ServingState.SERVING,
    ]


async def test_an_idle_worker_that_is_killed_loses_no_request(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "m.onnx")))

    for _ in range(2):
        kill_unheard(supervisor, "m")
        assert "y" in await supervisor.infer("m", ONE_ROW)


async def test_a_request_that_takes_too_long_costs_its_worker_but_is_no_crash_loop(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("m", spec(onnx_files.countdown(tmp_path / "m.onnx"), request_timeout=0.1))

    for _ in range(QUICK.attempts + 1):
        with pytest.raises(EngineError) as late:
            await supervisor.infer("m", ENDLESS)
        assert late.value.code == "request.timeout"

    assert (await supervisor.infer("m", SHORT))["y"] == 3


async def test_text_goes_on_after_a_worker_was_killed(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("m", spec(gguf_files.tiny_llama(tmp_path / "m.gguf")))
    request = GenerationRequest(prompt="a", max_tokens=5, temperature=0)
    before = [chunk.text async for chunk in supervisor.generate("m", request)]

    kill_unheard(supervisor, "m")

    assert [chunk.text async for chunk in supervisor.generate("m", request)] == before


async def test_a_crash_loop_ends_in_failed_and_keeps_the_last_log(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    crashing = gguf_files.tiny_llama(
        tmp_path / "m.gguf", **{"llama.attention.layer_norm_rms_epsilon": float("nan")}
    )
    await supervisor.deploy("m", spec(crashing))
    request = GenerationRequest(prompt="a", max_tokens=5)

    codes = []
    while supervisor.state("m").state is not ServingState.FAILED:
        with pytest.raises(EngineError) as died:
            await anext(supervisor.generate("m", request))
        codes.append(died.value.code)
        await asyncio.sleep(0.02)

    assert codes[: QUICK.attempts] == ["worker.died"] * QUICK.attempts
    state = supervisor.state("m")
    assert f"{QUICK.attempts} times in a row" in state.detail
    assert "SIGABRT" in state.detail
    assert any("GGML_ASSERT" in line for line in state.log)
    with pytest.raises(EngineError) as failed:
        await anext(supervisor.generate("m", request))
    assert failed.value.code == "deployment.failed"


async def test_a_failed_deployment_serves_again_once_a_sound_model_is_deployed(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    broken = spec(onnx_files.unknown_operator(tmp_path / "1.onnx"))
    await supervisor.restore("m", broken)
    await reaches(supervisor, "m", ServingState.FAILED)

    await supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "2.onnx")))

    assert "y" in await supervisor.infer("m", ONE_ROW)


async def test_what_is_restored_at_start_up_holds_requests_until_it_has_loaded(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    state = await supervisor.restore("m", spec(onnx_files.linear(tmp_path / "m.onnx")), version="3")

    assert (state.state, state.pid) == (ServingState.STARTING, None)
    assert "y" in await supervisor.infer("m", ONE_ROW)


async def test_what_cannot_be_restored_ends_in_failed_with_the_reason(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.restore("m", spec(onnx_files.unknown_operator(tmp_path / "m.onnx")))
    await reaches(supervisor, "m", ServingState.FAILED)

    assert "Frobnicate" in supervisor.state("m").detail


async def test_a_request_does_not_wait_for_ever_for_a_worker(
    events: list[WorkerEvent], spec: MakeSpec, tmp_path: Path
) -> None:
    supervisor = Supervisor(events.append, RestartPolicy(attempts=9, first_pause=60, wait_seconds=0.5))
    await supervisor.restore("m", spec(onnx_files.unknown_operator(tmp_path / "m.onnx")))

    with pytest.raises(EngineError) as waiting:
        await supervisor.infer("m", ONE_ROW)

    assert waiting.value.code == "deployment.restarting"
    await supervisor.close()


async def test_what_is_removed_is_gone_with_its_worker(
    supervisor: Supervisor, events: list[WorkerEvent], spec: MakeSpec, tmp_path: Path
) -> None:
    await supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "m.onnx")))
    pid = supervisor.state("m").pid

    await supervisor.remove("m")

    assert supervisor.states() == ()
    assert not exists(pid)
    assert events[-1].state is ServingState.STOPPED


async def test_closing_while_a_model_loads_ends_that_too(
    events: list[WorkerEvent], spec: MakeSpec, tmp_path: Path
) -> None:
    supervisor = Supervisor(events.append, QUICK)
    deploying = asyncio.create_task(supervisor.deploy("m", spec(onnx_files.linear(tmp_path / "m.onnx"))))
    await asyncio.sleep(0.02)

    await supervisor.close()

    with pytest.raises(EngineError) as removed:
        await deploying
    assert removed.value.code == "deployment.removed"
