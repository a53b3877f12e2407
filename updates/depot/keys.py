"""Signing keys as files: Ed25519 in PEM (PKCS #8), readable by their owner only, encrypted where a passphrase is given."""

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

from updates.durable import sync_folder
from updates.errors import DepotError
from updates.trust.metadata import KEY_NAME

AskPassphrase = Callable[[Path], bytes]
"""Asked for the passphrase of an encrypted key file."""


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


def load_signer(path: Path, name: str, ask: AskPassphrase | None = None) -> CryptoSigner:
    """Load a key file for signing; `name` says whose key it is and is shown on every box.

    Raises:
        DepotError: `depot.key-missing`, `depot.key-unreadable`, `depot.key-locked`.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise DepotError(
            "depot.key-missing",
            f"The key file {path} cannot be read: {error.strerror}.",
            kept="Nothing was signed.",
            remedy="Bring the key file to its place, or sign where it is.",
        ) from error
    private = _decode(path, pem, ask)
    public = SSlibKey.from_crypto(private.public_key())
    return CryptoSigner(
        private, SSlibKey(public.keyid, public.keytype, public.scheme, public.keyval, {KEY_NAME: name})
    )


def _decode(path: Path, pem: bytes, ask: AskPassphrase | None) -> Ed25519PrivateKey:
    locked = b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    if locked and ask is None:
        raise _locked(path, "it is encrypted and no passphrase was given")
    try:
        key = load_pem_private_key(pem, ask(path) if locked and ask is not None else None)
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
