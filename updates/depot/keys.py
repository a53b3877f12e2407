"""Signing keys as files: Ed25519 in PEM (PKCS #8), readable by their owner only, encrypted where a passphrase is given.

A key is named by its file, or by its token (`updates.depot.tokens`).
"""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey

from updates.depot.tokens import AskPassphrase, is_token, open_token, token_is_here
from updates.durable import sync_folder
from updates.errors import DepotError
from updates.trust.metadata import KEY_NAME


def generate_key(path: Path, passphrase: bytes | None = None) -> None:
    """Make a new key file; an existing file is never overwritten.

    Raises:
        DepotError: `depot.key-exists`, `depot.unwritable`.
    """
    encryption: KeySerializationEncryption = (
        BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        sync_folder(path.parent)
    except FileExistsError as error:
        raise DepotError(
            "depot.key-exists",
            f"There is a key at {path} already.",
            kept="It was left as it is.",
            remedy="Use it, or name another file.",
        ) from error
    except OSError as error:
        raise DepotError(
            "depot.unwritable", f"{path} cannot be written: {error.strerror}.", kept="No key was made."
        ) from error


def load_signer(reference: str | Path, name: str, ask: AskPassphrase | None = None) -> Signer:
    """Open a private key for signing; `name` says whose it is and is shown on every box.

    Args:
        reference: a key file, or a token's key as `updates.depot.tokens` names it.
        name: whose it is.
        ask: asked for the passphrase of an encrypted file, the PIN of a token.

    Raises:
        DepotError: `depot.key-missing`, `depot.key-unreadable`, `depot.key-locked`, `depot.token`.
    """
    if is_token(reference):
        return open_token(str(reference), name, ask)
    private = _decode(Path(reference), _read(Path(reference)), ask)
    return CryptoSigner(private, named(SSlibKey.from_crypto(private.public_key()), name))


def load_public(reference: str | Path, name: str, ask: AskPassphrase | None = None) -> SSlibKey:
    """The public half of a key, also from a file that holds nothing else: its owner signs elsewhere.

    Raises: as `load_signer`.
    """
    if not is_token(reference):
        pem = _read(Path(reference))
        if b"BEGIN PUBLIC KEY" in pem:
            return named(_decode_public(Path(reference), pem), name)
    if is_token(reference):
        return open_token(str(reference), name, ask).public_key
    private = _decode(Path(reference), _read(Path(reference)), ask)
    return named(SSlibKey.from_crypto(private.public_key()), name)


def signs(reference: str | Path) -> bool:
    """Whether a private key can be reached here: the file is there and private, the token is plugged in."""
    if is_token(reference):
        return token_is_here(str(reference))
    try:
        return b"PRIVATE KEY" in Path(reference).read_bytes()
    except OSError:
        return False


def public_pem(path: Path, passphrase: bytes | None = None) -> bytes:
    """The public half of a key file in PEM, for whoever keeps a depot. Raises: as `load_signer`."""
    private = _decode(path, _read(path), None if passphrase is None else lambda _: passphrase)
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def named(key: SSlibKey, name: str) -> SSlibKey:
    return SSlibKey(key.keyid, key.keytype, key.scheme, key.keyval, {KEY_NAME: name})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DepotError(
            "depot.key-missing",
            f"The key file {path} cannot be read: {error.strerror}.",
            kept="Nothing was signed.",
            remedy="Bring the key file to its place, or sign where it is.",
        ) from error


def _decode_public(path: Path, pem: bytes) -> SSlibKey:
    try:
        return SSlibKey.from_crypto(load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable(path) from error


def _decode(path: Path, pem: bytes, ask: AskPassphrase | None) -> Ed25519PrivateKey:
    locked = b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    if locked and ask is None:
        raise _locked(path, "it is encrypted and no passphrase was given")
    try:
        key = load_pem_private_key(pem, ask(str(path)) if locked and ask is not None else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if locked:
            raise _locked(path, "the passphrase does not open it") from error
        raise _unreadable(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _unreadable(path)
    return key


def _locked(path: Path, why: str) -> DepotError:
    return DepotError(
        "depot.key-locked",
        f"The key file {path} stays closed: {why}.",
        kept="Nothing was signed.",
        remedy="Give the passphrase of this key.",
    )


def _unreadable(path: Path) -> DepotError:
    return DepotError(
        "depot.key-unreadable",
        f"{path} is no Ed25519 private key in PEM form.",
        kept="Nothing was signed.",
        remedy="Name a key file that this depot or `openssl genpkey -algorithm ed25519` made.",
    )
