"""What is in force is read from the engine: where it was told or does otherwise than the candidate says, that is seen."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import llama_cpp
import openvino
import pytest

from runtimes.adapters import onnxsession
from runtimes.adapters.llamacpp import LlamaCpp
from runtimes.adapters.onnxruntime import OnnxRuntime
from runtimes.adapters.openvino import OpenVino
from runtimes.engine import Candidate, ModelFile
from runtimes.errors import EngineError
from tests.runtimes import gguf_files, onnx_files
from tests.runtimes.conftest import StartWorker

Describe = Callable[[Path], ModelFile]


@pytest.fixture
def linear(tmp_path: Path, describe_file: Describe) -> ModelFile:
    return describe_file(onnx_files.linear(tmp_path / "m.onnx"))


@pytest.fixture
def told_otherwise(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the OpenVINO adapter ask for something else than its candidate says."""
    settings = OpenVino._settings

    def tell(**otherwise: Any) -> None:
        monkeypatch.setattr(OpenVino, "_settings", lambda *given: settings(*given) | otherwise)

    return tell


def test_openvino_tells_how_many_threads_it_took_not_how_many_it_was_asked_for(linear: ModelFile) -> None:
    model = OpenVino().load(linear, Candidate("openvino", "CPU", "f32", 1000), None)
    assert 1 <= model.in_force.threads < 1000


def test_openvino_tells_threads_and_streams_that_differ_from_the_candidate_s(
    linear: ModelFile, told_otherwise: Callable[..., None]
) -> None:
    told_otherwise(INFERENCE_NUM_THREADS=1, NUM_STREAMS=1)
    model = OpenVino().load(linear, Candidate("openvino", "CPU", "f32", 2, {"streams": 2}), None)
    assert (model.in_force.threads, model.in_force.details["streams"]) == (1, "1")


def test_openvino_that_computes_in_another_precision_is_refused(
    linear: ModelFile, told_otherwise: Callable[..., None]
) -> None:
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bf16")
    told_otherwise(INFERENCE_PRECISION_HINT="f32")
    with pytest.raises(EngineError, match="took f32") as refused:
        OpenVino().load(linear, Candidate("openvino", "CPU", "bf16", 1), None)
    assert refused.value.code == "precision.unsupported"


def test_openvino_counts_its_nodes_by_the_precision_that_they_compute_in(linear: ModelFile) -> None:
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    for precision in ("f32", *(["bf16"] if "BF16" in able else [])):
        nodes = (
            OpenVino()
            .load(linear, Candidate("openvino", "CPU", precision, 1), None)
            .in_force.details["nodes"]
        )
        assert precision in {count.split()[0] for count in nodes.split(", ")}


def test_onnxruntime_tells_threads_that_differ_from_the_candidate_s(
    linear: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = onnxsession._session

    def another(model: ModelFile, candidate: Candidate, *given: Any, **named: Any) -> Any:
        return session(model, replace(candidate, threads=3), *given, **named)

    monkeypatch.setattr(onnxsession, "_session", another)
    model = OnnxRuntime().load(linear, Candidate("onnxruntime", "CPU", "f32", 1), None)
    assert model.in_force.threads == 3


async def test_onnxruntime_s_worker_runs_as_many_threads_as_are_in_force(
    tmp_path: Path, start: StartWorker
) -> None:
    file = onnx_files.linear(tmp_path / "m.onnx")
    one = await start(file, "onnxruntime", "f32", 1)
    three = await start(file, "onnxruntime", "f32", 3)
    assert (one.in_force.threads, three.in_force.threads) == (1, 3)
    assert _threads_of(three.pid) - _threads_of(one.pid) == 2


def _threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_llamacpp_tells_threads_that_differ_from_the_candidate_s(
    tmp_path: Path, describe_file: Describe, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = llama_cpp.llama_init_from_model

    def another(model: Any, parameters: Any) -> Any:
        parameters.n_threads = 3
        return make(model, parameters)

    monkeypatch.setattr(llama_cpp, "llama_init_from_model", another)
    file = describe_file(gguf_files.tiny_llama(tmp_path / "m.gguf"))
    model = LlamaCpp().load(file, Candidate("llamacpp", "CPU", "stored", 1), None)
    try:
        assert model.in_force.threads == 3
        assert model.in_force.details["weights"].startswith("llama")
    finally:
        model.close()
