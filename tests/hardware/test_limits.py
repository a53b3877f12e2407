"""What control groups, cpusets and affinity leave to a process."""

import pytest

from runtimes.hardware import limits
from runtimes.hardware.notes import Notes
from runtimes.hardware.recording import Recording
from runtimes.hardware.sysroot import Sysroot

V2 = "/sys/fs/cgroup"
MOUNT_V2 = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
MIB = 1024**2


def machine(files: dict[str, str]) -> Sysroot:
    always = {
        "/proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable: 6291456 kB",
        "/proc/self/status": "Cpus_allowed_list:\t0-7",
    }
    return Sysroot.recorded(Recording({path: text.encode() for path, text in (always | files).items()}))


def v2(path: str, files: dict[str, str]) -> Sysroot:
    return machine({"/proc/self/cgroup": f"0::{path}", "/proc/self/mountinfo": MOUNT_V2} | files)


@pytest.mark.parametrize(
    ("cpu_max", "usable"),
    [
        ("50000 100000", 0.5),
        ("250000 100000", 2.5),
        ("max 100000", 8.0),
        ("50000", 0.5),
        ("1600000 100000", 8.0),
        ("", 8.0),
        ("nonsense here", 8.0),
        ("50000 0", 8.0),
    ],
)
def test_the_quota_counts_where_it_is_below_the_processors(cpu_max: str, usable: float) -> None:
    root = v2("/a", {f"{V2}/a/cpu.max": cpu_max})
    assert limits.processors_left(root, tuple(range(8)), Notes()).usable == usable


def test_the_tightest_of_all_parents_binds() -> None:
    files = {
        f"{V2}/a/b/cpu.max": "400000 100000",
        f"{V2}/a/cpu.max": "30000 20000",
        f"{V2}/cpu.max": "max 100000",
    }
    notes = Notes()
    left = limits.processors_left(v2("/a/b", files), tuple(range(8)), notes)
    assert left.quota == left.usable == 1.5
    assert notes.sources["cpu.usable"] == f"{V2}/a/cpu.max"


def test_a_cpuset_and_the_affinity_are_intersected() -> None:
    root = v2(
        "/a",
        {
            f"{V2}/a/cpuset.cpus.effective": "2-5",
            "/proc/self/status": "Name:\tx\nCpus_allowed_list:\t4-7,9\n",
        },
    )
    left = limits.processors_left(root, tuple(range(8)), Notes())
    assert left.allowed == (4, 5)
    assert left.usable == 2.0


def test_version_1_groups_are_found_by_their_controller() -> None:
    files = {
        "/proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/c\n0::/u",
        "/proc/self/mountinfo": "33 31 0:30 / /cg/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "34 31 0:31 / /cg/memory rw - cgroup cgroup rw,memory\n"
        "41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw",
        "/cg/cpu,cpuacct/c/cpu.cfs_quota_us": "150000",
        "/cg/cpu,cpuacct/c/cpu.cfs_period_us": "100000",
        "/cg/memory/m/memory.limit_in_bytes": str(1024 * MIB),
        "/cg/memory/m/memory.usage_in_bytes": str(600 * MIB),
        "/cg/memory/m/memory.stat": f"total_inactive_file {100 * MIB}",
        "/cg/memory/memory.limit_in_bytes": "9223372036854771712",
    }
    root = machine(files)
    assert limits.processors_left(root, tuple(range(8)), Notes()).usable == 1.5
    memory = limits.memory(root, Notes())
    assert (memory.limit, memory.available) == (1024 * MIB, 524 * MIB)


def test_version_1_without_a_limit_leaves_the_whole_machine() -> None:
    files = {
        "/proc/self/cgroup": "4:memory:/",
        "/proc/self/mountinfo": "34 31 0:31 / /cg/memory rw - cgroup cgroup rw,memory",
        "/cg/memory/memory.limit_in_bytes": "9223372036854771712",
        "/cg/memory/memory.usage_in_bytes": str(7000 * MIB),
    }
    memory = limits.memory(machine(files), Notes())
    assert memory.limit is None
    assert memory.usable == memory.total == 8192 * MIB
    assert memory.available == 6144 * MIB


def test_reclaimable_cache_is_not_in_use() -> None:
    files = {
        f"{V2}/a/memory.max": str(1000 * MIB),
        f"{V2}/a/memory.current": str(990 * MIB),
        f"{V2}/a/memory.stat": f"anon {90 * MIB}\ninactive_file {600 * MIB}\nactive_file {250 * MIB}\nslab_reclaimable {50 * MIB}\n",
    }
    assert limits.memory(v2("/a", files), Notes()).available == 910 * MIB


def test_memory_high_binds_like_a_limit() -> None:
    files = {f"{V2}/a/memory.max": str(1000 * MIB), f"{V2}/a/memory.high": str(800 * MIB)}
    notes = Notes()
    assert limits.memory(v2("/a", files), notes).usable == 800 * MIB
    assert notes.sources["memory.limit"] == f"{V2}/a/memory.high"


def test_a_group_above_its_limit_has_nothing_left_and_not_less() -> None:
    files = {f"{V2}/a/memory.max": str(100 * MIB), f"{V2}/a/memory.current": str(120 * MIB)}
    assert limits.memory(v2("/a", files), Notes()).available == 0


def test_a_limit_above_the_machines_memory_is_none() -> None:
    files = {f"{V2}/a/memory.max": str(64 * 1024 * MIB)}
    memory = limits.memory(v2("/a", files), Notes())
    assert memory.limit is None
    assert memory.usable == 8192 * MIB


def test_a_path_above_the_visible_hierarchy_starts_at_the_mount() -> None:
    """A process moved into a cgroup namespace from outside sees its own group as `/../other`."""
    root = v2("/../other", {f"{V2}/cpu.max": "100000 100000"})
    assert limits.processors_left(root, tuple(range(8)), Notes()).usable == 1.0


def test_without_a_mount_table_the_usual_place_is_tried() -> None:
    files = {f"{V2}/cgroup.controllers": "cpu memory", f"{V2}/cpu.max": "100000 100000"}
    assert limits.processors_left(machine(files), tuple(range(8)), Notes()).usable == 1.0


def test_nothing_readable_means_nothing_known() -> None:
    root = Sysroot.recorded(Recording())
    left = limits.processors_left(root, None, Notes())
    assert (left.usable, left.quota, left.allowed) == (None, None, None)
    memory = limits.memory(root, Notes())
    assert (memory.total, memory.usable, memory.available) == (None, None, None)
