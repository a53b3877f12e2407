"""Receipts go back to the depot: it knows its boxes, checks their logs, and its next update brings the cosignature."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.audit.note import split
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot

NewBox = Callable[[TestDepot], Cli]


@pytest.fixture
def own(tmp_path: Path) -> TestDepot:
    depot = TestDepot(tmp_path / "connected")
    depot.add_linear()
    return depot


def receipt_on(medium: Path) -> Path:
    (file,) = (medium / "appliance-receipts").iterdir()
    return file


def test_a_depot_learns_its_fleet_and_the_cosignature_comes_back(own: TestDepot, new_box: NewBox) -> None:
    box, medium = new_box(own), own.publish()
    box.ok("update", "import", str(medium))
    fleet = own.cli.ok("depot", "fleet", str(own.depot), str(medium))
    (member,) = fleet["boxes"]
    assert fleet["taken"] == ["test-box"]
    assert (member["box"], member["artifacts"], member["lacks"]) == ("test-box", ["linear 1.0.0"], [])
    assert member["failures"] == []
    assert member["log_entries"] >= 2

    own.add_linear(version="1.1.0")
    own.add_linear("wrong", wrong_by=9.0)
    (member,) = own.cli.ok("depot", "fleet", str(own.depot))["boxes"]
    assert member["lacks"] == ["linear 1.1.0", "wrong 1.0.0"]
    medium = own.publish()
    notes = json.loads((medium / "appliance-update/cosignatures.json").read_bytes())
    assert len(split(notes["appliance/test-box"])[1]) == 2
    box.ok("update", "import", str(medium))
    assert [entry["outcome"] for entry in box.audit() if entry["action"] == "audit.cosigned"] == ["ok"]

    (member,) = own.cli.ok("depot", "fleet", str(own.depot), str(medium))["boxes"]
    assert member["lacks"] == ["wrong 1.0.0"]
    assert [one["name"] for one in member["failures"]] == ["wrong"]
    assert member["failures"][0]["code"]


def test_a_log_that_was_cut_is_noticed_by_the_depot_and_by_the_box(
    own: TestDepot, new_box: NewBox, tmp_path: Path
) -> None:
    box, medium = new_box(own), own.publish()
    shutil.copytree(box.state, tmp_path / "before")
    box.ok("update", "import", str(medium))
    own.cli.ok("depot", "fleet", str(own.depot), str(medium))
    shutil.rmtree(box.state)
    shutil.copytree(tmp_path / "before", box.state)
    own.add_linear(version="1.1.0")
    box.ok("update", "import", str(own.publish()))
    alarms = [entry for entry in box.audit() if entry["action"] == "audit.cosigned"]
    assert [(entry["outcome"], entry["code"]) for entry in alarms] == [("failed", "audit.not-as-cosigned")]
    fleet = own.cli.ok("depot", "fleet", str(own.depot), str(medium))
    assert fleet["taken"] == []
    assert "fleet.log-" in fleet["faults"][0]


def test_a_refused_import_leaves_its_cause_on_the_medium(own: TestDepot, new_box: NewBox) -> None:
    own = TestDepot(own.folder / "wrong")
    own.add_linear(wrong_by=9.0)
    box, medium = new_box(own), own.publish()
    ran = box.run("update", "import", str(medium))
    assert ran.error is not None
    receipt = json.loads(receipt_on(medium).read_bytes())["receipt"]
    assert receipt["code"] == ran.error["code"]


def test_a_medium_of_a_stranger_learns_nothing(own: TestDepot, new_box: NewBox, tmp_path: Path) -> None:
    stranger = TestDepot(tmp_path / "stranger")
    stranger.add_linear()
    medium = stranger.publish()
    new_box(own).fails("trust.unknown-key", "update", "import", str(medium))
    assert not (medium / "appliance-receipts").exists()


def test_a_medium_that_cannot_be_written_does_not_fail_the_import(own: TestDepot, new_box: NewBox) -> None:
    box, medium = new_box(own), own.publish()
    (medium / "appliance-receipts").write_text("a file where a folder belongs")
    box.ok("update", "import", str(medium))


def test_a_forged_receipt_and_one_with_another_key_are_told(
    own: TestDepot, new_box: NewBox, tmp_path: Path
) -> None:
    medium = own.publish()
    new_box(own).ok("update", "import", str(medium))
    own.cli.ok("depot", "fleet", str(own.depot), str(medium))
    file = receipt_on(medium)
    file.write_bytes(file.read_bytes().replace(b"1.0.0", b"1.0.1"))
    assert "receipt.forged" in own.cli.ok("depot", "fleet", str(own.depot), str(medium))["faults"][0]
    twin = Cli(tmp_path / "twin")
    twin.ok("init", "--trust", str(own.root), "--box", "test-box")
    file.unlink()
    twin.ok("update", "import", str(medium))
    assert "fleet.other-key" in own.cli.ok("depot", "fleet", str(own.depot), str(medium))["faults"][0]


def test_a_difference_is_published_against_a_receipt(own: TestDepot, new_box: NewBox) -> None:
    box, medium = new_box(own), own.publish()
    box.ok("update", "import", str(medium))
    own.add_linear(version="1.1.0")
    other = own.folder / "difference"
    other.mkdir()
    own.cli.ok("depot", "publish", str(own.depot), str(other), "--against", str(medium))
    assert (other / "appliance-update/medium.json").exists()
    report = box.ok("update", "import", str(other))
    assert [applied["version"] for applied in report["applied"]] == ["1.1.0"]
