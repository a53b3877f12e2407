"""Every device on the PCI buses, whoever made it."""

import re
from dataclasses import dataclass

from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Accelerator, Finding
from runtimes.hardware.sysroot import Sysroot

DEVICES = "/sys/bus/pci/devices"
DISPLAY, ACCELERATOR = 0x03, 0x12
"""Base classes of the PCI code assignment: display controller, processing accelerator."""
OFFICE_DISPLAYS = {
    "1013": "Cirrus Logic",
    "102b": "Matrox",
    "1234": "Bochs",
    "1414": "Hyper-V",
    "15ad": "VMware",
    "1a03": "ASPEED",
    "1af4": "virtio",
    "1b36": "QXL",
    "80ee": "VirtualBox",
}
"""Displays of board management controllers and virtual machines: they draw, and compute nothing."""


@dataclass(frozen=True, slots=True)
class PciDevice:
    """One function; numbers are four hexadecimal digits."""

    address: str
    vendor: str
    device: str
    class_code: int
    revision: int | None
    driver: str | None
    numa_node: int | None
    render_node: str | None
    """`/dev/dri/renderD…` where the driver made one."""
    accel_node: str | None
    """`/dev/accel/accel…` where the driver made one."""

    @property
    def path(self) -> str:
        return f"{DEVICES}/{self.address}"

    @property
    def id(self) -> str:
        return f"{self.vendor}:{self.device}"

    @property
    def base_class(self) -> int:
        return self.class_code >> 16


def devices(root: Sysroot) -> list[PciDevice]:
    """All that display or accelerate, in the order of their addresses; one that cannot be read is left out."""
    found = (_device(root, address) for address in sorted(root.names(DEVICES)))
    return [device for device in found if device]


def from_nvml(address: object) -> str:
    """NVML writes `00000000:01:00.0` where the kernel writes `0000:01:00.0`."""
    text = str(address).lower()
    return text.removeprefix("0000") if re.match(r"0000[0-9a-f]{4}:", text) else text


def others(devices: list[PciDevice]) -> Notes:
    """Accelerators of makers for whom there is no file here: shown, and said to be of no use."""
    notes = Notes()
    for device in devices:
        if device.base_class == DISPLAY and device.vendor in OFFICE_DISPLAYS:
            continue
        notes.accelerators.append(plain(device))
        notes.sources[f"accelerators.{device.address}"] = device.path
    return notes


def plain(device: PciDevice, finding: Finding | None = None) -> Accelerator:
    """What the PCI bus alone tells of a device, with the reason why it is not more."""
    reason = finding or Finding(
        "accelerator.unknown-vendor",
        f"No engine here knows how to use the device {device.id} of this maker.",
        "It is left alone. If its maker has a runtime, add it as a runtime pack.",
    )
    return Accelerator(
        id=device.address,
        vendor=VENDORS.get(device.vendor, device.vendor),
        kind="gpu" if device.base_class == DISPLAY else "npu",
        name=f"PCI device {device.id}",
        driver=device.driver,
        pci_id=device.id,
        numa_node=device.numa_node,
        device_node=device.render_node or device.accel_node,
        usable=False,
        findings=(reason,),
    )


VENDORS = {"10de": "nvidia", "1002": "amd", "1022": "amd", "8086": "intel"}


def _device(root: Sysroot, address: str) -> PciDevice | None:
    path = f"{DEVICES}/{address}"
    class_code, vendor, device = (root.number(f"{path}/{name}") for name in ("class", "vendor", "device"))
    if class_code is None or vendor is None or device is None:
        return None
    if class_code >> 16 not in (DISPLAY, ACCELERATOR) and not _has_accel(root, path):
        return None
    numa_node = root.number(f"{path}/numa_node")
    return PciDevice(
        address=address,
        vendor=f"{vendor:04x}",
        device=f"{device:04x}",
        class_code=class_code,
        revision=root.number(f"{path}/revision"),
        driver=root.link(f"{path}/driver"),
        numa_node=numa_node if numa_node is not None and numa_node >= 0 else None,
        render_node=_node(root, f"{path}/drm", "renderD", "/dev/dri"),
        accel_node=_node(root, f"{path}/accel", "accel", "/dev/accel"),
    )


def _has_accel(root: Sysroot, path: str) -> bool:
    """AMD's NPUs call themselves signal processors (class 0x11); the driver's folder gives them away."""
    return bool(root.names(f"{path}/accel"))


def _node(root: Sysroot, folder: str, prefix: str, devices: str) -> str | None:
    return next((f"{devices}/{name}" for name in root.names(folder) if name.startswith(prefix)), None)
