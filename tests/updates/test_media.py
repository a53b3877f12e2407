"""Finding an update, and refusing what is no plain file."""

import errno
import os
from pathlib import Path

import pytest

from tests.updates.conftest import Box, files_of, write
from updates.errors import MediumError
from updates.layout import REPLACED_FOLDER, UNFINISHED_FOLDER, UPDATE_FOLDER
from updates.media import Medium, find_update


def test_an_update_is_found_at_the_root_and_in_its_own_folder(medium: Path) -> None:
    assert find_update(medium) == find_update(medium / UPDATE_FOLDER) == Medium(medium / UPDATE_FOLDER)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ([], "medium.no-update"),
        (["holiday.jpg"], "medium.no-update"),
        ([UNFINISHED_FOLDER + "/metadata/timestamp.json"], "medium.unfinished"),
        ([REPLACED_FOLDER + "/metadata/timestamp.json"], "medium.no-update"),
        (["._appliance-update"], "medium.no-update"),
    ],
)
def test_what_is_no_update_is_told(tmp_path: Path, names: list[str], code: str) -> None:
    for name in names:
        write(tmp_path / name, b"x")
    with pytest.raises(MediumError) as caught:
        find_update(tmp_path)
    assert caught.value.code == code
    assert str(tmp_path) in caught.value.what


def test_the_unfinished_folder_itself_is_not_taken(tmp_path: Path) -> None:
    write(tmp_path / UNFINISHED_FOLDER / "metadata/timestamp.json", b"x")
    with pytest.raises(MediumError) as caught:
        find_update(tmp_path / UNFINISHED_FOLDER)
    assert caught.value.code == "medium.unfinished"


@pytest.mark.parametrize("make", [lambda _path: None, lambda path: path.write_bytes(b"a file")])
def test_a_path_that_is_no_folder_is_told(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "x")
    with pytest.raises(MediumError) as caught:
        find_update(tmp_path / "x")
    assert caught.value.code == "medium.not-found"


def test_what_desktop_systems_leave_behind_is_ignored(medium: Path, box: Box) -> None:
    folder = medium / UPDATE_FOLDER
    for stray in (
        "._index.json",
        "metadata/._timestamp.json",
        ".DS_Store",
        "System Volume Information/x",
        "blobs/Thumbs.db",
    ):
        write(folder / stray, b"x")
    write(medium / ".Trashes/1", b"x")
    assert box.inspect(medium).ignored == ()
    assert len(box.bring_in(medium)) == 2


def test_files_that_nobody_signed_are_told_and_never_read(medium: Path, box: Box) -> None:
    write(medium / UPDATE_FOLDER / "readme.txt", b"x")
    write(medium / UPDATE_FOLDER / "metadata/9.root.json", b"x")
    (medium / UPDATE_FOLDER / "fifo").mkdir()
    os.mkfifo(medium / UPDATE_FOLDER / "fifo/pipe")
    assert box.inspect(medium).ignored == ("fifo/pipe", "metadata/9.root.json", "readme.txt")


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder", "socket"])
def test_a_file_that_is_no_plain_file_is_refused_and_named(medium: Path, box: Box, kind: str) -> None:
    for file in files_of(medium):
        path = medium / UPDATE_FOLDER / file
        moved = path.rename(medium / "moved")
        match kind:
            case "link":
                path.symlink_to(moved)
            case "dangling link":
                path.symlink_to("/nowhere")
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
            case "socket":
                os.mknod(path, 0o140600)
        box.blobs.remove_unreferenced(())
        with pytest.raises(MediumError) as caught:
            box.bring_in(medium)
        assert caught.value.file == file
        assert caught.value.code == "medium.not-a-file"
        if kind == "folder":
            path.rmdir()
        else:
            path.unlink()
        moved.rename(path)


@pytest.mark.parametrize("folder", ["metadata", "blobs", "blobs/sha256"])
def test_a_folder_that_is_a_link_is_not_followed(medium: Path, box: Box, folder: str) -> None:
    path = medium / UPDATE_FOLDER / folder
    path.rename(medium / "moved")
    path.symlink_to(medium / "moved")
    with pytest.raises(MediumError) as caught:
        box.bring_in(medium)
    assert caught.value.code == "medium.not-a-file"


def test_a_huge_file_is_not_read(medium: Path, box: Box) -> None:
    path = medium / UPDATE_FOLDER / "metadata/timestamp.json"
    os.truncate(path, 1 << 40)
    with pytest.raises(MediumError) as caught:
        box.inspect(medium)
    assert (caught.value.code, caught.value.file) == ("medium.too-large", "metadata/timestamp.json")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE])
def test_a_medium_that_fails_is_told_as_gone(
    medium: Path, box: Box, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "readv", fail)
    with pytest.raises(MediumError) as caught:
        box.inspect(medium)
    assert caught.value.code == "medium.gone"
    assert "Insert the medium again" in caught.value.remedy


def test_reading_a_medium_leaves_no_descriptor_open(medium: Path, box: Box) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    box.bring_in(medium)
    os.truncate(medium / UPDATE_FOLDER / "index.json", 3)
    with pytest.raises(MediumError):
        box.inspect(medium)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
