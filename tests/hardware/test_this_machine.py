"""Detection of the machine on which the tests run."""

import os
import subprocess
import sys
from pathlib import Path

from runtimes.hardware.describe import rows
from runtimes.hardware.detect import detect


def test_the_values_are_those_of_the_operating_system() -> None:
    profile = detect()
    assert profile.cpu.architecture == os.uname().machine
    assert profile.cpu.logical == os.cpu_count()
    assert profile.cpu.allowed is not None
    assert set(profile.cpu.allowed) <= os.sched_getaffinity(0)
    assert profile.cpu.usable is not None
    assert 0 < profile.cpu.usable <= len(os.sched_getaffinity(0))
    assert profile.memory.total == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert profile.memory.usable is not None
    assert profile.memory.available is not None
    assert profile.memory.total is not None
    assert 0 < profile.memory.available <= profile.memory.usable <= profile.memory.total
    assert profile.system is not None
    assert os.uname().release in profile.system


def test_the_fingerprint_stays_while_nothing_changes() -> None:
    assert detect().fingerprint == detect().fingerprint


def test_asking_the_drivers_changes_nothing_that_files_tell() -> None:
    live, files = detect(), detect(live=False)
    assert live.machine == files.machine
    assert live.cpu.model == files.cpu.model
    assert {a.id for a in files.accelerators} <= {a.id for a in live.accelerators}


def test_everything_can_be_described() -> None:
    assert {"machine", "processor", "memory"} <= {row.component for row in rows(detect())}


def test_detection_loads_no_engine_and_no_numpy() -> None:
    program = "import sys, runtimes.hardware.detect as d; d.detect(); print(*sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root, timeout=60
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {
        "numpy",
        "onnxruntime",
        "openvino",
        "llama_cpp",
        "psutil",
        "pynvml",
        "msgspec",
        "ctypes",
    }
