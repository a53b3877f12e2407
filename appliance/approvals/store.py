"""Requests for approval, as the database keeps them; they are never deleted."""

import secrets
import sqlite3

import msgspec

from appliance.approvals.rules import Request, State, Vote
from appliance.errors import ApplianceError
from appliance.store.database import Reader, Transaction

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_ID_LENGTH = 6


def new_id(reader: Reader) -> str:
    """Short enough to be read out over a phone."""
    while True:
        found = "".join(secrets.choice(_LETTERS) for _ in range(_ID_LENGTH))
        if reader.row("SELECT 1 FROM approvals WHERE id = ?", (found,)) is None:
            return found


def all_requests(reader: Reader, now: str) -> tuple[Request, ...]:
    """As they are at a moment, newest first."""
    rows = reader.query("SELECT * FROM approvals ORDER BY requested DESC, rowid DESC")
    return tuple(_request(reader, row).at(now) for row in rows)


def request_of(reader: Reader, request: str, now: str) -> Request:
    """Raises ApplianceError `approval.unknown`."""
    row = reader.row("SELECT * FROM approvals WHERE id = ?", (request.strip().lower(),))
    if row is None:
        raise ApplianceError(
            "approval.unknown",
            f"There is no request {request!r}.",
            kept="Nothing was changed.",
            remedy="`appliance approvals list` shows those that there are.",
        )
    return _request(reader, row).at(now)


def waiting(reader: Reader, action: str, digest: str, now: str) -> Request | None:
    """The newest request for exactly this that is neither used nor refused nor void."""
    rows = reader.query(
        "SELECT * FROM approvals WHERE action = ? AND digest = ? ORDER BY requested DESC, rowid DESC",
        (action, digest),
    )
    found = (_request(reader, row).at(now) for row in rows)
    return next((request for request in found if request.state in (State.OPEN, State.APPROVED)), None)


def put(tx: Transaction, request: Request) -> None:
    """Write a request and who stands behind it."""
    tx.execute(
        "INSERT INTO approvals (id, action, subject, digest, people, roles, asked_by, requested, expires, state, reason) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
        "reason = excluded.reason",
        (
            *(request.id, request.action, request.subject, request.digest, request.people),
            msgspec.json.encode(request.roles).decode(),
            *(request.asked_by, request.requested, request.expires, request.state.value, request.reason),
        ),
    )
    for vote in request.votes:
        tx.execute(
            "INSERT OR IGNORE INTO approvals_given (request, account, time) VALUES (?, ?, ?)",
            (request.id, vote.account, vote.time),
        )


def _request(reader: Reader, row: sqlite3.Row) -> Request:
    votes = reader.query(
        "SELECT account, time FROM approvals_given WHERE request = ? ORDER BY time, rowid", (row["id"],)
    )
    return Request(
        id=row["id"],
        action=row["action"],
        subject=row["subject"],
        digest=row["digest"],
        people=row["people"],
        roles=tuple(msgspec.json.decode(row["roles"])),
        asked_by=row["asked_by"],
        requested=row["requested"],
        expires=row["expires"],
        state=State(row["state"]),
        reason=row["reason"],
        votes=tuple(Vote(vote["account"], vote["time"]) for vote in votes),
    )
