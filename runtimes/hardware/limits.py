"""What is left of the machine for this process: processors and memory after affinity, cpuset and cgroups."""

from dataclasses import dataclass

from runtimes.hardware import cgroup
from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Finding, Memory
from runtimes.hardware.sysroot import Sysroot, parse_decimal, processors

STATUS = "/proc/self/status"
MEMINFO = "/proc/meminfo"


@dataclass(frozen=True, slots=True)
class Processors:
    usable: float | None
    quota: float | None
    allowed: tuple[int, ...] | None


def processors_left(root: Sysroot, online: tuple[int, ...] | None, notes: Notes) -> Processors:
    """The smallest of affinity, cpuset and the tightest quota on the way to the top."""
    allowed, source = _allowed(root, online)
    quota = None
    for value, path in _quotas(root):
        if quota is None or value < quota:
            quota = notes.take("cpu.quota", value, path)
    usable = float(len(allowed)) if allowed else None
    if quota is not None and (usable is None or quota < usable):
        usable, source = quota, notes.sources["cpu.quota"]
        notes.findings.append(
            Finding(
                "cpu.quota",
                f"A control group leaves this process {quota:g} processors, whatever the machine has.",
                "Engines are given no more threads than that, and at least one. Raise CPUQuota= or --cpus for more.",
            )
        )
    return Processors(
        usable=notes.take("cpu.usable", usable, source),
        quota=quota,
        allowed=notes.take("cpu.allowed", allowed, STATUS),
    )


def memory(root: Sysroot, notes: Notes) -> Memory:
    """Total of the machine; usable and available after the tightest limit, dropping reclaimable cache."""
    info = root.pairs(MEMINFO, ":")
    total = notes.take("memory.total", _kilobytes(info.get("MemTotal")), MEMINFO)
    available = notes.take("memory.available", _kilobytes(info.get("MemAvailable")), MEMINFO)
    tightest = None
    for group in cgroup.levels(root, "memory"):
        value, path = _memory_limit(root, group)
        if value is None or (total is not None and value >= total):
            continue
        if tightest is None or value < tightest:
            tightest = notes.take("memory.limit", value, path)
        in_use, usage_path = _memory_in_use(root, group)
        if in_use is not None and (available is None or value - in_use < available):
            available = notes.take("memory.available", max(value - in_use, 0), usage_path)
    known = [value for value in (total, tightest) if value is not None]
    source = notes.sources.get("memory.limit" if tightest is not None else "memory.total", "")
    if tightest is not None and available is not None:
        available = min(available, tightest)
    return Memory(
        total=total,
        usable=notes.take("memory.usable", min(known, default=None), source),
        available=available,
        limit=tightest,
    )


def _allowed(root: Sysroot, online: tuple[int, ...] | None) -> tuple[tuple[int, ...] | None, str]:
    allowed, source = online, "/sys/devices/system/cpu/online"
    told = root.lines(STATUS, containing="Cpus_allowed_list:")
    affinity = processors(told[0].partition(":")[2].strip()) if told else None
    if affinity:
        allowed = tuple(n for n in affinity if online is None or n in online) or affinity
        source = STATUS
    for group in cgroup.levels(root, "cpuset"):
        name = "cpuset.cpus.effective" if group.version == 2 else "cpuset.effective_cpus"
        cpuset = processors(root.text(f"{group.path}/{name}"))
        left = tuple(n for n in allowed or cpuset or () if n in cpuset) if cpuset else ()
        if left and left != allowed:
            allowed, source = left, f"{group.path}/{name}"
    return allowed, source


def _quotas(root: Sysroot) -> list[tuple[float, str]]:
    """Every quota on the way to the top, in processors."""
    found = []
    for group in cgroup.levels(root, "cpu"):
        if group.version == 2:
            path = f"{group.path}/cpu.max"
            words = (root.text(path) or "").split()
            quota = parse_decimal(words[0]) if words else None
            period = parse_decimal(words[1]) if len(words) > 1 else 100_000
        else:
            path = f"{group.path}/cpu.cfs_quota_us"
            quota = parse_decimal(root.text(path))
            period = parse_decimal(root.text(f"{group.path}/cpu.cfs_period_us"))
        if quota is not None and period and quota > 0:
            found.append((quota / period, path))
    return found


def _memory_limit(root: Sysroot, group: cgroup.Group) -> tuple[int | None, str]:
    """The limit beyond which a process is killed or, with memory.high, crawls."""
    names = ["memory.max", "memory.high"] if group.version == 2 else ["memory.limit_in_bytes"]
    known = [
        (value, f"{group.path}/{name}")
        for name in names
        if (value := cgroup.limit(root.text(f"{group.path}/{name}"))) is not None
    ]
    return min(known, default=(None, ""))


def _memory_in_use(root: Sysroot, group: cgroup.Group) -> tuple[int | None, str]:
    """In use without the file cache and slabs that the kernel drops before it runs out."""
    if group.version == 2:
        path, fields = f"{group.path}/memory.current", ["inactive_file", "active_file", "slab_reclaimable"]
    else:
        path, fields = f"{group.path}/memory.usage_in_bytes", ["total_inactive_file", "total_active_file"]
    used = cgroup.limit(root.text(path))
    if used is None:
        return None, path
    told = root.pairs(f"{group.path}/memory.stat")
    reclaimable = sum(parse_decimal(told.get(name)) or 0 for name in fields)
    return max(used - reclaimable, 0), f"{path}, {group.path}/memory.stat"


def _kilobytes(text: str | None) -> int | None:
    number = parse_decimal(text.split()[0]) if text else None
    return None if number is None else number * 1024
