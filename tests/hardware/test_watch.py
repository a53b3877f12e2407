"""Noticing that hardware came or went."""

import threading
from pathlib import Path

import pytest

from runtimes.hardware.sysroot import Sysroot
from runtimes.hardware.watch import Watch, presence


@pytest.fixture
def box(tmp_path: Path) -> Path:
    add_card(tmp_path, "0000:01:00.0", "nvidia")
    return tmp_path


def add_card(box: Path, address: str, driver: str | None) -> None:
    device = box / "sys/bus/pci/devices" / address
    device.mkdir(parents=True)
    (device / "class").write_text("0x030000\n")
    if driver:
        (device / "driver").symlink_to(f"../../drivers/{driver}")


def test_presence_changes_with_cards_drivers_and_device_files(box: Path) -> None:
    root = Sysroot.at(box)
    seen = [presence(root)]
    add_card(box, "0000:02:00.0", None)
    seen.append(presence(root))
    (box / "sys/bus/pci/devices/0000:02:00.0/driver").symlink_to("../../drivers/xe")
    seen.append(presence(root))
    (box / "dev/dri").mkdir(parents=True)
    (box / "dev/dri/renderD128").touch()
    seen.append(presence(root))
    (box / "dev/kfd").touch()
    seen.append(presence(root))
    assert len(set(seen)) == 5
    assert presence(root) == seen[-1]


def test_a_new_card_is_announced(box: Path) -> None:
    told = threading.Event()
    watch = Watch(told.set, root=Sysroot.at(box), look_seconds=0.01, scan_seconds=3600)
    watch.start()
    try:
        assert not told.wait(0.1)
        add_card(box, "0000:02:00.0", "amdgpu")
        assert told.wait(30)
    finally:
        watch.close()


def test_a_scan_is_asked_for_from_time_to_time(box: Path) -> None:
    told = threading.Event()
    watch = Watch(told.set, root=Sysroot.at(box), look_seconds=0.01, scan_seconds=0.02)
    watch.start()
    try:
        assert told.wait(30)
    finally:
        watch.close()


def test_a_watch_that_was_never_started_closes() -> None:
    Watch(lambda: None).close()
