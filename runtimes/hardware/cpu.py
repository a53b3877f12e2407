"""The processors: what they can do, how many there are and of which kind, and how fast they may run."""

import re
from collections import Counter

from runtimes.hardware import cpu_arm, limits, throttling
from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Cpu, Finding
from runtimes.hardware.sysroot import Sysroot, parse_decimal, processors

CPUINFO = "/proc/cpuinfo"
CPUS = "/sys/devices/system/cpu"
NODES = "/sys/devices/system/node"
X86_FEATURES = re.compile(r"sse4_2|f16c|fma|bmi2|avx|avx2|avx_\w+|avx10\w*|avx512\w+|amx_\w+")


def scan(root: Sysroot, notes: Notes) -> Cpu:
    """Every field that cannot be read is None; `notes.sources` says where the others were."""
    blocks = cpuinfo(root)
    architecture = _architecture(root, blocks, notes)
    arm = architecture in ("aarch64", "armv8l", "armv7l", "armv6l", "arm64")
    logical = _logical(root, blocks, notes)
    cores = _cores(root, logical)
    performance, efficiency = _kinds(root, logical, cores, notes)
    budget = limits.processors_left(root, logical, notes)
    return Cpu(
        architecture=architecture,
        model=notes.take("cpu.model", cpu_arm.model(blocks) if arm else _model(blocks), CPUINFO),
        features=_features(root, blocks, notes, arm=arm),
        logical=None if logical is None else len(logical),
        physical=_physical(blocks, cores, notes),
        performance=performance,
        efficiency=efficiency,
        numa_nodes=_numa_nodes(root, notes),
        usable=budget.usable,
        frequency_mhz=_frequency(root, blocks, notes),
        governor=notes.take(
            "cpu.governor",
            root.text(f"{CPUS}/cpu0/cpufreq/scaling_governor"),
            f"{CPUS}/cpu0/cpufreq/scaling_governor",
        ),
        throttled=throttling.now(root, logical, notes),
        sockets=_sockets(root, blocks, logical, notes),
        vector_bits=_vector_bits(root, notes) if arm else None,
        quota=budget.quota,
        allowed=budget.allowed,
    )


def cpuinfo(root: Sysroot) -> list[dict[str, str]]:
    """The blocks of /proc/cpuinfo, one a processor (some kernels append one for the board)."""
    blocks = []
    for paragraph in "\n".join(root.lines(CPUINFO, without="Serial")).split("\n\n"):
        lines = (line.partition(":") for line in paragraph.splitlines())
        block = {key.strip(): value.strip() for key, colon, value in lines if colon}
        if block:
            blocks.append(block)
    return blocks


def _architecture(root: Sysroot, blocks: list[dict[str, str]], notes: Notes) -> str:
    arch = notes.take("cpu.architecture", root.text("/proc/sys/kernel/arch"), "/proc/sys/kernel/arch")
    if arch:
        return arch
    first = blocks[0] if blocks else {}
    guess = None
    if "flags" in first:
        guess = "x86_64" if "lm" in first["flags"].split() else "i686"
    elif "CPU implementer" in first:
        guess = "aarch64" if "asimd" in first.get("Features", "").split() else "armv7l"
    elif "isa" in first:
        guess = "riscv64"
    return notes.take("cpu.architecture", guess, CPUINFO) or "unknown"


def _model(blocks: list[dict[str, str]]) -> str | None:
    name = next((block["model name"] for block in blocks if block.get("model name")), None)
    return re.sub(r"\s+", " ", name) if name else None


def _features(root: Sysroot, blocks: list[dict[str, str]], notes: Notes, *, arm: bool) -> tuple[str, ...]:
    if arm:
        found = cpu_arm.features(blocks)
    else:
        sets = [set(block["flags"].split()) for block in blocks if "flags" in block]
        common = set.intersection(*sets) if sets else set()
        found = tuple(sorted(flag for flag in common if X86_FEATURES.fullmatch(flag)))
        if sets and "avx" not in common:
            notes.findings.append(
                Finding(
                    "cpu.no-avx",
                    "The processor has no AVX; engines built for it would end with an illegal instruction.",
                    "Only engines with a plain x86-64 build can run here.",
                )
            )
        if "amx_tile" in common and not _amx_permitted(root, notes):
            found = tuple(flag for flag in found if not flag.startswith("amx_"))
    if found:
        notes.sources["cpu.features"] = CPUINFO
    return found


