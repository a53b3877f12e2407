"""The audit log: list, verify, export."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from appliance.audit.checkpoint import latest
from appliance.audit.entry import Entry
from appliance.audit.export import export as write_export
from appliance.audit.log import LoggedEntry
from appliance.audit.verify import verify as verify_log
from appliance.control.messages import Progress
from appliance.operations.context import BoxContext
from appliance.results import AuditExported, AuditList, AuditRow, AuditVerified


async def list_entries(context: BoxContext, *, count: int) -> AuditList:
    log = context.box.audit
    newest = log.entries(newest_first=True, limit=max(0, count))
    return AuditList(log.size(), tuple(_row(logged) for logged in newest))


async def verify(context: BoxContext) -> AuditVerified:
    """Raises ApplianceError `audit.tampered` with the first finding."""
    start = time.perf_counter()
    box = context.box
    verification = await asyncio.to_thread(
        verify_log, box.database, box.device_key.verifier, _entries(context)
    )
    verification.require_intact()
    newest = verification.newest
    return AuditVerified(
        verification.size,
        verification.checkpoints,
        newest.size if newest else None,
        verification.root.hex(),
        time.perf_counter() - start,
    )


async def export(context: BoxContext, *, file: str) -> AuditExported:
    """The export's own entry is in it."""
    box = context.box
    with box.change(context.actor, "audit.export") as change:
        change.note(file)
    box.sign_checkpoint()
    checkpoint = latest(box.database)
    if checkpoint is None:
        raise RuntimeError("a checkpoint was signed a moment ago")
    exported = await asyncio.to_thread(
        write_export,
        box.audit,
        Path(file),
        checkpoint.note,
        box.device_key.verifier,
        on_progress=_entries(context),
    )
    return AuditExported(file, exported.entries, exported.size, exported.digest)


def _entries(context: BoxContext) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        context.progress(Progress("verify", "the audit log", done, total, "entries"))

    return tell


def _row(logged: LoggedEntry) -> AuditRow:
    entry: Entry = logged.entry
    return AuditRow(
        logged.index,
        entry.time,
        entry.actor,
        entry.role,
        entry.action,
        entry.subject,
        entry.subject_digest,
        entry.outcome,
        entry.cause,
    )
