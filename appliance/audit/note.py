"""Signed notes as C2SP defines them (https://c2sp.org/signed-note), with Ed25519 keys."""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from appliance.errors import ApplianceError

ED25519 = b"\x01"
MAXIMUM_SIZE = 65_536
"""Bytes; room for far more than the sixteen signatures that every verifier has to accept."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and the public key that speaks for it."""

    name: str
    public: bytes
    """32 bytes as in RFC 8032."""

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read `name+key id+base64`, the form that Go's note package and other tools print."""
        name, _, rest = text.strip().partition("+")
        written_id, _, encoded = rest.partition("+")
        data = _decoded(encoded)
        if data[:1] != ED25519 or len(data) != 33:
            raise ApplianceError("note.key", f"This is not an Ed25519 verifier key: {text.strip()[:200]!r}.")
        key = cls(check_name(name), data[1:])
        if key.id.hex() != written_id:
            raise ApplianceError("note.key", f"The verifier key of {name!r} does not fit its own key id.")
        return key

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"


def check_name(name: str) -> str:
    """The name if a note may carry it as key name, else ApplianceError `note.name`."""
    if (
        not name
        or "+" in name
        or any(character.isspace() or not character.isprintable() for character in name)
    ):
        raise ApplianceError(
            "note.name",
            f"{name!r} cannot name a signing key.",
            remedy="Use a name without spaces, plus signs and control characters.",
        )
    return name


def sign(text: str, name: str, private: Ed25519PrivateKey) -> str:
    """The note: `text`, which ends in a line break, and one signature."""
    if not text.endswith("\n") or any(ord(character) < 0x20 and character != "\n" for character in text):
        raise ValueError("a note's text ends in a line break and holds no other control character")
    key = VerifierKey(check_name(name), private.public_key().public_bytes_raw())
    return f"{text}\n— {name} {b64encode(key.id + private.sign(text.encode())).decode()}\n"


def verify(note: str, key: VerifierKey) -> str:
    """The note's text, signed by `key`; other signatures are ignored.

    Raises ApplianceError: `note.malformed`, `note.unsigned` where the key has not signed, `note.forged`
    where a signature in its name is wrong.
    """
    text, signatures = split(note)
    ours = [data[4:] for name, data in signatures if name == key.name and data[:4] == key.id]
    if not ours:
        raise ApplianceError("note.unsigned", f"The note is not signed by {key.name} (key {key.id.hex()}).")
    public = Ed25519PublicKey.from_public_bytes(key.public)
    for signature in ours:
        try:
            public.verify(signature, text.encode())
        except InvalidSignature:
            raise ApplianceError("note.forged", f"A signature in the name of {key.name} is wrong.") from None
    return text


def split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text, not yet trusted, and the (name, key id and signature) pairs below it."""
    body, blank, block = note.rpartition("\n\n")
    if not blank or not block.endswith("\n") or len(note) > MAXIMUM_SIZE:
        raise ApplianceError("note.malformed", "This is not a signed note.")
    if any(ord(character) < 0x20 and character != "\n" for character in note):
        raise ApplianceError("note.malformed", "The signed note holds control characters.")
    return body + "\n", [_signature(line) for line in block[:-1].split("\n")]


def _signature(line: str) -> tuple[str, bytes]:
    dash, name, encoded, *more = [*line.split(" "), "", ""]
    data = _decoded(encoded)
    if dash != "—" or any(more) or len(data) < 5:
        raise ApplianceError("note.malformed", "The signed note has a line that is no signature.")
    return check_name(name), data


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
