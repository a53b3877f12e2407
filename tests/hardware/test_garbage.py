"""Files that hold what no kernel writes: the scan reads on and claims nothing false."""

import re
from typing import Any

import pytest

from runtimes.hardware.detect import detect
from runtimes.hardware.recording import Recording
from runtimes.hardware.sysroot import Sysroot

GARBAGE = (
    b"",
    b"\xff\xfe\0",
    b"-1",
    b"9" * 40,
    b"0x",
    b"a: b\n:\n\n\n",
    b"max max max",
    b"1.5e3\n- - -\n:::",
)
MACHINES = (
    "amd-780m-apu",
    "container-512m-v1",
    "intel-arc-b580",
    "intel-core-ultra-155h",
    "jetson-agx-orin",
    "nvidia-rtx-4090-desktop",
    "raspberry-pi-5",
    "rk3588-rock-5b",
    "service-limited-by-its-slice",
)


def codes_with(recording: Recording, files: dict[str, bytes]) -> list[str]:
    changed = Recording(
        files,
        recording.links,
        recording.listings,
        recording.devices,
        recording.environ,
        recording.answers,
    )
    profile = detect(Sysroot.recorded(changed))
    for size in (profile.memory.total, profile.memory.available, profile.cpu.logical, profile.cpu.usable):
        assert size is None or size >= 0
    return [finding.code for finding in profile.findings]


def one_by_one(recording: Recording) -> list[str]:
    """The files, of processors only the first two."""
    return [path for path in recording.files if not re.search(r"/cpu([2-9]|\d\d+)/", path)]


@pytest.mark.parametrize("content", GARBAGE)
def test_a_machine_of_nothing_but_garbage_fails_no_scan(machine: Any, content: bytes) -> None:
    recording = machine.recording
    assert "hardware.scan-failed" not in codes_with(recording, dict.fromkeys(recording.files, content))


@pytest.mark.parametrize("name", MACHINES)
def test_no_content_of_any_one_file_fails_a_scan(name: str, fake: Any) -> None:
    recording = fake(name).recording
    for index, path in enumerate(one_by_one(recording)):
        content = GARBAGE[index % len(GARBAGE)]
        assert "hardware.scan-failed" not in codes_with(recording, recording.files | {path: content}), path


@pytest.mark.parametrize("name", MACHINES)
def test_no_missing_file_fails_a_scan(name: str, fake: Any) -> None:
    recording = fake(name).recording
    for path in one_by_one(recording):
        left = {other: content for other, content in recording.files.items() if other != path}
        assert "hardware.scan-failed" not in codes_with(recording, left), path
