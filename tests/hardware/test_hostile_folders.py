"""Folders in which something else lies where the kernel has a file: the scan ends, and claims no zero."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtimes.hardware.describe import rows
from runtimes.hardware.detect import detect
from runtimes.hardware.energy_meter import EnergyMeter
from runtimes.hardware.recording import Recording
from runtimes.hardware.sysroot import LIMIT, Sysroot


def lay(recording: Recording, root: Path) -> list[Path]:
    """The recording's files and links below a real folder; returns the files."""
    for path, content in recording.files.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    for path, link in recording.links.items():
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(link)
    return [root / path.lstrip("/") for path in recording.files]


def a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def a_ring_of_links(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def an_endless_device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


def no_permission(file: Path) -> None:
    file.chmod(0)


def more_than_is_read(file: Path) -> None:
    with file.open("wb") as handle:
        handle.truncate(2 * LIMIT if file.name in ("cpuinfo", "meminfo", "energy_uj") else 100_000)


def random_bytes(file: Path) -> None:
    file.write_bytes(os.urandom(3000))


@pytest.mark.parametrize("name", ["amd-780m-apu", "intel-core-ultra-155h", "jetson-agx-orin"])
@pytest.mark.parametrize(
    "mutate",
    [a_pipe, a_ring_of_links, a_folder, an_endless_device, no_permission, more_than_is_read, random_bytes],
)
def test_nothing_that_lies_in_a_folder_ends_or_holds_up_a_scan(
    name: str, mutate: Callable[[Path], None], fake: Any, tmp_path: Path
) -> None:
    for file in lay(fake(name).recording, tmp_path):
        mutate(file)
    profile = detect(tmp_path)
    assert "hardware.scan-failed" not in [finding.code for finding in profile.findings]
    assert all(row.value for row in rows(profile))
    assert 0 not in (profile.memory.total, profile.cpu.logical, profile.cpu.usable, profile.cpu.frequency_mhz)
    if mutate not in (no_permission, random_bytes):  # root may read all, and noise may hold a number
        assert profile.memory.total is None
        with EnergyMeter(Sysroot.at(tmp_path)) as meter:
            assert meter.read() == {}
