"""Boards without PCI graphics: what the device tree, and the drivers on the chip itself, tell."""

import re

from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Accelerator, Finding
from runtimes.hardware.sysroot import Sysroot

MODEL = "/proc/device-tree/model"
COMPUTE_DRIVERS = {
    "panfrost": ("arm", "gpu", "Arm Mali GPU"),
    "panthor": ("arm", "gpu", "Arm Mali GPU"),
    "mali": ("arm", "gpu", "Arm Mali GPU"),
    "v3d": ("brcm", "gpu", "Broadcom VideoCore GPU"),
    "msm": ("qcom", "gpu", "Qualcomm Adreno GPU"),
    "etnaviv": ("vivante", "gpu", "Vivante GPU"),
    "rocket": ("rockchip", "npu", "Rockchip NPU"),
    "RKNPU": ("rockchip", "npu", "Rockchip NPU"),
    "ethosu": ("arm", "npu", "Arm Ethos NPU"),
}
"""Drivers on the platform bus that can compute, by the `DRIVER=` of their device."""


def scan(root: Sysroot) -> Notes:
    """GPUs and NPUs of the chip that a driver made a render or accelerator file for."""
    notes = Notes()
    seen: set[str] = set()
    for folder, prefix, files in (
        ("/sys/class/drm", "renderD", "/dev/dri"),
        ("/sys/class/accel", "accel", "/dev/accel"),
    ):
        for name, path in root.folders(folder):
            if name.startswith(prefix):
                found = _device(root, f"{path}/device", f"{files}/{name}", notes)
                if found and found.id not in seen:
                    seen.add(found.id)
                    notes.accelerators.append(found)
    return notes


def _device(root: Sysroot, path: str, node: str, notes: Notes) -> Accelerator | None:
    event = root.pairs(f"{path}/uevent", "=")
    compatible = event.get("OF_COMPATIBLE_0")
    known = COMPUTE_DRIVERS.get(event.get("DRIVER", "")) or _unknown(compatible, node)
    if not known:
        return None
    vendor, kind, name = known
    id_ = root.link(path) or event.get("OF_FULLNAME", node).rpartition("/")[2]
    key = f"accelerators.{id_}"
    notes.sources[key] = f"{path}/uevent"
    return Accelerator(
        id=id_,
        vendor=vendor,
        kind=kind,
        name=f"{name} ({compatible})" if compatible else name,
        driver=notes.take(f"{key}.driver_version", event.get("DRIVER"), f"{path}/uevent"),
        architecture=notes.take(f"{key}.architecture", compatible, f"{path}/uevent"),
        integrated=True,
        device_node=node,
        usable=False,
        findings=(
            Finding(
                "accelerator.no-engine",
                "None of the engines that come with the appliance uses this device.",
                "The processor is used. A runtime pack with Vulkan or the maker's runtime could use it.",
            ),
        ),
    )


def _unknown(compatible: str | None, node: str) -> tuple[str, str, str] | None:
    """A device of the chip whose driver is not in the list; the device tree's prefix says who made it."""
    vendor = (compatible or "").partition(",")[0]
    if not vendor or vendor == "nvidia":
        return None
    return (vendor, "npu", "NPU") if "accel" in node else (vendor, "gpu", "GPU")


def machine(root: Sysroot, notes: Notes) -> str | None:
    """Board or product name: the device tree's, else the firmware's (DMI)."""
    board = notes.take("machine", root.text(MODEL), MODEL)
    if board:
        return board
    parts = []
    for name in ("sys_vendor", "product_name"):
        text = root.text(f"/sys/class/dmi/id/{name}")
        if text and not re.fullmatch(
            r"(?i)to be filled by o\.e\.m\.|default string|system (manufacturer|product name)", text
        ):
            parts.append(text)
    return notes.take("machine", " ".join(parts) or None, "/sys/class/dmi/id/product_name")
