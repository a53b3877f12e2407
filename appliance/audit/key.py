"""The device key: made once on the box, it signs checkpoints and never leaves."""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from appliance.audit.note import VerifierKey, check_name
from appliance.errors import ApplianceError

FILE_NAME = "device-key.pem"


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """An Ed25519 key and the log's origin, which is also its name in signatures."""

    origin: str
    private: Ed25519PrivateKey

    @classmethod
    def create(cls, path: Path, origin: str) -> "DeviceKey":
        """Make a key and write it as PEM, readable for its owner only. Raises ApplianceError `key.exists`."""
        key = cls(check_name(origin), Ed25519PrivateKey.generate())
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise ApplianceError(
                "key.exists",
                f"There is a device key already: {path}.",
                kept="It was not replaced: checkpoints signed with it would no longer verify.",
                remedy="Use another state folder for another box.",
            ) from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        return key

    @classmethod
    def load(cls, path: Path, origin: str) -> "DeviceKey":
        """Raises ApplianceError: `key.missing`, `key.exposed` where others may read it, `key.unreadable`."""
        try:
            mode = path.stat().st_mode
            data = path.read_bytes()
        except FileNotFoundError:
            raise ApplianceError(
                "key.missing",
                f"The device key is not there: {path}.",
                remedy="Restore it from the backup of the state folder; the audit log is bound to it.",
            ) from None
        if mode & 0o077:
            raise ApplianceError(
                "key.exposed",
                f"The device key {path} can be read by others (mode {mode & 0o777:04o}).",
                kept="It was not used.",
                remedy=f"Find out who could have copied it; then: chmod 600 {path}",
            )
        try:
            private = load_pem_private_key(data, password=None)
        except ValueError:
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise ApplianceError(
                "key.unreadable",
                f"The file {path} holds no Ed25519 key.",
                remedy="Restore it from the backup of the state folder.",
            )
        return cls(check_name(origin), private)

    @property
    def verifier(self) -> VerifierKey:
        """What others check this key's signatures with."""
        return VerifierKey(self.origin, self.private.public_key().public_bytes_raw())
