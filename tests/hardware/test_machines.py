"""Every fake machine is detected as its file says, also from an archive of it."""

import re
from pathlib import Path
from typing import Any

import pytest

from runtimes.hardware.capture import capture
from runtimes.hardware.describe import remarks, rows
from runtimes.hardware.detect import detect
from runtimes.hardware.recording import write_archive


def test_a_machine_is_detected_as_expected(machine: Any, summary: Any) -> None:
    assert summary(detect(machine.root)) == machine.expected


def test_detection_says_of_every_value_where_it_was_read(machine: Any) -> None:
    profile = detect(machine.root)
    for key, source in profile.sources.items():
        for path in source.split(", "):
            if path.startswith("/"):
                pattern = re.compile(re.escape(path).replace(r"\*", "[^/]+"))
                taken = machine.recording
                known = (*taken.files, *taken.devices, *taken.links, *taken.listings)
                assert any(pattern.match(other) for other in known), f"{key}: nothing was read at {path}"


def test_every_value_that_is_known_has_a_source(machine: Any) -> None:
    profile = detect(machine.root)
    for part, values in (("cpu", profile.cpu), ("memory", profile.memory)):
        for name in type(values).__dataclass_fields__:
            value = getattr(values, name)
            told = value not in (None, (), "unknown")
            assert told == (f"{part}.{name}" in profile.sources), f"{part}.{name} is {value!r}"
    for accelerator in profile.accelerators:
        assert f"accelerators.{accelerator.id}" in profile.sources


def test_a_captured_machine_is_detected_as_the_machine_itself(
    machine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tmp_path / "original.tar.gz"
    with original.open("wb") as file:
        write_archive(machine.recording, file)
    again = tmp_path / "again.tar.gz"
    taken = capture(again, original)
    assert taken.profile == detect(machine.root)
    assert detect(again) == taken.profile
    assert again.stat().st_size < 100_000


def test_a_machine_is_described_without_a_gap(machine: Any) -> None:
    profile = detect(machine.root)
    for row in rows(profile):
        assert row.quantity
        assert row.value
        assert "None" not in row.value
    for remark in remarks(profile):
        assert remark.finding.code.count(".") == 1
        assert remark.finding.text.endswith((".", ")", "]"))
        assert remark.finding.remedy


def test_every_machine_says_where_its_values_come_from(machine: Any) -> None:
    assert len(machine.source) > 40


def test_what_is_not_usable_says_why(machine: Any) -> None:
    for accelerator in detect(machine.root).accelerators:
        assert accelerator.usable is not None
        assert accelerator.usable or accelerator.findings, accelerator
