"""A profile in rows for people: what, how much, and where it was read."""

from collections.abc import Iterator
from dataclasses import dataclass

from runtimes.hardware.profile import Accelerator, Finding, HardwareProfile

NOT_KNOWN = "N/A"
YES_NO = {True: "yes", False: "no", None: NOT_KNOWN}


@dataclass(frozen=True, slots=True)
class Row:
    component: str
    """`processor`, `memory` or an accelerator's id; the same for all rows of one component."""
    quantity: str
    value: str
    source: str
    """The file or driver that told; empty where nothing did."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding and the component that it is about."""

    component: str
    finding: Finding


def rows(profile: HardwareProfile) -> list[Row]:
    """Machine, processor, memory, accelerators, energy, libraries, environment: in this order."""
    return [
        *_machine(profile),
        *_processor(profile),
        *_memory(profile),
        *(row for accelerator in profile.accelerators for row in _accelerator(profile, accelerator)),
        *_energy(profile),
        *_software(profile),
    ]


def remarks(profile: HardwareProfile) -> list[Remark]:
    """Every finding, the machine's first."""
    found = [Remark("machine", finding) for finding in profile.findings]
    return found + [Remark(a.id, finding) for a in profile.accelerators for finding in a.findings]


def size(count: int | None) -> str:
    """Bytes in the largest binary unit that keeps it above one."""
    if count is None:
        return NOT_KNOWN
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"


def number(value: float | None, unit: str = "") -> str:
    return NOT_KNOWN if value is None else f"{value:g}{' ' if unit else ''}{unit}"


def _machine(profile: HardwareProfile) -> Iterator[Row]:
    source = profile.sources.get
    yield Row("machine", "name", profile.machine or NOT_KNOWN, source("machine", ""))
    yield Row("machine", "system", profile.system or NOT_KNOWN, source("system", ""))


def _processor(profile: HardwareProfile) -> Iterator[Row]:
    cpu = profile.cpu
    kinds = (
        "" if cpu.performance is None else f" ({cpu.performance} performance, {cpu.efficiency} efficiency)"
    )
    features = " ".join(cpu.features)
    vector = f", SVE vectors of {cpu.vector_bits} bits" if cpu.vector_bits else ""
    values = (
        ("model", cpu.model or NOT_KNOWN, "cpu.model"),
        ("architecture", cpu.architecture, "cpu.architecture"),
        ("instruction sets", f"{features or NOT_KNOWN}{vector}", "cpu.features"),
        ("cores", f"{number(cpu.physical)}{kinds}", "cpu.physical"),
        ("threads", number(cpu.logical), "cpu.logical"),
        ("usable here", number(cpu.usable), "cpu.usable"),
        ("sockets", number(cpu.sockets), "cpu.sockets"),
        ("NUMA nodes", number(cpu.numa_nodes), "cpu.numa_nodes"),
        (
            "clock",
            number(None if cpu.frequency_mhz is None else round(cpu.frequency_mhz), "MHz"),
            "cpu.frequency_mhz",
        ),
        ("governor", cpu.governor or NOT_KNOWN, "cpu.governor"),
        ("throttled now", YES_NO[cpu.throttled], "cpu.throttled"),
    )
    for quantity, value, key in values:
        yield Row("processor", quantity, value, profile.sources.get(key, ""))


def _memory(profile: HardwareProfile) -> Iterator[Row]:
    memory = profile.memory
    for quantity, value in (
        ("total", memory.total),
        ("usable here", memory.usable),
        ("available now", memory.available),
    ):
        key = f"memory.{quantity.split()[0]}"
        yield Row("memory", quantity, size(value), profile.sources.get(key, ""))


def _accelerator(profile: HardwareProfile, device: Accelerator) -> Iterator[Row]:
    driver = " ".join(filter(None, (device.driver, device.driver_version)))
    architecture = device.architecture or NOT_KNOWN
    if device.architecture_override:
        architecture += f", taken for {device.architecture_override}"
    built_in = {True: "in the processor", False: "a card of its own", None: NOT_KNOWN}[device.integrated]
    values = (
        ("name", device.name, "name"),
        ("kind", device.kind, ""),
        ("usable", YES_NO[device.usable], ""),
        ("driver", driver or NOT_KNOWN, "driver_version"),
        ("newest runtime", device.newest_runtime or NOT_KNOWN, "driver_version"),
        ("architecture", architecture, "architecture"),
        ("built", built_in, "integrated"),
        ("own memory", _of(device.memory_used, device.memory_total), "memory_total"),
        ("shared memory", _of(device.memory_shared_used, device.memory_shared_total), "memory_shared_total"),
        ("temperature", number(device.temperature_c, "°C"), "temperature_c"),
        ("power", _power(device), "power_w"),
        ("error correction", YES_NO[device.ecc], "ecc"),
        ("number in programs", number(device.visible_index), ""),
    )
    base = f"accelerators.{device.id}"
    for quantity, value, key in values:
        source = profile.sources.get(f"{base}.{key}" if key else base, "")
        yield Row(device.id, quantity, value, source if value != NOT_KNOWN else "")
    for count, part in enumerate(device.partitions, start=1):
        visible = number(part.visible_index)
        value = f"{part.name}, memory {size(part.memory_total)}, number in programs {visible}, {part.id}"
        source = profile.sources.get(f"{base}.partitions", profile.sources.get(base, ""))
        yield Row(device.id, f"partition {count}", value, source)


def _of(used: int | None, total: int | None) -> str:
    if total is None:
        return NOT_KNOWN if used is None else f"{size(used)} in use"
    return size(total) if used is None else f"{size(total)}, {size(used)} in use"


def _power(device: Accelerator) -> str:
    if device.power_w is None:
        return NOT_KNOWN
    limit = "" if device.power_limit_w is None else f" of {device.power_limit_w:.0f} W"
    return f"{device.power_w:.1f} W{limit}"


def _energy(profile: HardwareProfile) -> Iterator[Row]:
    for counter in profile.energy:
        value = f"{NOT_KNOWN}: {counter.reason}" if counter.reason else "readable"
        yield Row("energy", counter.name, value, counter.source)
    if not profile.energy:
        yield Row("energy", "counters", NOT_KNOWN, "")


def _software(profile: HardwareProfile) -> Iterator[Row]:
    for library in profile.libraries:
        value = ", ".join(filter(None, (library.version or "version unknown", " ".join(library.targets))))
        yield Row("libraries", library.name, value, library.path)
    for name, text in profile.environment.items():
        yield Row("environment", name, text, "environment")
