"""The packs that this release knows by name, installed or not; docs/packs.md says where the needs were read."""

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
        "Needs an NVIDIA GPU of compute capability 7.5 or newer with driver 580 or newer; brings CUDA 13 and cuDNN 9 along.",
        floor="cuda-13.0",
    ),
    AbsentPack(
        "onnxruntime-migraphx",
        "onnxruntime",
        "amd",
        "Needs an AMD GPU that MIGraphX supports, the amdgpu driver, /dev/kfd for this user, and ROCm with MIGraphX of the "
        "release that the wheel was built for.",
    ),
    AbsentPack(
        "llamacpp-cuda",
        "llamacpp",
        "nvidia",
        "Needs an NVIDIA GPU with driver 550 or newer for a build with CUDA 12.4, or of compute capability 7.5 or newer with "
        "driver 580 or newer for one with CUDA 13.",
        floor="cuda-12.4",
    ),
    AbsentPack(
        "llamacpp-rocm",
        "llamacpp",
        "amd",
        "Needs an AMD GPU whose gfx target the build names and the installed rocBLAS covers, the amdgpu driver, and "
        "/dev/kfd for this user.",
    ),
    AbsentPack(
        "llamacpp-vulkan",
        "llamacpp",
        "any",
        "Needs a GPU with a Vulkan 1.2 driver (Mesa's, or its maker's), the loader libvulkan.so.1, and its render file for "
        "this user.",
    ),
)
