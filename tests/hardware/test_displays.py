"""Displays and devices of the chip that no vendor's file here knows."""

from typing import Any

from runtimes.hardware.detect import detect

EVENT = "/sys/class/drm/renderD128/device/uevent"


def codes(machine: Any) -> list[str]:
    return [finding.code for finding in detect(machine.root).findings]


def test_a_machine_with_only_the_firmwares_framebuffer_is_told_so(fake: Any) -> None:
    assert codes(fake("vm-simple-framebuffer")) == ["display.framebuffer-only"]


def test_a_real_display_beside_the_framebuffer_is_no_finding(fake: Any) -> None:
    machine = fake("vm-simple-framebuffer")
    machine.recording.files["/sys/class/drm/card1/device/uevent"] = b"DRIVER=i915\n"
    assert codes(machine) == []


def test_connectors_are_no_displays(fake: Any) -> None:
    machine = fake("raspberry-pi-5")
    before = codes(machine)
    machine.recording.files["/sys/class/drm/card9-HDMI-A-1/device/uevent"] = b"DRIVER=simpledrm\n"
    assert codes(machine) == before


def test_a_gpu_of_the_chip_whose_driver_is_unknown_is_shown_with_its_maker(fake: Any) -> None:
    machine = fake("rk3588-rock-5b")
    machine.recording.files[EVENT] = b"DRIVER=newgpu\nOF_FULLNAME=/gpu@1\nOF_COMPATIBLE_0=img,gpu-x\n"
    found = {device.vendor: device for device in detect(machine.root).accelerators}["img"]
    assert (found.kind, found.driver, found.usable) == ("gpu", "newgpu", False)
    assert found.findings[0].code == "accelerator.no-engine"
