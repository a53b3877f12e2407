"""The packs that this release knows by name, installed or not."""

from dataclasses import dataclass

from runtimes.packs.pack import AbsentPack


@dataclass(frozen=True, slots=True)
class CpuPack:
    """A pack of the core's own environment, and the Python package that its engine comes in."""

    name: str
    distribution: str


CPU_PACKS = {
    "onnxruntime": CpuPack("onnxruntime-cpu", "onnxruntime"),
    "openvino": CpuPack("openvino", "openvino"),
    "llamacpp": CpuPack("llamacpp-cpu", "llama-cpp-python"),
}
"""By engine."""

ACCELERATED = (
    AbsentPack(
        "onnxruntime-cuda",
        "onnxruntime",
        "nvidia",
        "Needs an NVIDIA GPU of compute capability 7.5 or newer, its driver 580 or newer, and CUDA 13 with cuDNN 9.",
    ),
    AbsentPack(
        "onnxruntime-migraphx",
        "onnxruntime",
        "amd",
        "Needs an AMD GPU that ROCm 7 supports, the amdgpu driver, /dev/kfd for this user, and MIGraphX.",
    ),
    AbsentPack(
        "llamacpp-cuda",
        "llamacpp",
        "nvidia",
        "Needs an NVIDIA GPU, its driver 550 or newer for CUDA 12.4, or 580 or newer for CUDA 13.",
    ),
    AbsentPack(
        "llamacpp-rocm",
        "llamacpp",
        "amd",
        "Needs an AMD GPU whose gfx target the installed rocBLAS covers, the amdgpu driver, and /dev/kfd for this user.",
    ),
    AbsentPack(
        "llamacpp-vulkan",
        "llamacpp",
        "any",
        "Needs a GPU with a Vulkan 1.2 driver and the loader libvulkan.so.1.",
    ),
)
