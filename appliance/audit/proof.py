"""Proofs as text for a third party, in formats that public tools read.

Inclusion: https://c2sp.org/tlog-proof. Consistency: what a witness is sent,
https://c2sp.org/tlog-witness#add-checkpoint, so that a depot can cosign it.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.audit import tree
from appliance.audit.checkpoint import Checkpoint, verify
from appliance.audit.log import AuditLog
from appliance.audit.note import VerifierKey
from appliance.errors import ApplianceError

INCLUSION_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Proven:
    """What an inclusion proof shows: these bytes stand at this place of the log of this checkpoint."""

    index: int
    canonical: bytes
    checkpoint: Checkpoint


def prove_inclusion(log: AuditLog, index: int, checkpoint: str, key: VerifierKey) -> str:
    """The proof that entry `index` is covered by the signed `checkpoint`; carries the entry's bytes as extra data.

    Raises ApplianceError: `audit.not-covered`, `audit.unknown-entry`, what `checkpoint.verify` raises.
    """
    size = verify(checkpoint, key).size
    if not 0 <= index < size:
        raise ApplianceError(
            "audit.not-covered",
            f"Entry {index} is not covered by the checkpoint of {size} entries.",
            remedy="Make a new checkpoint, or name an entry before it.",
        )
    entry = b64encode(log.entry(index).canonical).decode()
    path = _lines(log.inclusion_proof(index, size))
    return f"{INCLUSION_HEADER}\nextra {entry}\nindex {index}\n{path}\n{checkpoint}"


def verify_inclusion(text: str, key: VerifierKey) -> Proven:
    """Check a proof that carries its entry.

    Raises ApplianceError: `proof.malformed`, `proof.wrong`, what `checkpoint.verify` raises.
    """
    proof, _, note = text.partition("\n\n")
    matched = _INCLUSION.fullmatch(proof)
    if matched is None:
        raise ApplianceError("proof.malformed", "This is not an inclusion proof that carries its entry.")
    checkpoint = verify(note, key)
    index, entry = int(matched["index"]), _decoded(matched["extra"])
    path = [_decoded(line) for line in matched["path"].split()]
    if not tree.verify_inclusion(index, checkpoint.size, tree.leaf_hash(entry), path, checkpoint.root):
        raise ApplianceError(
            "proof.wrong", f"The proof does not show that entry {index} is in the log of {checkpoint.origin}."
        )
    return Proven(index, entry, checkpoint)


def prove_consistency(log: AuditLog, old: int, checkpoint: str, key: VerifierKey) -> str:
    """The proof that the log of the signed `checkpoint` continues the log of `old` entries.

    Raises ApplianceError: `audit.not-covered`, what `checkpoint.verify` raises.
    """
    size = verify(checkpoint, key).size
    if not 0 <= old <= size:
        raise ApplianceError(
            "audit.not-covered", f"A log of {size} entries is not the continuation of one of {old}."
        )
    return f"old {old}\n{_lines(log.consistency_proof(old, size))}\n{checkpoint}"


def verify_consistency(text: str, known: Checkpoint, key: VerifierKey) -> Checkpoint:
    """The new checkpoint, once it is shown to continue the `known` one.

    Raises ApplianceError: `proof.malformed`, `proof.wrong`, what `checkpoint.verify` raises.
    """
    proof, _, note = text.partition("\n\n")
    matched = _CONSISTENCY.fullmatch(proof)
    if matched is None or int(matched["old"]) != known.size:
        raise ApplianceError(
            "proof.malformed", f"This is not a consistency proof from {known.size} entries on."
        )
    new = verify(note, key)
    path = [_decoded(line) for line in matched["path"].split()]
    if new.origin != known.origin or not tree.verify_consistency(
        known.size, new.size, known.root, new.root, path
    ):
        raise ApplianceError(
            "proof.wrong",
            f"The log of {new.size} entries does not continue the known one of {known.size}.",
            remedy="The log was rewritten: keep both checkpoints as evidence and call the auditor.",
        )
    return new


_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_BASE64 = r"[A-Za-z0-9+/]+={0,2}"
_PATH = rf"(?P<path>(?:\n{_BASE64}){{0,63}})"
_INCLUSION = re.compile(
    rf"{re.escape(INCLUSION_HEADER)}\nextra (?P<extra>{_BASE64})\nindex (?P<index>{_NUMBER}){_PATH}"
)
_CONSISTENCY = re.compile(rf"old (?P<old>{_NUMBER}){_PATH}")


def _lines(hashes: Sequence[bytes]) -> str:
    return "".join(f"{b64encode(value).decode()}\n" for value in hashes)


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except binascii.Error:
        raise ApplianceError("proof.malformed", "The proof holds something that is not base64.") from None
