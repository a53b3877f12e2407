"""A log with its key, and entries to fill it with."""

from dataclasses import dataclass
from typing import Any

from appliance.audit.checkpoint import checkpoint_now
from appliance.audit.entry import Entry, Outcome
from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.store.database import Database

TIME = "2026-11-21T11:00:00Z"


@dataclass
class Evidence:
    """The shortest ways to make a log grow."""

    database: Database
    log: AuditLog
    key: DeviceKey

    def append(self, *subjects: str) -> None:
        with self.database.transaction() as tx:
            for subject in subjects:
                self.log.append(tx, entry(subject))

    def grow(self, count: int) -> None:
        start = self.log.size()
        self.append(*(f"subject {index}" for index in range(start, start + count)))

    def checkpoint(self) -> str:
        with self.database.transaction() as tx:
            return checkpoint_now(tx, self.log, self.key, TIME)


def entry(subject: str = "line-inspection", **fields: Any) -> Entry:
    given = {
        "time": TIME,
        "time_source": "clock",
        "actor": "ann",
        "action": "deploy",
        "outcome": Outcome.OK,
        "subject": subject,
    }
    return Entry(**{**given, **fields})
