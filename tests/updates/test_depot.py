"""The depot: keys, signing, packing."""

import shutil
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from tests.updates.conftest import NOW, Box, files_of, write
from updates.depot.keys import generate_key, load_signer
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import ROLES, Depot, Expiry
from updates.depot.roles import rotate
from updates.depot.signing import sign
from updates.depot.status import status
from updates.errors import DepotError, UpdateError
from updates.inspect import Standing
from updates.names import Identity, Kind


def refusal(caught: pytest.ExceptionInfo[UpdateError]) -> str:
    assert caught.value.what
    return caught.value.code


def test_new_keys_are_readable_by_their_owner_only(depot: Depot) -> None:
    made = sorted((depot.path / "keys").iterdir())
    assert [file.name for file in made] == [
        "root-1.pem",
        "snapshot-1.pem",
        "targets-1.pem",
        "targets-2.pem",
        "timestamp-1.pem",
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in made} == {0o600}


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    generate_key(tmp_path / "a.pem")
    before = (tmp_path / "a.pem").read_bytes()
    with pytest.raises(DepotError) as caught:
        generate_key(tmp_path / "a.pem")
    assert refusal(caught) == "depot.key-exists"
    assert (tmp_path / "a.pem").read_bytes() == before


def test_an_encrypted_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    path = tmp_path / "anna.pem"
    generate_key(path, b"correct horse")
    assert b"ENCRYPTED" in path.read_bytes()
    assert load_signer(path, "Anna", lambda _: b"correct horse").public_key.unrecognized_fields == {
        "name": "Anna"
    }
    for ask in (None, lambda _: b"wrong", lambda _: b""):
        with pytest.raises(DepotError) as caught:
            load_signer(path, "Anna", ask)
        assert refusal(caught) == "depot.key-locked"


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_is_no_key_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DepotError) as caught:
        load_signer(write(tmp_path / "a.pem", content), "A")
    assert refusal(caught) == "depot.key-unreadable"


def test_a_depot_with_encrypted_keys_asks_for_the_passphrase(tmp_path: Path, gguf: Path) -> None:
    Depot.create(tmp_path / "locked", passphrase=b"secret", now=NOW)
    with pytest.raises(DepotError) as caught:
        sign(Depot.open(tmp_path / "locked"), NOW)
    assert refusal(caught) == "depot.key-locked"
    assert sign(Depot.open(tmp_path / "locked", lambda _: b"secret"), NOW) == (
        "targets",
        "snapshot",
        "timestamp",
    )


def test_own_key_files_sign_under_their_own_names(tmp_path: Path, box: Box) -> None:
    files = [tmp_path / "keys" / f"{name}.pem" for name in ("anna", "bert", "cleo")]
    for file in files:
        generate_key(file)
    depot = Depot.create(tmp_path / "own", thresholds={"root": 2}, keys={"root": files}, now=NOW)
    assert {found.name for found in status(depot, NOW).roles[0].signers} == {"anna", "bert", "cleo"}
    assert not (depot.path / "keys/root-1.pem").exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"thresholds": {"targets": 0}}, "depot.threshold"),
        ({"thresholds": {"mirrors": 1}}, "depot.unknown-role"),
        ({"keys": {"root": []}}, "depot.threshold"),
        ({"keys": {"root": [Path("/nowhere/key.pem")]}}, "depot.key-missing"),
    ],
)
def test_a_depot_that_could_never_sign_is_not_made(
    tmp_path: Path, options: dict[str, dict[str, int]], code: str
) -> None:
    with pytest.raises(DepotError) as caught:
        Depot.create(tmp_path / "new", now=NOW, **options)  # type: ignore[arg-type]
    assert refusal(caught) == code
    assert not (tmp_path / "new" / "depot.json").exists()


def test_one_key_does_not_count_for_two(tmp_path: Path) -> None:
    generate_key(tmp_path / "a.pem")
    shutil.copy(tmp_path / "a.pem", tmp_path / "b.pem")
    with pytest.raises(DepotError) as caught:
        Depot.create(
            tmp_path / "new",
            thresholds={"root": 2},
            keys={"root": [tmp_path / "a.pem", tmp_path / "b.pem"]},
        )
    assert refusal(caught) == "depot.threshold"


def test_a_folder_in_use_becomes_no_depot(tmp_path: Path) -> None:
    write(tmp_path / "photos/1.jpg", b"x")
    with pytest.raises(DepotError) as caught:
        Depot.create(tmp_path / "photos")
    assert refusal(caught) == "depot.exists"
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["1.jpg"]


def test_opening_what_is_no_depot_is_told(tmp_path: Path, depot: Depot) -> None:
    with pytest.raises(DepotError) as caught:
        Depot.open(tmp_path / "nowhere")
    assert refusal(caught) == "depot.missing"
    (depot.path / "depot.json").write_bytes(b'{"format": 99}')
    with pytest.raises(DepotError) as caught:
        Depot.open(depot.path)
    assert refusal(caught) == "depot.damaged"


def test_a_depot_reopened_is_the_same(depot: Depot) -> None:
    again = Depot.open(depot.path)
    assert again.artifacts() == depot.artifacts()
    assert again.expiry == depot.expiry
    assert again.keys == depot.keys


def test_nothing_is_signed_again_while_it_is_fresh(depot: Depot) -> None:
    assert sign(depot, NOW) == ("targets", "snapshot", "timestamp")
    before = {path.name: path.read_bytes() for path in (depot.path / "metadata").iterdir()}
    assert sign(depot, NOW + timedelta(days=100)) == ()
    assert {path.name: path.read_bytes() for path in (depot.path / "metadata").iterdir()} == before


