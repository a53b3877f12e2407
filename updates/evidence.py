"""Evidence that travels with an artifact, beside what it is evidence of: layers of its manifest like any other file.

    evidence/bom.cdx.json               CycloneDX 1.6 bill of materials
    evidence/provenance.intoto.json     in-toto Statement v1 with SLSA provenance v1, in a DSSE envelope where signed
    evidence/model.sig                  an OpenSSF model signature (a Sigstore bundle) by whoever made the model

The signed targets bind them as they bind the weights. What they say beyond that is the word of whoever signed them.

Sources: CycloneDX 1.6; in-toto attestation spec v1 (envelope, statement); SLSA provenance v1; DSSE 1.0; model_signing v1.0.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import FormatError, UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, Signature

from updates.trust.metadata import Signer, signer

BOM = "evidence/bom.cdx.json"
PROVENANCE = "evidence/provenance.intoto.json"
MODEL_SIGNATURE = "evidence/model.sig"

BOM_TYPE = "application/vnd.cyclonedx+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
ENVELOPE_TYPE = "application/vnd.in-toto.provenance+dsse"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"

STATEMENT = "https://in-toto.io/Statement/v1"
SLSA = "https://slsa.dev/provenance/v1"
MODEL_SIGNING = "https://model_signing/signature/v1.0"
LIMIT = 16 << 20
"""Bytes of the largest piece of evidence that is read."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a bill of materials says."""

    components: int
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A file that the artifact was made from."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an artifact comes from, as its depot says."""

    builder: str
    tool: str
    sources: tuple[Source, ...]
    signers: tuple[Signer, ...]
    """Trusted keys that have signed it; none where it came unsigned or the keys are not trusted here."""
    subjects: Mapping[str, str]
    """SHA-256 by path inside the artifact."""
    model_signer: str
    """The key id that the depot checked the model signature with; empty where it was not checked."""


@dataclass(frozen=True, slots=True)
class ModelSignature:
    """An OpenSSF model signature: which files it covers. Whether it is genuine is another question."""

    model: str
    files: Mapping[str, str]
    """SHA-256 by file name."""
    payload: bytes
    """What is signed, in DSSE's pre-authentication encoding."""
    signature: bytes


def read_bill(data: bytes) -> Bill:
    """Raises: ValueError: it is no CycloneDX bill of materials."""
    value = _object(data)
    if value.get("bomFormat") != "CycloneDX":
        raise ValueError("it is no CycloneDX bill of materials")
    try:
        component = value["metadata"]["component"]
        licences = [_licence(told) for told in component.get("licenses", [])]
        return Bill(len(value.get("components", [])), tuple(licences))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its {error} is missing") from error


def read_provenance(data: bytes, trusted: Iterable[Key] = ()) -> Provenance:
    """Read a provenance statement, signed or not; only signatures of `trusted` keys are told.

    Raises:
        ValueError: it is no in-toto statement with SLSA provenance, or a trusted key's signature does not fit it.
    """
    value = _object(data)
    signers: tuple[Signer, ...] = ()
    if "payload" in value:
        envelope = _envelope(value)
        signers = _signers(envelope, {key.keyid: key for key in trusted})
        value = _object(envelope.payload)
    if value.get("_type") != STATEMENT or value.get("predicateType") != SLSA:
        raise ValueError("it is no SLSA provenance")
    try:
        definition, run = value["predicate"]["buildDefinition"], value["predicate"]["runDetails"]
        sources = tuple(
            Source(str(told["name"]), str(told["digest"]["sha256"]))
            for told in definition["resolvedDependencies"]
        )
        tool = ", ".join(f"{name} {version}" for name, version in run["builder"].get("version", {}).items())
        subjects = {str(told["name"]): str(told["digest"]["sha256"]) for told in value["subject"]}
        checked = str(definition.get("internalParameters", {}).get("modelSigner", ""))
        return Provenance(str(run["builder"]["id"]), tool, sources, signers, subjects, checked)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its {error} is missing") from error


def read_model_signature(data: bytes) -> ModelSignature:
    """Read a Sigstore bundle over an OpenSSF model-signing statement, without checking its signature.

    Raises:
        ValueError: it is none, or signs something other than whole files by SHA-256.
    """
    value = _object(data)
    try:
        envelope = value["dsseEnvelope"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signature,) = envelope["signatures"]
        statement = _object(payload)
        if (statement.get("_type"), statement.get("predicateType")) != (STATEMENT, MODEL_SIGNING):
            raise ValueError("it is no OpenSSF model signature of version 1.0")
        resources = statement["predicate"]["resources"]
        if any(told["algorithm"] != "sha256" for told in resources):
            raise ValueError("it signs digests other than the SHA-256 of whole files")
        files = {str(told["name"]): str(told["digest"]) for told in resources}
        encoded = Envelope(payload, str(envelope["payloadType"]), {}).pae()
        name = str(statement["subject"][0]["name"])
        return ModelSignature(name, files, encoded, base64.b64decode(signature["sig"], validate=True))
    except (KeyError, TypeError, IndexError, AttributeError, binascii.Error) as error:
        raise ValueError(f"it is no model signature ({error!r:.80})") from error


def verify_model_signature(found: ModelSignature, key: Key) -> bool:
    """Whether `key` has made the signature."""
    try:
        key.verify_signature(Signature(key.keyid, found.signature.hex()), found.payload)
    except (UnverifiedSignatureError, VerificationError):
        return False
    return True


def _signers(envelope: Envelope, trusted: Mapping[str, Key]) -> tuple[Signer, ...]:
    known = {keyid: key for keyid, key in trusted.items() if keyid in envelope.signatures}
    if not known:
        return ()
    try:
        envelope.verify(list(known.values()), len(known))
    except VerificationError as error:
        raise ValueError("a trusted key's signature does not fit it") from error
    return tuple(signer(key) for _, key in sorted(known.items()))


def _envelope(value: dict[str, Any]) -> Envelope:
    try:
        envelope = Envelope.from_dict(value)
        if envelope.payload_type != STATEMENT_TYPE or not envelope.signatures:
            raise ValueError("it carries no signed in-toto statement")
        return envelope
    except (KeyError, TypeError, AttributeError, FormatError, binascii.Error) as error:
        raise ValueError("it is no DSSE envelope") from error


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > LIMIT:
        raise ValueError("it is too large")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return value


def _licence(told: Mapping[str, Any]) -> str:
    named = told.get("license", {})
    return str(told.get("expression") or named.get("id") or named.get("name") or "")
