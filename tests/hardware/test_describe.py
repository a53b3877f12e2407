"""A profile in rows for people."""

from typing import Any

import pytest

from runtimes.hardware.describe import number, remarks, rows, size
from runtimes.hardware.detect import detect


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "N/A"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (536870912, "512 MiB"),
        (25753026560, "24.0 GiB"),
    ],
)
def test_sizes_are_in_binary_units(count: int | None, text: str) -> None:
    assert size(count) == text


def test_a_missing_number_is_not_a_zero() -> None:
    assert number(None, "MHz") == "N/A"
    assert number(0.0, "MHz") == "0 MHz"
    assert number(0.5) == "0.5"


def table(name: str, fake: Any) -> dict[tuple[str, str], tuple[str, str]]:
    return {(row.component, row.quantity): (row.value, row.source) for row in rows(detect(fake(name).root))}


def test_a_card_is_described_with_what_its_driver_says(fake: Any) -> None:
    told = table("nvidia-rtx-4090-desktop", fake)
    card = "0000:01:00.0"
    assert told[card, "own memory"] == ("24.0 GiB, 1.1 GiB in use", "NVML")
    assert told[card, "driver"] == ("nvidia 570.133.20", "/proc/driver/nvidia/version")
    assert told[card, "power"] == ("28.5 W of 450 W", "NVML")
    assert told[card, "usable"] == ("yes", "/sys/bus/pci/devices/0000:01:00.0")
    assert told["processor", "cores"][0] == "24 (8 performance, 16 efficiency)"


def test_what_is_not_known_reads_as_such(fake: Any) -> None:
    told = table("nothing-at-all", fake)
    assert told["memory", "total"] == ("N/A", "")
    assert told["processor", "cores"] == ("N/A", "")
    assert told["machine", "name"] == ("N/A", "")


def test_partitions_and_variables_have_rows_of_their_own(fake: Any) -> None:
    told = table("nvidia-h100-mig", fake)
    text, _ = told["0000:17:00.0", "partition 2"]
    assert text.startswith(
        "NVIDIA H100 PCIe MIG 1g.10gb, memory 9.8 GiB, number in programs 0, MIG-8f1b22c9-"
    )
    assert told["environment", "CUDA_VISIBLE_DEVICES"][0].startswith("MIG-8f1b")


def test_remarks_name_the_component(fake: Any) -> None:
    found = [
        (remark.component, remark.finding.code) for remark in remarks(detect(fake("intel-npu-denied").root))
    ]
    assert ("0000:00:0b.0", "intel.npu-permission") in found
