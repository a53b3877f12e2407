"""Whatever one card, one vendor's file or one driver does, the rest of the scan stands."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtimes.hardware import amd, cpu, hwmon, intel, limits, nvidia, pci, probe
from runtimes.hardware.capture import Recorder
from runtimes.hardware.detect import detect
from runtimes.hardware.sysroot import Sysroot

VENDORS = {"nvidia": nvidia, "amd": amd, "intel": intel}


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("an odd card")


@pytest.mark.parametrize("vendor", ["nvidia", "amd"])
def test_an_exception_in_one_vendors_file_hides_no_other(
    vendor: str, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = fake("mixed-nvidia-amd")
    sound = detect(machine.root)
    monkeypatch.setattr(VENDORS[vendor], "scan", broken)
    profile = detect(machine.root)
    others = [a for a in sound.accelerators if a.vendor != vendor]
    assert [a for a in profile.accelerators if a.vendor != vendor] == others
    mine = [a for a in profile.accelerators if a.vendor == vendor]
    assert {a.id for a in mine} == {a.id for a in sound.accelerators if a.vendor == vendor}
    assert all(a.usable is False and a.findings[0].code == "hardware.scan-failed" for a in mine)
    assert "hardware.scan-failed" in [finding.code for finding in profile.findings]
    assert profile.cpu == sound.cpu


def test_an_exception_while_reading_one_sensor_is_told_with_the_vendors_name(
    fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hwmon, "readings", broken)
    profile = detect(fake("intel-core-ultra-155h").root)
    assert "intel" in profile.findings[-1].text
    assert "an odd card" in profile.findings[-1].text
    assert len(profile.accelerators) == 2


@pytest.mark.parametrize(
    ("module", "function"), [(cpu, "scan"), (limits, "memory"), (pci, "devices"), (pci, "others")]
)
def test_a_failing_part_leaves_its_values_unknown_and_the_rest_known(
    module: Any, function: str, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, function, broken)
    profile = detect(fake("nvidia-rtx-4090-desktop").root)
    assert "hardware.scan-failed" in [finding.code for finding in profile.findings]
    assert profile.machine == "ASUS"
    assert (profile.cpu.model is None) == (module is cpu)
    assert (profile.memory.total is None) == (module is limits)
    assert (not profile.accelerators) == (function == "devices")


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    script = tmp_path / "hanging.py"
    script.write_text("import time\ntime.sleep(600)\n")
    return script


def test_a_hanging_driver_call_is_cut_off_and_reported(fake: Any, hanging: Path) -> None:
    asked = []

    def asker(name: str, arguments: Any = ()) -> Any:
        asked.append(name)
        return probe.ask_script(hanging, arguments, seconds=0.3)

    profile = detect(Sysroot(fake("nvidia-rtx-4090-desktop").recording, asker=asker), environ={})
    assert asked == ["devices", "files", "nvidia"]
    codes = [finding.code for finding in profile.findings]
    assert codes == ["device.open-timeout", "device.read-timeout"]
    card = profile.accelerators[0]
    assert card.name == "NVIDIA AD10x (10de:2684)"
    assert card.driver_version == "570.133.20"
    assert card.memory_total is None
    assert card.findings[-1].code == "nvidia.probe-timeout"
    assert card.usable is False
    assert profile.accelerators[1].findings[0].code == "intel.gpu-broken"


def test_a_capture_of_a_machine_with_a_hanging_driver_keeps_that(
    fake: Any, hanging: Path, tmp_path: Path
) -> None:
    def asker(name: str, arguments: Any = ()) -> Any:
        return probe.ask_script(hanging, arguments, seconds=0.2)

    recorder = Recorder(Sysroot(fake("nvidia-rtx-4090-desktop").recording, asker=asker))
    profile = detect(recorder, environ={})
    assert detect(Sysroot.recorded(recorder.recording)) == profile


def test_what_a_probe_says_of_another_shape_does_no_harm(fake: Any) -> None:
    for answer in ({}, {"devices": None}, {"devices": ["?"]}, {"devices": [{"pci": None}]}, {"devices": 7}):
        machine = fake("nvidia-rtx-4090-desktop")
        machine.recording.answers["nvidia"] = answer
        profile = detect(machine.root)
        assert profile.accelerators[0].id == "0000:01:00.0"


def test_opening_device_files_overrides_what_their_modes_promise(fake: Any) -> None:
    machine = fake("intel-core-ultra-155h")

    def asker(name: str, arguments: Any = ()) -> Any:
        if name == "devices":
            return {path: "EPERM" if "accel" in path else "ok" for path in arguments}
        return {path: machine.root.text(path) for path in arguments}

    profile = detect(Sysroot(machine.recording, asker=asker), environ={})
    gpu, npu = profile.accelerators
    assert gpu.usable
    assert [finding.code for finding in npu.findings] == ["intel.npu-permission"]
    assert "blocked" in npu.findings[0].text
    assert npu.memory_shared_used == 41943040


def test_files_that_a_driver_answers_are_read_by_a_child(fake: Any) -> None:
    """With a card that hangs, only the child's answer may be waited for."""
    machine = fake("amd-rx-7900-xtx-desktop")
    sound = detect(machine.root).accelerators[0]
    asked: dict[str, list[str]] = {}

    def asker(name: str, arguments: Any = ()) -> Any:
        asked[name] = list(arguments)
        if name == "files":
            return {path: machine.root.text(path) for path in arguments} | {
                path: None for path in arguments if "temp" in path
            }
        return dict.fromkeys(arguments, "ok")

    card = detect(Sysroot(machine.recording, asker=asker), environ={}).accelerators[0]
    assert card == replace(sound, temperature_c=None)
    assert asked["devices"] == ["/dev/dri/renderD128", "/dev/kfd"]
    assert {path.rpartition("/")[2] for path in asked["files"]} >= {
        "mem_info_vram_total",
        "temp1_input",
        "power1_cap",
    }


def test_a_sleeping_card_is_not_woken_for_its_temperature(fake: Any) -> None:
    machine = fake("amd-rx-7900-xtx-desktop")
    machine.recording.files["/sys/bus/pci/devices/0000:0c:00.0/power/runtime_status"] = b"suspended\n"
    card = detect(machine.root).accelerators[0]
    assert card.temperature_c is None
    assert card.power_w is None
    assert card.usable


def test_a_jetsons_sensors_are_read_by_a_child(fake: Any) -> None:
    asked: dict[str, Any] = {}

    def asker(name: str, arguments: Any = ()) -> Any:
        asked[name] = list(arguments)
        return {"error": "timeout", "detail": "no answer"} if name == "files" else {}

    gpu = detect(Sysroot(fake("jetson-agx-orin").recording, asker=asker), environ={}).accelerators[0]
    rail = "/sys/class/hwmon/hwmon3"
    assert asked["files"] == [
        "/sys/class/thermal/thermal_zone1/temp",
        f"{rail}/in1_input",
        f"{rail}/curr1_input",
    ]
    assert (gpu.temperature_c, gpu.power_w) == (None, None)
