"""An engine runs exactly as the candidate says, or says why it does not; never in another way silently."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import openvino
import pytest

from runtimes.adapters.llamacpp import LlamaCpp
from runtimes.adapters.onnxruntime import OnnxModel, OnnxRuntime
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


def test_openvino_keeps_compiled_models_by_version_and_digest(
    tmp_path: Path, describe_file: Describe
) -> None:
    file = describe_file(onnx_files.linear(tmp_path / "m.onnx"))
    cache = tmp_path / "cache"

    for _ in range(2):
        OpenVino().load(file, Candidate("openvino", "CPU", "f32", 1), cache)

    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert kept[0].parent.name == file.digest
    assert kept[0].parent.parent.name.startswith("openvino-2026")


def test_onnxruntime_that_took_another_provider_is_refused(tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(
        str(onnx_files.linear(tmp_path / "m.onnx")), providers=["CPUExecutionProvider"]
    )
    with pytest.raises(EngineError) as refused:
        OnnxModel(session, Candidate("onnxruntime", "cuda:0", "f32", 1), "CUDAExecutionProvider", "f32")
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
