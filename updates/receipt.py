"""What a box writes on a medium that it has read: who it is, what it holds, what came of the import.

    MEDIUM/appliance-receipts/<box>.json
        {"receipt": {…}, "signature": "<base64>"}

Signed with the box's device key (Ed25519, RFC 8032) over `appliance-receipt/1`, a line break, and the receipt as
canonical JSON. The key stands in the receipt: whoever reads it decides whether this key speaks for that box.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from updates import canonical
from updates.digest import Digest
from updates.durable import write_file
from updates.errors import MediumError, TrustError
from updates.layout import RECEIPT_FOLDER, UPDATE_FOLDER
from updates.media import Medium
from updates.names import Identity, Kind

T = TypeVar("T")

LIMIT = 8 << 20
"""Bytes of a receipt that is read."""
_CONTEXT = b"appliance-receipt/1\n"

Sign = Callable[[bytes], bytes]
"""Gives the 64 bytes of an Ed25519 signature."""


@dataclass(frozen=True, slots=True)
class HeldArtifact:
    kind: str
    name: str
    version: str
    digest: str
    """Of its manifest, hexadecimal."""

    @property
    def identity(self) -> Identity:
        return Identity(Kind(self.kind), self.name, self.version)


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file in the box's blob store, hexadecimal; `index` says which chunks it is made of, where it has one."""

    digest: str
    index: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one artifact; `code` is empty where it was applied."""

    kind: str
    name: str
    version: str
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt whose signature holds, and the bytes that carry it."""

    receipt: "Receipt"
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """One box after one import."""

    box: str
    key: str
    """The device key's public half, base64 of 32 bytes."""
    time: str
    """ISO 8601, UTC, by the box's effective time."""
    metadata_version: int
    """Of the update that was read; 0 where it was not even understood."""
    code: str
    """Why the import as a whole was refused; empty where it was not."""
    artifacts: tuple[HeldArtifact, ...] = ()
    files: tuple[HeldFile, ...] = ()
    results: tuple[Result, ...] = ()
    checkpoint: str = ""
    """The newest checkpoint of the audit log, a signed note; empty before the first."""
    consistency: tuple[str, ...] = ()
    """Proofs that this checkpoint continues earlier ones: the one cosigned last, and those of receipts since (C2SP tlog-witness)."""

    @property
    def key_id(self) -> str:
        return sha256(b64decode(self.key)).hexdigest()[:8]

    @property
    def file_name(self) -> str:
        """A name that every file system takes, another for every box."""
        plain = re.sub(r"[^a-z0-9]+", "-", self.box.lower()).strip("-")[:40]
        return f"{plain or 'box'}-{self.key_id}.json"

    def to_bytes(self, sign: Sign) -> bytes:
        value = asdict(self)
        signature = sign(_CONTEXT + canonical.to_bytes(value))
        return canonical.to_bytes({"receipt": value, "signature": b64encode(signature).decode()})


def parse_receipt(data: bytes, file: str) -> Receipt:
    """Read a receipt that came from `file` and check its signature.

    Raises:
        MediumError: `medium.malformed`.
        TrustError: `receipt.forged`: the key that it names has not signed it.
    """
    value = canonical.parse_object(data, file)
    try:
        body, signature = value["receipt"], b64decode(value["signature"], validate=True)
        key = Ed25519PublicKey.from_public_bytes(b64decode(body["key"], validate=True))
        receipt = _receipt(body)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise canonical.malformed(file, f"it is no receipt: {error}") from error
    try:
        key.verify(signature, _CONTEXT + canonical.to_bytes(body))
    except InvalidSignature:
        raise TrustError(
            "receipt.forged",
            f"The receipt {file} is not signed by the key that it names.",
            kept="It was not used.",
            remedy="Import the medium at the box once more; if it happens twice, somebody changes receipts on the way.",
            file=file,
        ) from None
    return receipt


def write_receipt(medium: Medium, receipt: Receipt, sign: Sign) -> Path:
    """Write the receipt beside the update; gives the file. Raises OSError: the medium is full or read-only."""
    top = medium.folder.parent if medium.folder.name == UPDATE_FOLDER else medium.folder
    folder = top / RECEIPT_FOLDER
    folder.mkdir(exist_ok=True)
    write_file(folder / receipt.file_name, receipt.to_bytes(sign))
    return folder / receipt.file_name


def read_receipts(medium: Path) -> tuple[list[SignedReceipt], list[MediumError | TrustError]]:
    """Every receipt on a medium, or one receipt file; and what was wrong with those that cannot be used.

    Raises:
        MediumError: `medium.gone`, `medium.unreadable`: the medium cannot be read at all.
    """
    folder = medium if medium.name == RECEIPT_FOLDER or medium.is_file() else medium / RECEIPT_FOLDER
    at, names = (folder.parent, [folder.name]) if folder.is_file() else (folder, _names(folder))
    found, faults = list[SignedReceipt](), list[MediumError | TrustError]()
    for name in names:
        try:
            data = Medium(at).read(name, LIMIT)
            if data is not None:
                found.append(SignedReceipt(parse_receipt(data, name), data))
        except (MediumError, TrustError) as error:
            if error.code in ("medium.gone", "medium.unreadable"):
                raise
            faults.append(error)
    return found, faults


def _names(folder: Path) -> list[str]:
    return [name for name in Medium(folder).files() if name.endswith(".json")] if folder.is_dir() else []


def _receipt(body: dict[str, Any]) -> Receipt:
    if body.keys() != set(Receipt.__slots__):
        raise ValueError("it has other fields than a receipt")
    texts = {name: body[name] for name in ("box", "key", "time", "code", "checkpoint")}
    if not all(isinstance(text, str) and len(text) <= 65_536 for text in texts.values()):
        raise ValueError("a text is none, or too long")
    if not 0 < len(texts["box"]) <= 255 or not texts["box"].isprintable():
        raise ValueError("it names no box")
    version = body["metadata_version"]
    if type(version) is not int or version < 0:
        raise ValueError("it names no version")
    artifacts = _each(HeldArtifact, body["artifacts"])
    files = _each(HeldFile, body["files"])
    for text in (*(a.digest for a in artifacts), *(t for f in files for t in (f.digest, f.index) if t)):
        Digest(text)
    for artifact in artifacts:
        Identity(Kind(artifact.kind), artifact.name, artifact.version)
    results = _each(Result, body["results"])
    proofs = body["consistency"]
    if not isinstance(proofs, list) or not all(isinstance(proof, str) for proof in proofs):
        raise ValueError("its proofs are no texts")
    return Receipt(
        metadata_version=version,
        artifacts=artifacts,
        files=files,
        results=results,
        consistency=tuple(proofs),
        **texts,
    )


def _each(kind: Callable[..., T], values: Any) -> tuple[T, ...]:
    if not isinstance(values, list) or len(values) > 100_000:
        raise ValueError("something is no list, or too long")
    for value in values:
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise ValueError("an entry holds something other than texts")
    return tuple(kind(**value) for value in values)
