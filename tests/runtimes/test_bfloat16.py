"""BF16, for which numpy has no type, goes through golden samples, wire, worker and engines all the same."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import openvino
import pytest

from runtimes.adapters.onnxruntime import OnnxRuntime
from runtimes.adapters.openvino import OpenVino
from runtimes.datatypes import datatype_of
from runtimes.engine import Candidate, Engine, ModelFile, Tensor, TensorModel
from runtimes.errors import EngineError
from runtimes.golden import GoldenSet, TensorSample, Tolerance, load_golden_folder, write_golden
from runtimes.selection.parity import compare_tensors
from runtimes.worker.handle import Worker
from tests.runtimes import onnx_files

Describe = Callable[[Path], ModelFile]
Start = Callable[..., Awaitable[Worker]]
BF16 = np.dtype(ml_dtypes.bfloat16)
ENGINES: tuple[Engine, ...] = (OnnxRuntime(), OpenVino())
SCALE = np.array([3.0], np.float32)


def rows(count: int) -> Tensor:
    return (np.arange(4 * count).reshape(count, 4) - 5).astype(BF16)


def loaded(engine: Engine, file: ModelFile) -> TensorModel:
    model = engine.load(file, Candidate(engine.name, "CPU", "f32", 1), None)
    assert isinstance(model, TensorModel)
    return model


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("count", [1, 3, 0])
def test_an_engine_takes_and_gives_bf16_among_other_types(
    engine: Engine, count: int, tmp_path: Path, describe_file: Describe
) -> None:
    model = loaded(engine, describe_file(onnx_files.bfloat_square(tmp_path / "m.onnx")))
    assert {spec.name: spec.datatype for spec in (*model.inputs, *model.outputs)} == {
        "x": "BF16",
        "s": "FP32",
        "y": "BF16",
        "half": "FP32",
        "t": "FP32",
    }
    x = rows(count)
    x.flags.writeable = False
    told = model.infer({"x": x, "s": SCALE})
    assert {name: datatype_of(tensor) for name, tensor in told.items()} == {
        "y": "BF16",
        "half": "FP32",
        "t": "FP32",
    }
    np.testing.assert_array_equal(told["y"].astype(np.float32), x.astype(np.float32) ** 2)
    np.testing.assert_array_equal(told["t"], -SCALE)
    model.close()


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_columns_of_a_larger_bf16_array_are_taken_as_they_are(
    engine: Engine, tmp_path: Path, describe_file: Describe
) -> None:
    model = loaded(engine, describe_file(onnx_files.bfloat_square(tmp_path / "m.onnx")))
    strided = np.arange(16).reshape(2, 8).astype(BF16)[:, ::2]
    told = model.infer({"x": strided, "s": SCALE}, ["half"])
    np.testing.assert_array_equal(told["half"], strided.astype(np.float32))
    model.close()


def test_onnxruntime_says_clearly_that_it_has_no_bf16_kernel_here(
    tmp_path: Path, describe_file: Describe
) -> None:
    file = describe_file(onnx_files.bfloat_sum(tmp_path / "m.onnx"))
    with pytest.raises(EngineError) as caught:
        loaded(OnnxRuntime(), file)
    assert caught.value.code == "model.unsupported"


@pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"), reason="no bf16 here"
)
def test_openvino_adds_in_bf16(tmp_path: Path, describe_file: Describe) -> None:
    model = loaded(OpenVino(), describe_file(onnx_files.bfloat_sum(tmp_path / "m.onnx")))
    told = model.infer({"x": rows(1)})
    np.testing.assert_array_equal(told["y"].astype(np.float32), 2 * rows(1).astype(np.float32))
    model.close()


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("count", [2, 20_000])
async def test_bf16_goes_into_a_worker_and_back_also_through_shared_memory(
    engine: str, count: int, tmp_path: Path, start: Start
) -> None:
    worker = await start(onnx_files.bfloat_square(tmp_path / "m.onnx"), engine)
    told = await worker.infer({"x": rows(count) / BF16.type(8), "s": SCALE})
    assert datatype_of(told["y"]) == "BF16"
    want = (rows(count) / BF16.type(8)).astype(np.float32) ** 2
    np.testing.assert_allclose(told["y"].astype(np.float32), want, rtol=2**-7)


@pytest.mark.parametrize("count", [2, 5000], ids=["in the document", "in a file"])
def test_golden_samples_hold_bf16(count: int, tmp_path: Path) -> None:
    sample = TensorSample("one", {"x": rows(count)}, {"y": rows(count) * rows(count)})
    write_golden(tmp_path, GoldenSet((sample,), Tolerance(0.0, 0.0), {}))
    read = load_golden_folder(tmp_path).samples[0]
    assert isinstance(read, TensorSample)
    for was, now in ((sample.inputs["x"], read.inputs["x"]), (sample.outputs["y"], read.outputs["y"])):
        assert now.dtype == BF16
        np.testing.assert_array_equal(now.view(np.uint16), was.view(np.uint16))


def test_bf16_that_is_not_finite_goes_into_a_file(tmp_path: Path) -> None:
    odd = np.array([1.0, np.nan, np.inf], BF16)
    write_golden(tmp_path, GoldenSet((TensorSample("one", {"x": odd}, {"y": odd}),), Tolerance(0.0, 0.0), {}))
    read = load_golden_folder(tmp_path).samples[0]
    assert isinstance(read, TensorSample)
    np.testing.assert_array_equal(read.inputs["x"].view(np.uint16), odd.view(np.uint16))


@pytest.mark.parametrize(("moved", "within"), [(0.0, True), (0.5, True), (8.0, False)])
def test_bf16_outputs_are_compared_as_numbers_within_the_tolerance(moved: float, *, within: bool) -> None:
    want = np.array([16.0, -2.0], BF16)
    got = (want.astype(np.float32) + np.array([moved, 0], np.float32)).astype(BF16)
    sample = TensorSample("one", {}, {"y": want})
    golden = GoldenSet((sample,), Tolerance(1.0, 0.0), {})
    assert [compared.within for compared in compare_tensors(sample, {"y": got}, golden)] == [within]


def test_a_pack_without_ml_dtypes_carries_everything_but_bf16() -> None:
    code = (
        "import sys; sys.modules['ml_dtypes'] = None; "
        "from runtimes.datatypes import DTYPES; sys.exit('BF16' in DTYPES or 'FP32' not in DTYPES)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
