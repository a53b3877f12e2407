"""The depot's side of receipts: is each box's log the continuation of what was seen, and the cosignature that says so.

Cosignatures are C2SP's `cosignature/v1` (https://c2sp.org/tlog-cosignature), by a witness key of the depot's own that
is made at the first receipt and signs nothing else.
"""

import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from appliance.audit import note as notes
from appliance.audit.checkpoint import Checkpoint, parse, verify
from appliance.audit.note import VerifierKey
from appliance.audit.proof import verify_consistency
from appliance.box import origin
from appliance.errors import ApplianceError
from updates.depot.keys import generate_key
from updates.depot.repository import Depot
from updates.receipt import Receipt

_COSIGNATURE = b"\x04"


@dataclass(frozen=True, slots=True)
class Witness:
    """The depot as a witness of its boxes' logs."""

    name: str
    private: Ed25519PrivateKey
    clock: Callable[[], float] = time.time

    @classmethod
    def of(cls, depot: Depot) -> "Witness":
        """The depot's witness key, made where there is none. Raises ApplianceError `key.unreadable`."""
        file = depot.path / "keys" / "witness.pem"
        if not file.exists():
            generate_key(file)
        private = load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise ApplianceError("key.unreadable", f"The file {file} holds no Ed25519 key.")
        return cls(f"depot/{Path(depot.path).name}".replace(" ", "-"), private)

    def cosign(self, receipt: Receipt, known: str) -> str:
        """The receipt's checkpoint with this witness's signature; `known` is the note that was cosigned last.

        Raises ApplianceError: `fleet.log-rolled-back`, `fleet.log-unproven`, and what `verify` raises: nothing is signed.
        """
        key = VerifierKey(origin(receipt.box), b64decode(receipt.key))
        new = verify(receipt.checkpoint, key)
        if known:
            self._refuse_other_log(receipt, key, verify(known, key), new)
        return receipt.checkpoint + self._line(notes.split(receipt.checkpoint)[0])

    def _refuse_other_log(self, receipt: Receipt, key: VerifierKey, old: Checkpoint, new: Checkpoint) -> None:
        if new.size < old.size:
            raise _rolled_back(receipt, old, new)
        if new.size == old.size:
            if new.root != old.root:
                raise _rolled_back(receipt, old, new)
            return
        proof = next((one for one in receipt.consistency if one.startswith(f"old {old.size}\n")), None)
        if proof is None:
            raise ApplianceError(
                "fleet.log-unproven",
                f"The receipt of {receipt.box} does not prove that its log continues the one of {old.size} entries.",
                kept="The receipt was not used and nothing was cosigned.",
                remedy="Let the box import the newest update and bring that receipt; if it stays so, call the auditor.",
            )
        try:
            proven = verify_consistency(proof, old, key)
        except ApplianceError as error:
            raise _rolled_back(receipt, old, new) from error
        if proven != new:
            raise _rolled_back(receipt, old, new)

    def _line(self, text: str) -> str:
        parse(text)
        moment = int(self.clock())
        public = self.private.public_key().public_bytes_raw()
        key_id = sha256(self.name.encode() + b"\n" + _COSIGNATURE + public).digest()[:4]
        signature = self.private.sign(f"cosignature/v1\ntime {moment}\n{text}".encode())
        return f"— {self.name} {b64encode(key_id + moment.to_bytes(8) + signature).decode()}\n"


def _rolled_back(receipt: Receipt, old: Checkpoint, new: Checkpoint) -> ApplianceError:
    return ApplianceError(
        "fleet.log-rolled-back",
        f"The audit log of {receipt.box} ({new.size} entries) does not continue the one seen before ({old.size}).",
        kept="The receipt was not used and nothing was cosigned.",
        remedy="The log was cut or rewritten: keep the medium as evidence and call the auditor.",
    )
