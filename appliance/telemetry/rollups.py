"""Telemetry on the disk: one-minute sums in a file of its own that may vanish, break or fill up any time."""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from appliance.telemetry.histogram import merge

FILE_NAME = "telemetry.sqlite3"
FORMAT = 1
"""In `user_version`; a file of another format is replaced."""

_DISPOSABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH}


@dataclass(slots=True)
class Rollup:
    """What a deployment answered in one minute, or in a part of it."""

    minute: int
    """Minutes since 1970, UTC."""
    deployment: str
    requests: int = 0
    errors: int = 0
    tokens: int = 0
    causes: dict[str, int] = field(default_factory=dict)
    """Number of errors by cause code."""
    latencies: dict[int, int] = field(default_factory=dict)
    """Histogram of the requests that went well; see `appliance.telemetry.histogram`."""

    def add(self, other: "Rollup") -> None:
        self.requests += other.requests
        self.errors += other.errors
        self.tokens += other.tokens
        for cause, count in other.causes.items():
            self.causes[cause] = self.causes.get(cause, 0) + count
        merge(self.latencies, other.latencies)


class RollupFile:
    """The file. Every method may raise sqlite3.Error or OSError; `is_broken` tells when to `recreate`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def add(self, rollups: Iterable[Rollup]) -> None:
        """Add to what the file has of the same minutes; all of it or nothing."""
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            for rollup in rollups:
                self._add_one(connection, rollup)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def read(self, deployment: str, start: int, stop: int) -> list[Rollup]:
        """The minutes [start, stop) in which something was answered, oldest first."""
        rows = self._open().execute(
            "SELECT * FROM minutes WHERE deployment = ? AND minute >= ? AND minute < ? ORDER BY minute",
            (deployment, start, stop),
        )
        return [_rollup(row) for row in rows]

    def prune(self, oldest: int, size_limit: int) -> None:
        """Forget the minutes before `oldest`, and then the oldest ones until the file is within `size_limit` bytes."""
        connection = self._open()
        connection.execute("DELETE FROM minutes WHERE minute < ?", (oldest,))
        while self._size_in_use(connection) > size_limit:
            deleted = connection.execute(
                "DELETE FROM minutes WHERE minute < (SELECT min(minute) + max(1, (max(minute) - min(minute)) / 10)"
                " FROM minutes)"
            ).rowcount
            if not deleted:
                break
        connection.execute("PRAGMA incremental_vacuum").fetchall()

    def recreate(self) -> None:
        """Throw the file away; the next call begins an empty one."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and not self._was_deleted():
            return self._connection
        self.close()
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=0.2, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            _prepare(connection)
            self._inode = self.path.stat().st_ino
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _was_deleted(self) -> bool:
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _add_one(self, connection: sqlite3.Connection, rollup: Rollup) -> None:
        with closing(
            connection.execute(
                "SELECT * FROM minutes WHERE deployment = ? AND minute = ?",
                (rollup.deployment, rollup.minute),
            )
        ) as rows:
            row = rows.fetchone()
        if row is not None:
            whole = _rollup(row)
            whole.add(rollup)
            rollup = whole
        connection.execute(
            "INSERT OR REPLACE INTO minutes (deployment, minute, requests, errors, tokens, causes, latencies)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                rollup.deployment,
                rollup.minute,
                rollup.requests,
                rollup.errors,
                rollup.tokens,
                msgspec.msgpack.encode(rollup.causes),
                msgspec.msgpack.encode(rollup.latencies),
            ),
        )

    @staticmethod
    def _size_in_use(connection: sqlite3.Connection) -> int:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


def is_broken(error: Exception) -> bool:
    """Whether the file itself is at fault and only a new one helps (not a full or a read-only disk)."""
    if isinstance(error, msgspec.DecodeError | sqlite3.NotSupportedError):
        return True
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _DISPOSABLE


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_size_limit = 4194304").fetchone()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == FORMAT:
        return
    if version != 0:
        raise sqlite3.NotSupportedError(f"format {version}, not {FORMAT}")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        """CREATE TABLE minutes (
            deployment TEXT NOT NULL,
            minute INTEGER NOT NULL,
            requests INTEGER NOT NULL,
            errors INTEGER NOT NULL,
            tokens INTEGER NOT NULL,
            causes BLOB NOT NULL,
            latencies BLOB NOT NULL,
            PRIMARY KEY (deployment, minute)
        ) STRICT, WITHOUT ROWID"""
    )
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def _rollup(row: sqlite3.Row) -> Rollup:
    return Rollup(
        minute=row["minute"],
        deployment=row["deployment"],
        requests=row["requests"],
        errors=row["errors"],
        tokens=row["tokens"],
        causes=msgspec.msgpack.decode(row["causes"], type=dict[str, int]),
        latencies=msgspec.msgpack.decode(row["latencies"], type=dict[int, int]),
    )
