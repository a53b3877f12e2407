"""Energy counters: which of them count, what is spent between two readings, and what a driver's silence does."""

import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from runtimes.hardware import energy_meter
from runtimes.hardware.describe import rows
from runtimes.hardware.detect import detect
from runtimes.hardware.energy import spent
from runtimes.hardware.energy_meter import EnergyMeter
from runtimes.hardware.session import Session
from runtimes.hardware.sysroot import Sysroot

PATIENCE = 60.0
"""Seconds; a machine that is busy with other tests starts a child slowly."""
RAPL = "sys/class/powercap/intel-rapl:0"


def laid(root: Path, **files: str) -> Sysroot:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return Sysroot.at(root)


def package(root: Path, microjoules: int) -> Sysroot:
    files = {"name": "package-0", "max_energy_range_uj": "1000000000", "energy_uj": str(microjoules)}
    return laid(root, **{f"{RAPL}/{name}": text for name, text in files.items()})


def hwmon(root: Path, chip: str, device: str, **files: str) -> Sysroot:
    folder = root / "sys/class/hwmon/hwmon0"
    laid(root, **{f"sys/class/hwmon/hwmon0/{name}": text for name, text in files.items()})
    (folder / "name").write_text(chip)
    (folder / "device").symlink_to(f"../../../{device}")
    return Sysroot.at(root)


def test_joules_are_summed_over_the_counters() -> None:
    assert spent({"a": 10.0, "b": 1.0}, {"a": 12.5, "b": 1.25}, {}) == 2.75


def test_a_counter_that_went_round_is_counted_on() -> None:
    assert spent({"a": 990.0}, {"a": 15.0}, {"a": 1000.0}) == 25.0


@pytest.mark.parametrize(
    ("before", "after", "ranges"),
    [
        ({}, {}, {}),
        ({"a": 5.0}, {"a": 5.0}, {}),
        ({"a": 5.0}, {}, {}),
        ({"a": 5.0}, {"a": 6.0, "b": 7.0}, {}),
        ({"a": 5.0}, {"a": 4.0}, {}),
        ({"a": 5000.0}, {"a": 4.0}, {"a": 1000.0}),
    ],
    ids=["no counter", "none moved", "one lost", "one more", "restarted", "beyond its range"],
)
def test_what_cannot_be_told_is_none_and_never_zero(
    before: dict[str, float], after: dict[str, float], ranges: dict[str, float]
) -> None:
    assert spent(before, after, ranges) is None


def test_a_package_is_read_again_and_again(tmp_path: Path) -> None:
    with EnergyMeter(package(tmp_path, 999_000_000)) as meter:
        before = meter.read()
        (tmp_path / RAPL / "energy_uj").write_text("4000000\n")
        assert spent(before, meter.read(), meter.ranges) == 5.0
        assert meter.sources == {"package-0": f"/{RAPL}/energy_uj"}
        assert meter.refusals == {}


def test_a_counter_for_root_alone_is_named_with_the_reason(fake: Any) -> None:
    with EnergyMeter(fake("nvidia-rtx-4090-desktop").root) as meter:
        assert meter.refusals == {"package-0": "only root may read it"}
        assert meter.read() == {"0000:01:00.0": 1834562.117}
        assert meter.sources == {"0000:01:00.0": "NVML"}


def test_a_machine_that_tells_nothing_reads_nothing(fake: Any) -> None:
    with EnergyMeter(fake("no-sysfs").root) as meter:
        assert (meter.read(), meter.sources, meter.refusals, meter.ranges) == ({}, {}, {}, {})
        assert spent(meter.read(), meter.read(), meter.ranges) is None


def test_a_counter_that_holds_nonsense_is_left_out(tmp_path: Path) -> None:
    root = package(tmp_path, 1)
    (tmp_path / RAPL / "energy_uj").write_bytes(b"\xff\x00 many")
    assert EnergyMeter(root).read() == {}


def test_parts_of_a_package_and_the_same_package_through_mmio_do_not_count(fake: Any) -> None:
    assert EnergyMeter(fake("intel-core-ultra-155h").root).read() == {"package-0": 26963.529117}


def test_a_card_counts_as_a_whole_and_not_again_by_its_parts(fake: Any) -> None:
    assert EnergyMeter(fake("intel-arc-b580").root).read() == {"0000:03:00.0": 184501.23}
    assert EnergyMeter(fake("intel-arc-a770").root).read() == {"0000:03:00.0": 98450.123456}


def test_amds_own_module_counts_sockets_where_rapl_is_not_there(tmp_path: Path) -> None:
    cores = {"energy1_label": "Ecore000", "energy1_input": "5", "energy2_label": "Esocket0"}
    root = hwmon(tmp_path, "amd_energy", "amd_energy.0", **cores, energy2_input="7000000")
    assert EnergyMeter(root).read() == {"Esocket0": 7.0}
    assert set(EnergyMeter(package(tmp_path, 3_000_000)).read()) == {"package-0"}


