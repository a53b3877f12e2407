"""One box's state, opened: the database and what lies around it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

from appliance.actor import Actor
from appliance.audit.checkpoint import checkpoint_now
from appliance.audit.entry import Entry, Outcome
from appliance.audit.key import DeviceKey
from appliance.audit.log import AuditLog
from appliance.cancelling import Cancellation
from appliance.errors import ApplianceError, explain
from appliance.registry import Registry
from appliance.release import BUILT
from appliance.state import StateFolder
from appliance.store import settings
from appliance.store.database import Database, Transaction
from appliance.store.lock import StateLock
from updates.blobs import BlobStore
from updates.trust.clock import EffectiveTime, effective_time
from updates.trust.state import TrustState

_REFUSALS = ("trust.", "policy.role", "policy.below-floor", "approval.", "account.")
"""Cause codes of what somebody was not allowed to do, or was not trusted."""


class Box:
    """Everything on the disk of one box. Make it with `Box.open`; close it, or use it as a context."""

    def __init__(self, state: StateFolder, database: Database, lock: StateLock | None) -> None:
        self.state = state
        self.database = database
        self.registry = Registry(database)
        self.audit = AuditLog(database)
        self.blobs = BlobStore(state.blobs)
        self.cancellation = Cancellation()
        self._lock = lock

    @classmethod
    def open(cls, state: StateFolder, *, writing: bool) -> Self:
        """Open a provisioned box; `writing` takes the state's lock first.

        Raises ApplianceError: `state.missing`, `state.in-use`, and what the database raises.
        """
        if not state.database.is_file():
            raise ApplianceError(
                "state.missing",
                f"There is no box in {state.root}.",
                kept="Nothing was made.",
                remedy="Provision it with `appliance init --trust ROOT.json`, or name another --state-dir.",
            )
        lock = StateLock.acquire(state.root) if writing else None
        try:
            return cls(state, Database.open(state.database, read_only=not writing), lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise

    @property
    def name(self) -> str:
        return str(settings.read(self.database, "box.name", "unnamed"))

    @property
    def device_key(self) -> DeviceKey:
        """Raises ApplianceError: `key.missing`, `key.exposed`, `key.unreadable`."""
        return DeviceKey.load(self.state.device_key, origin(self.name))

    @property
    def trust(self) -> TrustState:
        """What the box trusts now."""
        return TrustState(self.registry.trusted_metadata())

    def now(self) -> EffectiveTime:
        """The time to judge signed metadata by, and what it rests on."""
        trusted = self.registry.trusted_metadata()  # nothing yet while the box is being provisioned
        return effective_time(build=BUILT, signed=TrustState(trusted).signed_time if trusted else None)

    @contextmanager
    def change(self, actor: Actor, action: str) -> Iterator["Change"]:
        """A transaction that must write at least one audit entry, else it is rolled back (RuntimeError)."""
        with self.database.transaction() as tx:
            change = Change(self, tx, actor, action)
            yield change
            if not change.noted:
                raise RuntimeError(f"{action} would have changed the box without an audit entry")

    def note_failure(self, actor: Actor, action: str, error: BaseException, *, subject: str = "") -> None:
        """Log that a command was refused or failed; it changed nothing."""
        told = explain(error)
        with self.change(actor, action) as change:
            change.note(
                subject,
                outcome=Outcome.REFUSED if told.code.startswith(_REFUSALS) else Outcome.FAILED,
                cause=told.code,
                details={"what": told.what},
            )

    def sign_checkpoint(self) -> None:
        """Sign the log as it is now, unless the newest checkpoint covers all of it."""
        with self.database.transaction() as tx:
            checkpoint_now(tx, self.audit, self.device_key, timestamp())

    def close(self) -> None:
        self.database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Change:
    """One transaction on the box, and the entries that tell of it."""

    def __init__(self, box: Box, tx: Transaction, actor: Actor, action: str) -> None:
        self.tx = tx
        self.noted = False
        now = box.now()
        self.time = iso(now.at)
        self._time_source = now.source
        self._box = box
        self._actor = actor
        self._action = action

    def note(
        self,
        subject: str = "",
        *,
        digest: str = "",
        outcome: Outcome = Outcome.OK,
        cause: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an audit entry to the transaction; `digest` is hexadecimal SHA-256."""
        self._box.audit.append(
            self.tx,
            Entry(
                time=self.time,
                time_source=self._time_source,
                actor=self._actor.name,
                role=self._actor.role,
                action=self._action,
                subject=subject,
                subject_digest=f"sha256:{digest}" if digest else "",
                outcome=outcome,
                cause=cause,
                correlation=self._actor.correlation,
                details=details or {},
            ),
        )
        self.noted = True


def origin(box_name: str) -> str:
    """The audit log's name in its checkpoints."""
    return f"appliance/{box_name}"


def timestamp() -> str:
    """Now, as entries and rows carry it: ISO 8601, UTC, milliseconds."""
    return iso(datetime.now(UTC))


def iso(moment: datetime) -> str:
    """A moment in UTC as ISO 8601 with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
