"""The audit log: list, verify, export."""

import asyncio
import time
from pathlib import Path

from appliance.audit.checkpoint import latest
from appliance.audit.entry import Entry
from appliance.audit.log import LoggedEntry
from appliance.control.messages import Progress
from appliance.operations.context import BoxContext
from appliance.results import AuditExported, AuditList, AuditRow, AuditVerified


async def list_entries(context: BoxContext, *, count: int) -> AuditList:
    log = context.box.audit
    newest = log.entries(newest_first=True, limit=max(0, count))
    return AuditList(log.size(), tuple(_row(logged) for logged in newest))


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
