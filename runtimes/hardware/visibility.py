"""The variables that hide and renumber accelerators, read as the vendors' runtimes read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "NVIDIA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "HSA_OVERRIDE_GFX_VERSION",
    "ONEAPI_DEVICE_SELECTOR",
    "ZE_AFFINITY_MASK",
    "GGML_VK_VISIBLE_DEVICES",
)


@dataclass(frozen=True, slots=True)
class Name:
    """What one device answers to, in the runtime's own order of devices."""

    id: str
    uuids: tuple[str, ...] = ()


def in_force(environ: Mapping[str, str]) -> dict[str, str]:
    """Those that are set, `HSA_OVERRIDE_GFX_VERSION_<n>` among them."""
    return {
        name: value
        for name, value in sorted(environ.items())
        if name in VARIABLES or name.startswith("HSA_OVERRIDE_GFX_VERSION_")
    }


def cuda(devices: Sequence[Name], environ: Mapping[str, str]) -> list[str]:
    """Ids in the order in which CUDA numbers them.

    `CUDA_VISIBLE_DEVICES` takes indices, UUIDs or the unique beginning of one (`GPU-…`, `MIG-…`); the
    first entry that names nothing ends the list (CUDA C Programming Guide, environment variables).
    """
    return _chosen(devices, environ.get("CUDA_VISIBLE_DEVICES"))


def rocm(devices: Sequence[Name], environ: Mapping[str, str]) -> list[str]:
    """Ids in the order in which HIP numbers them.

    ROCR_VISIBLE_DEVICES chooses among the devices of the topology, HIP_VISIBLE_DEVICES (or, where that is unset
    or empty, CUDA_VISIBLE_DEVICES) then counts in what is left; both empty hide nothing. GPU_DEVICE_ORDINAL is
    for OpenCL alone (ROCm documentation, GPU isolation techniques; ROCclr, rocdevice.cpp).
    """
    first = _chosen(devices, environ.get("ROCR_VISIBLE_DEVICES"))
    left = [next(device for device in devices if device.id == id_) for id_ in first]
    second = environ.get("HIP_VISIBLE_DEVICES") or environ.get("CUDA_VISIBLE_DEVICES") or None
    return _chosen(left, second)


def _chosen(devices: Sequence[Name], wanted: str | None) -> list[str]:
    if wanted is None:
        return [device.id for device in devices]
    found: list[str] = []
    for entry in wanted.split(","):
        id_ = _named(devices, entry.strip())
        if id_ is None or id_ in found:
            break
        found.append(id_)
    return found


def _named(devices: Sequence[Name], entry: str) -> str | None:
    if entry.isdecimal():
        return devices[int(entry)].id if int(entry) < len(devices) else None
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    matches = [device.id for device in devices if any(uuid.startswith(entry) for uuid in device.uuids)]
    return matches[0] if len(matches) == 1 else None
