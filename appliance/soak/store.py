"""The soaks of a box, as the database keeps them: one for each deployment, that of its last update."""

import sqlite3
from dataclasses import dataclass, replace

import msgspec

from appliance.soak.machine import Phase, Step, next_phase
from appliance.soak.observed import NOTHING_SEEN, Observed
from appliance.store.database import Reader, Transaction

OPEN = (Phase.SOAKING, Phase.FAILING)


@dataclass(frozen=True, slots=True)
class Soak:
    """One version on its way; times are ISO 8601, UTC."""

    name: str
    """Of the deployment."""
    artifact: str
    """Digest of the new version."""
    version: str
    previous: str
    """Digest of the version to go back to."""
    previous_version: str
    phase: Phase
    began: str
    ended: str = ""
    seen: Observed = NOTHING_SEEN
    before: Observed = NOTHING_SEEN
    """The old version, up to the switch."""
    cause: str = ""
    reason: str = ""
    """Why it is not good enough."""

    @property
    def open(self) -> bool:
        return self.phase in OPEN

    def stepped(self, step: Step, *, ended: str = "", cause: str = "", reason: str = "") -> "Soak":
        """One phase further. Raises ValueError where the step leads nowhere."""
        phase = next_phase(self.phase, step)
        return replace(
            self,
            phase=phase,
            ended=ended or self.ended,
            cause=cause or self.cause,
            reason=reason or self.reason,
        )


_SELECT = (
    "SELECT s.*, a.version, p.version AS previous_version FROM soaks s "
    "JOIN artifacts a ON a.digest = s.artifact JOIN artifacts p ON p.digest = s.previous"
)


def all_soaks(reader: Reader) -> dict[str, Soak]:
    """By the deployment's name."""
    return {row["name"]: _soak(row) for row in reader.query(f"{_SELECT} ORDER BY s.name")}


def soak_of(reader: Reader, name: str) -> Soak | None:
    row = reader.row(f"{_SELECT} WHERE s.name = ?", (name,))
    return None if row is None else _soak(row)


def put(tx: Transaction, soak: Soak) -> None:
    """Keep it in place of the deployment's last one."""
    tx.execute(
        "INSERT OR REPLACE INTO soaks (name, artifact, previous, phase, began, ended, seen, before, cause, reason) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(soak.name, soak.artifact, soak.previous, soak.phase.value, soak.began, soak.ended),
            *(_json(soak.seen), _json(soak.before), soak.cause, soak.reason),
        ),
    )


def end(tx: Transaction, name: str, *, unless: str = "") -> None:
    """Forget a deployment's soak, unless it is that of the version with this digest."""
    tx.execute("DELETE FROM soaks WHERE name = ? AND artifact <> ?", (name, unless))


def _soak(row: sqlite3.Row) -> Soak:
    return Soak(
        name=row["name"],
        artifact=row["artifact"],
        version=row["version"],
        previous=row["previous"],
        previous_version=row["previous_version"],
        phase=Phase(row["phase"]),
        began=row["began"],
        ended=row["ended"],
        seen=msgspec.json.decode(row["seen"], type=Observed),
        before=msgspec.json.decode(row["before"], type=Observed),
        cause=row["cause"],
        reason=row["reason"],
    )


def _json(observed: Observed) -> str:
    return msgspec.json.encode(observed).decode()
