"""Where updates arrive: what is found there, what is asked about, and what comes in by itself."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.control.client import ControlSession
from appliance.media.finding import the_update_at, updates_at
from appliance.media.mounts import Mount, media_mounts
from appliance.media.unmounted import unmounted_media
from appliance.media.watch import MediaWatch
from appliance.policy import Media
from appliance.state import StateFolder
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.appliance.people import People
from updates.errors import MediumError

UPDATE = "appliance-update"


def update_in(folder: Path) -> Path:
    (folder / UPDATE / "metadata").mkdir(parents=True)
    return folder


def test_mount_points_are_read_with_their_blanks_and_without_what_is_no_medium() -> None:
    text = (
        "22 28 0:21 / /proc rw,nosuid - proc proc rw\n"
        "28 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "60 28 8:17 / /media/My\\040Stick\\134 rw,nodev shared:7 master:2 - vfat /dev/sdb1 rw,fmask=0022\n"
        "61 28 0:50 / /mnt/tmp rw - tmpfs none rw\n"
        "nonsense\n"
    )
    assert media_mounts(text) == (
        Mount(Path("/media/My Stick\\"), "vfat"),
        Mount(Path("/mnt/tmp"), "tmpfs"),
    )


def test_updates_are_found_at_a_place_and_right_in_its_folders_and_strays_are_none(tmp_path: Path) -> None:
    update_in(tmp_path / "site-b")
    update_in(tmp_path / "site-a")
    update_in(tmp_path / "._site-a")
    update_in(tmp_path / "deep" / "down")
    (tmp_path / UPDATE).mkdir()
    (tmp_path / f"._{UPDATE}").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "site-a")
    assert updates_at(tmp_path) == (tmp_path / "site-a", tmp_path / "site-b")
    assert updates_at(tmp_path / "nowhere") == ()


def block_device(
    system: Path, name: str, *, removable: str = "0", bus: str = "pci0", **parts: tuple[str, int]
) -> None:
    """A disk as sysfs has it; a partition is its device number and its sectors."""
    disk = system / "devices" / bus / "block" / name
    (system / "block").mkdir(parents=True, exist_ok=True)
    for part, (device, sectors) in {"": ("8:0", 1000), **parts}.items():
        folder = disk / part
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dev").write_text(f"{device}\n")
        (folder / "size").write_text(f"{sectors}\n")
        if part:
            (folder / "partition").write_text("1\n")
    (disk / "removable").write_text(f"{removable}\n")
    (system / "block" / name).symlink_to(disk)


def test_a_stick_that_is_plugged_in_and_mounted_nowhere_is_told_with_its_size(tmp_path: Path) -> None:
    block_device(tmp_path, "sda", sda1=("8:1", 500))
    block_device(tmp_path, "sdb", bus="pci0/usb2/2-1", sdb1=("8:17", 2048), sdb2=("8:18", 4096))
    block_device(tmp_path, "mmcblk0", removable="1")
    block_device(tmp_path, "sr0", removable="1", sr0p=("11:1", 0))
    mounts = tmp_path / "mountinfo"
    mounts.write_text("60 28 8:17 / /media/stick rw - vfat /dev/sdb1 rw\n")
    assert unmounted_media(tmp_path, mounts) == (("mmcblk0", 512_000), ("sdb2", 4096 * 512))
    assert unmounted_media(tmp_path / "nothing", tmp_path / "nothing") == ()


def test_of_several_updates_one_must_be_named(tmp_path: Path) -> None:
    only = update_in(tmp_path / "only")
    assert the_update_at(tmp_path) == only
    update_in(tmp_path)
    with pytest.raises(MediumError) as raised:
        the_update_at(tmp_path)
    assert raised.value.code == "medium.several"
    assert str(tmp_path / UPDATE) in raised.value.what
    assert str(only) in raised.value.what
    assert the_update_at(only) == only
    assert the_update_at(tmp_path / UPDATE) == tmp_path / UPDATE


def test_a_medium_that_comes_and_goes_is_told(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text("")
    heard: list[tuple[Path, ...]] = []
    stick = update_in(tmp_path / "stick")
    watch = MediaWatch(Media, heard.append, mountinfo=mountinfo, others=lambda: ())
    watch.look()
    assert heard == []
    mountinfo.write_text(f"60 28 8:17 / {stick} rw - vfat /dev/sdb1 rw\n")
    assert watch.look() == (stick,)
    watch.look()
    mountinfo.write_text("")
    watch.look()
    assert heard == [(stick,), ()]
    assert watch.found == ()
    watch.close()


def test_the_inbox_is_looked_into_and_mounts_only_where_the_policy_says_so(tmp_path: Path) -> None:
    inbox, stick = tmp_path / "inbox", update_in(tmp_path / "stick")
    first = update_in(inbox / "monday")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"60 28 8:17 / {stick} rw - vfat /dev/sdb1 rw\n")
    heard: list[tuple[Path, ...]] = []
    told = threading.Event()

    def hear(found: tuple[Path, ...]) -> None:
        heard.append(found)
        told.set()

    rules = Media(inbox=str(inbox), mounts=False)
    watch = MediaWatch(lambda: rules, hear, mountinfo=mountinfo, others=lambda: (str(stick),))
    watch.start()
    assert told.wait(10)
    watch.close()
    assert heard == [(first,)]


def test_several_updates_on_one_medium_are_named_by_the_command_line(
    box: Cli, medium: Path, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    for name in ("line-1", "line-2"):
        shutil.copytree(medium, stick / name)
    for verb in ("inspect", "import"):
        error = box.fails("medium.several", "update", verb, str(stick))
        assert "line-1" in error["what"]
        assert "line-2" in error["what"]
    assert box.ok("update", "import", str(stick / "line-2"))["applied"]
    shutil.rmtree(stick / "line-2")
    assert box.ok("update", "inspect", str(stick))["medium"] == str(stick / "line-1")


def test_what_arrived_is_listed_with_what_it_would_bring(box: Cli, medium: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    shutil.copytree(medium, inbox / "good")
    shutil.copytree(medium, inbox / "torn")
    (inbox / "torn" / UPDATE / "metadata" / "timestamp.json").unlink()
    box.ok("policy", "set", "media.inbox", str(inbox))
    box.ok("policy", "set", "media.mounts", "false")
    found = box.ok("update", "media")
    assert found["inbox"] == str(inbox)
    good, torn = found["updates"]
    assert (good["medium"], good["new"], good["code"], good["auto"]) == (
        str(inbox / "good"),
        ["linear 1.0.0"],
        "",
        False,
    )
    assert torn["code"] == "medium.missing-file"
    assert [entry["action"] for entry in box.audit()] == ["init", "policy.set", "policy.set"]


def test_what_the_policy_lets_in_is_imported_from_the_inbox_once_it_is_whole(
    box: Cli, medium: Path, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for rule, value in (
        ("media.inbox", str(inbox)),
        ("media.mounts", "false"),
        ("imports.model.auto", "true"),
    ):
        box.ok("policy", "set", rule, value)
    with box.daemon():
        session = ControlSession(StateFolder.at(box.state))
        kinds: list[str] = []
        listening = threading.Thread(
            target=lambda: kinds.extend(e.kind for e in session.events()), daemon=True
        )
        listening.start()
        arriving = inbox / "monday"
        shutil.copytree(
            medium, arriving, ignore=lambda folder, _: ["blobs"] if folder.endswith(UPDATE) else []
        )
        _until(lambda: str(arriving) in box.ok("status")["media"])
        assert box.ok("models")["models"] == []
        shutil.copytree(medium / UPDATE / "blobs", arriving / UPDATE / "blobs")
        _until(lambda: bool(box.ok("models")["models"]))
        _until(lambda: "update" in kinds)
        session.close()
        assert {"media", "update"} <= set(kinds)
        entries = [e for e in box.audit() if e["subject"] == str(arriving)]
        assert {entry["actor"] for entry in entries} == {"appliance"}
        assert [entry["code"] for entry in entries] == ["medium.missing-file", ""]
        box.ok("audit", "verify")


def test_nothing_comes_in_by_itself_where_a_second_person_is_needed(
    new_box: Callable[[TestDepot], Cli], depot: TestDepot, medium: Path, tmp_path: Path
) -> None:
    box = new_box(depot)
    people = People(box, tmp_path)
    people.add("anna")
    inbox = tmp_path / "inbox"
    shutil.copytree(medium, inbox / "monday")
    rules = (("media.inbox", str(inbox)), ("imports.model.auto", "true"), ("imports.model.people", "2"))
    for rule, value in (*rules, ("media.mounts", "false")):
        box.ok("policy", "set", rule, value)
    with box.daemon():
        _until(lambda: box.ok("status")["media"] == [str(inbox / "monday")])
        (found,) = box.ok("update", "media")["updates"]
        assert (found["auto"], found["new"]) == (False, ["linear 1.0.0"])
        assert box.ok("models")["models"] == []


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)
