"""What an NVIDIA chip can run, from numbers that need no driver."""

import re

COMPUTE_BY_DEVICE = (
    (0x1340, 0x13BF, "5.0", "GM107"),
    (0x13C0, 0x14BF, "5.2", "GM204"),
    (0x1580, 0x15FF, "6.0", "GP100"),
    (0x17C0, 0x17FF, "5.2", "GM200"),
    (0x1B00, 0x1D7F, "6.1", "GP10x"),
    (0x1D80, 0x1DFF, "7.0", "GV100"),
    (0x1E00, 0x1FFF, "7.5", "TU10x"),
    (0x2080, 0x20FF, "8.0", "GA100"),
    (0x2180, 0x21FF, "7.5", "TU116"),
    (0x2200, 0x227F, "8.6", "GA102"),
    (0x2300, 0x237F, "9.0", "GH100"),
    (0x2400, 0x25FF, "8.6", "GA10x"),
    (0x2680, 0x28FF, "8.9", "AD10x"),
    (0x2900, 0x29FF, "10.0", "GB100"),
    (0x2B80, 0x2DFF, "12.0", "GB20x"),
    (0x2E00, 0x2EFF, "12.1", "GB10"),
    (0x2F00, 0x2FFF, "12.0", "GB205"),
    (0x3180, 0x31FF, "10.3", "GB110"),
)
"""PCI device numbers by chip (pci.ids) and the chip's compute capability (developer.nvidia.com/cuda-gpus)."""

COMPUTE_BY_SOC = {
    "nvidia,tegra210": "5.3",
    "nvidia,tegra186": "6.2",
    "nvidia,tegra194": "7.2",
    "nvidia,tegra234": "8.7",
    "nvidia,tegra264": "11.0",
}
"""Device tree names of the Jetson chips: TX1/Nano, TX2, Xavier, Orin, Thor."""

INTEGRATED_DEVICES = range(0x2E00, 0x2F00)
"""GB10: a PCI device that shares the processor's memory."""

TOO_OLD = 550
"""Lowest driver branch that the CUDA 12 packs (12.4) run on."""

Version = tuple[int, ...]


def version(text: str | None) -> Version:
    """`550.54.15` as numbers; empty where there is none."""
    return tuple(int(part) for part in re.findall(r"\d+", text or "")[:4])


def compute_of(device: int) -> str | None:
    return next((compute for low, high, compute, _ in COMPUTE_BY_DEVICE if low <= device <= high), None)


def chip_of(device: int) -> str | None:
    return next((chip for low, high, _, chip in COMPUTE_BY_DEVICE if low <= device <= high), None)


def newest_cuda(driver: str | None, compute: str | None) -> str | None:
    """Newest CUDA whose packs this driver and chip run: `13.0`, `12.8`, `12.4`; None where even that is too new.

    CUDA 12.4 and newer ask for driver 550; 12.8 asks for 570 on chips below compute capability 7.0, for which
    its packs carry no machine code; CUDA 13 asks for driver 580 and 7.5 (CUDA release notes).
    """
    branch, chip = version(driver), version(compute)
    if not branch or branch < (TOO_OLD,):
        return None
    if branch >= (580,) and chip >= (7, 5):
        return "13.0"
    return "12.8" if branch >= (570,) or chip >= (7, 0) else "12.4"
