"""Entries of a box's audit log with their details, read from the file, whatever release has written it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def logged(state: Path, action: str, subject: str = "") -> list[dict[str, Any]]:
    """Those of an action whose subject begins so, oldest first."""
    address = f"{(state / 'appliance.sqlite3').as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        rows = connection.execute("SELECT canonical FROM audit_entries ORDER BY idx").fetchall()
    entries = (json.loads(row[0]) for row in rows)
    return [e for e in entries if e["action"] == action and e.get("subject", "").startswith(subject)]
