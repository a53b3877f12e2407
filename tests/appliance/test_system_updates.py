"""A system image is handed to RAUC where RAUC runs the system, and refused with the reason where it does not.

No real slot was written: what RAUC would do is played by a program of that name that writes down how it was called.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.appliance.cli import EXECUTABLE, Cli
from tests.appliance.depots import TestDepot
from tests.appliance.logged import logged

STAND_IN = """#!/bin/sh
echo "$@" >>{calls}
case $1 in
status) cat {folder}/status.json ;;
info) cat {folder}/info.json ;;
install) test -s "$2" && if test -e {folder}/refuses; then echo "LastError: slot is mounted" >&2; exit 1; fi ;;
esac
"""


@pytest.fixture
def image_depot(tmp_path: Path) -> TestDepot:
    depot = TestDepot(tmp_path / "depot")
    add_image(depot, "1.0")
    return depot


def add_image(depot: TestDepot, version: str) -> None:
    bundle = depot.folder / f"{version}.raucb"
    bundle.write_bytes(b"hsqs" + version.encode() * 1000)
    depot.cli.ok("depot", "add-system", str(depot.depot), "edge-os", version, "--bundle", str(bundle))


@pytest.fixture
def rauc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `rauc` that plays the client of a system called `edge-board`; its folder."""
    folder = tmp_path / "rauc"
    folder.mkdir()
    (folder / "status.json").write_text(json.dumps({"compatible": "edge-board", "booted": "A"}))
    (folder / "info.json").write_text(json.dumps({"compatible": "edge-board", "version": "1.0"}))
    program = folder / "rauc"
    program.write_text(STAND_IN.format(calls=folder / "calls", folder=folder))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def calls(rauc: Path) -> list[str]:
    return [line.split()[0] for line in (rauc / "calls").read_text().splitlines()]


def test_an_image_is_handed_over_after_its_entry_in_the_log(
    image_depot: TestDepot, new_box: Callable[[TestDepot], Cli], rauc: Path
) -> None:
    box = new_box(image_depot)
    report = box.ok("update", "import", str(image_depot.publish()))
    (applied,) = report["applied"]
    assert (applied["kind"], applied["version"]) == ("system", "1.0")
    assert "next start of the machine" in applied["evidence"]
    assert calls(rauc)[-1] == "install"
    assert calls(rauc).count("install") == 1
    (entry,) = logged(box.state, "update.import", "system edge-os 1.0")
    assert entry["outcome"] == "ok"
    add_image(image_depot, "1.1")
    box.ok("update", "import", str(image_depot.publish()))
    assert calls(rauc).count("install") == 2
    bundle = (image_depot.folder / "1.0.raucb").read_bytes()
    assert bundle not in [blob.read_bytes() for blob in box.state.glob("blobs/sha256/*")]


def test_an_image_that_a_power_cut_interrupted_may_be_brought_again(
    image_depot: TestDepot, new_box: Callable[[TestDepot], Cli], rauc: Path
) -> None:
    box = new_box(image_depot)
    medium = str(image_depot.publish())
    program = (rauc / "rauc").read_text()
    (rauc / "rauc").write_text(program.replace("install) ", "install) kill -9 $PPID; exit; "))
    command = [str(EXECUTABLE), "update", "import", medium, "--state-dir", str(box.state)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == -9
    (rauc / "rauc").write_text(program)
    assert [a["version"] for a in box.ok("update", "import", medium)["applied"]] == ["1.0"]
    codes = [(entry["outcome"], entry.get("cause", "")) for entry in logged(box.state, "image.hand-over")]
    assert codes == [("failed", "image.interrupted"), ("ok", "")]


def test_what_rauc_does_not_take_is_rejected_and_logged(
    image_depot: TestDepot, new_box: Callable[[TestDepot], Cli], rauc: Path
) -> None:
    (rauc / "refuses").touch()
    box = new_box(image_depot)
    medium = str(image_depot.publish())
    report = box.ok("update", "import", medium)
    (rejected,) = report["rejected"]
    assert (report["applied"], rejected["code"]) == ([], "image.refused")
    assert "slot is mounted" in rejected["reason"]
    outcomes = [entry["outcome"] for entry in logged(box.state, "update.import", "system edge-os 1.0")]
    assert outcomes == ["ok", "refused"]
    (rauc / "refuses").unlink()
    assert [a["version"] for a in box.ok("update", "import", medium)["applied"]] == ["1.0"]


def test_an_image_for_another_system_is_not_handed_over(
    image_depot: TestDepot, new_box: Callable[[TestDepot], Cli], rauc: Path
) -> None:
    (rauc / "info.json").write_text(json.dumps({"compatible": "other-board"}))
    box = new_box(image_depot)
    refused = box.fails("image.incompatible", "update", "import", str(image_depot.publish()))
    assert "is for other-board, and this system is edge-board" in refused["what"]
    assert "install" not in calls(rauc)


@pytest.mark.parametrize("answer", ["", "[]", "{}"])
def test_a_rauc_that_does_not_know_its_system_is_none(
    answer: str, image_depot: TestDepot, new_box: Callable[[TestDepot], Cli], rauc: Path
) -> None:
    (rauc / "status.json").write_text(answer)
    new_box(image_depot).fails("image.no-rauc", "update", "import", str(image_depot.publish()))


def test_without_rauc_the_image_is_refused_with_the_reason(
    image_depot: TestDepot,
    new_box: Callable[[TestDepot], Cli],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    box = new_box(image_depot)
    refused = box.fails("image.no-rauc", "update", "import", str(image_depot.publish()))
    assert "This system has no RAUC" in refused["what"]


@pytest.mark.skipif(shutil.which("rauc") is None, reason="needs Debian's package rauc")
def test_with_a_rauc_that_does_not_run_the_system_the_image_is_refused_with_what_it_says(
    image_depot: TestDepot, new_box: Callable[[TestDepot], Cli]
) -> None:
    box = new_box(image_depot)
    refused = box.fails("image.no-rauc", "update", "import", str(image_depot.publish()))
    assert "RAUC does not run this system. RAUC says: " in refused["what"]
    assert not [line for line in logged(box.state, "update.import") if line["outcome"] == "ok"]


def test_a_depot_refuses_what_is_no_bundle(tmp_path: Path) -> None:
    depot = TestDepot(tmp_path / "depot")
    (tmp_path / "image.iso").write_bytes(b"not a bundle")
    words = ("depot", "add-system", str(depot.depot), "edge-os", "1.0", "--bundle")
    assert "no RAUC bundle" in depot.cli.fails("depot.bad-image", *words, str(tmp_path / "image.iso"))["what"]
    assert "cannot be read" in depot.cli.fails("depot.bad-image", *words, str(tmp_path / "absent"))["what"]
