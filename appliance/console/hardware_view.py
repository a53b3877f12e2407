"""Hardware as the consoles show it: gauges that a glance understands, and what stands in the way."""

from dataclasses import dataclass

from appliance.console import formats
from appliance.console.severity import Chip, Severity
from appliance.console.text import plain
from runtimes.hardware.profile import Accelerator, Cpu, Finding, HardwareProfile, Memory

DISK_WARNING = 0.10
DISK_CRITICAL = 0.03
"""Share of the disk still free below which somebody should make room."""
HOT_C = 85.0
TOO_HOT_C = 95.0
"""Above these an accelerator of today slows itself down, or is about to switch off."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A labelled value; `fraction` (0 to 1) draws a bar where it is known."""

    label: str
    value: str
    fraction: float | None = None
    severity: Severity = Severity.OK


@dataclass(frozen=True, slots=True)
class AcceleratorView:
    name: str
    kind: str
    driver: str
    state: Chip
    memory: Gauge
    temperature: str
    temperature_severity: Severity
    power: str


@dataclass(frozen=True, slots=True)
class FindingView:
    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class HardwareView:
    machine: str
    system: str
    cpu: str
    cpu_details: tuple[str, ...]
    """What else is worth knowing of the CPU, the most telling first."""
    memory: Gauge
    disk: Gauge
    accelerators: tuple[AcceleratorView, ...]
    accelerators_hint: str
    findings: tuple[FindingView, ...]

    @property
    def severity(self) -> Severity:
        """The worst of what was measured."""
        parts = [self.memory.severity, self.disk.severity]
        parts += [a.temperature_severity for a in self.accelerators]
        return max(parts)


def hardware_view(
    profile: HardwareProfile | None, disk_free: int | None, disk_total: int | None
) -> HardwareView:
    """Describe the machine; bytes for the disk, None where not known."""
    disk = _disk(disk_free, disk_total)
    if profile is None:
        return HardwareView(
            machine=formats.NA,
            system=formats.NA,
            cpu=formats.NA,
            cpu_details=(),
            memory=Gauge("Memory", formats.NA),
            disk=disk,
            accelerators=(),
            accelerators_hint=formats.NA,
            findings=(),
        )
    found = [*profile.findings, *(f for a in profile.accelerators for f in a.findings)]
    return HardwareView(
        machine=plain(profile.machine or profile.system or formats.NA, 80),
        system=plain(profile.system or formats.NA, 120),
        cpu=plain(profile.cpu.model or profile.cpu.architecture, 80),
        cpu_details=_cpu_details(profile.cpu),
        memory=_memory(profile.memory),
        disk=disk,
        accelerators=tuple(_accelerator(a) for a in profile.accelerators),
        accelerators_hint="none, models use the CPU",
        findings=tuple(_finding(f) for f in found),
    )


def _cpu_details(cpu: Cpu) -> tuple[str, ...]:
    parts = []
    if cpu.usable is not None:
        parts.append(f"{formats.number(cpu.usable)} of {formats.count(cpu.logical)} CPUs usable")
    if cpu.throttled:
        parts.append("throttled")
    if cpu.frequency_mhz is not None:
        parts.append(f"{cpu.frequency_mhz / 1000:.1f} GHz")
    parts += [plain(f, 20) for f in cpu.features if f in _TELLING_FEATURES]
    return tuple(parts)


_TELLING_FEATURES = frozenset(
    {"avx2", "avx512f", "avx512_vnni", "amx_tile", "amx_bf16", "dotprod", "sve", "i8mm"}
)


def _memory(memory: Memory) -> Gauge:
    total = memory.usable if memory.usable is not None else memory.total
    if memory.available is None or not total:
        return Gauge("Memory", formats.size(total))
    used = max(0, total - memory.available)
    fraction = min(1.0, used / total)
    severity = Severity.WARNING if fraction > 0.95 else Severity.OK
    return Gauge("Memory", f"{formats.share(used, total)} used", fraction, severity)


def _disk(free: int | None, total: int | None) -> Gauge:
    if free is None or not total:
        return Gauge("Disk", formats.NA)
    left = free / total
    severity = (
        Severity.CRITICAL
        if left < DISK_CRITICAL
        else Severity.WARNING
        if left < DISK_WARNING
        else Severity.OK
    )
    value = f"{formats.share(free, total)} free"
    return Gauge("Disk", value, min(1.0, max(0.0, 1 - left)), severity)


def _accelerator(card: Accelerator) -> AcceleratorView:
    usable = {
        True: Chip(Severity.OK, "usable"),
        False: Chip(Severity.WARNING, "not usable"),
        None: Chip(Severity.UNKNOWN, "not proven"),
    }[card.usable]
    temperature = card.temperature_c
    heat = Severity.OK
    if temperature is not None and temperature >= HOT_C:
        heat = Severity.CRITICAL if temperature >= TOO_HOT_C else Severity.WARNING
    driver = " ".join(plain(part, 40) for part in (card.driver, card.driver_version) if part)
    return AcceleratorView(
        name=plain(card.name, 80) or formats.NA,
        kind=plain(card.kind, 10).upper(),
        driver=driver or formats.NA,
        state=usable,
        memory=_accelerator_memory(card),
        temperature=formats.temperature(temperature),
        temperature_severity=heat,
        power=formats.power(card.power_w),
    )


def _accelerator_memory(card: Accelerator) -> Gauge:
    total = card.memory_total or card.memory_shared_total
    if not total:
        return Gauge("Memory", formats.NA)
    if card.memory_used is None:
        return Gauge("Memory", formats.size(total))
    value = formats.share(card.memory_used, total)
    return Gauge("Memory", value, min(1.0, card.memory_used / total))


def _finding(finding: Finding) -> FindingView:
    return FindingView(plain(finding.code, 60), plain(finding.text), plain(finding.remedy))
