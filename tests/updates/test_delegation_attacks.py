"""One test per attack by, on or through a role that vouches for one kind of artifact."""

import json
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import MetaFile

from tests.updates.simulator import NOW, Simulator, signed
from updates.artifacts import from_target
from updates.errors import MediumError, UpdateError
from updates.layout import LIMITS
from updates.trust.exact import refuse_changed_artifacts
from updates.trust.state import TrustState

MODELS = ["models/*/*/manifest.json"]
LINE = "models/press/1.0.0/manifest.json"


@pytest.fixture
def repository() -> Simulator:
    """A repository in which two keys vouch for models."""
    repository = Simulator()
    repository.delegate("models", MODELS, threshold=2)
    repository.add_target(LINE, b"press", "models")
    repository.publish(bump=True)
    return repository


def code(repository: Simulator, trust: TrustState | None = None, now: datetime = NOW) -> str:
    with pytest.raises(UpdateError) as caught:
        repository.verify(trust or repository.fresh_box(), now)
    assert caught.value.kept
    assert caught.value.remedy
    return caught.value.code


def told_of(repository: Simulator, role: str = "models") -> dict[str, Any]:
    """The signed file of a role, to be bent as text."""
    version = repository.delegated[role].version
    told: dict[str, Any] = json.loads(repository.files[f"{version}.{role}.json"])
    return told


def test_an_honest_delegation_is_trusted(repository: Simulator) -> None:
    targets = repository.verify(repository.fresh_box()).targets
    assert {(target.path, target.role) for target in targets} >= {(LINE, "models")}


def test_arbitrary_artifact_in_an_unsigned_delegation(repository: Simulator) -> None:
    repository.signers["models"] = []
    repository.publish(bump=True)
    assert code(repository) == "trust.unknown-key"


def test_threshold_of_a_delegation_not_met(repository: Simulator) -> None:
    repository.signers["models"].pop()
    repository.publish(bump=True)
    assert code(repository) == "trust.threshold"


def test_unknown_key_in_a_delegation(repository: Simulator) -> None:
    repository.signers["models"] = [CryptoSigner.generate_ed25519() for _ in range(2)]
    repository.publish(bump=True)
    assert code(repository) == "trust.unknown-key"


def test_the_delegators_own_keys_do_not_sign_for_a_delegation(repository: Simulator) -> None:
    repository.signers["models"] = [*repository.signers["targets"], *repository.signers["snapshot"]]
    repository.publish(bump=True)
    assert code(repository) == "trust.unknown-key"


def test_a_key_of_one_delegation_does_not_sign_for_another(repository: Simulator) -> None:
    repository.delegate("policies", ["policies/*/*/manifest.json"])
    repository.signers["policies"] = repository.signers["models"]
    repository.publish(bump=True)
    assert code(repository) == "trust.unknown-key"


def test_the_same_key_signing_a_delegation_twice(repository: Simulator) -> None:
    repository.signers["models"].pop()
    repository.publish(bump=True)
    told = told_of(repository)
    told["signatures"] *= 2
    name = f"{repository.delegated['models'].version}.models.json"
    repository.files[name] = json.dumps(told).encode()
    repository.snapshot.meta["models.json"].hashes = None
    repository.snapshot.meta["models.json"].length = None
    repository.publish_snapshot()
    repository.publish_timestamp()
    assert code(repository) == "trust.same-key-twice"


def test_the_same_key_under_two_key_ids_in_a_delegation(repository: Simulator) -> None:
    delegations = repository.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    signer = repository.signers["models"][0]
    twin = deepcopy(signer.public_key)
    twin.keyid = "ff" * 32
    delegations.keys[twin.keyid] = twin
    delegations.roles["models"].keyids = [signer.public_key.keyid, twin.keyid]
    repository.publish(bump=True)
    assert code(repository) == "trust.same-key-twice"


