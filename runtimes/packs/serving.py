"""What installing a pack would be good for on a machine, in a sentence."""

import re

from runtimes.hardware.profile import Accelerator, HardwareProfile
from runtimes.packs.pack import AbsentPack

VENDORS = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}
IN_VULKANS_WAY = (".driver-missing", ".gpu-permission", ".gpu-absent", ".gpu-broken", ".unknown-vendor")
"""Ends of the causes that also stop Vulkan, which needs neither CUDA nor ROCm nor OpenCL."""
RENDER = (".render-permission", ".render-absent", ".device-absent", ".device-permission")
ROCM = "amd.gfx-not-covered"


def served_by(pack: AbsentPack, hardware: HardwareProfile) -> str:
    """Which GPUs it would serve; where none, what is missing."""
    gpus = [
        card for card in hardware.accelerators if card.kind == "gpu" and pack.vendor in ("any", card.vendor)
    ]
    if not gpus:
        return f"There is no {VENDORS[pack.vendor] + ' ' if pack.vendor in VENDORS else ''}GPU here."
    hindered = [(gpu, _hindrance(pack, gpu)) for gpu in gpus]
    served = [gpu.name for gpu, why in hindered if not why]
    if served:
        return f"It would serve {', '.join(served)}."
    gpu, why = hindered[0]
    return f"{gpu.name} is here, but {why}."


def _hindrance(pack: AbsentPack, gpu: Accelerator) -> str:
    """Why the pack could not use this GPU as it is; empty where it could."""
    codes = [finding.code for finding in gpu.findings]
    if pack.vendor == "any":
        stops = [code for code in codes if code.endswith((*IN_VULKANS_WAY, *RENDER))]
        return f"cannot be used as it is [{stops[0]}]" if stops else ""
    if gpu.usable is False:
        return f"cannot be used as it is [{codes[0]}]" if codes else "cannot be used as it is"
    if ROCM in codes:
        return f"the installed ROCm has no code for {gpu.architecture_override or gpu.architecture} [{ROCM}]"
    if pack.floor and gpu.newest_runtime and _version(gpu.newest_runtime) < _version(pack.floor):
        return f"its driver and chip allow {gpu.newest_runtime} at most, and this pack needs {pack.floor}"
    return ""


def _version(runtime: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", runtime))
