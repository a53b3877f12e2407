"""Choosing, with the real engines in real workers; the models are made here."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from onnx import TensorProto, helper

from runtimes.errors import EngineError
from runtimes.golden import GoldenSet, TensorSample, TextSample, Tolerance
from runtimes.hardware.profile import HardwareProfile, Memory
from runtimes.modelfile import identify
from runtimes.packs import RuntimePack
from runtimes.selection.candidates import survey
from runtimes.selection.certification import certify
from runtimes.selection.choose import SelectionProgress, choose
from runtimes.selection.plan import Objective, Plan, Verdict
from runtimes.selection.search import Budget, Search
from runtimes.worker.spec import WorkerSpec

Packs = dict[str, RuntimePack]
X = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)


def adding_one(*, off_by: float = 0.0) -> GoldenSet:
    right = TensorSample("right", {"x": X}, {"y": X + 1})
    other = TensorSample("other", {"x": -X}, {"y": 1 - X + np.float32(off_by)})
    return GoldenSet((right, other), Tolerance(0.001, 0.01))


def workers_of_this_process() -> list[str]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in children if b"runtimes/worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def plan_for(
    path: Path, golden: GoldenSet, hardware: HardwareProfile, packs: list[RuntimePack], **more: Any
) -> Plan:
    options = {"objective": Objective.LATENCY, "budget_seconds": 3.0, **more}
    return await choose(identify(path), golden, hardware=hardware, packs=packs, **options)


async def test_every_candidate_is_measured_and_one_is_chosen(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    seen: list[SelectionProgress] = []
    plan = await plan_for(
        onnx_adder, adding_one(), hardware, list(packs.values()), on_progress=seen.append, budget_seconds=20
    )

    assert plan.chosen is plan.results[0]
    assert plan.chosen.code == "plan.fastest"
    assert {r.engine for r in plan.results} == {"onnxruntime", "openvino", "llamacpp"}
    measured = [r for r in plan.results if r.measurement]
    assert {(r.engine, r.candidate.threads) for r in measured if r.candidate} >= {
        *(("onnxruntime", 1), ("onnxruntime", 2)),
        *(("openvino", 1), ("openvino", 2)),
    }
    for result in measured:
        assert result.measurement is not None
        assert result.measurement.runs >= 3
        assert 0 < result.measurement.p50_seconds <= result.measurement.p99_seconds
        assert result.measurement.throughput > 0
        assert (result.measurement.peak_memory or 0) > 1 << 20
        assert result.in_force is not None
        assert result.in_force.device == result.device
    (unable,) = (r for r in plan.results if r.engine == "llamacpp")
    assert (unable.verdict, unable.code) == (Verdict.INFEASIBLE, "format.unsupported")
    assert (plan.hardware, plan.engines["openvino"]) == (hardware.fingerprint, packs["openvino"].version)
    dones = [p.done for p in seen if p.text.startswith("measuring ") and "turns" not in p.text]
    assert dones == list(range(len(dones)))
    assert (seen[0].total, seen[-1].done, seen[-1].total) == (None, len(dones), len(dones))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


async def test_the_first_of_every_engine_comes_before_the_second_of_any(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    seen: list[SelectionProgress] = []
    pair = [packs["onnxruntime"], packs["openvino"]]
    await plan_for(onnx_adder, adding_one(), hardware, pair, on_progress=seen.append)
    engines = [p.text.split()[1] for p in seen if p.text.startswith("measuring")]
    assert engines[:4] == ["onnxruntime", "openvino", "onnxruntime", "openvino"]


async def test_streams_are_tried_for_throughput_and_for_nothing_else(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    pair = [packs["onnxruntime"], packs["openvino"]]
    for objective, streams in ((Objective.THROUGHPUT, {1, 2}), (Objective.LATENCY, {1})):
        plan = await plan_for(onnx_adder, adding_one(), hardware, pair, objective=objective)
        assert {r.candidate.streams for r in plan.results if r.candidate} == streams


async def test_a_wrong_golden_sample_rejects_every_candidate_and_is_named(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    pair = [packs["onnxruntime"], packs["openvino"]]
    plan = await plan_for(onnx_adder, adding_one(off_by=0.5), hardware, pair)
    assert plan.chosen is None
    assert len(plan.results) >= 4
    for result in plan.results:
        assert (result.verdict, result.code) == (Verdict.WRONG, "parity.outside-tolerance")
        assert result.measurement is None
        assert "other/y moved by 0.5" in result.reason
        assert result.parity is not None
        assert result.parity.worst_sample == "other/y"


async def test_a_budget_that_is_too_small_grows_until_something_right_is_found(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    plan = await plan_for(onnx_adder, adding_one(), hardware, [packs["onnxruntime"]], budget_seconds=1e-6)
    assert plan.chosen is not None
    assert plan.chosen.measurement is not None
    for result in plan.results[1:]:
        assert result.verdict in (Verdict.SLOWER, Verdict.SKIPPED)


async def test_what_no_time_was_left_for_is_skipped_with_the_reason(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    model = identify(onnx_adder)
    found = await survey([packs["onnxruntime"]], model, hardware)
    result = await Search(model, adding_one()).take(found.offers[0], Budget(0.0), left=1)
    assert (result.verdict, result.code) == (Verdict.SKIPPED, "plan.budget-used-up")
    assert result.reason == "not measured: the time budget of 0 s was used up"


async def test_a_candidate_that_uses_up_its_part_of_the_budget_is_cut_short_and_leaves_time_for_others(
    make_onnx: Callable[..., Path], hardware: HardwareProfile, packs: Packs
) -> None:
    model = identify(make_onnx(endless_loop()))
    found = await survey([packs["onnxruntime"]], model, hardware)
    search, budget = Search(model, adding_one()), Budget(3.0)
    results = [await search.take(offer, budget, left=2 - n) for n, offer in enumerate(found.offers)]
    assert [r.verdict for r in results] == [Verdict.SKIPPED, Verdict.SKIPPED]
    assert results[0].reason.startswith("not finished within 1.5 s")
    assert results[0].reason.endswith("s, its part of the time budget of 3 s")
    assert workers_of_this_process() == []


def endless_loop() -> list[Any]:
    """Adds a millionth a million million times."""
    step = helper.make_node("Add", ["sum_in", "millionth"], ["sum_out"])
    same = helper.make_node("Identity", ["go_in"], ["go_out"])
    millionth = helper.make_tensor("millionth", TensorProto.FLOAT, [], [1e-6])
    body = helper.make_graph(
        [step, same],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_in", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_out", TensorProto.FLOAT, None),
        ],
        initializer=[millionth],
    )
    times = helper.make_tensor("times", TensorProto.INT64, [], [10**12])
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    return [
        helper.make_node("Constant", [], ["times"], value=times),
        helper.make_node("Constant", [], ["always"], value=always),
        helper.make_node("Loop", ["times", "always", "x"], ["y"], body=body),
    ]


async def test_an_operator_that_one_engine_lacks_leaves_the_other(
    make_onnx: Callable[..., Path], hardware: HardwareProfile, packs: Packs
) -> None:
    shift = helper.make_tensor("shift", TensorProto.FLOAT, [2, 2], [1.0, 0.0, 0.0, 1.0])
    nodes = [helper.make_node("Det", ["shift"], ["one"]), helper.make_node("Add", ["x", "one"], ["y"])]
    path = make_onnx(nodes, initializers=[shift])
    plan = await plan_for(path, adding_one(), hardware, list(packs.values()))
    assert plan.chosen is not None
    assert plan.chosen.engine == "onnxruntime"
    refused = [r for r in plan.results if r.engine == "openvino"]
    assert len(refused) >= 2
    for result in refused:
        assert result.code == "model.unsupported"
        assert "Det" in result.reason
    assert {r.verdict for r in refused} == {Verdict.FAILED, Verdict.INFEASIBLE}


async def test_text_tensors_are_compared_and_measured(
    make_onnx: Callable[..., Path], hardware: HardwareProfile, packs: Packs
) -> None:
    path = make_onnx([helper.make_node("StringConcat", ["x", "x"], ["y"])], opset=20, kind=TensorProto.STRING)
    words, doubled = np.empty((1, 4), np.object_), np.empty((1, 4), np.object_)
    words[:] = [[b"a", b"", "ü".encode(), b"long"]]
    doubled[:] = [[b"aa", b"", "üü".encode(), b"longlong"]]
    golden = GoldenSet((TensorSample("words", {"x": words}, {"y": doubled}),))
    plan = await plan_for(path, golden, hardware, [packs["onnxruntime"]])
    assert plan.chosen is not None


async def test_a_sample_that_does_not_fit_the_model_fails_every_candidate_with_the_reason(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    golden = GoldenSet((TensorSample("s", {"picture": X}, {"y": X}),))
    plan = await plan_for(onnx_adder, golden, hardware, [packs["onnxruntime"]])
    assert plan.chosen is None
    assert {(r.verdict, r.code) for r in plan.results} == {(Verdict.FAILED, "request.input-unknown")}


async def test_an_engine_whose_probe_dies_is_a_rejection(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    broken = replace(packs["openvino"], interpreter=Path("/bin/false"))
    gone = RuntimePack("gone", "gone", "1", Path("/nowhere/python"))
    plan = await plan_for(onnx_adder, adding_one(), hardware, [packs["onnxruntime"], broken, gone])
    assert plan.chosen is not None
    assert plan.chosen.engine == "onnxruntime"
    told = {r.engine: r for r in plan.results if r.verdict is Verdict.INFEASIBLE}
    assert (told["openvino"].code, told["gone"].code) == ("worker.died", "pack.broken")
    assert "exit code 1" in told["openvino"].reason


async def test_a_model_larger_than_the_machine_is_never_loaded(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    tiny = replace(hardware, memory=Memory(64, 64, 64))
    plan = await plan_for(onnx_adder, adding_one(), tiny, [packs["onnxruntime"]])
    assert {(r.verdict, r.code) for r in plan.results} == {(Verdict.INFEASIBLE, "memory.insufficient")}


async def test_a_model_that_kills_its_worker_fails_with_the_signal_and_the_next_is_tried(
    tmp_path: Path, gguf: Callable[..., bytes], hardware: HardwareProfile, packs: Packs
) -> None:
    path = tmp_path / "absurd.gguf"
    path.write_bytes(
        gguf(
            {
                "llama.context_length": 64,
                "llama.embedding_length": 64,
                "llama.block_count": 2**30,
                "llama.feed_forward_length": 64,
                "llama.attention.head_count": 4,
                "llama.attention.layer_norm_rms_epsilon": 1e-5,
            }
        )
    )
    golden = GoldenSet((TextSample("hello", "Hi", (), 0, 4, "there", None),))
    plan = await plan_for(path, golden, hardware, [packs["llamacpp"]])
    assert plan.chosen is None
    assert len(plan.results) >= 2
    for result in plan.results:
        assert (result.verdict, result.code) == (Verdict.FAILED, "worker.died")
        assert "SIGABRT" in result.reason


async def test_a_cancelled_choice_leaves_no_worker_behind(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    choosing = asyncio.create_task(plan_for(onnx_adder, adding_one(), hardware, [packs["onnxruntime"]]))
    async with asyncio.timeout(30):
        while not workers_of_this_process():  # noqa: ASYNC110 - nothing tells of a process being born
            await asyncio.sleep(0.01)
    choosing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await choosing
    assert workers_of_this_process() == []


async def test_certifying_runs_the_samples_and_times_nothing(
    onnx_adder: Path, hardware: HardwareProfile, packs: Packs
) -> None:
    pack = packs["onnxruntime"]
    plan = await plan_for(onnx_adder, adding_one(), hardware, [pack], budget_seconds=0.01)
    assert plan.chosen is not None
    assert plan.chosen.candidate is not None
    candidate, model = plan.chosen.candidate, identify(onnx_adder)

    spec = WorkerSpec(model, candidate, pack.interpreter)
    right = await certify(spec, adding_one())
    assert (right.parity.within, right.reason) == (True, "")
    wrong = await certify(spec, adding_one(off_by=1.0))
    assert not wrong.parity.within
    assert "other/y" in wrong.reason
    with pytest.raises(EngineError, match="f64"):
        await certify(replace(spec, candidate=replace(candidate, precision="f64")), adding_one())


async def test_a_model_that_wants_more_memory_than_the_machine_has_fails_alone(
    make_onnx: Callable[..., Path], hardware: HardwareProfile, packs: Packs
) -> None:
    """256 GB: within the worker's limit nothing is left for it, so nothing else on the machine feels it."""
    size = helper.make_tensor("size", TensorProto.INT64, [1], [2**36])
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["most"], keepdims=0),
        helper.make_node("Add", ["x", "most"], ["y"]),
    ]
    path = make_onnx(nodes, initializers=[size])
    plan = await plan_for(path, adding_one(), hardware, [packs["onnxruntime"]], budget_seconds=20)
    assert plan.chosen is None
    assert {(r.verdict, r.code) for r in plan.results} == {(Verdict.FAILED, "worker.out-of-memory")}
