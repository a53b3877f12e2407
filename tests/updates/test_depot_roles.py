"""Different people for different kinds of artifact; keys that come, go and run out."""

import errno
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from tests.updates.conftest import NOW, Box
from tests.updates.people import key, public, refused, stick
from updates.depot.models import ModelArtifact, add_model
from updates.depot.repository import Depot
from updates.depot.roles import delegate, holders, revoke, rotate, set_expiry
from updates.depot.signing import newest, sign
from updates.depot.status import status
from updates.durable import write_file
from updates.errors import DepotError, TrustError
from updates.names import KIND_ROLES


@pytest.fixture
def shared(tmp_path: Path, gguf: Path) -> Depot:
    """A depot in which Anna vouches for models and for nothing else."""
    depot = Depot.create(
        tmp_path / "shared", keys={"models": [key(tmp_path, "anna")]}, delegate=["policies"], now=NOW
    )
    add_model(depot, ModelArtifact("story", "1.0.0", gguf))
    return depot


def test_a_model_is_vouched_for_by_the_role_of_its_kind(shared: Depot, tmp_path: Path) -> None:
    medium = stick(tmp_path, shared)
    box = Box.fresh(shared, tmp_path)
    preview = box.inspect(medium)
    roles = {report.role: [signer.name for signer in report.signers] for report in preview.roles}
    assert roles["models"] == ["anna"]
    assert {"targets", "policies"} < roles.keys()
    assert [target.role for target in preview.verified.targets] == ["models"]
    assert len(box.bring_in(medium)) == 1


def test_a_kind_that_is_delegated_later_moves_to_its_role(
    depot: Depot, medium: Path, box: Box, tmp_path: Path
) -> None:
    box.bring_in(medium)
    delegate(depot, "models", keys=[key(tmp_path, "anna")])
    assert sign(depot, NOW) == ("targets", "models", "snapshot", "timestamp")
    assert sign(Depot.open(depot.path), NOW) == ()
    preview = box.inspect(stick(tmp_path, depot, "second"))
    assert {target.role for target in preview.verified.targets} == {"models"}
    assert not preview.changes


@pytest.mark.parametrize("role", KIND_ROLES)
def test_every_kind_can_have_a_role_of_its_own(depot: Depot, role: str) -> None:
    assert delegate(depot, role, threshold=2).threshold == 2
    assert len(Depot.open(depot.path).settings.delegations[role].keys) == 2


def test_policies_take_two_people_unless_somebody_says_otherwise(depot: Depot, tmp_path: Path) -> None:
    assert len(holders(Depot.create(tmp_path / "new", delegate=["policies"], now=NOW), "policies").keys) == 2
    with pytest.raises(DepotError) as caught:
        delegate(depot, "policies", keys=[key(tmp_path, "anna")])
    assert refused(caught) == "depot.threshold"
    assert delegate(depot, "policies", keys=[tmp_path / "anna.pem"], threshold=1).threshold == 1


def test_keys_are_added_to_a_role_and_more_of_them_asked_for(shared: Depot, tmp_path: Path, box: Box) -> None:
    sign(shared, NOW)
    delegate(shared, "models", keys=[key(tmp_path, "bert")], threshold=2)
    assert sign(shared, NOW) == ("targets", "models", "snapshot", "timestamp")
    assert {signer.name for signer in holders(shared, "models").signers} == {"anna", "bert"}
    with pytest.raises(DepotError) as caught:
        delegate(shared, "models", threshold=3)
    assert refused(caught) == "depot.threshold"


def test_new_keys_for_a_kind_replace_the_old_ones(shared: Depot, tmp_path: Path) -> None:
    box = Box.fresh(shared, tmp_path)
    box.bring_in(stick(tmp_path, shared))
    rotate(shared, "models", keys=[key(tmp_path, "cleo")])
    preview = box.inspect(stick(tmp_path, shared, "second"))
    models = next(report for report in preview.roles if report.role == "models")
    assert [signer.name for signer in models.signers] == ["cleo"]
    assert models.version == 2


