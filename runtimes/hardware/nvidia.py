"""NVIDIA: what the kernel driver's files say, completed by NVML where the driver can be asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runtimes.hardware import energy, libraries, nvidia_chips, nvidia_faults, nvidia_numbers, nvidia_soc, pci
from runtimes.hardware.notes import Notes
from runtimes.hardware.pci import DISPLAY, PciDevice
from runtimes.hardware.profile import Accelerator, Memory, Partition
from runtimes.hardware.sysroot import Sysroot

VENDOR = "10de"
DRIVER = "/proc/driver/nvidia"
WSL = "/dev/dxg"
NVML = "NVML"
NOT_SUPPORTED = "not-supported"
"""What NVML answers when asked for the memory of a GPU that has none of its own."""


@dataclass(frozen=True, slots=True)
class Driver:
    version: str | None
    source: str


def scan(root: Sysroot, devices: list[PciDevice], environ: Mapping[str, str], memory: Memory) -> Notes:
    """Every NVIDIA GPU: on PCI, on a Jetson's chip, or behind WSL."""
    notes = Notes()
    cards = [device for device in devices if device.vendor == VENDOR and device.base_class == DISPLAY]
    soc = nvidia_soc.compatible(root)
    if not (cards or soc or _is_wsl(root)):
        return notes
    ld_path = environ.get("LD_LIBRARY_PATH", "")
    cuda = libraries.find(root, "libcuda.so.1", notes, ld_path)
    nvml = libraries.find(root, "libnvidia-ml.so.1", notes, ld_path)
    told = (root.answer("nvidia") or {}) if nvml or root.exists(nvidia_faults.CONTROL) else {}
    installed = nvidia_faults.Installed(cuda, nvml, told)
    driver = _driver_version(root, told)
    answers = devices_told(told)
    energy.note_nvml(answers, notes)
    found = []
    for card in cards:
        answer = _answer_for(card, answers)
        gpu = _card(root, card, driver, answer, notes)
        found.append(_with_unified_memory(gpu, memory, notes, has_none=answer.get("memory") == NOT_SUPPORTED))
    if soc:
        answer = answers[0] if len(answers) == 1 else {}
        gpu = _completed(nvidia_soc.gpu(root, soc, notes), answer, notes)
        unified = answer.get("memory", NOT_SUPPORTED) == NOT_SUPPORTED
        found.append(_with_unified_memory(gpu, memory, notes, has_none=unified))
    elif not cards:
        found += [_behind_wsl(answer, driver, notes) for answer in answers]
    found = [nvidia_faults.judged(root, card, installed) for card in found]
    if not found and installed.fault:
        notes.findings.append(installed.fault)
    notes.accelerators = nvidia_numbers.numbered(found, environ, notes)
    return notes


def driver_files(card: PciDevice) -> list[str]:
    """Files that the driver answers by asking the device."""
    return [f"{DRIVER}/gpus/{card.address}/information"]


