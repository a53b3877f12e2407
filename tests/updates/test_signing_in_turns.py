"""Several people sign one change on different machines; the file between them grants nothing by itself."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.updates.conftest import NOW, Box
from tests.updates.people import public, refused, stick
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.depot.requests import read_request
from updates.depot.roles import delegate, rotate
from updates.depot.signing import sign
from updates.depot.status import status
from updates.depot.turns import collect, describe, request, sign_request
from updates.errors import DepotError


@pytest.fixture
def shared(tmp_path: Path, gguf: Path) -> Depot:
    """A depot whose models two of Anna, Bert and Cleo sign, none of them here."""
    depot = Depot.create(
        tmp_path / "shared",
        keys={"models": [public(tmp_path, name) for name in ("anna", "bert", "cleo")]},
        thresholds={"models": 2},
        now=NOW,
    )
    add_model(depot, ModelArtifact("story", "1.0.0", gguf, description="Tells stories"))
    return depot


def private(tmp_path: Path, name: str) -> Path:
    return tmp_path / "elsewhere" / f"{name}.pem"


def test_nothing_is_published_before_enough_have_signed(shared: Depot, tmp_path: Path) -> None:
    with pytest.raises(DepotError) as caught:
        stick(tmp_path, shared)
    assert refused(caught) == "depot.signatures-missing"
    for told in ("models 1 has 0 of 2 signatures", "anna", "bert", "cleo"):
        assert told in caught.value.what
    assert not list((tmp_path / "stick").iterdir())
    assert [item.role for item in status(shared, NOW).lacking] == ["models"]


def test_two_people_sign_one_after_the_other(shared: Depot, tmp_path: Path) -> None:
    file = tmp_path / "to-sign.json"
    assert [item.role for item in request(shared, file, NOW)] == ["models"]
    assert [(role, who.name) for role, who in sign_request(file, [private(tmp_path, "anna")])] == [
        ("models", "anna")
    ]
    sign_request(file, [private(tmp_path, "cleo")], root=shared.root_file)
    collected = collect(Depot.open(shared.path), file)
    assert {(role, who.name) for role, who in collected.added} == {("models", "anna"), ("models", "cleo")}
    assert collected.lacking == ()
    box = Box.fresh(shared, tmp_path)
    medium = stick(tmp_path, Depot.open(shared.path))
    models = next(report for report in box.inspect(medium).roles if report.role == "models")
    assert {signer.name for signer in models.signers} == {"anna", "cleo"}
    assert len(box.bring_in(medium)) == 1
    assert list((shared.path / "signing").iterdir()) == []


def test_two_people_sign_copies_of_one_file(shared: Depot, tmp_path: Path) -> None:
    request(shared, tmp_path / "anna.json", NOW)
    request(shared, tmp_path / "bert.json", NOW)
    for name in ("anna", "bert"):
        sign_request(tmp_path / f"{name}.json", [private(tmp_path, name)])
    assert len(collect(shared, tmp_path / "anna.json").lacking) == 1
    with pytest.raises(DepotError):
        sign(shared, NOW)
    assert collect(shared, tmp_path / "bert.json").lacking == ()
    assert sign(shared, NOW + timedelta(days=1)) == ("targets", "models", "snapshot", "timestamp")


def test_a_signer_sees_what_is_signed_in_words(shared: Depot, tmp_path: Path) -> None:
    request(shared, tmp_path / "f", NOW)
    (models,) = [told for told in describe(read_request(tmp_path / "f")) if told.role == "models"]
    assert any(line.startswith("adds models story 1.0.0: Tells stories (sha256 ") for line in models.changes)
    assert (models.threshold, models.signed, len(models.missing)) == (2, (), 3)
    targets = next(told for told in describe(read_request(tmp_path / "f")) if told.role == "targets")
    assert "models: 2 of 3 must sign" in targets.changes


def test_what_was_published_before_is_told_as_a_change_only(
    shared: Depot, tmp_path: Path, onnx: Path
) -> None:
    request(shared, tmp_path / "f", NOW)
    sign_request(tmp_path / "f", [private(tmp_path, name) for name in ("anna", "bert")])
    collect(shared, tmp_path / "f")
    sign(shared, NOW)
    add_model(shared, ModelArtifact("line", "2.0.0", onnx))
    shared.remove(next(found for found in shared.artifacts() if found.identity.name == "story"))
    request(shared, tmp_path / "g", NOW)
    asked = read_request(tmp_path / "g")
    (models,) = [told for told in describe(asked, shared.root_file) if told.role == "models"]
    assert [line.partition(":")[0] for line in models.changes[:2]] == [
        "adds models line 2.0.0",
        "takes models story 1.0.0 away",
    ]
    assert models.version == 2


def test_a_file_cannot_hide_a_change_by_what_it_says_was_there_before(shared: Depot, tmp_path: Path) -> None:
    file = tmp_path / "f"
    request(shared, file, NOW)
    value = json.loads(file.read_bytes())
    value["before"] = value["proposed"]
    file.write_text(json.dumps(value))
    for root in (None, shared.root_file):
        (models,) = [told for told in describe(read_request(file), root) if told.role == "models"]
        assert models.changes[0].startswith("adds models story 1.0.0")


def test_signatures_over_what_is_proposed_no_longer_are_refused(
    shared: Depot, tmp_path: Path, onnx: Path
) -> None:
    request(shared, tmp_path / "f", NOW)
    sign_request(tmp_path / "f", [private(tmp_path, "anna")])
    add_model(shared, ModelArtifact("line", "2.0.0", onnx))
    request(shared, tmp_path / "g", NOW)
    with pytest.raises(DepotError) as caught:
        collect(shared, tmp_path / "f")
    assert refused(caught) == "depot.request-stale"


def test_a_change_after_somebody_signed_takes_a_new_version(
    shared: Depot, tmp_path: Path, onnx: Path
) -> None:
    """Nobody's key is ever on two contents of one version."""
    request(shared, tmp_path / "f", NOW)
    sign_request(tmp_path / "f", [private(tmp_path, "anna")])
    collect(shared, tmp_path / "f")
    add_model(shared, ModelArtifact("line", "2.0.0", onnx))
    assert [(item.version, len(item.signed)) for item in request(shared, tmp_path / "g", NOW)] == [(2, 0)]