def test_a_revoked_key_of_a_delegation(repository: Simulator) -> None:
    trust = repository.verify(repository.fresh_box()).state
    revoked = repository.signers["models"]
    fresh = [CryptoSigner.generate_ed25519() for _ in range(2)]
    for old, new in zip(revoked, fresh, strict=True):
        repository.targets.revoke_key(old.public_key.keyid, "models")
        repository.targets.add_key(new.public_key, "models")
    repository.publish(bump=True)
    assert code(repository, trust) == "trust.unknown-key"
    repository.signers["models"] = fresh
    repository.publish(bump=True)
    assert repository.verify(trust).targets


@pytest.mark.parametrize("name", ["root", "targets", "snapshot", "timestamp"])
def test_a_delegation_that_calls_itself_a_top_level_role(repository: Simulator, name: str) -> None:
    delegations = repository.targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    role = delegations.roles.pop("models")
    role.name = name
    delegations.roles[name] = role
    repository.publish(bump=True)
    data = signed(repository.delegated["models"], repository.signers["models"])
    if name != "targets":
        repository.files[f"{repository.delegated['models'].version}.{name}.json"] = data
        meta = MetaFile.from_data(repository.delegated["models"].version, data, ["sha256"])
        repository.snapshot.meta[f"{name}.json"] = meta
        repository.publish_snapshot()
        repository.publish_timestamp()
    assert code(repository) == "medium.malformed"


def test_a_delegation_that_the_snapshot_does_not_name(repository: Simulator) -> None:
    del repository.snapshot.meta["models.json"]
    repository.publish_snapshot()
    repository.publish_timestamp()
    assert code(repository) == "trust.mix-and-match"


@pytest.mark.parametrize("role", ["targets", "models"])
def test_fast_forward_of_targets_is_undone_by_a_new_snapshot_key(repository: Simulator, role: str) -> None:
    honest = deepcopy(repository)
    driven = repository.targets if role == "targets" else repository.delegated["models"]
    driven.version = 2**40
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    for _ in range(3):
        honest.publish(bump=True)
    assert code(honest, trust) == "trust.rollback"
    honest.rotate("snapshot")
    honest.publish(bump=True)
    assert honest.verify(trust).state.files[role] == honest.verify(honest.fresh_box()).state.files[role]


def test_freeze_of_a_delegation(repository: Simulator) -> None:
    repository.delegated["models"].expires = NOW
    repository.publish(bump=True)
    assert code(repository) == "trust.expired"
    overridden = repository.verify(repository.fresh_box(), allow_expired=True)
    assert overridden.overridden == ("models",)
    assert code(repository, now=NOW + timedelta(days=1)) == "trust.expired"


def test_mix_and_match_of_a_delegation(repository: Simulator) -> None:
    older = repository.files["2.models.json"]
    repository.publish(bump=True)
    repository.files["3.models.json"] = older
    assert code(repository) == "medium.digest-mismatch"


def test_same_version_of_a_delegation_with_other_bytes(repository: Simulator) -> None:
    trust = repository.verify(repository.fresh_box()).state
    repository.delegated["models"].unrecognized_fields["note"] = "another"
    repository.targets.version -= 1
    repository.delegated["models"].version -= 1
    repository.publish(bump=True)
    assert code(repository, trust) == "trust.same-version-other-bytes"


@pytest.mark.parametrize("change", ["hash", "length", "endless"])
def test_a_delegation_with_a_wrong_hash_a_wrong_length_or_no_end(repository: Simulator, change: str) -> None:
    data = repository.files["2.models.json"]
    bent = {"hash": data[:-2] + b" }", "length": data + b" ", "endless": data + b" " * LIMITS.targets}
    repository.files["2.models.json"] = bent[change]
    expected = "medium.too-large" if change == "endless" else "medium.digest-mismatch"
    assert code(repository) == expected