def test_a_boards_rails_count_where_no_processor_does(tmp_path: Path) -> None:
    rails = {"energy1_label": "big", "energy1_input": "2000000", "energy2_input": "1000000"}
    root = hwmon(tmp_path, "scmi_sensors", "firmware:scmi", **rails)
    assert EnergyMeter(root).read() == {"scmi_sensors big": 2.0, "scmi_sensors energy2": 1.0}
    assert set(EnergyMeter(package(tmp_path, 3_000_000)).read()) == {"package-0"}


def test_the_doctor_says_which_counters_can_be_read(fake: Any) -> None:
    def told(name: str) -> list[tuple[str, str]]:
        profile = detect(fake(name).root)
        return [(row.quantity, row.value) for row in rows(profile) if row.component == "energy"]

    assert told("nvidia-rtx-4090-desktop") == [
        ("package-0", "N/A: only root may read it"),
        ("0000:01:00.0", "readable"),
    ]
    assert told("container-half-a-core") == [("intel-rapl:0", "N/A: hidden from this container")]
    assert told("no-sysfs") == [("counters", "N/A")]


def test_the_probe_reads_files_once_for_every_question(tmp_path: Path) -> None:
    counter = tmp_path / "energy_uj"
    counter.write_text("1\n")
    session = Session(energy_meter.PROBE, [str(counter), str(tmp_path / "absent")], seconds=PATIENCE)
    assert session.ask()["files"] == {str(counter): "1\n", str(tmp_path / "absent"): None}
    counter.write_text("2\n")
    assert session.ask()["files"][str(counter)] == "2\n"
    session.close()
    assert session.ask()["error"] == "crashed"


FAKE_NVML = """
    class NVMLError(Exception): pass
    def nvmlInit(): pass
    def nvmlDeviceGetCount(): return 3
    def nvmlDeviceGetHandleByIndex(index): return index
    class Pci:
        def __init__(self, index): self.busId = f"00000000:0{index}:00.0".encode()
    def nvmlDeviceGetPciInfo(handle):
        if handle == 1: raise NVMLError("Unknown Error")
        return Pci(handle)
    told = 0
    def nvmlDeviceGetTotalEnergyConsumption(handle):
        global told
        if handle == 2: raise NVMLError("Not Supported")
        told += 1500
        return told
"""


def test_nvml_is_asked_for_millijoules_and_an_odd_card_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pynvml.py").write_text(textwrap.dedent(FAKE_NVML))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    session = Session(energy_meter.PROBE, ["--nvml"], seconds=PATIENCE, packages=True)
    first, second = session.ask(), session.ask()
    session.close()
    assert first == {"files": {}, "nvml": [{"pci": "00000000:00:00.0", "energy_j": 1.5}]}
    assert second["nvml"] == [{"pci": "00000000:00:00.0", "energy_j": 3.0}]


def test_the_meter_of_this_machine_reads_through_its_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = package(tmp_path, 2_000_000)
    session = Session(energy_meter.PROBE, [str(tmp_path / RAPL / "energy_uj")], seconds=PATIENCE)
    monkeypatch.setattr(energy_meter, "at", lambda **_: root)
    monkeypatch.setattr(energy_meter, "Session", lambda *_, **__: Renamed(session, str(tmp_path)))
    with EnergyMeter() as meter:
        assert meter.read() == {"package-0": 2.0}
    assert session.ask()["error"] == "crashed"


class Renamed:
    """A session whose answers name files as the machine does, and not as they lie below the folder."""

    def __init__(self, session: Session, folder: str) -> None:
        self._session, self._folder = session, folder

    def ask(self) -> dict[str, Any]:
        answer = self._session.ask()
        files = {path.removeprefix(self._folder): text for path, text in answer["files"].items()}
        return answer | {"files": files}

    def close(self) -> None:
        self._session.close()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import time; time.sleep(600)", "timeout"),
        ("raise SystemExit(3)", "crashed"),
        ("import sys\nfor _ in sys.stdin: print('hello', flush=True)", "unreadable"),
        ("import sys\nfor _ in sys.stdin: print('[1]', flush=True)", "unreadable"),
    ],
)
def test_a_child_that_fails_is_not_asked_again(tmp_path: Path, text: str, error: str) -> None:
    child = tmp_path / "child.py"
    child.write_text(text)
    session = Session(child, seconds=0.3 if error == "timeout" else PATIENCE)
    first = session.ask()
    assert first["error"] == error
    assert session.ask() is first


def test_a_child_ends_with_its_session(tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import json, os, sys\nfor _ in sys.stdin: print(json.dumps({'pid': os.getpid()}), flush=True)"
    )
    session = Session(child, seconds=PATIENCE)
    pid = session.ask()["pid"]
    assert session.ask()["pid"] == pid
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_meter_of_the_real_machine_reads_or_says_why_not() -> None:
    with EnergyMeter(seconds=PATIENCE) as meter:
        assert set(meter.read()) == set(meter.sources)
        assert all(joules >= 0 for joules in meter.read().values())
        assert not set(meter.refusals) & set(meter.sources)
