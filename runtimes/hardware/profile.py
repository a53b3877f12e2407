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
    """`x86_64`, `aarch64` …; `unknown` where nothing tells."""
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
    """Whether heat or power holds the clock down at this moment."""
    sockets: int | None = None
    vector_bits: int | None = None
    """Length of an SVE vector as the kernel hands it to processes."""
    quota: float | None = None
    """The tightest cgroup quota in processors, parents included; None where there is none."""
    allowed: tuple[int, ...] | None = None
    """Numbers of the processors that affinity and cpuset leave to this process."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; `usable` and `available` respect cgroup limits."""

    total: int | None
    usable: int | None
    available: int | None
    limit: int | None = None
    """The tightest cgroup limit, parents included; None where there is none."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A slice of an accelerator that programs see as a device of its own (MIG, compute partition)."""

    id: str
    name: str
    memory_total: int | None = None
    visible_index: int | None = None


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A GPU or NPU."""

    id: str
    """Stable within one machine: PCI address, or the platform device's name."""
    vendor: str
    """`nvidia`, `amd`, `intel`, a device tree's vendor prefix (`arm`, `brcm`), or the PCI vendor in hexadecimal."""
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
    """False where something is known to stand in the way of the vendor's own runtime (CUDA, ROCm, OpenVINO).

    `findings` says what; Vulkan may still run where only that runtime's files are missing.
    """
    findings: tuple[Finding, ...] = ()
    memory_shared_used: int | None = None
    power_limit_w: float | None = None
    pci_id: str | None = None
    """Vendor and device number: `10de:2684`."""
    uuid: str | None = None
    """The vendor's own name for this very piece: `GPU-…`."""
    numa_node: int | None = None
    device_node: str | None = None
    """The file a program opens to use it: `/dev/dri/renderD128`, `/dev/nvidia0`, `/dev/accel/accel0`."""
    ecc: bool | None = None
    partitioned: bool | None = None
    """MIG, or AMD's compute partitions, in force."""
    partitions: tuple[Partition, ...] = ()
    architecture_override: str | None = None
    """What `HSA_OVERRIDE_GFX_VERSION` makes the runtime believe."""
    newest_runtime: str | None = None
    """Newest runtime that driver and chip allow, such as `cuda-12.8`."""
    visible_index: int | None = None
    """Its number in programs, after the vendor's visibility variables; None where hidden or unknown."""


@dataclass(frozen=True, slots=True)
class Library:
    """A vendor's library that engines load."""

    name: str
    """As the loader asks for it: `libcuda.so.1`."""
    path: str
    version: str | None = None
    targets: tuple[str, ...] = ()
    """Chips it has code for, where its files tell: gfx targets of rocBLAS."""


@dataclass(frozen=True, slots=True)
class EnergyCounter:
    """A counter of the energy that a part of the machine has drawn; `energy_meter` reads it."""

    name: str
    """`package-0`, a card's PCI address, or the label of a rail."""
    source: str
    range_j: float | None = None
    """Joules after which it starts again at zero; None where it never does, or nothing tells."""
    reason: str = ""
    """Why it cannot be read here, in words; empty where it can."""


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
    libraries: tuple[Library, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    """Variables in force that hide, reorder or rename accelerators."""
    energy: tuple[EnergyCounter, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes when a stored plan must be measured again: processor, accelerator or driver changed.

        Values that move by themselves (temperature, memory in use, clock) are left out.
        """
        parts = [self.cpu.architecture, self.cpu.model or "?", *sorted(self.cpu.features)]
        parts.append(f"usable={self.cpu.usable}")
        parts.append(f"limit={self.memory.limit}")
        parts += sorted(
            f"{a.vendor}/{a.id}/{a.name}/{a.driver}/{a.driver_version}"
            f"/{a.architecture_override or a.architecture}/{a.usable}/{a.visible_index}"
            + "".join(f"/{p.name}" for p in a.partitions)
            for a in self.accelerators
        )
        parts += sorted(f"{library.name}={library.version}" for library in self.libraries)
        return "|".join(parts)
