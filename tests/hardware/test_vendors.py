"""The vendors' numbering: gfx targets, compute capabilities, driver floors, processor parts."""

from itertools import pairwise

import pytest

from runtimes.hardware import cpu_arm, drm_clients, intel_chips, kfd, nvidia_chips
from runtimes.hardware.recording import Recording
from runtimes.hardware.sysroot import Sysroot


@pytest.mark.parametrize(
    ("version", "target"),
    [
        (0, None),
        (-1, None),
        (80003, "gfx803"),
        (90000, "gfx900"),
        (90006, "gfx906"),
        (90010, "gfx90a"),
        (90012, "gfx90c"),
        (90402, "gfx942"),
        (90500, "gfx950"),
        (100300, "gfx1030"),
        (110003, "gfx1103"),
        (110501, "gfx1151"),
        (120001, "gfx1201"),
    ],
)
def test_gfx_versions_are_decoded(version: int, target: str | None) -> None:
    assert kfd.gfx_target(version) == target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("11.0.0", "gfx1100"),
        ("9.0.12", "gfx90c"),
        ("10.3.0", "gfx1030"),
        ("gfx1100", None),
        ("11.0", None),
        ("", None),
    ],
)
def test_overrides_are_decoded(text: str, target: str | None) -> None:
    assert kfd.override(text) == target


def test_kfd_nodes_are_counted_by_number_and_not_by_letter() -> None:
    nodes = "/sys/class/kfd/kfd/topology/nodes"
    gpu = "simd_count 1\ngfx_target_version 110000\nlocation_id {}\ndrm_render_minor 128\n"
    files = {f"{nodes}/{n}/properties": gpu.format(n << 8).encode() for n in (10, 9, 2, 11, 1)}
    files[f"{nodes}/0/properties"] = b"cpu_cores_count 8\ngfx_target_version 0\nlocation_id 0\n"
    found = kfd.nodes(Sysroot.recorded(Recording(files, listings={nodes: ["10", "1", "generation_id"]})))
    assert [node.number for node in found] == [1, 2, 9, 10, 11]
    assert found[-1].address == "0000:0b:00.0"


@pytest.mark.parametrize(
    ("driver", "compute", "newest"),
    [
        ("470.256.02", "8.6", None),
        ("535.183.01", "8.9", None),
        ("550.54.15", "6.1", "12.4"),
        ("550.54.15", "7.0", "12.8"),
        ("560.35.03", "6.1", "12.4"),
        ("570.133.20", "6.1", "12.8"),
        ("580.65.06", "6.1", "12.8"),
        ("580.65.06", "7.0", "12.8"),
        ("580.65.06", "7.5", "13.0"),
        ("580.65.06", "12.1", "13.0"),
        ("570.133.20", "12.0", "12.8"),
        ("580.65.06", None, "12.8"),
        (None, "8.9", None),
        ("unknown", "8.9", None),
    ],
)
def test_driver_and_chip_limit_the_cuda_packs(
    driver: str | None, compute: str | None, newest: str | None
) -> None:
    assert nvidia_chips.newest_cuda(driver, compute) == newest


@pytest.mark.parametrize(
    ("device", "compute"),
    [
        (0x13C2, "5.2"),
        (0x1B38, "6.1"),
        (0x15F8, "6.0"),
        (0x1DB6, "7.0"),
        (0x1EB8, "7.5"),
        (0x2182, "7.5"),
        (0x20B5, "8.0"),
        (0x2204, "8.6"),
        (0x25B6, "8.6"),
        (0x2684, "8.9"),
        (0x2335, "9.0"),
        (0x2901, "10.0"),
        (0x2B85, "12.0"),
        (0x2E12, "12.1"),
        (0x0FFF, None),
    ],
)
def test_a_chips_compute_capability_is_known_without_a_driver(device: int, compute: str | None) -> None:
    assert nvidia_chips.compute_of(device) == compute


@pytest.mark.parametrize(
    ("table"), [nvidia_chips.COMPUTE_BY_DEVICE, intel_chips.GENERATIONS], ids=["nvidia", "intel"]
)
def test_ranges_of_device_numbers_do_not_overlap(table: tuple[tuple[int, int, str], ...]) -> None:
    for (_, high, *_), (low, *_) in pairwise(table):
        assert high < low
    assert all(row[0] <= row[1] for row in table)


@pytest.mark.parametrize(
    ("device", "address", "generation", "integrated"),
    [
        (0x56A0, "0000:03:00.0", "Alchemist", False),
        (0x7D55, "0000:00:02.0", "Meteor Lake", True),
        (0x7D67, "0000:00:02.0", "Arrow Lake", True),
        (0xE20B, "0000:04:00.0", "Battlemage", False),
        (0xFFFF, "0000:00:02.0", None, True),
        (0xFFFF, "0000:09:00.0", None, False),
    ],
)
def test_intels_graphics_are_told_apart(
    device: int, address: str, generation: str | None, integrated: bool
) -> None:
    assert intel_chips.generation_of(device) == generation
    assert intel_chips.is_integrated(device, address) is integrated


def test_only_features_that_every_arm_core_has_are_counted() -> None:
    blocks = [{"Features": "asimd asimddp i8mm"}, {"Features": "asimd asimddp"}, {"Model": "a board"}]
    assert cpu_arm.features(blocks) == ("dotprod", "neon")


def test_an_unknown_arm_part_is_named_by_its_numbers() -> None:
    assert cpu_arm.model([{"CPU implementer": "0x99", "CPU part": "0x123"}]) == "implementer 0x99 part 0x123"


def test_programs_that_share_a_gpu_client_count_once() -> None:
    def told(client: int, resident: str) -> bytes:
        return f"drm-driver:\tamdgpu\ndrm-client-id:\t{client}\ndrm-pdev:\t0000:03:00.0\n{resident}".encode()

    files = {
        "/proc/10/fdinfo/4": told(1, "drm-memory-vram:\t1024 KiB\ndrm-resident-vram:\t2 MiB"),
        "/proc/11/fdinfo/4": told(1, "drm-resident-vram:\t2 MiB"),
        "/proc/11/fdinfo/5": told(2, "drm-memory-vram:\t512 KiB\ndrm-memory-gtt:\t4096"),
        "/proc/12/fdinfo/0": b"pos:\t0",
        "/proc/cpuinfo": b"drm-pdev: a decoy",
    }
    used = drm_clients.memory(Sysroot.recorded(Recording(files)))
    assert used == {"0000:03:00.0": drm_clients.Used(local=2 * 1024**2 + 512 * 1024, system=4096)}
