"""Receipts on media: what the box tells the depot after an import, and the cosignatures that come back.

The log on one box cannot stop its own root from cutting its tail. So each receipt carries the newest checkpoint with
proofs that it continues those the depot has seen, the depot cosigns it, and the next update brings that back.
"""

import json
from base64 import b64encode
from pathlib import Path

from appliance.actor import Actor
from appliance.audit.checkpoint import Checkpoint, latest, verify
from appliance.audit.entry import Outcome
from appliance.audit.proof import prove_consistency
from appliance.box import Box, Change, iso, origin
from appliance.errors import ApplianceError, explain
from appliance.results import ImportReport
from appliance.store import settings
from updates.digest import Digest
from updates.errors import UpdateError
from updates.layout import CHUNK_INDEX_TYPE, COSIGNATURES, LIMITS
from updates.media import find_update
from updates.receipt import HeldArtifact, HeldFile, Receipt, Result, write_receipt
from updates.supply import manifest_here

_COSIGNED = "receipts.cosigned"
"""Setting: the newest cosigned note that came back."""
_SIZES = "receipts.sizes"
"""Setting: log sizes of receipts since then."""
_REMEMBERED = 32


_STRANGERS = frozenset(
    {
        "trust.unknown-key",
        "trust.signature",
        "trust.threshold",
        "trust.same-key-twice",
        "medium.no-update",
        "medium.malformed",
    }
)
"""Refusals of media that need not come from this box's depot: they get no list of what the box holds."""


def leave_receipt(box: Box, medium: str, outcome: ImportReport | Exception) -> str:
    """Write a receipt on the medium that was read; gives the file, or "" where the medium takes none."""
    if isinstance(outcome, Exception) and explain(outcome).code in _STRANGERS:
        return ""
    try:
        receipt = _receipt(box, outcome)
        file = write_receipt(find_update(Path(medium)), receipt, box.device_key.private.sign)
    except Exception:  # noqa: BLE001 - a full, write-protected or pulled medium is no failure of the import
        return ""
    return str(file)


def cosigned_note(box: Box, medium: str) -> str | None:
    """The cosigned checkpoint that a medium brings for this box; None where it brings none."""
    try:
        data = find_update(Path(medium)).read(COSIGNATURES, LIMITS.snapshot)
        notes = json.loads(data) if data is not None else {}
    except (UpdateError, ValueError, RecursionError):
        return None
    note = notes.get(origin(box.name)) if isinstance(notes, dict) else None
    return note if isinstance(note, str) else None


def keep_cosigned(box: Box, actor: Actor, note: str) -> None:
    """Remember a cosigned checkpoint. One that this log does not continue goes into the log: it was cut or rewritten."""
    key = box.device_key.verifier
    known = settings.read(box.database, _COSIGNED, "")
    if note == known:
        return
    with box.change(actor, "audit.cosigned") as change:
        try:
            cosigned = verify(note, key)
            _compare(box, change, cosigned)
        except ApplianceError as error:
            change.note(
                "depot", outcome=Outcome.FAILED, cause=error.code, details={"what": error.what, "note": note}
            )
            return
        change.note("depot", details={"entries": cosigned.size})
        if not known or verify(known, key).size < cosigned.size:
            settings.write(change.tx, _COSIGNED, note)


def _compare(box: Box, change: Change, cosigned: Checkpoint) -> None:
    size = box.audit.size(change.tx)
    if cosigned.size > size or box.audit.root(cosigned.size, change.tx) != cosigned.root:
        raise ApplianceError(
            "audit.not-as-cosigned",
            f"The depot has cosigned a log of {cosigned.size} entries that this log of {size} does not continue.",
        )


def _receipt(box: Box, outcome: ImportReport | Exception) -> Receipt:
    box.sign_checkpoint()
    key = box.device_key
    artifacts = box.registry.artifacts()
    checkpoint = latest(box.database)
    report = outcome if isinstance(outcome, ImportReport) else None
    applied = [Result(a.kind, a.name, a.version) for a in report.applied] if report else []
    rejected = (
        [Result(r.kind, r.name, r.version, r.code, r.reason) for r in report.rejected] if report else []
    )
    return Receipt(
        box=box.name,
        key=b64encode(key.verifier.public).decode(),
        time=iso(box.now().at),
        metadata_version=report.metadata_version if report else 0,
        code="" if isinstance(outcome, ImportReport) else explain(outcome).code,
        artifacts=tuple(HeldArtifact(a.kind, a.name, a.version, a.digest) for a in artifacts),
        files=tuple(_files(box)),
        results=(*applied, *rejected),
        checkpoint=checkpoint.note if checkpoint else "",
        consistency=_proofs(box, checkpoint.note) if checkpoint else (),
    )


def _files(box: Box) -> list[HeldFile]:
    found: dict[str, HeldFile] = {}
    for artifact in box.registry.artifacts():
        manifest = manifest_here(box.blobs, Digest(artifact.digest))
        for packed in manifest.files if manifest else ():
            if box.blobs.has(packed.digest) and packed.media_type != CHUNK_INDEX_TYPE:
                index = packed.index.digest.hex if packed.index else ""
                found[packed.digest.hex] = HeldFile(packed.digest.hex, index)
    return list(found.values())


def _proofs(box: Box, note: str) -> tuple[str, ...]:
    """From the cosigned checkpoint and each receipt since; this receipt is remembered among them."""
    key = box.device_key.verifier
    cosigned = settings.read(box.database, _COSIGNED, "")
    known = verify(cosigned, key).size if cosigned else 0
    sizes = [size for size in settings.read(box.database, _SIZES, []) if size > known]
    now = verify(note, key).size
    with box.database.transaction() as tx:
        settings.write(tx, _SIZES, [*sizes, now][-_REMEMBERED:])
    olds = sorted({size for size in (known, *sizes) if size})
    return tuple(prove_consistency(box.audit, old, note, key) for old in olds)