def test_what_has_used_up_half_of_its_time_is_signed_again(depot: Depot) -> None:
    sign(depot, NOW)
    assert sign(depot, NOW + timedelta(days=190)) == ("snapshot", "timestamp")
    assert sign(depot, NOW + timedelta(days=600)) == ("targets", "snapshot", "timestamp")


def test_a_signing_that_was_cut_short_is_done_again(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(
            "updates.depot.repository.write_file",
            lambda path, data: path.write_bytes(data) if "targets" in path.name else 1 / 0,
        )
        with pytest.raises(ZeroDivisionError):
            sign(depot, NOW)
    assert sign(depot, NOW) == ("targets", "snapshot", "timestamp")
    assert (depot.path / "metadata/1.targets.json").exists()
    assert not (depot.path / "metadata/2.targets.json").exists()


def test_a_key_that_is_away_stops_the_publication(depot: Depot, tmp_path: Path) -> None:
    (depot.path / "keys/targets-2.pem").rename(tmp_path / "away.pem")
    stick = tmp_path / "stick"
    stick.mkdir()
    with pytest.raises(DepotError) as caught:
        publish(depot, stick, now=NOW)
    assert refusal(caught) == "depot.signatures-missing"
    assert "keys/targets-2.pem" in caught.value.remedy
    assert list(stick.iterdir()) == []


def test_the_same_artifact_twice_is_no_change(depot: Depot, line_model: ModelArtifact) -> None:
    before = depot.artifacts()
    add_model(depot, line_model)
    assert depot.artifacts() == before


def test_one_version_with_other_content_is_refused(depot: Depot, line_model: ModelArtifact) -> None:
    before = depot.artifacts()
    line_model.file.write_bytes(b"\x08other")
    with pytest.raises(DepotError) as caught:
        add_model(depot, line_model)
    assert refusal(caught) == "depot.same-version-other-bytes"
    assert depot.artifacts() == before


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("model.pt", b"PK", "depot.bad-model"),
        ("model.gguf", b"\x08onnx", "depot.bad-model"),
        ("model.onnx", b"GGUF", "depot.bad-model"),
        ("model.onnx", b"", "depot.bad-model"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_not_packed(
    depot: Depot, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(DepotError) as caught:
        add_model(depot, ModelArtifact("m", "1.0.0", write(tmp_path / name, content)))
    assert refusal(caught) == code


def test_odd_names_and_missing_files_are_not_packed(depot: Depot, onnx: Path, tmp_path: Path) -> None:
    for model, code in (
        (ModelArtifact("Line", "1.0.0", onnx), "depot.bad-name"),
        (ModelArtifact("line", "one", onnx), "depot.bad-name"),
        (ModelArtifact("line", "1.0.0", tmp_path / "none.onnx"), "depot.bad-model"),
        (ModelArtifact("line", "1.0.0", onnx, tmp_path), "depot.bad-model"),
        (ModelArtifact("line", "1.0.0", onnx, labels=tmp_path / "none"), "file.unreadable"),
    ):
        with pytest.raises(UpdateError) as caught:
            add_model(depot, model)
        assert refusal(caught) == code
    assert len(depot.artifacts()) == 2


def test_an_artifact_that_was_removed_is_not_published(depot: Depot, tmp_path: Path, box: Box) -> None:
    depot.remove(depot.artifacts()[0])
    stick = tmp_path / "stick"
    stick.mkdir()
    publish(depot, stick, now=NOW)
    assert [offer.artifact.identity.name for offer in box.inspect(stick).offers] == ["story"]


@pytest.mark.parametrize("role", ROLES)
def test_a_box_follows_new_keys(depot: Depot, medium: Path, box: Box, tmp_path: Path, role: str) -> None:
    box.bring_in(medium)
    assert rotate(depot, role, threshold=2, now=NOW) == 2
    stick = tmp_path / "second"
    stick.mkdir()
    published = publish(Depot.open(depot.path), stick, now=NOW)
    assert bool(published.signed) == (role != "root")
    assert "metadata/2.root.json" in files_of(stick)
    preview = box.inspect(stick)
    assert {offer.standing for offer in preview.offers} == {Standing.PRESENT}
    assert next(report for report in preview.roles if report.role == role).threshold == 2
    box.bring_in(stick)
    assert box.trust.root_version == 2


def test_the_old_key_of_a_rotated_role_signs_no_more(depot: Depot, tmp_path: Path) -> None:
    rotate(depot, "timestamp", now=NOW)
    assert [key.file for key in depot.keys["timestamp"]] == ["keys/timestamp-2.pem"]
    (depot.path / "keys/timestamp-2.pem").unlink()
    with pytest.raises(DepotError) as caught:
        sign(depot, NOW)
    assert refusal(caught) == "depot.signatures-missing"


def test_status_tells_what_expires_when_and_what_waits(depot: Depot) -> None:
    fresh = status(depot, NOW)
    assert [role.version for role in fresh.roles] == [1, None, None, None]
    assert fresh.unpublished == (
        Identity(Kind.MODEL, "line-inspection", "1.0.0"),
        Identity(Kind.MODEL, "story", "0.9.0"),
    )
    sign(depot, NOW)
    (depot.path / "keys/targets-2.pem").unlink()
    later = status(depot, NOW + timedelta(days=10))
    assert later.unpublished == ()
    assert later.next_expiry is not None
    assert later.next_expiry.left == timedelta(days=Expiry().snapshot - 10)
    targets = later.roles[1]
    assert (targets.role, targets.threshold, targets.keys_here, len(targets.signers)) == ("targets", 2, 1, 2)
