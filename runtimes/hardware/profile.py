"""What a machine has, as frozen values. Absent knowledge is `None` and shows as N/A; it is never zero."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something the reader should know about the hardware, with a stable cause code and what to do."""

    code: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processors, counted as this process may use them."""

    architecture: str
    """`x86_64`, `aarch64` …"""
    model: str | None
    features: tuple[str, ...]
    """Instruction sets that matter to inference, in lower case: avx2, avx512f, amx_tile, dotprod, sve …"""
    logical: int | None
    """Processors the operating system shows."""
    physical: int | None
    performance: int | None
    """Performance cores of a hybrid processor; None where all cores are alike or it is unknown."""
    efficiency: int | None
    numa_nodes: int | None
    usable: float | None
    """Processors this process may really use: the smallest of affinity, cpuset and cgroup quota."""
    frequency_mhz: float | None = None
    governor: str | None = None
    throttled: bool | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; `usable` and `available` respect cgroup limits."""

    total: int | None
    usable: int | None
    available: int | None


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A GPU or NPU."""

    id: str
    """Stable within one machine: PCI address, or the platform device's name."""
    vendor: str
    """`nvidia`, `amd`, `intel`, or the PCI vendor in hexadecimal."""
    kind: str
    """`gpu` or `npu`."""
    name: str
    driver: str | None = None
    driver_version: str | None = None
    architecture: str | None = None
    """Compute capability (`8.7`), gfx target (`gfx1103`), or Intel generation."""
    integrated: bool | None = None
    memory_total: int | None = None
    memory_used: int | None = None
    memory_shared_total: int | None = None
    """GTT or unified memory in bytes, apart from the device's own."""
    temperature_c: float | None = None
    power_w: float | None = None
    usable: bool | None = None
    """False where something is known to stand in the way; `findings` says what."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class HardwareProfile:
    """One scan of one machine."""

    machine: str | None
    """Board or product name."""
    system: str | None
    """Operating system and kernel."""
    cpu: Cpu
    memory: Memory
    accelerators: tuple[Accelerator, ...] = ()
    findings: tuple[Finding, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)
    """Where each value was read: `cpu.usable` -> `/sys/fs/cgroup/cpu.max`."""

    @property
    def fingerprint(self) -> str:
        """Changes when a stored plan must be measured again: processor, accelerator or driver changed."""
        parts = [self.cpu.architecture, self.cpu.model or "?", *sorted(self.cpu.features)]
        parts.append(f"usable={self.cpu.usable}")
        parts += sorted(
            f"{a.vendor}/{a.id}/{a.name}/{a.driver}/{a.driver_version}" for a in self.accelerators
        )
        return "|".join(parts)
