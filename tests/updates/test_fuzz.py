"""Whatever a medium carries, only an UpdateError comes out. Bounded in time; deeper runs by hand with --hypothesis-seed."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from securesystemslib.exceptions import FormatError
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from tests.updates import fuzzing
from tests.updates.simulator import NOW, Simulator, at
from updates import canonical
from updates.artifacts import from_target
from updates.digest import Digest
from updates.errors import UpdateError
from updates.layout import DATASET_TYPE, MODEL_CONFIG_TYPE, WEIGHT_TYPE
from updates.manifest import Descriptor, Manifest, parse_manifest
from updates.models import model_contents
from updates.trust.exact import check_every_byte
from updates.trust.metadata import load
from updates.trust.rules import verify

QUICK = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=3).map(repr),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
REPOSITORY = Simulator({"root": 2})
REPOSITORY.delegate("models", ["models/*/*/manifest.json"])
REPOSITORY.add_target("models/a/1/manifest.json", b"a", "models", kind="model")
REPOSITORY.rotate("root")
REPOSITORY.publish(bump=True)
MANIFEST = Manifest(
    Descriptor(MODEL_CONFIG_TYPE, Digest.of(b"c"), 1),
    (
        Descriptor(WEIGHT_TYPE, Digest.of(b"w"), 1, "model.onnx"),
        Descriptor(DATASET_TYPE, Digest.of(b"g"), 1, "golden/golden.json"),
    ),
    annotations={"internal.appliance.format": "onnx", "internal.appliance.latency-objective-ms": "5.0"},
)


def run(files: dict[str, bytes]) -> None:
    trust = REPOSITORY.fresh_box()

    def read(name: str, limit: int) -> bytes | None:
        data = files.get(name)
        return None if data is None else data[: limit + 1]

    verified = verify(trust, read, at(NOW))
    check_every_byte(trust, verified, read)
    for target in verified.targets:
        from_target(target)


@QUICK
@given(st.binary(max_size=200), st.sampled_from([Root, Timestamp, Snapshot, Targets]))
def test_any_bytes_as_metadata(data: bytes, kind: Any) -> None:
    with pytest.raises(UpdateError):
        load(kind, data, "x")


@QUICK
@given(JSON, st.sampled_from([Root, Timestamp, Snapshot, Targets]))
def test_any_json_as_metadata(value: Any, kind: Any) -> None:
    with pytest.raises(UpdateError):
        load(kind, json.dumps(value).encode(), "x")


@QUICK
@given(st.data())
def test_metadata_with_any_part_replaced(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(REPOSITORY.files)))
    value = json.loads(REPOSITORY.files[name])
    replace_somewhere(value, data)
    changed = json.dumps(value).encode()
    try:
        run({**REPOSITORY.files, name: changed})
    except UpdateError:
        return
    assert name == "1.targets.json" or name.startswith("1.") or json.loads(REPOSITORY.files[name]) == value


@QUICK
@given(st.data())
def test_properly_signed_metadata_with_any_part_replaced(data: st.DataObject) -> None:
    """A keeper of keys who signs nonsense, with every digest above it made right, brings nothing down either."""
    values = {
        role: json.loads(REPOSITORY.files["timestamp.json" if role == "timestamp" else f"2.{role}.json"])[
            "signed"
        ]
        for role in ("models", "targets", "snapshot", "timestamp")
    }
    bent = data.draw(st.sampled_from(sorted(values)))
    replace_somewhere(values[bent], data)
    files = dict(REPOSITORY.files)
    for role, parent in (
        ("models", "snapshot"),
        ("targets", "snapshot"),
        ("snapshot", "timestamp"),
        ("timestamp", ""),
    ):
        try:
            payload = encode_canonical(values[role])
        except (FormatError, UnicodeError):
            return
        assert payload is not None
        if any(0xD800 <= ord(letter) < 0xE000 for letter in payload):
            return
        signatures = [
            {"keyid": signer.public_key.keyid, "sig": signer.sign(payload.encode()).signature}
            for signer in REPOSITORY.signers[role]
        ]
        signed_bytes = canonical.to_bytes({"signed": values[role], "signatures": signatures})
        files["timestamp.json" if role == "timestamp" else f"2.{role}.json"] = signed_bytes
        meta = values[parent].get("meta") if parent else None
        if isinstance(meta, dict) and bent != parent:
            digest = Digest.of(signed_bytes).hex
            meta[f"{role}.json"] = {"version": 2, "length": len(signed_bytes), "hashes": {"sha256": digest}}
    try:
        run(files)
    except UpdateError:
        return


@QUICK
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_as_a_manifest(data: bytes) -> None:
    with pytest.raises(UpdateError):
        parse_manifest(data, "x")


@QUICK
@given(st.data())
def test_a_manifest_with_any_part_replaced(data: st.DataObject) -> None:
    value = json.loads(MANIFEST.to_bytes())
    replace_somewhere(value, data)
    try:
        model_contents(parse_manifest(json.dumps(value).encode(), "x"), "x")
    except UpdateError:
        return


def test_a_manifest_survives_its_own_bytes() -> None:
    assert parse_manifest(MANIFEST.to_bytes(), "x") == MANIFEST


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1.5}',
        b'{"a": 1e400}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"[]",
        b"",
        b"null",
        json.dumps({"a": [[[[1]]]] * 3}).replace("1", "[" * 30 + "]" * 30).encode(),
    ],
)
def test_json_that_is_deep_double_or_odd_is_refused(data: bytes) -> None:
    with pytest.raises(UpdateError) as caught:
        canonical.parse_object(data, "x")
    assert caught.value.code == "medium.malformed"
    assert len(caught.value.what) < 400


def replace_somewhere(value: Any, data: st.DataObject) -> None:
    """Replace, remove or add one thing at a random place inside `value`."""
    while True:
        if isinstance(value, dict) and value:
            key: Any = data.draw(st.sampled_from(sorted(value)))
        elif isinstance(value, list) and value:
            key = data.draw(st.integers(0, len(value) - 1))
        else:
            return
        if isinstance(value[key], dict | list) and value[key] and data.draw(st.booleans()):
            value = value[key]
            continue
        match data.draw(st.sampled_from(["replace", "remove", "add"])):
            case "remove":
                del value[key]
            case "add" if isinstance(value, dict):
                value[data.draw(st.text(max_size=8))] = data.draw(JSON)
            case _:
                value[key] = data.draw(JSON)
        return


def test_bent_files_of_every_reader() -> None:
    """The short part of `./dev fuzz-updates`."""
    assert len(fuzzing.run(5.0)) == len(fuzzing.samples())
