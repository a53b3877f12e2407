"""The log as CSV for a spreadsheet: to read and filter; the proof is the JSON Lines export."""

import csv
import json
import os
from pathlib import Path

from appliance.audit.log import AuditLog, LoggedEntry
from appliance.audit.tree import leaf_hash

COLUMNS = (
    "index",
    "time",
    "time_source",
    "actor",
    "role",
    "session",
    "action",
    "subject",
    "subject_digest",
    "outcome",
    "cause",
    "correlation",
    "details",
    "leaf_hash",
)
_ROWS_AT_ONCE = 1_024
_FORMULA = ("=", "+", "-", "@")


def write_csv(log: AuditLog, path: Path, start: int = 0, stop: int | None = None) -> int:
    """Write the entries [start, stop) to `path` as RFC 4180 CSV in UTF-8; the number of entries.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it.
    The file appears at its place when it is whole. Raises ApplianceError `audit.unreadable-entry`, OSError.
    """
    stop = log.size() if stop is None else min(stop, log.size())
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for first in range(start, stop, _ROWS_AT_ONCE):
                writer.writerows(map(_cells, log.entries(first, min(first + _ROWS_AT_ONCE, stop))))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return max(0, stop - start)


def _cells(logged: LoggedEntry) -> list[str]:
    entry = logged.entry
    details = json.dumps(entry.details, ensure_ascii=False, sort_keys=True) if entry.details else ""
    texts = [getattr(entry, column) for column in COLUMNS[1:-2]]
    return [
        str(logged.index),
        *(_harmless(text) for text in [*texts, details]),
        leaf_hash(logged.canonical).hex(),
    ]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
