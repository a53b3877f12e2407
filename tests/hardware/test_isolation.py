"""Whatever one card, one vendor's file or one driver does, the rest of the scan stands."""

import time
from pathlib import Path
from typing import Any

import pytest

from runtimes.hardware import amd, cpu, hwmon, intel, limits, nvidia, pci, probe
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
    script.write_text("import time\ntime.sleep(60)\n")
    return script


def test_a_hanging_driver_call_is_cut_off_and_reported(fake: Any, hanging: Path) -> None:
    asked = []

    def asker(name: str, arguments: Any = ()) -> Any:
        asked.append(name)
        return probe.ask_script(hanging, arguments, seconds=0.3)

    begin = time.monotonic()
    profile = detect(Sysroot(fake("nvidia-rtx-4090-desktop").recording, asker=asker), environ={})
    assert time.monotonic() - begin < 30
    assert asked == ["devices", "nvidia"]
    codes = [finding.code for finding in profile.findings]
    assert codes == ["device.open-timeout", "nvidia.probe-timeout"]
    card = profile.accelerators[0]
    assert card.name == "NVIDIA GeForce RTX 4090"
    assert card.memory_total is None
    assert [finding.code for finding in profile.accelerators[1].findings][0] == "intel.gpu-broken"


def test_what_a_probe_says_of_another_shape_does_no_harm(fake: Any) -> None:
    for answer in ({}, {"devices": None}, {"devices": ["?"]}, {"devices": [{"pci": None}]}, {"devices": 7}):
        machine = fake("nvidia-rtx-4090-desktop")
        machine.recording.answers["nvidia"] = answer
        profile = detect(machine.root)
        assert profile.accelerators[0].id == "0000:01:00.0"


def test_opening_device_files_overrides_what_their_modes_promise(fake: Any) -> None:
    def asker(name: str, arguments: Any = ()) -> Any:
        return {path: "EPERM" if "accel" in path else "ok" for path in arguments} if name == "devices" else {}

    profile = detect(Sysroot(fake("intel-core-ultra-155h").recording, asker=asker), environ={})
    gpu, npu = profile.accelerators
    assert gpu.usable
    assert [finding.code for finding in npu.findings] == ["intel.npu-permission"]
    assert "blocked" in npu.findings[0].text
