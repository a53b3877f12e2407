"""Taking a machine along, and reading an archive that somebody sent."""

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runtimes.hardware.capture import capture
from runtimes.hardware.detect import detect
from runtimes.hardware.errors import HardwareError
from runtimes.hardware.recording import FORMAT, INDEX, MAX_BYTES

EMPTY_INDEX = json.dumps(
    {"format": FORMAT, "links": {}, "listings": {}, "devices": {}, "environ": {}, "answers": {}}
).encode()


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in ((tarfile.TarInfo(INDEX), EMPTY_INDEX), *members):
            if content:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if content else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def test_detection_on_the_archive_of_this_machine_equals_the_scan_that_made_it(tmp_path: Path) -> None:
    taken = capture(tmp_path / "box.tar.gz", live=False)
    assert detect(tmp_path / "box.tar.gz") == taken.profile
    now = detect(live=False)
    assert replace(taken.profile.cpu, frequency_mhz=None) == replace(now.cpu, frequency_mhz=None)
    assert replace(taken.profile.memory, available=None) == replace(now.memory, available=None)
    assert taken.profile.fingerprint == now.fingerprint
    assert taken.profile.sources == now.sources


def test_detection_on_the_unpacked_archive_is_the_same(tmp_path: Path) -> None:
    taken = capture(tmp_path / "box.tar.gz", live=False)
    with tarfile.open(tmp_path / "box.tar.gz") as tar:
        for info in tar:
            path = tmp_path / "unpacked" / info.name
            path.parent.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(info)
            assert source is not None
            path.write_bytes(source.read())
    assert detect(tmp_path / "unpacked") == taken.profile


def test_a_capture_lists_what_it_holds_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    taken = capture(tmp_path / "box.tar.gz", live=False)
    with tarfile.open(tmp_path / "box.tar.gz") as tar:
        names = [info.name for info in tar]
    assert names == [INDEX, *(f"root{path}" for path in taken.paths)]
    assert (tmp_path / "box.tar.gz").stat().st_mode & 0o777 == 0o600


def test_only_variables_about_accelerators_are_captured(tmp_path: Path) -> None:
    environ = {
        "CUDA_VISIBLE_DEVICES": "1",
        "HSA_OVERRIDE_GFX_VERSION_0": "11.0.0",
        "API_TOKEN": "hunter2",
        "HOME": "/x",
    }
    capture(tmp_path / "box.tar.gz", environ=environ, live=False)
    with tarfile.open(tmp_path / "box.tar.gz") as tar:
        source = tar.extractfile(INDEX)
        assert source is not None
        index = json.load(source)
    assert index["environ"] == {"CUDA_VISIBLE_DEVICES": "1", "HSA_OVERRIDE_GFX_VERSION_0": "11.0.0"}
    assert detect(tmp_path / "box.tar.gz").environment == index["environ"]


def test_serial_numbers_mounts_and_other_programs_stay_out(tmp_path: Path, fake: Any) -> None:
    machine = fake("raspberry-pi-5")
    machine.recording.files["/proc/self/mountinfo"] += (
        b"\n60 24 0:44 / /mnt rw - cifs //nas/private rw,username=anna"
    )
    machine.recording.files["/proc/self/status"] += b"\nGroups:\t27 1000"
    (tmp_path / "pi").mkdir()
    for path, content in machine.recording.files.items():
        file = tmp_path / "pi" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    capture(tmp_path / "box.tar.gz", tmp_path / "pi")
    with tarfile.open(tmp_path / "box.tar.gz") as tar:
        everything = b"".join(source.read() for info in tar if (source := tar.extractfile(info)))
    assert b"Cortex" not in everything
    assert b"0xd0b" in everything
    for private in (b"0123456789abcdef", b"username", b"Groups", b"Name:"):
        assert private not in everything


def test_a_capture_into_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HardwareError) as caught:
        capture(tmp_path / "absent" / "box.tar.gz", live=False)
    assert caught.value.code == "hardware.capture-unwritable"
    assert str(tmp_path) in caught.value.what


@pytest.mark.parametrize(
    "info",
    [
        member("root/sys/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("root/sys/hard", tarfile.LNKTYPE, INDEX),
        member("root/dev/kfd", tarfile.CHRTYPE),
        member("root/pipe", tarfile.FIFOTYPE),
        member("/etc/passwd"),
        member("root/../../etc/passwd"),
        member(INDEX),
        member("./" + INDEX),
    ],
    ids=lambda info: f"{info.name}-{info.type.decode()}",
)
def test_an_archive_with_a_foreign_member_is_refused_and_the_member_named(
    tmp_path: Path, info: tarfile.TarInfo
) -> None:
    with pytest.raises(HardwareError) as caught:
        detect(archive(tmp_path / "box.tar.gz", (info, b"")))
    assert caught.value.code == "hardware.capture-refused"
    assert info.name.removeprefix("./") in caught.value.what


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def noise(path: Path) -> None:
    path.write_bytes(b"\x1f\x8b" + bytes(range(256)))


def no_archive(path: Path) -> None:
    path.write_text("hello")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def too_large(path: Path) -> None:
    archive(path, (member("root/sys/large"), bytes(MAX_BYTES + 1)))


def without_index(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(member("root/sys/a"))


def index_of_another_format(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        info = member(INDEX)
        content = EMPTY_INDEX.replace(b'"format": 1', b'"format": 99')
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


def index_of_another_shape(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        info = member(INDEX)
        content = EMPTY_INDEX.replace(b'"links": {}', b'"links": [1]')
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        noise,
        no_archive,
        empty,
        too_large,
        without_index,
        index_of_another_format,
        index_of_another_shape,
    ],
)
def test_a_damaged_archive_is_refused_and_named(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = archive(tmp_path / "box.tar.gz")
    damage(path)
    with pytest.raises(HardwareError) as caught:
        detect(path)
    assert caught.value.code == "hardware.capture-refused"
    assert str(path) in caught.value.what