def _amx_permitted(root: Sysroot, notes: Notes) -> bool:
    """Linux 5.16 is the first that manages tiles; from then on the flag counts unless the kernel says no."""
    release = re.match(r"(\d+)\.(\d+)", root.text("/proc/sys/kernel/osrelease") or "")
    if release and (int(release[1]), int(release[2])) < (5, 16):
        permitted = False
    else:
        answer = root.answer("amx")
        permitted = answer is None or answer.get("permitted") is not False
    if not permitted:
        notes.findings.append(
            Finding(
                "cpu.amx-not-permitted",
                "The processor has AMX, but the kernel does not let programs use it here.",
                "Linux 5.16 or newer is needed, and no sandbox that refuses it. AMX is not counted.",
            )
        )
    return permitted


def _logical(root: Sysroot, blocks: list[dict[str, str]], notes: Notes) -> tuple[int, ...] | None:
    """The processors that are switched on."""
    online = notes.take("cpu.logical", processors(root.text(f"{CPUS}/online")), f"{CPUS}/online")
    if online:
        return online
    numbers = sorted({n for block in blocks if (n := parse_decimal(block.get("processor"))) is not None})
    return notes.take("cpu.logical", tuple(numbers) or None, CPUINFO)


def _cores(root: Sysroot, logical: tuple[int, ...] | None) -> dict[int, tuple[int, ...]]:
    """Processor -> the processors of its core, itself among them; only those that are known."""
    found = {}
    for number in logical or ():
        siblings = processors(root.text(f"{CPUS}/cpu{number}/topology/thread_siblings_list"))
        if siblings:
            found[number] = siblings
    return found


def _physical(blocks: list[dict[str, str]], cores: dict[int, tuple[int, ...]], notes: Notes) -> int | None:
    if cores:
        return notes.take(
            "cpu.physical", len(set(cores.values())), f"{CPUS}/cpu*/topology/thread_siblings_list"
        )
    pairs = {
        (block["physical id"], block["core id"])
        for block in blocks
        if "physical id" in block and "core id" in block
    }
    return notes.take("cpu.physical", len(pairs) or None, CPUINFO)


def _sockets(
    root: Sysroot, blocks: list[dict[str, str]], logical: tuple[int, ...] | None, notes: Notes
) -> int | None:
    packages = {root.number(f"{CPUS}/cpu{n}/topology/physical_package_id") for n in logical or ()} - {
        None,
        -1,
    }
    if packages:
        return notes.take("cpu.sockets", len(packages), f"{CPUS}/cpu*/topology/physical_package_id")
    told = {block["physical id"] for block in blocks if "physical id" in block}
    return notes.take("cpu.sockets", len(told) or None, CPUINFO)


def _kinds(
    root: Sysroot, logical: tuple[int, ...] | None, cores: dict[int, tuple[int, ...]], notes: Notes
) -> tuple[int | None, int | None]:
    """Performance and efficiency cores (not threads): Intel's own lists, else the kernel's capacities."""
    big = processors(root.text("/sys/devices/cpu_core/cpus"))
    small = processors(root.text("/sys/devices/cpu_atom/cpus"))
    source = "/sys/devices/cpu_core/cpus, /sys/devices/cpu_atom/cpus"
    if not (big and small):
        capacity = {n: root.number(f"{CPUS}/cpu{n}/cpu_capacity") for n in logical or ()}
        levels = Counter(value for value in capacity.values() if value is not None)
        if len(levels) < 2:
            return None, None
        # 5 % is the spread of equal cores with favoured clocks; a different core is further away.
        bar = 0.95 * max(levels)
        big = tuple(n for n, value in capacity.items() if value is not None and value >= bar)
        small = tuple(n for n, value in capacity.items() if value is not None and value < bar)
        source = f"{CPUS}/cpu*/cpu_capacity"
        if not small:
            return None, None
    notes.sources["cpu.performance"] = notes.sources["cpu.efficiency"] = source
    return len({cores.get(n, (n,)) for n in big}), len({cores.get(n, (n,)) for n in small})


def _numa_nodes(root: Sysroot, notes: Notes) -> int | None:
    for name in ("has_cpu", "online"):
        nodes = processors(root.text(f"{NODES}/{name}"))
        if nodes:
            return notes.take("cpu.numa_nodes", len(nodes), f"{NODES}/{name}")
    return None


def _frequency(root: Sysroot, blocks: list[dict[str, str]], notes: Notes) -> float | None:
    path = f"{CPUS}/cpu0/cpufreq/scaling_cur_freq"
    kilohertz = root.number(path)
    if kilohertz is not None:
        return notes.take("cpu.frequency_mhz", kilohertz / 1000, path)
    try:
        told = float(blocks[0]["cpu MHz"])
    except (IndexError, KeyError, ValueError):
        return None
    return notes.take("cpu.frequency_mhz", told, CPUINFO)


def _vector_bits(root: Sysroot, notes: Notes) -> int | None:
    path = "/proc/sys/abi/sve_default_vector_length"
    length = root.number(path)
    return notes.take("cpu.vector_bits", length * 8 if length else None, path)
