"""Where onnxruntime runs each node is read from it; what the CPU does for an accelerator is refused or told."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest

from runtimes.adapters.onnxplacement import Placement
from runtimes.adapters.onnxproviders import PROVIDERS
from runtimes.adapters.onnxruntime import OnnxRuntime
from runtimes.engine import Candidate, ModelFile, Rejection
from runtimes.errors import EngineError
from runtimes.hardware.profile import Accelerator, HardwareProfile
from tests.runtimes import onnx_files

Describe = Callable[[Path], ModelFile]
AZURE = "AzureExecutionProvider"
"""A provider that the CPU build has beside the CPU's, and that has a kernel for no standard operator."""


@pytest.fixture
def linear(tmp_path: Path, describe_file: Describe) -> ModelFile:
    return describe_file(onnx_files.linear(tmp_path / "m.onnx"))


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter takes `azure:0` for a device."""
    assert AZURE in onnxruntime.get_available_providers()
    monkeypatch.setitem(PROVIDERS, "azure", AZURE)


def test_the_nodes_of_a_model_are_counted_by_provider(linear: ModelFile) -> None:
    model = OnnxRuntime().load(linear, Candidate("onnxruntime", "CPU", "f32", 1), None)
    assert model.in_force.details["nodes"] == "CPU 2"
    assert model.in_force.details["providers"] == "CPUExecutionProvider"


@pytest.mark.usefixtures("azure")
@pytest.mark.parametrize("cpu_fallback", [0, 1])
def test_a_provider_that_is_given_no_node_is_refused_whatever_the_cpu_may_do(
    cpu_fallback: int, linear: ModelFile
) -> None:
    candidate = Candidate("onnxruntime", "azure:0", "f32", 1, {"cpu_fallback": cpu_fallback})
    with pytest.raises(EngineError) as refused:
        OnnxRuntime().load(linear, candidate, None)
    assert refused.value.code == "device.fell-back"
    assert "CPU 2" in refused.value.what


@pytest.mark.usefixtures("azure")
def test_a_model_whose_nodes_are_shared_out_is_refused_unless_its_candidate_says_so(
    linear: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """onnxruntime refuses by itself; what it would have shared out is stood in for, no provider here takes a part."""
    shared = Placement({"CPUExecutionProvider": Counter(Shape=2, Gather=1), AZURE: Counter(Conv=118)})
    monkeypatch.setattr("runtimes.adapters.onnxsession.placement", lambda _: shared)
    with pytest.raises(EngineError) as refused:
        OnnxRuntime().load(linear, Candidate("onnxruntime", "azure:0", "f32", 1), None)
    assert refused.value.code == "placement.partial"
    assert "Azure 118, CPU 3 (Shape 2, Gather 1)" in refused.value.what

    allowed = Candidate("onnxruntime", "azure:0", "f32", 1, {"cpu_fallback": 1})
    model = OnnxRuntime().load(linear, allowed, None)
    assert model.in_force.details["nodes"] == "Azure 118, CPU 3 (Shape 2, Gather 1)"


def test_the_whole_model_on_the_card_comes_before_a_part_of_it_on_the_cpu(
    linear: ModelFile, hardware: HardwareProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = Accelerator("0000:01:00.0", "nvidia", "gpu", "NVIDIA L4")
    offered = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    ways = OnnxRuntime().candidates(linear, replace(hardware, accelerators=(card,)))
    on_card = [way for way in ways if not isinstance(way, Rejection) and way.device == "cuda:0"]
    assert [way.precision for way in on_card] == ["tf32", "tf32", "f32", "f32"]
    whole, partial = on_card[2:]
    assert (whole.options["cpu_fallback"], partial.options["cpu_fallback"]) == (0, 1)
    assert (whole.reserve, partial.reserve) == (0, 1)
