"""The appliance's one SQLite file: registry, accounts and audit log change together or not at all."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.errors import ApplianceError
from appliance.store.errors import told_plainly
from appliance.store.migrating import migrate_on_copy

FILE_NAME = "appliance.sqlite3"
SCHEMA_VERSION = 8
"""Number of migrations in `appliance.store.schema`."""
BUSY_TIMEOUT_SECONDS = 5.0

Parameter = str | bytes | int | float | None
Parameters = Sequence[Parameter] | dict[str, Parameter]


class Reader:
    """Plain SQL that only reads; rows answer to column names and positions."""

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: threading.RLock) -> None:
        self.path = path
        self._connection = connection
        self._lock = lock

    def query(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Every row at once. Raises ApplianceError (see `appliance.store.errors`)."""
        with self._lock, told_plainly(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row, or None."""
        with self._lock, told_plainly(self.path):
            row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
            return row


class Transaction(Reader):
    """An open write transaction: the only thing through which the database can be changed."""

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: threading.RLock) -> None:
        super().__init__(connection, path, lock)
        self._open = True

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Carry out one statement; the number of rows it changed.

        Raises ApplianceError, or sqlite3.IntegrityError where a constraint refuses it.
        """
        with self._lock, told_plainly(self.path):
            if not self._open:
                raise RuntimeError("this transaction has ended")
            return self._connection.execute(sql, parameters).rowcount

    def end(self) -> None:
        """Refuse every further statement; called by `Database.transaction`."""
        self._open = False


class Database(Reader):
    """A connection that every thread of the process may share; one of them works at a time."""

    def __init__(self, connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
        super().__init__(connection, path, threading.RLock())
        self._read_only = read_only

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Self:
        """Open the file, making or migrating it where needed; its folder must exist.

        Raises ApplianceError: `database.newer`, `database.corrupt`, `database.read-only`,
        `database.unreadable`, `database.busy`, `disk.full`.
        """
        with told_plainly(path):
            connection = _connect_read_only(path) if read_only else _connect(path)
            try:
                if _check_version(connection, path, read_only=read_only):
                    connection.close()
                    migrate_on_copy(path)
                    connection = _connect(path)
                connection.execute("PRAGMA query_only = ON")  # outside of transactions nothing is changed
            except BaseException:
                connection.close()
                raise
        return cls(connection, path, read_only=read_only)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """BEGIN IMMEDIATE, then COMMIT, or ROLLBACK when the block raises; once out of it, it is on the disk.

        Other threads wait for it. A transaction within a transaction is a mistake: RuntimeError.
        """
        with self._lock:
            if self._connection.in_transaction:
                raise RuntimeError("a transaction is already open here")
            transaction = Transaction(self._connection, self.path, self._lock)
            try:
                with told_plainly(self.path):
                    self._connection.execute(f"PRAGMA query_only = {self._read_only:d}")
                    self._connection.execute("BEGIN IMMEDIATE")
                yield transaction
                with told_plainly(self.path):
                    self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            finally:
                transaction.end()
                self._connection.execute("PRAGMA query_only = ON")

    def check(self) -> None:
        """Let SQLite look through the whole file. Raises ApplianceError `database.corrupt`."""
        answer = self.query("PRAGMA quick_check(1)")[0][0]
        if answer != "ok":
            raise ApplianceError(
                "database.corrupt",
                f"The database {self.path} is damaged: {answer}.",
                kept="The file was left as it is.",
                remedy="Copy the state folder away for examination, then restore it from a backup.",
            )

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # some failures, such as a full disk, have rolled back already
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _connect(path: Path) -> sqlite3.Connection:
    # SQLite would make the file readable for everyone; its -wal and -shm follow the file's mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    connection = _prepared(_sqlite(path.absolute().as_uri()))
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise ApplianceError(
                "database.unsuitable-disk",
                f"The file system of {path} cannot hold a write-ahead log (it offers {mode!r}).",
                kept="Nothing was changed.",
                remedy="Put the state folder on a local disk.",
            )
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """A folder that cannot be written, such as a mounted backup, offers no place for the shared index of
    the write-ahead log; where there is no log either, the file can be read as immutable."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        connection = _prepared(_sqlite(address))
        connection.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.OperationalError:
        if not path.exists() or path.with_name(path.name + "-wal").exists():
            raise
        connection = _prepared(_sqlite(address + "&immutable=1"))
    return connection


def _check_version(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> bool:
    """Whether there is something in it that must be migrated; a new file gets its tables here."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise ApplianceError(
            "database.newer",
            f"A newer release of the appliance has changed {path} (schema {version}, known up to {SCHEMA_VERSION}).",
            kept="The database was left as it is.",
            remedy="Install that release again, or restore the state that this release had made.",
        )
    if version < SCHEMA_VERSION and read_only:
        raise ApplianceError(
            "database.older",
            f"{path} is of an older release (schema {version}, needed {SCHEMA_VERSION}).",
            kept="The database was left as it is.",
            remedy="Run a command that may write to the state, such as appliance status, to bring it up to date.",
        )
    if version == 0 and not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        from appliance.store import schema  # noqa: PLC0415 -- sqlite-utils costs 0.1 s to load

        schema.migrate(connection)
        return False
    return version < SCHEMA_VERSION


def _sqlite(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")  # else REPLACE deletes without asking the triggers
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection
