"""Checkpoints as C2SP defines them (https://c2sp.org/tlog-checkpoint): the signed size and root of the log."""

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass

from appliance.audit import note
from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.audit.tree import HASH_SIZE
from appliance.errors import ApplianceError
from appliance.store.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log had at one moment."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as the database keeps it; nothing of it is trusted before `verify`."""

    number: int
    size: int
    time: str
    """ISO 8601, UTC, when it was stored; not covered by the signature."""
    note: str


def checkpoint_now(tx: Transaction, log: AuditLog, key: DeviceKey, time: str) -> str:
    """Sign the log as it stands in this transaction and store that; the signed note.

    Where nothing came since the last checkpoint, that one is returned. Raises ApplianceError
    `audit.inconsistent` where the log no longer continues the last one: such a log must not be signed.
    """
    size = log.size(tx)
    last = latest(tx)
    if last is not None:
        _refuse_inconsistent(tx, log, size, last, key)
        if last.size == size:
            return last.note
    signed = sign(Checkpoint(key.origin, size, log.root(reader=tx)), key)
    tx.execute("INSERT INTO audit_checkpoints (size, time, note) VALUES (?, ?, ?)", (size, time, signed))
    return signed


def sign(checkpoint: Checkpoint, key: DeviceKey) -> str:
    """The signed note."""
    return note.sign(checkpoint.text, key.origin, key.private)


def verify(signed: str, key: note.VerifierKey) -> Checkpoint:
    """The checkpoint in a signed note, once signature and origin are right.

    Raises ApplianceError: `note.malformed`, `note.unsigned`, `note.forged`, `checkpoint.malformed`,
    `checkpoint.origin`.
    """
    checkpoint = parse(note.verify(signed, key))
    if checkpoint.origin != key.name:
        raise ApplianceError(
            "checkpoint.origin", f"The checkpoint is of the log {checkpoint.origin}, not of {key.name}."
        )
    return checkpoint


def parse(text: str) -> Checkpoint:
    """Read a note text; extension lines are allowed and ignored. Raises `checkpoint.malformed`."""
    lines = text.split("\n")
    origin, size, encoded = lines[:3] if len(lines) >= 4 else ("", "", "")
    try:
        root = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        root = b""
    plain_number = size.isascii() and size.isdigit() and (size == "0" or size[0] != "0") and len(size) < 19
    if lines[-1] or not all(lines[:-1]) or not plain_number or len(root) != HASH_SIZE:
        raise ApplianceError("checkpoint.malformed", "The note's text is not a checkpoint.")
    return Checkpoint(origin, int(size), root)


def latest(reader: Reader) -> StoredCheckpoint | None:
    """The checkpoint stored last, or None."""
    found = stored(reader, "ORDER BY number DESC LIMIT 1")
    return found[0] if found else None


def all_stored(reader: Reader) -> list[StoredCheckpoint]:
    """Every stored checkpoint, in the order they were made."""
    return stored(reader, "ORDER BY number")


def stored(reader: Reader, order: str) -> list[StoredCheckpoint]:
    rows = reader.query(f"SELECT number, size, time, note FROM audit_checkpoints {order}")  # noqa: S608
    return [StoredCheckpoint(row["number"], row["size"], row["time"], row["note"]) for row in rows]


def _refuse_inconsistent(
    tx: Transaction, log: AuditLog, size: int, last: StoredCheckpoint, key: DeviceKey
) -> None:
    try:
        signed = verify(last.note, key.verifier)
    except ApplianceError as error:
        fault = f"The newest checkpoint of the audit log is not what this box signed: {error.what}"
    else:
        if signed.size <= size and log.root(signed.size, tx) == signed.root:
            return
        fault = f"The audit log does not continue its checkpoint of {signed.size} entries."
    raise ApplianceError(
        "audit.inconsistent",
        fault,
        kept="Nothing was changed, and no checkpoint was signed.",
        remedy="Run: appliance audit verify. Somebody has tampered with the log; call the auditor.",
    )
