"""Which card an engine's name of a device means, and whether a model fits on it."""

from dataclasses import replace
from pathlib import Path

import pytest

from runtimes.engine import Candidate, ModelFile, ModelFormat, Rejection
from runtimes.hardware.profile import Accelerator, HardwareProfile
from runtimes.packs import RuntimePack
from runtimes.selection.candidates import Offer, refuse_without_memory
from runtimes.selection.devices import accelerator_of, free_memory

GIB = 1 << 30
LARGE = Accelerator(
    "0000:01:00.0", "nvidia", "gpu", "L40S", memory_total=48 * GIB, memory_used=8 * GIB, visible_index=1
)
SMALL = Accelerator(
    "0000:02:00.0", "nvidia", "gpu", "T4", memory_total=16 * GIB, memory_used=GIB, visible_index=0
)
HIDDEN = Accelerator("0000:03:00.0", "nvidia", "gpu", "A2", memory_total=16 * GIB)
ARC = Accelerator("0000:04:00.0", "intel", "gpu", "Arc A770", memory_total=16 * GIB)
NPU = Accelerator("0000:00:0b.0", "intel", "npu", "AI Boost")
ORIN = Accelerator("17000000.gpu", "nvidia", "gpu", "Orin", integrated=True, memory_total=64 * GIB)


@pytest.fixture
def full(hardware: HardwareProfile) -> HardwareProfile:
    return replace(hardware, accelerators=(LARGE, SMALL, HIDDEN, ARC, NPU))


def candidate(device: str, engine: str = "onnxruntime") -> Candidate:
    return Candidate(engine, device, "f32", 1)


@pytest.mark.parametrize(
    ("engine", "device", "card"),
    [
        ("onnxruntime", "cuda:0", SMALL),
        ("onnxruntime", "cuda:1", LARGE),
        ("llamacpp", "CUDA1", LARGE),
        ("onnxruntime", "cuda:2", None),
        ("openvino", "GPU", ARC),
        ("openvino", "GPU.0", ARC),
        ("openvino", "GPU.1", None),
        ("openvino", "NPU", NPU),
        ("openvino", "CPU", None),
        ("llamacpp", "Vulkan0", None),
        ("onnxruntime", "migraphx:0", None),
    ],
)
def test_a_device_means_the_card_that_programs_see_under_its_number(
    full: HardwareProfile, engine: str, device: str, card: Accelerator | None
) -> None:
    assert accelerator_of(candidate(device, engine), full) is card


def test_a_card_has_what_others_left_of_its_memory_and_an_integrated_one_what_the_machine_may_use(
    hardware: HardwareProfile,
) -> None:
    assert free_memory(LARGE, hardware) == 40 * GIB
    assert free_memory(NPU, hardware) is None
    assert free_memory(ORIN, hardware) == free_memory(None, hardware) == hardware.memory.usable


@pytest.mark.parametrize(
    ("device", "fits"), [("cuda:0", False), ("cuda:1", True), ("Vulkan0", True), ("CPU", False)]
)
def test_a_model_that_does_not_fit_is_refused_before_it_is_loaded(
    full: HardwareProfile, device: str, fits: bool
) -> None:
    model = ModelFile(Path("large.onnx"), ModelFormat.ONNX, "0" * 64, 20 * GIB)
    offer = Offer(RuntimePack("onnxruntime-cuda", "onnxruntime", "1", Path("python")), candidate(device))
    answer = refuse_without_memory(offer, model, full)
    if fits:
        assert answer is offer
    else:
        assert isinstance(answer, Rejection)
        assert (answer.code, answer.device) == ("memory.insufficient", device)
        assert "22,528 MiB" in answer.reason
