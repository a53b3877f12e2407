"""Making the evidence that travels with an artifact: its bill of materials, its provenance, and its maker's signature.

The same inputs and keys give the same bytes: nothing in it tells when it was made, the signed timestamp does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from updates import canonical
from updates.depot.keys import load_signer, signs
from updates.depot.repository import Depot
from updates.digest import Digest
from updates.errors import DepotError
from updates.evidence import (
    BOM,
    BOM_TYPE,
    BUNDLE_TYPE,
    ENVELOPE_TYPE,
    LIMIT,
    MODEL_SIGNATURE,
    PROVENANCE,
    SLSA,
    STATEMENT,
    STATEMENT_TYPE,
    read_model_signature,
    verify_model_signature,
)
from updates.manifest import Descriptor, PackedFile
from updates.names import Identity, Kind

_BUILD_TYPE = "urn:appliance:depot:add:1"
_BUILDER = "urn:appliance:depot:"
_COMPONENTS = {Kind.MODEL: ComponentType.MACHINE_LEARNING_MODEL, Kind.SYSTEM: ComponentType.OPERATING_SYSTEM}


@dataclass(frozen=True, slots=True)
class Subject:
    """What the evidence is about."""

    identity: Identity
    files: Sequence[PackedFile]
    """Everything the artifact is made of, the evidence left out."""
    sources: Mapping[str, str]
    """By path inside the artifact: what the file was called that it was made from."""
    licence: str = ""
    description: str = ""
    origin: Digest | None = None
    """The OCI manifest that the files were taken from, where other tools made one."""


@dataclass(frozen=True, slots=True)
class MakerSignature:
    """An OpenSSF model signature, and the key it is to be checked with, where somebody vouches for one."""

    file: Path
    key: Path | None = None
    """A public key in PEM (ECDSA on P-256 or P-384)."""


def evidence_layers(
    depot: Depot, subject: Subject, signature: MakerSignature | None = None
) -> list[Descriptor]:
    """Make the evidence for an artifact, store it, and give its layers.

    The provenance is signed by every key that is here for the artifact's role and can be opened; without one it travels
    unsigned, bound by the signed targets alone.

    Raises:
        DepotError: `depot.model-signature`: it is over other files, or not by the key named; `depot.key-…`,
            `file.unreadable`.
        StoreError: `disk.full`, `disk.unwritable`.
    """
    layers = [_layer(depot, BOM_TYPE, BOM, bill_of(subject))]
    bundle, checked_with = None, ""
    if signature is not None:
        bundle, checked_with = _check_signature(signature, subject)
    media_type, statement = _signed(depot, subject, statement_of(depot, subject, bundle, checked_with))
    layers.append(_layer(depot, media_type, PROVENANCE, statement))
    if bundle is not None:
        layers.append(_layer(depot, BUNDLE_TYPE, MODEL_SIGNATURE, bundle))
    return layers


def bill_of(subject: Subject) -> bytes:
    """The CycloneDX 1.6 bill of materials: the artifact as its subject, its files as components."""
    files = sorted(subject.files, key=lambda file: file.path or "")
    told = "\n".join(
        [str(subject.identity), subject.licence, *(f"{file.path} {file.digest}" for file in files)]
    )
    bom = Bom(serial_number=UUID(bytes=sha256(told.encode()).digest()[:16], version=5))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # optional in CycloneDX, and when is not the same twice
    licences = [LicenseFactory().make_from_string(subject.licence)] if subject.licence else []
    identity = subject.identity
    whole = Component(
        name=identity.name,
        version=identity.version,
        type=_COMPONENTS.get(identity.kind, ComponentType.APPLICATION),
        licenses=licences,
        description=subject.description or None,
        bom_ref=str(identity),
    )
    bom.metadata.component = whole
    parts = [
        Component(
            name=file.path,
            type=ComponentType.DATA if "/" in file.path else ComponentType.FILE,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.digest.hex)],
            bom_ref=file.path,
        )
        for file in files
        if file.path is not None
    ]
    bom.components.update(parts)
    bom.register_dependency(whole, parts)
    return JsonV1Dot6(bom).output_as_string().encode()


def statement_of(depot: Depot, subject: Subject, bundle: bytes | None, checked_with: str) -> bytes:
    """The in-toto statement: which files, made from which, by which depot and version of this software."""
    named = [file for file in subject.files if file.path is not None]
    sources = [
        {"name": subject.sources.get(file.path or "", file.path), "digest": {"sha256": file.digest.hex}}
        for file in named
    ]
    if subject.origin is not None:
        sources.append({"name": "OCI manifest", "digest": {"sha256": subject.origin.hex}})
    if bundle is not None:
        sources.append({"name": MODEL_SIGNATURE, "digest": {"sha256": Digest.of(bundle).hex}})
    root = Digest.of(depot.metadata("1.root.json").read_bytes())
    identity = subject.identity
    return canonical.to_bytes(
        {
            "_type": STATEMENT,
            "subject": [{"name": file.path, "digest": {"sha256": file.digest.hex}} for file in named],
            "predicateType": SLSA,
            "predicate": {
                "buildDefinition": {
                    "buildType": _BUILD_TYPE,
                    "externalParameters": {
                        "kind": str(identity.kind),
                        "name": identity.name,
                        "version": identity.version,
                    },
                    "internalParameters": {"modelSigner": checked_with} if bundle is not None else {},
                    "resolvedDependencies": sources,
                },
                "runDetails": {
                    "builder": {"id": f"{_BUILDER}{root}", "version": {"appliance": version("appliance")}}
                },
            },
        }
    )


def _signed(depot: Depot, subject: Subject, statement: bytes) -> tuple[str, bytes]:
    envelope = Envelope(statement, STATEMENT_TYPE, {})
    for key in depot.keys.get(depot.role_for(subject.identity.target_path), ()):
        reference = depot.locate(key.file)
        if not signs(reference):
            continue
        try:
            envelope.sign(load_signer(reference, key.name, depot.ask))
        except DepotError as error:
            if error.code != "depot.key-locked" or depot.ask is not None:
                raise
    if not envelope.signatures:
        return STATEMENT_TYPE, statement
    return ENVELOPE_TYPE, canonical.to_bytes(envelope.to_dict())


def _check_signature(given: MakerSignature, subject: Subject) -> tuple[bytes, str]:
    try:
        if given.file.stat().st_size > LIMIT:
            raise ValueError("it is too large")
        data = given.file.read_bytes()
        found = read_model_signature(data)
        covered = set(found.files.values())
        weights = subject.files[0]
        if weights.digest.hex not in covered:
            raise ValueError(
                f"it is over other files than {subject.sources.get(weights.path or '', 'the model')}"
            )
        if given.key is None:
            return data, ""
        key = SSlibKey.from_crypto(load_pem_public_key(given.key.read_bytes()))
        if not verify_model_signature(found, key):
            raise ValueError(f"it was not made with the key {given.key.name}")
    except OSError as error:
        raise _bad_signature(given.file, f"{error.filename} cannot be read ({error.strerror})") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_signature(given.file, str(error)) from error
    return data, key.keyid


def _layer(depot: Depot, media_type: str, path: str, data: bytes) -> Descriptor:
    return Descriptor(media_type, depot.blobs.put_bytes(data), len(data), path)


def _bad_signature(file: Path, why: str) -> DepotError:
    return DepotError(
        "depot.model-signature",
        f"The model signature {file} cannot be taken: {why}.",
        kept="The depot was left as it is.",
        remedy="Bring the signature that was made over this very file (model_signing 1.0), and its maker's public key.",
    )
