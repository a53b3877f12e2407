"""What travels with a model besides the model: bill of materials, provenance, its maker's signature."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tests.updates.conftest import NOW, Box, write
from tests.updates.makers import digest_of, model_signature, public_half
from tests.updates.people import key, refused, stick
from updates.depot.evidence import MakerSignature
from updates.depot.models import ModelArtifact, add_model
from updates.depot.repository import Depot
from updates.errors import DepotError
from updates.evidence import (
    BOM,
    BUNDLE_TYPE,
    ENVELOPE_TYPE,
    MODEL_SIGNATURE,
    PROVENANCE,
    STATEMENT_TYPE,
    read_bill,
    read_model_signature,
    read_provenance,
)
from updates.manifest import parse_manifest


def evidence(depot: Depot, name: str = "line-inspection") -> dict[str, tuple[str, bytes]]:
    """Media type and bytes by path."""
    artifact = next(found for found in depot.artifacts() if found.identity.name == name)
    manifest = parse_manifest(depot.blobs.path(artifact.digest).read_bytes(), "")
    return {
        file.path: (file.media_type, depot.blobs.path(file.digest).read_bytes())
        for file in manifest.files
        if file.path is not None and file.path.startswith("evidence/")
    }


@pytest.fixture
def maker() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_every_model_carries_a_bill_of_materials_and_its_licence(depot: Depot, onnx: Path) -> None:
    media_type, data = evidence(depot)[BOM]
    assert media_type == "application/vnd.cyclonedx+json"
    told = json.loads(data)
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert told["metadata"]["component"]["type"] == "machine-learning-model"
    (weights,) = [part for part in told["components"] if part["name"] == "model.onnx"]
    assert weights["hashes"] == [{"alg": "SHA-256", "content": digest_of(onnx)}]
    bill = read_bill(data)
    assert (bill.components, bill.licences) == (5, ("Apache-2.0",))


def test_the_provenance_says_from_which_files_by_which_tool_and_is_signed(depot: Depot, onnx: Path) -> None:
    media_type, data = evidence(depot)[PROVENANCE]
    assert media_type == ENVELOPE_TYPE
    trusted = list(depot.root().keys.values())
    found = read_provenance(data, trusted)
    assert {signer.name for signer in found.signers} == {"targets-1", "targets-2"}
    assert (found.sources[0].name, found.sources[0].sha256) == ("line.onnx", digest_of(onnx))
    assert found.subjects["model.onnx"] == digest_of(onnx)
    assert found.tool.startswith("appliance ")
    assert found.builder == f"urn:appliance:depot:sha256:{digest_of(depot.root_file)}"
    assert read_provenance(data).signers == ()


def test_provenance_that_was_changed_after_it_was_signed_is_told(depot: Depot) -> None:
    _, data = evidence(depot)[PROVENANCE]
    value = json.loads(data)
    payload = base64.b64decode(value["payload"]).replace(b"line.onnx", b"evil.onnx")
    value["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(ValueError, match="does not fit"):
        read_provenance(json.dumps(value).encode(), depot.root().keys.values())


def test_where_the_role_is_somebody_elses_they_sign_the_provenance(tmp_path: Path, gguf: Path) -> None:
    depot = Depot.create(tmp_path / "d", keys={"models": [key(tmp_path, "anna")]}, now=NOW)
    add_model(depot, ModelArtifact("story", "1.0.0", gguf))
    trusted = depot.settings.delegations["models"].keys.values()
    found = read_provenance(evidence(depot, "story")[PROVENANCE][1], trusted)
    assert [signer.name for signer in found.signers] == ["anna"]


def test_keys_that_cannot_be_opened_leave_the_provenance_unsigned(tmp_path: Path, gguf: Path) -> None:
    Depot.create(tmp_path / "d", passphrase=b"secret", now=NOW)
    depot = Depot.open(tmp_path / "d")
    add_model(depot, ModelArtifact("story", "1.0.0", gguf))
    media_type, data = evidence(depot, "story")[PROVENANCE]
    assert media_type == STATEMENT_TYPE
    assert read_provenance(data).subjects["model.gguf"] == digest_of(gguf)
    with pytest.raises(DepotError) as caught:
        add_model(Depot.open(tmp_path / "d", lambda _: b"wrong"), ModelArtifact("other", "1.0.0", gguf))
    assert refused(caught) == "depot.key-locked"


def test_a_makers_signature_over_the_model_is_checked_and_carried(
    depot: Depot, line_model: ModelArtifact, tmp_path: Path, maker: ec.EllipticCurvePrivateKey, box: Box
) -> None:
    file = write(tmp_path / "model.sig", model_signature({"line.onnx": digest_of(line_model.file)}, maker))
    signature = MakerSignature(file, public_half(tmp_path, maker))
    add_model(depot, replace(line_model, version="2.0.0", signature=signature))
    depot.remove(next(found for found in depot.artifacts() if found.identity.version == "1.0.0"))
    found = evidence(depot)
    assert found[MODEL_SIGNATURE] == (BUNDLE_TYPE, file.read_bytes())
    provenance = read_provenance(found[PROVENANCE][1])
    assert provenance.model_signer
    assert provenance.sources[-1].sha256 == digest_of(file)
    received = box.bring_in(stick(tmp_path, depot))
    arrived = next(item for item in received if item.artifact.identity.name == "line-inspection")
    carried = read_model_signature(box.blobs.path(arrived.files[MODEL_SIGNATURE]).read_bytes())
    assert carried.files == {"line.onnx": digest_of(line_model.file)}


def test_a_signature_without_a_key_is_carried_and_told_as_unchecked(
    depot: Depot, line_model: ModelArtifact, tmp_path: Path, maker: ec.EllipticCurvePrivateKey
) -> None:
    file = write(tmp_path / "model.sig", model_signature({"line.onnx": digest_of(line_model.file)}, maker))
    depot.remove(depot.artifacts()[0])
    add_model(depot, replace(line_model, signature=MakerSignature(file)))
    assert read_provenance(evidence(depot)[PROVENANCE][1]).model_signer == ""


@pytest.mark.parametrize("wrong", ["file", "key", "algorithm", "type", "bytes", "missing"])
def test_a_signature_that_says_nothing_of_this_model_is_refused(
    depot: Depot, line_model: ModelArtifact, tmp_path: Path, maker: ec.EllipticCurvePrivateKey, wrong: str
) -> None:
    files = {"line.onnx": "11" * 32 if wrong == "file" else digest_of(line_model.file)}
    data = model_signature(files, maker)
    if wrong == "algorithm":
        resources = [{"name": "line.onnx", "algorithm": "sha256-sharded-1", "digest": files["line.onnx"]}]
        data = model_signature(files, maker, predicate={"resources": resources})
    elif wrong == "type":
        data = model_signature(files, maker, predicateType="https://example.org/other")
    elif wrong == "bytes":
        data = b"{}"
    file = write(tmp_path / "model.sig", data)
    if wrong == "missing":
        file.unlink()
    signer = ec.generate_private_key(ec.SECP256R1()) if wrong == "key" else maker
    before = depot.artifacts()
    signature = MakerSignature(file, public_half(tmp_path, signer))
    with pytest.raises(DepotError) as caught:
        add_model(depot, replace(line_model, version="2.0.0", signature=signature))
    assert refused(caught) == "depot.model-signature"
    assert depot.artifacts() == before


def test_evidence_does_not_count_as_part_of_the_model(depot: Depot, tmp_path: Path, box: Box) -> None:
    received = box.bring_in(stick(tmp_path, depot))
    for item in received:
        subjects = read_provenance(box.blobs.path(item.files[PROVENANCE]).read_bytes()).subjects
        assert set(subjects) == {path for path in item.files if not path.startswith("evidence/")}


@given(
    st.binary()
    | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
    .map(json.dumps)
    .map(str.encode)
)
def test_anything_as_evidence_is_read_or_refused(data: bytes) -> None:
    for read in (read_bill, read_provenance, read_model_signature):
        with pytest.raises(ValueError, match=r"."):
            read(data)


def test_damaged_evidence_is_refused_whatever_is_missing(
    depot: Depot, maker: ec.EllipticCurvePrivateKey
) -> None:
    signed = read_json(model_signature({"a": "00" * 32}, maker))
    cases = (
        (read_bill, read_json(evidence(depot)[BOM][1])),
        (read_provenance, read_json(evidence(depot)[PROVENANCE][1])),
        (read_model_signature, signed),
    )
    value: Any
    for read, whole in cases:
        for name in whole.keys() - {
            "components",
            "$schema",
            "version",
            "serialNumber",
            "specVersion",
            "dependencies",
            "mediaType",
            "verificationMaterial",
        }:
            for value in (None, 7, [], {}):
                with pytest.raises(ValueError, match=r"."):
                    read(json.dumps({**whole, name: value}).encode())


def read_json(data: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(data)
    return value