def test_an_artifact_that_moves_between_roles_keeps_its_bytes(repository: Simulator) -> None:
    before = repository.verify(repository.fresh_box()).state
    del repository.delegated["models"].targets[LINE]
    repository.targets.delegations = None
    repository.delegated.clear()
    repository.add_target(LINE, b"other bytes")
    repository.snapshot.meta = {"targets.json": repository.snapshot.meta["targets.json"]}
    repository.rotate("snapshot")
    repository.publish(bump=True)
    with pytest.raises(UpdateError) as caught:
        refuse_changed_artifacts(before, repository.verify(before))
    assert caught.value.code == "trust.same-version-other-bytes"


TRICKS = {
    "another unicode letter": "models/pre\u0455s/1.0.0/manifest.json",
    "a combining mark": "models/pre\u0301ss/1.0.0/manifest.json",
    "full width": "models/\uff50ress/1.0.0/manifest.json",
    "another case": "models/Press/1.0.0/manifest.json",
    "another case of the folder": "Models/press/1.0.0/manifest.json",
    "a dot": "models/./1.0.0/manifest.json",
    "two dots": "models/../1.0.0/manifest.json",
    "a trailing dot": "models/press./1.0.0/manifest.json",
    "a double separator": "models//1.0.0/manifest.json",
    "a backslash": "models/press\\x/1.0.0/manifest.json",
    "a zero byte": "models/press\0/1.0.0/manifest.json",
    "a line break": "models/press\n/1.0.0/manifest.json",
    "a reserved name": "models/con/1.0.0/manifest.json",
    "a reserved name with an ending": "models/nul.txt/1.0.0/manifest.json",
    "a stream of a file": "models/press:x/1.0.0/manifest.json",
    "a space at the end": "models/press /1.0.0/manifest.json",
    "a version that is none": "models/press/latest/manifest.json",
    "another file": "models/press/1.0.0/manifest.json.sig",
    "an absolute path": "/models/press/1.0.0/manifest.json",
}


@pytest.mark.parametrize("trick", TRICKS)
def test_path_tricks_in_a_signed_target(trick: str) -> None:
    repository = Simulator()
    repository.delegate("models", ["models/*/*/*", "Models/*/*/*", "/models/*/*/*"])
    repository.add_target(TRICKS[trick], b"x", "models", kind="model", name="press", version="1.0.0")
    repository.publish(bump=True)
    with pytest.raises(UpdateError) as caught:
        [from_target(target) for target in repository.verify(repository.fresh_box()).targets]
    assert caught.value.code in ("medium.malformed", "trust.outside-delegation")


@pytest.mark.parametrize(
    "told",
    [
        {"kind": "policy", "name": "press", "version": "1.0.0"},
        {"kind": "model", "name": "other", "version": "1.0.0"},
        {"kind": "model", "name": "press", "version": "2.0.0"},
        {"kind": "model", "name": "press"},
        {},
    ],
)
def test_an_artifact_that_says_it_is_another(told: dict[str, str]) -> None:
    """Equal name, other kind; or another name or version than its path."""
    repository = Simulator()
    repository.targets.targets.clear()
    repository.add_target(LINE, b"x", type="t", size=1, summary="s", facts={}, **told)
    repository.publish(bump=True)
    (target,) = repository.verify(repository.fresh_box()).targets
    with pytest.raises(MediumError) as caught:
        from_target(target)
    assert caught.value.code == "medium.malformed"


def test_roles_are_searched_depth_first(repository: Simulator) -> None:
    repository.delegate("first", ["*/*/*/manifest.json"], terminating=False)
    repository.delegate("second", ["*/*/*/manifest.json"], terminating=False)
    repository.delegate("below", ["*/*/*/manifest.json"], terminating=False, parent="first")
    for role in ("second", "below"):
        repository.add_target("policies/x/1/manifest.json", role.encode(), role)
    repository.publish(bump=True)
    verified = repository.verify(repository.fresh_box())
    assert [report.role for report in verified.roles][4:] == ["models", "first", "below", "second"]
    assert {target.role for target in verified.targets if target.path == "policies/x/1/manifest.json"} == {
        "below"
    }
