"""One test per attack on the metadata of a medium, against a repository in memory."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import MetaFile, SuccinctRoles, TargetFile

from tests.updates.simulator import NOW, Simulator, at, signed
from updates.errors import MediumError, TrustError, UpdateError
from updates.layout import LIMITS
from updates.trust.clock import EffectiveTime, TimeSource, effective_time
from updates.trust.exact import check_every_byte, refuse_changed_artifacts
from updates.trust.rules import verify
from updates.trust.state import TrustState


@pytest.fixture
def repository() -> Simulator:
    return Simulator()


def refusal(repository: Simulator, trust: TrustState, now: datetime = NOW, **options: bool) -> UpdateError:
    before = dict(trust.files)
    with pytest.raises(UpdateError) as caught:
        repository.verify(trust, now, **options)
    assert dict(trust.files) == before
    assert caught.value.what
    assert caught.value.kept
    assert caught.value.remedy
    return caught.value


def test_an_honest_medium_is_trusted_and_told_who_signed(repository: Simulator) -> None:
    verified = repository.verify(repository.fresh_box())
    assert [target.path for target in verified.targets] == ["models/line/1.0.0/manifest.json"]
    assert [report.role for report in verified.roles] == ["root", "timestamp", "snapshot", "targets"]
    assert all(len(report.signers) == report.threshold == 1 for report in verified.roles)
    assert set(verified.state.files) == {"root", "timestamp", "snapshot", "targets"}
    assert verified.issued == datetime(2026, 5, 31, tzinfo=UTC)


def test_the_same_medium_twice_is_no_attack(repository: Simulator) -> None:
    trust = repository.verify(repository.fresh_box()).state
    assert repository.verify(trust).state == trust


def test_arbitrary_artifact_signed_by_nobody(repository: Simulator) -> None:
    repository.add_target("models/evil/1.0.0/manifest.json", b"evil")
    data = signed(repository.targets, [])
    repository.files["1.targets.json"] = data
    repository.snapshot.meta["targets.json"] = MetaFile.from_data(1, data, ["sha256"])
    repository.publish_snapshot()
    repository.publish_timestamp()
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("trust.unknown-key", "metadata/1.targets.json")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_unknown_key(role: str) -> None:
    repository = Simulator()
    repository.signers[role] = [CryptoSigner.generate_ed25519()]
    repository.publish()
    error = refusal(repository, repository.fresh_box())
    assert error.code == "trust.unknown-key"
    assert role in error.file


def test_signed_for_another_fleet(repository: Simulator) -> None:
    error = refusal(repository, Simulator().fresh_box())
    assert (error.code, error.file) == ("trust.unknown-key", "metadata/timestamp.json")


def test_a_newer_root_of_another_fleet(repository: Simulator) -> None:
    repository.rotate("root")
    error = refusal(repository, Simulator().fresh_box())
    assert (error.code, error.file) == ("trust.unknown-key", "metadata/2.root.json")


def test_rollback_of_the_timestamp(repository: Simulator) -> None:
    old = repository.files["timestamp.json"]
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    repository.files["timestamp.json"] = old
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.rollback", "metadata/timestamp.json")


def test_rollback_of_the_snapshot_under_a_newer_timestamp(repository: Simulator) -> None:
    old = repository.files["1.snapshot.json"]
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    repository.timestamp.version += 1
    repository.timestamp.snapshot_meta = MetaFile.from_data(1, old, ["sha256"])
    repository.publish_timestamp()
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.rollback", "metadata/timestamp.json")


def test_rollback_of_the_targets_under_a_newer_snapshot(repository: Simulator) -> None:
    old = repository.files["1.targets.json"]
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    repository.snapshot.version += 1
    repository.snapshot.meta["targets.json"] = MetaFile.from_data(1, old, ["sha256"])
    repository.publish_snapshot()
    repository.timestamp.version += 1
    repository.publish_timestamp()
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.rollback", "metadata/3.snapshot.json")


def test_rollback_of_a_delegated_role(repository: Simulator) -> None:
    repository.delegate("models", ["models/*/*/manifest.json"])
    repository.publish(bump=True)
    old = repository.files["2.models.json"]
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    repository.snapshot.version += 1
    repository.snapshot.meta["models.json"] = MetaFile.from_data(2, old, ["sha256"])
    repository.publish_snapshot()
    repository.timestamp.version += 1
    repository.publish_timestamp()
    assert refusal(repository, trust).code == "trust.rollback"


def test_a_role_that_vanishes_from_the_snapshot(repository: Simulator) -> None:
    repository.delegate("models", ["models/*/*/manifest.json"])
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    del repository.delegated["models"], repository.snapshot.meta["models.json"]
    repository.targets.delegations = None
    repository.publish(bump=True)
    assert refusal(repository, trust).code == "trust.rollback"


def test_an_older_medium_locks_nothing_out(repository: Simulator) -> None:
    older = deepcopy(repository.files)
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    repository.publish(bump=True)
    newer, repository.files = repository.files, older
    assert refusal(repository, trust).code == "trust.rollback"
    repository.files = newer
    assert repository.verify(trust).state.files["timestamp"] == newer["timestamp.json"]


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_fast_forward_is_undone_by_new_keys(role: str) -> None:
    repository = Simulator()
    honest = deepcopy(repository)
    repository.timestamp.version = 2**40
    repository.snapshot.version = 2**40
    repository.publish()
    trust = repository.verify(repository.fresh_box()).state
    honest.publish(bump=True)
    assert refusal(honest, trust).code == "trust.rollback"
    honest.rotate(role)
    honest.publish(bump=True)
    assert honest.verify(trust).state.files["timestamp"] == honest.files["timestamp.json"]


def test_freeze_with_expired_metadata(repository: Simulator) -> None:
    error = refusal(repository, repository.fresh_box(), NOW + timedelta(days=101))
    assert error.code == "trust.expired"
    assert "2026-09-10" in error.what


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_expiry_of_each_role_is_refused_and_the_override_names_it(role: str) -> None:
    repository = Simulator()
    getattr(repository, role).expires = NOW
    repository.publish_root()
    repository.publish()
    error = refusal(repository, repository.fresh_box())
    assert error.code == "trust.expired"
    assert role in error.file
    assert repository.verify(repository.fresh_box(), allow_expired=True).overridden == (role,)


def test_the_override_for_expired_metadata_relaxes_no_version(repository: Simulator) -> None:
    old = repository.files["timestamp.json"]
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    repository.files["timestamp.json"] = old
    late = NOW + timedelta(days=5000)
    assert refusal(repository, trust, late, allow_expired=True).code == "trust.rollback"


def test_the_override_for_expired_metadata_relaxes_no_threshold() -> None:
    repository = Simulator({"targets": 2})
    repository.signers["targets"].pop()
    repository.publish()
    late = NOW + timedelta(days=5000)
    assert refusal(repository, repository.fresh_box(), late, allow_expired=True).code == "trust.threshold"


def test_an_expired_root_in_the_middle_of_the_chain_is_no_hindrance(repository: Simulator) -> None:
    repository.root.expires = NOW - timedelta(days=1)
    repository.publish_root()
    trust = repository.fresh_box()
    repository.root.expires = NOW + timedelta(days=100)
    repository.rotate("root")
    assert repository.verify(trust).overridden == ()


def test_mix_and_match_of_snapshot_and_targets(repository: Simulator) -> None:
    other = repository.files["1.targets.json"]
    repository.add_target("models/line/2.0.0/manifest.json", b"two")
    repository.publish(bump=True)
    repository.files["2.targets.json"] = other
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("medium.digest-mismatch", "metadata/2.targets.json")


def test_mix_and_match_where_only_versions_are_announced(repository: Simulator) -> None:
    repository.snapshot.meta["targets.json"] = MetaFile(2)
    repository.files["2.targets.json"] = repository.files["1.targets.json"]
    repository.publish_snapshot()
    repository.publish_timestamp()
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("trust.mix-and-match", "metadata/2.targets.json")


def test_a_snapshot_that_does_not_name_the_targets(repository: Simulator) -> None:
    repository.snapshot.meta.clear()
    repository.publish_snapshot()
    repository.publish_timestamp()
    assert refusal(repository, repository.fresh_box()).code == "trust.mix-and-match"


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("2.root.json", LIMITS.root),
        ("timestamp.json", LIMITS.timestamp),
        ("1.snapshot.json", LIMITS.snapshot),
        ("1.targets.json", LIMITS.targets),
    ],
)
def test_endless_data(repository: Simulator, name: str, limit: int) -> None:
    asked: list[int] = []

    def read(wanted: str, most: int) -> bytes | None:
        if wanted != name:
            return repository.read(wanted, most)
        asked.append(most)
        return b" " * (most + 1)

    with pytest.raises(MediumError) as caught:
        verify(repository.fresh_box(), read, at(NOW))
    assert (caught.value.code, caught.value.file) == ("medium.too-large", f"metadata/{name}")
    assert asked == [limit]


def test_endless_chain_of_roots(repository: Simulator) -> None:
    for _ in range(LIMITS.root_rotations + 5):
        repository.root.version += 1
        repository.publish_root()
    verified = repository.verify(repository.fresh_box())
    assert verified.roles[0].version == 1 + LIMITS.root_rotations


@pytest.mark.parametrize("name", ["1.snapshot.json", "1.targets.json"])
def test_wrong_hash(repository: Simulator, name: str) -> None:
    data = bytearray(repository.files[name])
    data[-3] ^= 1
    repository.files[name] = bytes(data)
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("medium.digest-mismatch", f"metadata/{name}")


@pytest.mark.parametrize("name", ["1.snapshot.json", "1.targets.json"])
def test_wrong_length(repository: Simulator, name: str) -> None:
    repository.files[name] += b" "
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("medium.digest-mismatch", f"metadata/{name}")


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_threshold_not_met(role: str) -> None:
    repository = Simulator({role: 2})
    trust = repository.fresh_box()
    kept = repository.signers[role].pop()
    if role == "root":
        repository.root.version = 2
        repository.publish_root()
    else:
        repository.publish()
    error = refusal(repository, trust)
    assert error.code == "trust.threshold"
    assert role in error.file
    assert "1 of 2" in error.what
    assert kept.public_key.keyid not in error.what


def test_the_same_key_signing_twice() -> None:
    repository = Simulator({"targets": 2})
    trust = repository.fresh_box()
    value = json.loads(repository.files["1.targets.json"])
    value["signatures"] = [value["signatures"][0]] * 2
    data = json.dumps(value).encode()
    repository.files["1.targets.json"] = data
    repository.snapshot.meta["targets.json"] = MetaFile.from_data(1, data, ["sha256"])
    repository.publish_snapshot()
    repository.publish_timestamp()
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.same-key-twice", "metadata/1.targets.json")


def test_the_same_key_under_two_key_ids() -> None:
    repository = Simulator({"targets": 2})
    real = repository.signers["targets"][0]
    public = real.public_key
    again = SSlibKey("0" * 64, public.keytype, public.scheme, {"public": public.keyval["public"].upper()})
    repository.signers["targets"][1] = CryptoSigner(real._private_key, again)
    repository.take_keys_into_root()
    repository.publish_root()
    repository.publish()
    assert refusal(repository, repository.fresh_box()).code == "trust.same-key-twice"


def test_revoked_key(repository: Simulator) -> None:
    thief = list(repository.signers["targets"])
    repository.rotate("targets")
    repository.publish(bump=True)
    trust = repository.verify(repository.fresh_box()).state
    repository.signers["targets"] = thief
    repository.publish(bump=True)
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.unknown-key", "metadata/3.targets.json")


def test_signature_over_other_content(repository: Simulator) -> None:
    value = json.loads(repository.files["timestamp.json"])
    value["signed"]["version"] = 7
    repository.files["timestamp.json"] = json.dumps(value).encode()
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("trust.signature", "metadata/timestamp.json")


def test_root_rotation_over_several_versions(repository: Simulator) -> None:
    trust = repository.fresh_box()
    for role in ("root", "targets", "root"):
        repository.rotate(role)
    repository.publish(bump=True)
    verified = repository.verify(trust)
    assert verified.roles[0].version == 4
    assert verified.state.files["root"] == repository.files["4.root.json"]


def test_root_rotation_that_skips_a_version(repository: Simulator) -> None:
    trust = repository.fresh_box()
    repository.root.version = 3
    repository.publish_root()
    repository.files["2.root.json"] = repository.files["3.root.json"]
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.root-version", "metadata/2.root.json")


def test_root_rotation_with_a_version_missing_is_not_followed(repository: Simulator) -> None:
    trust = repository.fresh_box()
    repository.rotate("root")
    repository.rotate("timestamp")
    repository.publish(bump=True)
    del repository.files["2.root.json"]
    assert refusal(repository, trust).code == "trust.unknown-key"


def test_root_rotation_signed_by_the_old_keys_only(repository: Simulator) -> None:
    trust = repository.fresh_box()
    old = list(repository.signers["root"])
    repository.rotate("root")
    repository.publish_root(old, own=False)
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.unknown-key", "metadata/2.root.json")


def test_root_rotation_signed_by_the_new_keys_only(repository: Simulator) -> None:
    trust = repository.fresh_box()
    repository.rotate("root")
    repository.publish_root()
    error = refusal(repository, trust)
    assert (error.code, error.file) == ("trust.unknown-key", "metadata/2.root.json")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_same_version_with_other_bytes(role: str) -> None:
    repository = Simulator()
    trust = repository.verify(repository.fresh_box()).state
    getattr(repository, role).unrecognized_fields["other"] = "content"
    for upper in ("snapshot", "timestamp")[("targets", "snapshot", "timestamp").index(role) :]:
        getattr(repository, upper).version += 1
    repository.publish()
    error = refusal(repository, trust)
    assert error.code == "trust.same-version-other-bytes"
    assert role in error.file


def test_a_known_artifact_that_changed_without_a_new_version(repository: Simulator) -> None:
    trust = repository.verify(repository.fresh_box()).state
    repository.add_target("models/line/1.0.0/manifest.json", b"something else")
    repository.publish(bump=True)
    verified = repository.verify(trust)
    with pytest.raises(TrustError) as caught:
        refuse_changed_artifacts(trust, verified)
    assert caught.value.code == "trust.same-version-other-bytes"
    assert caught.value.file == "metadata/2.targets.json"


def test_delegated_artifacts_are_told_with_their_role(repository: Simulator) -> None:
    repository.delegate("models", ["models/*/*/manifest.json"])
    repository.delegate("vision", ["models/eye-*/*/manifest.json"], parent="models")
    repository.add_target("models/a/1/manifest.json", b"a", "models")
    repository.add_target("models/eye-b/1/manifest.json", b"b", "vision")
    repository.publish(bump=True)
    verified = repository.verify(repository.fresh_box())
    assert {target.path: target.role for target in verified.targets} == {
        "models/line/1.0.0/manifest.json": "targets",
        "models/a/1/manifest.json": "models",
        "models/eye-b/1/manifest.json": "vision",
    }
    assert set(verified.state.files) >= {"models", "vision"}


@pytest.mark.parametrize(
    "path", ["policies/a/1/manifest.json", "models/manifest.json", "models/a/b/1/manifest.json"]
)
def test_delegation_outside_its_paths(repository: Simulator, path: str) -> None:
    repository.delegate("models", ["models/*/*/manifest.json"])
    repository.add_target(path, b"a", "models")
    repository.publish(bump=True)
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("trust.outside-delegation", "metadata/2.models.json")


def test_delegation_below_one_that_never_had_the_path(repository: Simulator) -> None:
    repository.delegate("models", ["models/*/*/manifest.json"])
    repository.delegate("greedy", ["policies/*/*/manifest.json"], parent="models")
    repository.add_target("policies/a/1/manifest.json", b"a", "greedy")
    repository.publish(bump=True)
    assert refusal(repository, repository.fresh_box()).code == "trust.outside-delegation"


def test_the_first_role_that_names_an_artifact_has_the_say(repository: Simulator) -> None:
    for role in ("first", "second"):
        repository.delegate(role, ["models/*/*/manifest.json"], terminating=False)
        repository.add_target("models/a/1/manifest.json", role.encode(), role)
    repository.publish(bump=True)
    verified = repository.verify(repository.fresh_box())
    assert {target.role for target in verified.targets if "/a/" in target.path} == {"first"}


def test_nothing_is_looked_for_behind_a_terminating_delegation(repository: Simulator) -> None:
    repository.delegate("first", ["models/*/*/manifest.json"], terminating=True)
    repository.delegate("second", ["*/*/*/manifest.json"], terminating=False)
    repository.add_target("models/a/1/manifest.json", b"late", "second")
    repository.add_target("policies/a/1/manifest.json", b"fine", "second")
    repository.publish(bump=True)
    paths = {target.path for target in repository.verify(repository.fresh_box()).targets}
    assert "policies/a/1/manifest.json" in paths
    assert "models/a/1/manifest.json" not in paths


def test_delegations_in_a_circle_end(repository: Simulator) -> None:
    repository.delegate("a", ["*/*/*/manifest.json"], terminating=False)
    repository.delegate("b", ["*/*/*/manifest.json"], terminating=False, parent="a")
    assert repository.delegated["b"].delegations is None
    repository.delegated["b"].delegations = deepcopy(repository.targets.delegations)
    repository.publish(bump=True)
    assert {report.role for report in repository.verify(repository.fresh_box()).roles} >= {"a", "b"}


def test_delegation_by_hash_bins_is_not_supported(repository: Simulator) -> None:
    repository.delegate("bins", ["*/*/*/manifest.json"])
    assert repository.targets.delegations is not None
    repository.targets.delegations.roles = None
    repository.targets.delegations.succinct_roles = SuccinctRoles([], 1, 4, "bins")
    repository.publish(bump=True)
    assert refusal(repository, repository.fresh_box()).code == "trust.unsupported"


def test_a_role_name_that_climbs_out_of_the_folder(repository: Simulator) -> None:
    repository.delegate("../../etc/shadow", ["models/*/*/manifest.json"])
    repository.publish(bump=True)
    asked: list[str] = []

    def read(name: str, limit: int) -> bytes | None:
        asked.append(name)
        return repository.read(name, limit)

    with pytest.raises(MediumError) as caught:
        verify(repository.fresh_box(), read, at(NOW))
    assert caught.value.code == "medium.malformed"
    assert not any("/" in name for name in asked)


def test_a_target_without_a_sha256(repository: Simulator) -> None:
    repository.targets.targets["models/x/1/manifest.json"] = TargetFile(
        3, {"md5": "0" * 32}, "models/x/1/manifest.json"
    )
    repository.publish(bump=True)
    assert refusal(repository, repository.fresh_box()).code == "medium.malformed"


@pytest.mark.parametrize("name", ["timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_a_missing_file_is_named(repository: Simulator, name: str) -> None:
    del repository.files[name]
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("medium.missing-file", f"metadata/{name}")


def test_a_key_that_stands_twice_in_an_object(repository: Simulator) -> None:
    data = repository.files["timestamp.json"]
    repository.files["timestamp.json"] = data.replace(b'"version":1', b'"version":9,"version":1')
    error = refusal(repository, repository.fresh_box())
    assert (error.code, error.file) == ("medium.malformed", "metadata/timestamp.json")


def test_one_role_in_the_place_of_another(repository: Simulator) -> None:
    repository.files["timestamp.json"] = repository.files["1.targets.json"]
    assert refusal(repository, repository.fresh_box()).code == "medium.malformed"


@pytest.mark.parametrize("clock", [datetime(1970, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)])
def test_a_clock_in_the_past_does_not_revive_expired_metadata(repository: Simulator, clock: datetime) -> None:
    trust = repository.verify(repository.fresh_box()).state
    repository.timestamp.unrecognized_fields["issued"] = "2027-01-01T00:00:00Z"
    repository.timestamp.expires = datetime(2028, 1, 1, tzinfo=UTC)
    repository.publish(bump=True)
    now = effective_time(build=datetime(2024, 1, 1, tzinfo=UTC), clock=clock, signed=trust.signed_time)
    assert now == EffectiveTime(datetime(2026, 5, 31, tzinfo=UTC), TimeSource.SIGNED)
    with pytest.raises(TrustError) as caught:
        verify(trust, repository.read, now)
    assert caught.value.code == "trust.expired"
    assert "newest signed date" in caught.value.what


@pytest.mark.parametrize("year", [2038, 9999])
def test_a_clock_in_the_future_locks_nothing_out_for_good(repository: Simulator, year: int) -> None:
    trust = repository.fresh_box()
    wrong = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    error = refusal(repository, trust, wrong)
    assert error.code == "trust.expired"
    assert "by the box's clock" in error.what
    overridden = repository.verify(trust, wrong, allow_expired=True)
    assert overridden.state.signed_time == datetime(2026, 5, 31, tzinfo=UTC)
    repository.publish(bump=True)
    assert repository.verify(overridden.state, NOW).overridden == ()


def test_the_build_date_is_the_floor_of_the_clock() -> None:
    built = datetime(2026, 3, 1, tzinfo=UTC)
    now = effective_time(build=built, clock=datetime(1970, 1, 1, tzinfo=UTC))
    assert now == EffectiveTime(built, TimeSource.BUILD)


def test_white_space_in_the_timestamp_is_not_let_through(repository: Simulator) -> None:
    repository.files["timestamp.json"] += b" "
    verified = repository.verify(repository.fresh_box())
    with pytest.raises(MediumError) as caught:
        check_every_byte(repository.fresh_box(), verified, repository.read)
    assert (caught.value.code, caught.value.file) == ("medium.digest-mismatch", "metadata/timestamp.json")


def test_a_second_signature_that_does_not_fit_is_not_let_through(repository: Simulator) -> None:
    repository.signers["timestamp"].append(CryptoSigner.generate_ed25519())
    repository.publish_timestamp()
    verified = repository.verify(repository.fresh_box())
    with pytest.raises(TrustError) as caught:
        check_every_byte(repository.fresh_box(), verified, repository.read)
    assert (caught.value.code, caught.value.file) == ("trust.signature", "metadata/timestamp.json")


def test_an_old_root_that_does_not_lead_to_the_newest_is_not_let_through(repository: Simulator) -> None:
    trust = repository.fresh_box()
    repository.rotate("root")
    repository.rotate("root")
    trust = repository.verify(trust).state
    other = Simulator()
    repository.files["1.root.json"] = other.files["1.root.json"]
    verified = repository.verify(trust)
    with pytest.raises(TrustError) as caught:
        check_every_byte(trust, verified, repository.read)
    assert caught.value.code in ("trust.unknown-key", "trust.signature")
    assert caught.value.file == "metadata/2.root.json"


def test_a_trusted_root_with_other_bytes_is_not_let_through(repository: Simulator) -> None:
    trust = repository.fresh_box()
    repository.root.unrecognized_fields["other"] = "content"
    repository.publish_root()
    verified = repository.verify(trust)
    with pytest.raises(TrustError) as caught:
        check_every_byte(trust, verified, repository.read)
    assert (caught.value.code, caught.value.file) == (
        "trust.same-version-other-bytes",
        "metadata/1.root.json",
    )


def test_a_root_that_does_not_carry_its_own_signatures_starts_no_trust() -> None:
    repository = Simulator({"root": 2})
    repository.signers["root"].pop()
    repository.publish_root()
    with pytest.raises(TrustError) as caught:
        TrustState.from_root(repository.files["1.root.json"])
    assert caught.value.code == "trust.threshold"
