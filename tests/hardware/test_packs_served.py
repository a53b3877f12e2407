"""What the doctor says that a pack, were it installed, would serve on each kind of machine."""

from typing import Any

import pytest

from runtimes.hardware.detect import detect
from runtimes.packs import absent_packs
from runtimes.packs.serving import served_by

RTX_4090_TOO_OLD = (
    "NVIDIA GeForce RTX 4090 is here, but its driver and chip allow cuda-12.8 at most, "
    "and this pack needs cuda-13.0."
)
PACKS = {pack.name: pack for pack in absent_packs()}


@pytest.mark.parametrize(
    ("name", "pack", "told"),
    [
        ("nvidia-h100-mig", "onnxruntime-cuda", "It would serve NVIDIA H100 PCIe."),
        (
            "nvidia-rtx-4090-desktop",
            "onnxruntime-cuda",
            RTX_4090_TOO_OLD,
        ),
        ("nvidia-rtx-4090-desktop", "llamacpp-cuda", "It would serve NVIDIA GeForce RTX 4090."),
        (
            "nvidia-driver-too-old",
            "llamacpp-cuda",
            "NVIDIA GeForce GTX 1080 is here, but cannot be used as it is [nvidia.driver-too-old].",
        ),
        ("nvidia-driver-too-old", "llamacpp-vulkan", "It would serve NVIDIA GeForce GTX 1080."),
        ("nvidia-rtx-4090-desktop", "llamacpp-rocm", "There is no AMD GPU here."),
        ("no-sysfs", "llamacpp-vulkan", "There is no GPU here."),
        ("amd-780m-apu", "llamacpp-rocm", "It would serve AMD Radeon 780M Graphics."),
        (
            "amd-780m-apu-uncovered",
            "llamacpp-rocm",
            "AMD Radeon 780M Graphics is here, but the installed ROCm has no code for gfx1103 [amd.gfx-not-covered].",
        ),
        ("amd-780m-apu-uncovered", "llamacpp-vulkan", "It would serve AMD Radeon 780M Graphics."),
        ("amd-rx-580-not-in-topology", "llamacpp-vulkan", "It would serve AMD Radeon RX 580 Series."),
        ("raspberry-pi-5", "llamacpp-vulkan", "It would serve Broadcom VideoCore GPU (brcm,2712-v3d)."),
        (
            "intel-npu-denied",
            "llamacpp-vulkan",
            "Intel Lunar Lake graphics (8086:64a0) is here, but cannot be used as it is [intel.gpu-permission].",
        ),
    ],
)
def test_a_pack_serves_the_gpus_that_it_really_could(name: str, pack: str, told: str, fake: Any) -> None:
    assert served_by(PACKS[pack], detect(fake(name).root)) == told