def devices_told(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What NVML said of each device; empty where it said nothing."""
    listed = told.get("devices")
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []


def _is_wsl(root: Sysroot) -> bool:
    return root.exists(WSL) and root.exists("/usr/lib/wsl/lib/libcuda.so.1")


def _driver_version(root: Sysroot, told: Mapping[str, Any]) -> Driver:
    """The kernel module's own version, which programs must match."""
    for path in (f"{DRIVER}/version", "/sys/module/nvidia/version"):
        found = re.search(r"(?:^|\s)(\d{3,}\.\d+(?:\.\d+)?)(?:\s|$)", root.text(path) or "")
        if found:
            return Driver(found[1], path)
    return Driver(told.get("driver"), NVML)


def _card(
    root: Sysroot, card: PciDevice, driver: Driver, answer: dict[str, Any], notes: Notes
) -> Accelerator:
    information = f"{DRIVER}/gpus/{card.address}/information"
    told = root.pairs(information, ":")
    number = int(card.device, 16)
    key = f"accelerators.{card.address}"
    notes.sources[key] = card.path
    uuid = told.get("GPU UUID", "")
    minor = told.get("Device Minor")
    chip = nvidia_chips.chip_of(number)
    found = Accelerator(
        id=card.address,
        vendor="nvidia",
        kind="gpu",
        name=notes.take(f"{key}.name", told.get("Model"), information)
        or f"NVIDIA {chip or 'GPU'} ({card.id})",
        driver=card.driver,
        driver_version=notes.take(f"{key}.driver_version", driver.version, driver.source)
        if card.driver == "nvidia"
        else None,
        architecture=notes.take(
            f"{key}.architecture", nvidia_chips.compute_of(number), f"{card.path}/device"
        ),
        integrated=notes.take(
            f"{key}.integrated",
            number in nvidia_chips.INTEGRATED_DEVICES or nvidia_soc.is_gb10(root),
            f"{card.path}/device",
        ),
        pci_id=card.id,
        uuid=uuid if uuid.startswith("GPU-") and "?" not in uuid else None,
        numa_node=notes.take(f"{key}.numa_node", card.numa_node, f"{card.path}/numa_node"),
        device_node=f"/dev/nvidia{minor}" if minor is not None else None,
    )
    return _completed(found, answer, notes)


def _answer_for(card: PciDevice, answers: list[dict[str, Any]]) -> dict[str, Any]:
    none = {"missing": True} if answers and card.driver == "nvidia" else {}
    return next((a for a in answers if pci.from_nvml(a.get("pci")) == card.address), none)


def _completed(card: Accelerator, answer: dict[str, Any], notes: Notes) -> Accelerator:
    """Add what NVML told; what it did not tell stays as the files say."""
    if not answer:
        return card
    if "missing" in answer:
        return replace(card, findings=(*card.findings, nvidia_faults.not_listed()))
    if "error" in answer:
        return replace(card, findings=(*card.findings, nvidia_faults.device_odd(str(answer["error"]))))
    key = f"accelerators.{card.id}"
    memory = answer.get("memory")
    sizes = memory if isinstance(memory, dict) else {}
    compute = answer.get("compute")
    minor = answer.get("minor")
    values: dict[str, Any] = {
        "name": answer.get("name"),
        "uuid": answer.get("uuid"),
        "architecture": f"{compute[0]}.{compute[1]}" if compute else None,
        "memory_total": sizes.get("total"),
        "memory_used": sizes.get("used"),
        "temperature_c": answer.get("temperature_c"),
        "power_w": answer.get("power_w"),
        "power_limit_w": answer.get("power_limit_w"),
        "ecc": answer.get("ecc"),
        "partitioned": answer.get("mig"),
        "integrated": answer.get("integrated"),
        "device_node": f"/dev/nvidia{minor}" if minor is not None else None,
    }
    known = {name: value for name, value in values.items() if value is not None}
    notes.sources.update({f"{key}.{name}": NVML for name in known})
    if memory == NOT_SUPPORTED:
        notes.sources[f"{key}.memory_total"] = f"{NVML}: not supported"
    partitions = tuple(_partitions(answer))
    notes.take(f"{key}.partitions", partitions or None, NVML)
    return replace(card, **known, partitions=partitions)


def _partitions(answer: dict[str, Any]) -> list[Partition]:
    return [
        Partition(
            id=part.get("uuid") or f"MIG {number}",
            name=part.get("name") or "MIG device",
            memory_total=part["memory"]["total"] if isinstance(part.get("memory"), dict) else None,
        )
        for number, part in enumerate(answer.get("partitions", ()))
    ]


def _behind_wsl(answer: dict[str, Any], driver: Driver, notes: Notes) -> Accelerator:
    """WSL shows no PCI device of NVIDIA's; NVML alone knows the card."""
    id_ = pci.from_nvml(answer.get("pci") or answer.get("uuid") or f"nvidia{answer.get('index')}")
    notes.sources[f"accelerators.{id_}"] = NVML
    card = Accelerator(
        id=id_,
        vendor="nvidia",
        kind="gpu",
        name="NVIDIA GPU",
        driver="dxgkrnl",
        driver_version=notes.take(f"accelerators.{id_}.driver_version", driver.version, driver.source),
        integrated=False,
    )
    return replace(_completed(card, answer, notes), device_node=WSL)


def _with_unified_memory(card: Accelerator, memory: Memory, notes: Notes, *, has_none: bool) -> Accelerator:
    """Only a GPU that is integrated and, as its driver says, has no memory of its own uses the machine's."""
    if not (card.integrated and has_none):
        return card
    notes.sources[f"accelerators.{card.id}.memory_shared_total"] = "/proc/meminfo"
    total, available = memory.total, memory.available
    used = total - available if total is not None and available is not None else None
    return replace(card, memory_shared_total=total, memory_shared_used=used)
