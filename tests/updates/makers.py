"""Those who make models, and what they sign."""

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope

from updates.evidence import BUNDLE_TYPE, STATEMENT_TYPE


def model_signature(files: dict[str, str], maker: ec.EllipticCurvePrivateKey, **changes: Any) -> bytes:
    """A Sigstore bundle as the model_signing package 1.x writes it with a key."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "line", "digest": {"sha256": "00" * 32}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False},
            "resources": [
                {"name": name, "algorithm": "sha256", "digest": digest} for name, digest in files.items()
            ],
        },
    } | changes
    payload = json.dumps(statement).encode()
    signature = maker.sign(Envelope(payload, STATEMENT_TYPE, {}).pae(), ec.ECDSA(SHA256()))
    bundle = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": "of the maker"}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": STATEMENT_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle).encode()


def public_half(folder: Path, maker: ec.EllipticCurvePrivateKey) -> Path:
    pem = maker.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return _written(folder / "maker.pub.pem", pem)


def digest_of(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