def test_a_revoked_key_signs_for_no_role_any_more(tmp_path: Path, gguf: Path) -> None:
    anna, bert = key(tmp_path, "anna"), key(tmp_path, "bert")
    depot = Depot.create(
        tmp_path / "d", keys={role: [anna, bert] for role in ("targets", "snapshot", "models")}, now=NOW
    )
    add_model(depot, ModelArtifact("story", "1.0.0", gguf))
    box = Box.fresh(depot, tmp_path)
    box.bring_in(stick(tmp_path, depot))
    assert revoke(depot, "anna", now=NOW) == ("targets", "snapshot", "models")
    preview = box.inspect(stick(tmp_path, depot, "second"))
    told = {report.role: [signer.name for signer in report.signers] for report in preview.roles}
    assert (told["targets"], told["snapshot"], told["models"]) == (["bert"], ["bert"], ["bert"])


@pytest.mark.parametrize(
    ("name", "roles", "code"),
    [
        ("root-1", (), "depot.threshold"),
        ("nobody", (), "depot.unknown-key"),
        ("a", ("mirrors",), "depot.unknown-role"),
    ],
)
def test_a_revocation_that_would_leave_a_role_without_keys_is_refused(
    depot: Depot, name: str, roles: tuple[str, ...], code: str
) -> None:
    before = depot.root_bytes()
    with pytest.raises(DepotError) as caught:
        revoke(depot, name, roles=roles, now=NOW)
    assert refused(caught) == code
    assert depot.root_bytes() == before


def test_roles_that_are_not_there_are_told(depot: Depot) -> None:
    for act in (
        lambda: rotate(depot, "models"),
        lambda: delegate(depot, "snapshot"),
        lambda: rotate(depot, "mirrors"),
    ):
        with pytest.raises(DepotError) as caught:
            act()
        assert refused(caught) == "depot.unknown-role"


def test_a_depot_begins_with_root_keys_that_are_here(tmp_path: Path) -> None:
    with pytest.raises(DepotError) as caught:
        Depot.create(tmp_path / "new", keys={"root": [public(tmp_path, "anna")]}, now=NOW)
    assert refused(caught) == "depot.signatures-missing"
    assert not (tmp_path / "new" / "depot.json").exists()


def test_each_role_has_its_own_lifetime(shared: Depot) -> None:
    set_expiry(shared, {"models": 30, "timestamp": 7})
    sign(Depot.open(shared.path), NOW)
    left = {role.role: role.left for role in status(Depot.open(shared.path), NOW).roles}
    assert (left["models"], left["timestamp"]) == (timedelta(days=30), timedelta(days=7))
    for days in ({"models": 0}, {"mirrors": 3}):
        with pytest.raises(DepotError) as caught:
            set_expiry(shared, days)
        assert refused(caught) in ("depot.expiry", "depot.unknown-role")


@pytest.mark.parametrize("stop", range(1, 14))
def test_a_power_cut_while_signing_never_signs_one_version_twice(
    shared: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gguf: Path, stop: int
) -> None:
    """Cut at each file that a signing writes: what was published stays, the next signing goes on, boxes follow."""
    box = Box.fresh(shared, tmp_path)
    box.bring_in(stick(tmp_path, shared))
    add_model(shared, ModelArtifact("story", "2.0.0", gguf))
    left = [stop]

    def cut(path: Path, data: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.EIO, "Input/output error")
        write_file(path, data)

    monkeypatch.setattr("updates.depot.repository.write_file", cut)
    with suppress(DepotError):
        sign(shared, NOW)
    monkeypatch.undo()
    signed = {path.name: path.read_bytes() for path in (shared.path / "metadata").iterdir()}
    published = newest(Depot.open(shared.path))
    sign(Depot.open(shared.path), NOW + timedelta(days=1))
    for role, loaded in published.items():
        if role != "timestamp":
            name = f"{loaded.signed.version}.{role}.json"
            assert (shared.path / "metadata" / name).read_bytes() == signed[name]
    assert len(box.bring_in(stick(tmp_path, Depot.open(shared.path), "second"))) == 1


def test_a_key_of_one_kind_cannot_publish_another(
    shared: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A depot that was bent to list a policy under the models' role: no box takes it."""
    pending = shared.path / "pending.json"
    as_policy = pending.read_bytes().replace(b"models/", b"policies/")
    pending.write_bytes(as_policy.replace(b'"kind":"model"', b'"kind":"policy"'))
    monkeypatch.setattr(Depot, "role_for", lambda _self, _path: "models")
    sign(shared, NOW)
    with pytest.raises(TrustError) as caught:
        Box.fresh(shared, tmp_path).inspect(shared.path)
    assert caught.value.code == "trust.outside-delegation"
