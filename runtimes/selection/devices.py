"""Engines' names of devices: whose they are, and which accelerator of the machine each means.

Whose a candidate is, goes by its device and its engine:

- OpenVINO is Intel's software: every candidate of it is Intel's, also one that computes on another maker's processor.
- CUDA and TensorRT devices are NVIDIA's; ROCm, HIP and MIGraphX ones AMD's; SYCL ones Intel's.
- A Vulkan device does not say whose card it is, so it counts as every vendor's.
- A card that no engine here can use stands in the plan by its name, such as `NVIDIA L4`, which says whose it is.
- The processor itself is nobody's that could be taken away without the whole machine.
"""

import re

from runtimes.engine import Candidate
from runtimes.hardware.profile import Accelerator, HardwareProfile

VENDORS = frozenset({"nvidia", "amd", "intel"})
OF_DEVICE = {
    "cuda": frozenset({"nvidia"}),
    "tensorrt": frozenset({"nvidia"}),
    "rocm": frozenset({"amd"}),
    "hip": frozenset({"amd"}),
    "migraphx": frozenset({"amd"}),
    "sycl": frozenset({"intel"}),
    "vulkan": VENDORS,
}
"""Device without its number -> whose it may be."""
_OF_ENGINE = {"openvino": frozenset({"intel"})}


def vendors_of(engine: str, device: str) -> frozenset[str]:
    """Whose software or hardware a candidate needs; see the module's text for the rule."""
    by_name = VENDORS & set(device.lower().split())
    return by_name | _OF_ENGINE.get(engine.lower(), frozenset()) | OF_DEVICE.get(family(device), frozenset())


def family(device: str) -> str:
    """`cuda:0`, `GPU.1` and `Vulkan0` without their numbers."""
    return re.sub(r"[:.]?\d+$", "", device).lower()


def accelerator_of(candidate: Candidate, hardware: HardwareProfile) -> Accelerator | None:
    """The card that a candidate computes on; None for a processor, and where the device's name leaves it open."""
    vendors = vendors_of(candidate.engine, candidate.device)
    kind = "npu" if family(candidate.device) == "npu" else "gpu"
    if family(candidate.device) == "cpu" or len(vendors) != 1:
        return None
    digits = re.search(r"\d+$", candidate.device)
    number = int(digits[0]) if digits else 0
    cards = [card for card in hardware.accelerators if card.vendor in vendors and card.kind == kind]
    numbered = next((card for card in cards if card.visible_index == number), None)
    if numbered is not None or any(card.visible_index is not None for card in cards):
        return numbered
    return cards[number] if number < len(cards) else None


def free_memory(device: Accelerator | None, hardware: HardwareProfile) -> int | None:
    """Bytes that a model may take on it, or in the machine's own memory for None; None where nothing tells."""
    if device is None or device.integrated:
        return hardware.memory.usable
    if device.memory_total is None:
        return None
    return device.memory_total - (device.memory_used or 0)
