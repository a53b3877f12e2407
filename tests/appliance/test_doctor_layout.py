"""The doctor's report at 80 columns: nothing is cut off, everything known has its source, what is not known is named."""

import io

import pytest
from rich.console import Console

from appliance.cli.hardware_table import hardware
from runtimes.hardware.detect import detect
from tests.hardware.conftest import load


def shown(name: str, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for part in hardware(detect(load(name).root)):
        console.print(part, soft_wrap=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    "name", ["nvidia-h100-mig", "amd-mi300x-cpx", "intel-core-ultra-155h", "nothing-at-all"]
)
def test_no_line_is_longer_than_the_screen(name: str) -> None:
    assert max(len(line) for line in shown(name).splitlines()) <= 80


def test_a_path_that_fits_a_line_is_never_broken() -> None:
    text = shown("amd-780m-apu")
    for path in (
        "/sys/devices/system/cpu/cpu*/topology/thread_siblings_list",
        "/sys/bus/pci/devices/0000:c4:00.0/mem_info_vram_total",
    ):
        assert path in text


def test_what_is_not_known_stands_in_one_line_of_its_part() -> None:
    lines = [" ".join(line.split()) for line in shown("graviton3").splitlines()]
    assert "N/A clock, governor, throttled now" in lines
    assert lines.count("N/A counters") == 1


def test_a_finding_comes_with_its_cause_code_and_an_indented_remedy() -> None:
    text = shown("intel-npu-denied")
    assert "! 0000:00:0b.0: /dev/accel/accel0 may not be opened (blocked)." in text
    assert "\n  Add the appliance's user to the group render;" in text
