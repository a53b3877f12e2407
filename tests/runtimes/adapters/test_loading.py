"""An engine runs exactly as the candidate says, or says why it does not; never in another way silently."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import pytest

from runtimes.adapters.llamacpp import LlamaCpp
from runtimes.adapters.onnxruntime import OnnxRuntime
from runtimes.adapters.onnxsession import placed
from runtimes.adapters.openvino import OpenVino
from runtimes.engine import Candidate, Engine, ModelFile
from runtimes.errors import EngineError
from tests.runtimes import gguf_files, onnx_files

Describe = Callable[[Path], ModelFile]
ROW = np.ones((1, 4), np.float32)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_openvino_computes_in_the_precision_asked_for(
    tmp_path: Path, describe_file: Describe, precision: str
) -> None:
    if precision == "bf16" and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bf16")
    file = describe_file(onnx_files.linear(tmp_path / "m.onnx"))

    model = OpenVino().load(file, Candidate("openvino", "CPU", precision, 2), None)

    assert (model.in_force.precision, model.in_force.threads) == (precision, 2)
    tolerance = 1e-6 if precision == "f32" else 1e-2
    np.testing.assert_allclose(model.infer({"x": ROW})["y"], ROW @ onnx_files.WEIGHT, rtol=tolerance)


def test_openvino_loads_the_second_time_what_it_compiled_the_first(
    tmp_path: Path, describe_file: Describe
) -> None:
    file = describe_file(onnx_files.linear(tmp_path / "m.onnx"))
    candidate = Candidate("openvino", "CPU", "f32", 1)
    loads = [OpenVino().load(file, candidate, tmp_path / "cache").in_force for _ in range(2)]
    assert [in_force.details["loaded from cache"] for in_force in loads] == ["no", "yes"]
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",  # noqa: ARG005 - whatever it was
        lambda data: bytes(len(data)),
        lambda data: data[:300] + bytes(byte ^ 0x41 for byte in data[300:]),
    ],
)
def test_a_damaged_compiled_model_costs_a_compilation_and_no_answer(
    damage: Callable[[bytes], bytes], tmp_path: Path, describe_file: Describe
) -> None:
    file = describe_file(onnx_files.linear(tmp_path / "m.onnx"))
    candidate = Candidate("openvino", "CPU", "f32", 1)
    OpenVino().load(file, candidate, tmp_path / "cache")
    (compiled,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    compiled.write_bytes(damage(compiled.read_bytes()))

    model = OpenVino().load(file, candidate, tmp_path / "cache")

    assert model.in_force.details["loaded from cache"] == "no"
    np.testing.assert_allclose(model.infer({"x": ROW})["y"], ROW @ onnx_files.WEIGHT, rtol=1e-6)


def test_onnxruntime_that_took_another_provider_is_refused(tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(
        str(onnx_files.linear(tmp_path / "m.onnx")), providers=["CPUExecutionProvider"]
    )
    with pytest.raises(EngineError) as refused:
        placed(session, "CUDAExecutionProvider")
    assert refused.value.code == "device.fell-back"


@pytest.mark.parametrize(
    ("engine", "device", "precision"),
    [(OnnxRuntime(), "cuda:0", "f32"), (OpenVino(), "GPU.7", "f16"), (LlamaCpp(), "CUDA0", "stored")],
)
def test_a_device_that_the_engine_has_not_is_refused_and_named(
    engine: Engine, device: str, precision: str, tmp_path: Path, describe_file: Describe
) -> None:
    if device in engine.describe().devices:
        pytest.skip("this machine really has one")
    text = engine.name == "llamacpp"
    path = gguf_files.tiny_llama(tmp_path / "m.gguf") if text else onnx_files.linear(tmp_path / "m.onnx")

    with pytest.raises(EngineError, match=device) as refused:
        engine.load(describe_file(path), Candidate(engine.name, device, precision, 1), None)
    assert refused.value.code == "device.absent"


@pytest.mark.parametrize(
    ("engine", "precision"), [(OnnxRuntime(), "bf16"), (OpenVino(), "f16"), (LlamaCpp(), "f32")]
)
def test_a_precision_that_the_engine_has_not_is_refused(
    engine: Engine, precision: str, tmp_path: Path, describe_file: Describe
) -> None:
    text = engine.name == "llamacpp"
    path = gguf_files.tiny_llama(tmp_path / "m.gguf") if text else onnx_files.linear(tmp_path / "m.onnx")

    with pytest.raises(EngineError) as refused:
        engine.load(describe_file(path), Candidate(engine.name, "CPU", precision, 1), None)
    assert refused.value.code == "precision.unsupported"


@pytest.mark.shared_models
def test_openvino_says_why_it_does_not_take_a_model_of_dynamic_rank(
    shared_models: Path, describe_file: Describe
) -> None:
    file = describe_file(shared_models / "speech-activity" / "silero_vad.onnx")

    with pytest.raises(EngineError, match="rank has to be known") as refused:
        OpenVino().load(file, Candidate("openvino", "CPU", "f32", 1), None)

    assert refused.value.code == "model.unsupported"
    assert "\n" not in refused.value.what


def test_a_file_needs_no_suffix(tmp_path: Path) -> None:
    """Blobs are named by their digest alone."""
    path = onnx_files.linear(tmp_path / "m.onnx")
    data = path.read_bytes()
    blob = path.rename(tmp_path / hashlib.sha256(data).hexdigest())
    file = ModelFile(blob, OnnxRuntime().describe().formats[0], blob.name, len(data))

    for engine in (OnnxRuntime(), OpenVino()):
        model = engine.load(file, Candidate(engine.name, "CPU", "f32", 1), None)
        np.testing.assert_allclose(model.infer({"x": ROW})["y"], ROW @ onnx_files.WEIGHT, rtol=1e-6)
