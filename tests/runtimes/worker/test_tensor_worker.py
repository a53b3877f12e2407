"""A worker answers tensor requests, and refuses those that do not fit before its engine hears of them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from runtimes.engine import GenerationRequest, Tensor
from runtimes.errors import EngineError
from runtimes.worker.handle import Worker
from tests.runtimes import onnx_files

Start = Callable[..., Awaitable[Worker]]
ONE_ROW = np.ones((1, 4), np.float32)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
async def test_a_model_answers_and_tells_its_inputs_and_outputs(
    start: Start, tmp_path: Path, engine: str
) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"), engine)
    rows = np.random.default_rng(1).random((5, 4), np.float32)

    answer = await worker.infer({"x": rows})

    np.testing.assert_allclose(answer["y"], rows @ onnx_files.WEIGHT, rtol=1e-5)
    np.testing.assert_allclose(answer["total"], (rows @ onnx_files.WEIGHT).sum(), rtol=1e-5)
    assert answer["total"].shape == ()
    assert [(i.name, i.datatype, i.shape) for i in worker.inputs] == [("x", "FP32", (-1, 4))]
    assert [o.name for o in worker.outputs] == ["y", "total"]
    assert worker.kind == "tensor"
    assert worker.in_force.device == "CPU"
    assert worker.in_force.threads == 1
    assert worker.load_seconds > 0


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
async def test_only_the_wanted_outputs_come_back(start: Start, tmp_path: Path, engine: str) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"), engine)

    assert set(await worker.infer({"x": ONE_ROW}, ["total"])) == {"total"}


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("count", [0, 1, 1000, 16_385, 3_000_000])
async def test_tensors_of_any_size_come_back_whole(
    start: Start, tmp_path: Path, engine: str, count: int
) -> None:
    worker = await start(onnx_files.negation(tmp_path / "m.onnx"), engine)
    x = np.arange(count, dtype=np.float32)

    for _ in range(2):
        np.testing.assert_array_equal((await worker.infer({"x": x}))["y"], -x)


async def test_answers_stay_as_they_were_when_later_requests_are_answered(
    start: Start, tmp_path: Path
) -> None:
    worker = await start(onnx_files.negation(tmp_path / "m.onnx"))
    tensors = [np.full(200_000, i, np.float32) for i in range(12)]

    answers = await asyncio.gather(*(worker.infer({"x": x}) for x in tensors))

    for x, answer in zip(tensors, answers, strict=True):
        np.testing.assert_array_equal(answer["y"], -x)


async def test_a_view_with_strides_arrives_as_it_is_seen(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))
    rows = np.arange(40, dtype=np.float32).reshape(4, 10).T[::2]

    np.testing.assert_allclose((await worker.infer({"x": rows}))["y"], rows @ onnx_files.WEIGHT, rtol=1e-5)


async def test_strings_come_back_as_bytes(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.strings(tmp_path / "m.onnx"))
    words = np.array([b"", "größe".encode(), b"x" * 70_000], np.object_)

    assert list((await worker.infer({"x": words}))["y"]) == list(words)


async def test_a_string_that_is_not_utf8_is_refused(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.strings(tmp_path / "m.onnx"))

    with pytest.raises(EngineError, match="UTF-8") as refused:
        await worker.infer({"x": np.array([b"\xff"], np.object_)})
    assert refused.value.code == "request.datatype"


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"z": ONE_ROW, "x": ONE_ROW}, "request.input-unknown"),
        ({}, "request.input-missing"),
        ({"x": ONE_ROW.astype(np.float64)}, "request.datatype"),
        ({"x": ONE_ROW.astype(np.complex64)}, "request.datatype"),
        ({"x": np.ones((1, 5), np.float32)}, "request.shape"),
        ({"x": np.ones(4, np.float32)}, "request.shape"),
    ],
)
async def test_inputs_that_do_not_fit_are_refused_and_named(
    start: Start, tmp_path: Path, inputs: dict[str, Tensor], code: str
) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    with pytest.raises(EngineError) as refused:
        await worker.infer(inputs)

    assert refused.value.code == code
    assert worker.in_flight == 0
    assert "y" in await worker.infer({"x": ONE_ROW})


async def test_an_unknown_output_is_refused(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    with pytest.raises(EngineError) as refused:
        await worker.infer({"x": ONE_ROW}, ["nowhere"])
    assert refused.value.code == "request.output-unknown"


async def test_a_tensor_model_refuses_to_write_text(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    with pytest.raises(EngineError) as refused:
        await anext(worker.generate(GenerationRequest(prompt="x")))
    assert refused.value.code == "request.wrong-kind"


async def test_what_the_engine_refuses_costs_one_answer_and_not_the_worker(
    start: Start, tmp_path: Path
) -> None:
    worker = await start(onnx_files.glutton(tmp_path / "m.onnx"))

    with pytest.raises(EngineError) as refused:
        await worker.infer({"length": np.array([-5], np.int64)})

    assert refused.value.code == "request.failed"
    assert (await worker.infer({"length": np.array([8], np.int64)}))["y"] == 0


async def test_memory_is_told_in_bytes(start: Start, tmp_path: Path) -> None:
    worker = await start(onnx_files.linear(tmp_path / "m.onnx"))

    resident, peak = worker.resident_memory(), worker.peak_memory()
    assert resident is not None
    assert peak is not None
    assert 10 << 20 < resident <= peak < 1 << 30