def test_a_file_that_was_changed_on_its_way_is_not_collected(shared: Depot, tmp_path: Path) -> None:
    file = tmp_path / "f"
    request(shared, file, NOW)
    value = json.loads(file.read_bytes())
    (target,) = value["proposed"]["models"]["signed"]["targets"].values()
    target["length"] += 1
    file.write_text(json.dumps(value))
    sign_request(file, [private(tmp_path, "anna"), private(tmp_path, "bert")])
    with pytest.raises(DepotError) as caught:
        collect(shared, file)
    assert refused(caught) == "depot.request-stale"


def test_a_signature_of_a_stranger_does_not_count(shared: Depot, tmp_path: Path) -> None:
    """The file names the stranger's key as one of the models'; the depot knows better."""
    file = tmp_path / "f"
    public(tmp_path, "mallory")
    other = Depot.create(tmp_path / "other", keys={"models": [tmp_path / "mallory.pub.pem"]}, now=NOW)
    request(shared, file, NOW)
    request(other, tmp_path / "theirs", NOW)
    value, theirs = json.loads(file.read_bytes()), json.loads((tmp_path / "theirs").read_bytes())
    value["proposed"]["targets"] = theirs["proposed"]["targets"]
    file.write_text(json.dumps(value))
    sign_request(file, [private(tmp_path, "mallory")])
    with pytest.raises(DepotError) as caught:
        collect(shared, file)
    assert refused(caught) == "depot.request-stale"
    value["proposed"].pop("targets")
    value["before"]["targets"] = theirs["proposed"]["targets"]
    file.write_text(json.dumps(value))
    sign_request(file, [private(tmp_path, "mallory")])
    collected = collect(shared, file)
    assert collected.added == ()
    assert [len(item.signed) for item in collected.lacking] == [0]


