"""The child processes that ask drivers: what they answer, and what becomes of bad ones."""

import os
import re
import signal
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pynvml
import pytest

from runtimes.hardware import probe

PATIENCE = 60.0
"""Seconds; a machine that is busy with other tests starts a child slowly."""


def script(folder: Path, text: str) -> Path:
    path = folder / "child.py"
    path.write_text(textwrap.dedent(text))
    return path


def test_an_answer_is_read_from_standard_output(tmp_path: Path) -> None:
    child = script(tmp_path, "import json, sys; print(json.dumps({'told': sys.argv[1:]}))")
    assert probe.ask_script(child, ["a b", "c"], seconds=PATIENCE) == {"told": ["a b", "c"]}


def test_a_child_that_does_not_answer_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Spy(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Spy)
    child = script(tmp_path, "import time; time.sleep(600)")
    assert probe.ask_script(child, seconds=0.2) == {"error": "timeout", "detail": "no answer within 0.2 s"}
    assert started[0].wait(PATIENCE) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import os; os.kill(os.getpid(), 11)", "crashed"),
        ("raise SystemExit(3)", "crashed"),
        ("print('hello')", "unreadable"),
        ("print('[1]')", "unreadable"),
        ("print('')", "unreadable"),
    ],
)
def test_a_child_that_fails_is_an_answer_too(tmp_path: Path, text: str, error: str) -> None:
    answer = probe.ask_script(script(tmp_path, text), seconds=PATIENCE)
    assert answer["error"] == error
    assert answer["detail"]


def test_the_child_does_not_mistake_this_packages_files_for_the_standard_library() -> None:
    """`profile.py` lies beside the probes; `import profile` must still be Python's."""
    assert "error" not in probe.ask("devices", [], seconds=PATIENCE)


def test_device_files_are_opened_for_real(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    answer = probe.ask("devices", ["/dev/null", absent, str(tmp_path)], seconds=PATIENCE)
    assert answer == {"/dev/null": "ok", absent: "ENOENT", str(tmp_path): "EISDIR"}


def test_files_are_read_and_what_is_odd_is_null(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"42\n\xff")
    told = probe.ask("files", [str(tmp_path / name) for name in ("a", "b", ".")], seconds=PATIENCE)
    assert list(told.values()) == ["42\n\N{REPLACEMENT CHARACTER}", None, None]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="AMX is a matter of x86-64")
def test_the_permission_for_amx_is_asked_of_this_kernel() -> None:
    assert isinstance(probe.ask("amx", seconds=PATIENCE)["permitted"], bool)


FAKE_NVML = """
    class NVMLError(Exception): pass
    class NVMLError_NotSupported(NVMLError): pass
    class NVMLError_Unknown(NVMLError): pass
    NVML_TEMPERATURE_GPU = 0
    def nvmlInit(): pass
    def nvmlShutdown(): pass
    def nvmlSystemGetDriverVersion(): return b"580.95.05"
    def nvmlSystemGetNVMLVersion(): return "13.580.95"
    def nvmlSystemGetCudaDriverVersion_v2(): return 13000
    def nvmlDeviceGetCount(): return 3
    def nvmlDeviceGetHandleByIndex(index):
        if index == 1: raise NVMLError_Unknown("Unknown Error")
        return index
    def nvmlDeviceGetName(handle): return {0: "NVIDIA GB10", 2: b"NVIDIA A100", 10: "MIG 1g.5gb"}[handle]
    def nvmlDeviceGetUUID(handle): return f"UUID-{handle}"
    def nvmlDeviceGetMinorNumber(handle): return handle
    class Pci: busId = "00000000:01:00.0"
    def nvmlDeviceGetPciInfo(handle): return Pci
    def nvmlDeviceGetCudaComputeCapability(handle): return (8, 0)
    class Memory: total, used = 100, 10
    def nvmlDeviceGetMemoryInfo(handle):
        if handle == 0: raise NVMLError_NotSupported("Not Supported")
        return Memory
    def nvmlDeviceGetTemperature(handle, sensor): return 40
    def nvmlDeviceGetPowerUsage(handle): return 41500
    def nvmlDeviceGetEnforcedPowerLimit(handle): raise NVMLError_NotSupported("Not Supported")
    def nvmlDeviceGetTotalEnergyConsumption(handle): return 1250500
    def nvmlDeviceGetEccMode(handle): return [1, 1]
    def nvmlDeviceGetMigMode(handle):
        if handle == 0: raise NVMLError_NotSupported("Not Supported")
        return [1, 1]
    def nvmlDeviceGetMaxMigDeviceCount(handle): return 2
    def nvmlDeviceGetMigDeviceHandleByIndex(handle, index):
        if index == 1: raise NVMLError("Not Found")
        return 10
"""


def test_nvml_is_asked_device_by_device_and_an_odd_one_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pynvml.py").write_text(textwrap.dedent(FAKE_NVML))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer = probe.ask("nvidia", seconds=PATIENCE)
    assert answer["driver"] == "580.95.05"
    unified, odd, sliced = answer["devices"]
    assert unified["memory"] == "not-supported"
    assert unified["integrated"] is None
    assert unified["power_w"] == 41.5
    assert unified["power_limit_w"] is None
    assert unified["mig"] is None
    assert unified["energy_j"] == 1250.5
    assert odd == {"index": 1, "error": "Unknown Error"}
    assert sliced["name"] == "NVIDIA A100"
    assert sliced["memory"] == {"total": 100, "used": 10}
    assert sliced["mig"] is True
    assert sliced["partitions"] == [
        {"uuid": "UUID-10", "name": "MIG 1g.5gb", "memory": {"total": 100, "used": 10}}
    ]


def test_every_nvml_call_of_the_probe_is_in_the_real_library() -> None:
    text = Path(probe.__file__).with_name("probe_nvidia.py").read_text()
    names = set(re.findall(r"pynvml\.(\w+)", text))
    assert len(names) > 15
    assert not [name for name in names if not hasattr(pynvml, name)]


def test_the_real_nvml_library_answers_or_says_why_not() -> None:
    answer = probe.ask("nvidia", seconds=PATIENCE)
    assert "driver" in answer or answer["error"] == "nvml"
