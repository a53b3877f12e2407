"""Reading below a folder: nothing outside it, nothing that blocks, nothing without end."""

import os
from pathlib import Path

import pytest

from runtimes.hardware.detect import detect
from runtimes.hardware.errors import HardwareError
from runtimes.hardware.sysroot import LIMIT, Access, Sysroot, natural, parse_number, processors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "sys" / "a").mkdir(parents=True)
    (root / "sys" / "a" / "value").write_text("0x2A\n")
    (tmp_path / "secret").write_text("not yours")
    return root


def test_links_are_followed_as_if_the_folder_were_the_root(folder: Path) -> None:
    (folder / "absolute").symlink_to("/sys/a/value")
    (folder / "sys" / "relative").symlink_to("a/../a/value")
    (folder / "climbing").symlink_to("../../../../sys/a/value")
    root = Sysroot.at(folder)
    assert [root.number(f"/{name}") for name in ("absolute", "sys/relative", "climbing")] == [42, 42, 42]


def test_a_link_out_of_the_folder_reads_as_absent(folder: Path) -> None:
    (folder / "out").symlink_to("../secret")
    (folder / "etc").symlink_to("/etc")
    root = Sysroot.at(folder)
    assert root.text("/out") is None
    assert root.text("/../secret") is None
    assert root.text("/etc/passwd") is None
    assert root.names("/etc") == ()


def test_a_ring_of_links_reads_as_absent(folder: Path) -> None:
    (folder / "x").symlink_to("y")
    (folder / "y").symlink_to("x")
    assert Sysroot.at(folder).text("/x") is None


def test_a_pipe_does_not_hold_the_reader_up(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert Sysroot.at(folder).text("/pipe") is None


def test_a_file_without_end_is_read_up_to_the_limit(folder: Path) -> None:
    with (folder / "large").open("wb") as file:
        file.truncate(LIMIT + 1000)
    data = Sysroot.at(folder).data("/large")
    assert data is not None
    assert len(data) == LIMIT


def test_a_folder_in_the_place_of_a_file_reads_as_absent(folder: Path) -> None:
    assert Sysroot.at(folder).text("/sys/a") is None
    assert Sysroot.at(folder).names("/sys/a/value") == ()


def test_undecodable_bytes_do_no_harm(folder: Path) -> None:
    (folder / "model").write_bytes(b"Board \xff\xfe\0\0")
    assert Sysroot.at(folder).text("/model") == "Board \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"


def test_a_path_with_nothing_at_it_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(HardwareError) as caught:
        detect(tmp_path / "absent")
    assert caught.value.code == "hardware.sysroot-absent"
    assert str(tmp_path / "absent") in caught.value.what


def test_an_empty_folder_is_a_machine_of_which_nothing_is_known(tmp_path: Path) -> None:
    assert detect(tmp_path).cpu.logical is None


def test_a_file_in_the_place_of_a_device_counts_as_usable(folder: Path) -> None:
    (folder / "dev").mkdir()
    (folder / "dev" / "kfd").touch()
    assert Sysroot.at(folder).access("/dev/kfd") is Access.GRANTED
    assert Sysroot.at(folder).access("/dev/nvidiactl") is Access.ABSENT


def test_names_are_sorted_by_number() -> None:
    assert sorted(["10", "9", "renderD128", "renderD13", "node2b", "node2a"], key=natural) == [
        "9",
        "10",
        "node2a",
        "node2b",
        "renderD13",
        "renderD128",
    ]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0-3,8", (0, 1, 2, 3, 8)),
        ("5", (5,)),
        ("3,1-2", (1, 2, 3)),
        ("", None),
        (None, None),
        ("3-1", None),
        ("a-b", None),
        ("0-99999999", None),
    ],
)
def test_kernel_lists_are_read(text: str | None, numbers: tuple[int, ...] | None) -> None:
    assert processors(text) == numbers


@pytest.mark.parametrize(
    ("text", "number"), [("17", 17), ("0x10de", 0x10DE), ("-1", -1), ("N/A", None), ("", None)]
)
def test_numbers_are_read(text: str, number: int | None) -> None:
    assert parse_number(text) == number