def test_a_key_that_nobody_asks_signs_nothing(shared: Depot, tmp_path: Path) -> None:
    request(shared, tmp_path / "f", NOW)
    before = (tmp_path / "f").read_bytes()
    public(tmp_path, "mallory")
    with pytest.raises(DepotError) as caught:
        sign_request(tmp_path / "f", [private(tmp_path, "mallory")])
    assert refused(caught) == "depot.not-asked"
    assert (tmp_path / "f").read_bytes() == before


def test_a_request_of_another_depot_is_refused_by_who_knows_the_root(
    shared: Depot, depot: Depot, tmp_path: Path
) -> None:
    request(shared, tmp_path / "f", NOW)
    with pytest.raises(DepotError) as caught:
        sign_request(tmp_path / "f", [private(tmp_path, "anna")], root=depot.root_file)
    assert refused(caught) == "depot.other-root"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"format":"appliance-signing-request/1"}', b"[1]", b"\xff"]
)
def test_what_is_no_request_is_told(shared: Depot, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    for act in (lambda: collect(shared, tmp_path / "f"), lambda: sign_request(tmp_path / "f", [])):
        with pytest.raises(DepotError) as caught:
            act()
        assert refused(caught) == "depot.request-unreadable"


def test_a_new_root_waits_for_the_old_keys_and_its_own(tmp_path: Path, gguf: Path) -> None:
    depot = Depot.create(tmp_path / "d", now=NOW)
    add_model(depot, ModelArtifact("story", "1.0.0", gguf))
    box = Box.fresh(depot, tmp_path)
    box.bring_in(stick(tmp_path, depot))
    people = [public(tmp_path, name) for name in ("anna", "bert")]
    assert rotate(depot, "root", keys=people, threshold=2, now=NOW) == 2
    assert depot.root().version == 1
    assert publish(depot, tmp_path / "stick", now=NOW).signed == ()
    file = tmp_path / "f"
    assert [(item.role, item.threshold) for item in request(depot, file, NOW)] == [("root", 2)]
    (root,) = describe(read_request(file))
    assert any(line.startswith("root: anna") and line.endswith("may sign") for line in root.changes)
    sign_request(file, [private(tmp_path, "anna")])
    assert len(collect(depot, file).lacking) == 1
    assert depot.root().version == 1
    sign_request(file, [private(tmp_path, "bert")])
    assert collect(depot, file).lacking == ()
    assert depot.root().version == 2
    assert depot.keys["root"] == []
    box.bring_in(stick(tmp_path, depot, "second"))
    assert box.trust.root_version == 2


def test_several_changes_of_the_root_wait_as_one(tmp_path: Path) -> None:
    depot = Depot.create(tmp_path / "d", now=NOW)
    rotate(depot, "root", keys=[public(tmp_path, "anna")], now=NOW)
    assert rotate(depot, "timestamp", now=NOW) == 2
    assert depot.root().version == 1
    request(depot, tmp_path / "f", NOW)
    sign_request(tmp_path / "f", [private(tmp_path, "anna")])
    collect(depot, tmp_path / "f")
    assert depot.root().version == 2
    assert [key.file for key in depot.keys["timestamp"]] == ["keys/timestamp-2.pem"]


def test_snapshot_and_timestamp_can_be_signed_in_turns_too(tmp_path: Path, gguf: Path) -> None:
    depot = Depot.create(
        tmp_path / "d",
        keys={role: [public(tmp_path, role)] for role in ("targets", "snapshot", "timestamp")},
        now=NOW,
    )
    add_model(depot, ModelArtifact("story", "1.0.0", gguf))
    for role in ("targets", "snapshot", "timestamp"):
        assert [item.role for item in request(depot, tmp_path / "f", NOW)] == [role]
        sign_request(tmp_path / "f", [private(tmp_path, role)])
        collect(depot, tmp_path / "f")
    assert len(Box.fresh(depot, tmp_path).bring_in(stick(tmp_path, depot))) == 1


def test_with_nothing_lacking_no_file_is_written(depot: Depot, tmp_path: Path) -> None:
    assert request(depot, tmp_path / "f", NOW) == ()
    assert not (tmp_path / "f").exists()
    delegate(depot, "models", keys=[public(tmp_path, "anna")])
    assert [item.role for item in request(depot, tmp_path / "f", NOW)] == ["models"]
