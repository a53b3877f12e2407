"""What SQLite's failures mean to the person at the box."""

import errno
import shutil
import sqlite3
from pathlib import Path
from types import TracebackType

from appliance.errors import ApplianceError

ROOM_TO_OPEN = 1 << 16
"""Bytes that SQLite takes beside a database to open it: the index of its write-ahead log, and the log's first page."""


class told_plainly:  # noqa: N801 -- reads as the verb it is in `with told_plainly(path):`
    """Raises what SQLite or the system reports about the file at `path` as an ApplianceError.

    Broken constraints and faulty SQL are the caller's affair and pass as they are.
    """

    __slots__ = ("_path",)

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, sqlite3.DatabaseError | OSError):
            plain = _explained(error, self._path)
            if plain is not None:
                raise plain from error


def _explained(error: sqlite3.DatabaseError | OSError, path: Path) -> ApplianceError | None:
    if isinstance(error, OSError):
        result = _SYSTEM_RESULTS.get(error.errno or 0, sqlite3.SQLITE_CANTOPEN)
    else:
        result = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
    if result in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR) and _no_room_at(path):
        result = sqlite3.SQLITE_FULL
    plain = _MEANINGS.get(result)
    if plain is None:
        return None
    code, what, kept, remedy = plain
    return ApplianceError(code, what.format(path=path, error=error), kept=kept, remedy=remedy)


def _no_room_at(path: Path) -> bool:
    """SQLite cannot make its files for the log on a full disk either, and then says something else."""
    try:
        return shutil.disk_usage(path.parent).free < ROOM_TO_OPEN
    except OSError:
        return False


_SYSTEM_RESULTS = {
    errno.ENOSPC: sqlite3.SQLITE_FULL,
    errno.EDQUOT: sqlite3.SQLITE_FULL,
    errno.EROFS: sqlite3.SQLITE_READONLY,
    errno.EACCES: sqlite3.SQLITE_READONLY,
    errno.EPERM: sqlite3.SQLITE_READONLY,
    errno.EIO: sqlite3.SQLITE_IOERR,
}
_NOTHING_CHANGED = "Nothing was changed."
_BUSY = (
    "database.busy",
    "Another process holds the database {path} and did not let go in time.",
    _NOTHING_CHANGED,
    "Try again; if it lasts, stop the other program that has this file open.",
)
_CORRUPT = (
    "database.corrupt",
    "The database {path} is damaged: {error}.",
    "The file was left as it is.",
    "Copy the state folder away for examination, then restore it from a backup.",
)
_READ_ONLY = (
    "database.read-only",
    "{path} cannot be written: {error}.",
    _NOTHING_CHANGED,
    "Make the state folder writable for the user that runs the appliance.",
)
_MEANINGS = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CORRUPT: _CORRUPT,
    sqlite3.SQLITE_NOTADB: _CORRUPT,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_FULL: (
        "disk.full",
        "The disk has no room left for {path}.",
        _NOTHING_CHANGED,
        "Free space on the disk that holds the state folder, then try again.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "database.unreadable",
        "{path} cannot be opened: {error}.",
        _NOTHING_CHANGED,
        "Check that the state folder exists and who may read and write it.",
    ),
    sqlite3.SQLITE_IOERR: (
        "disk.failed",
        "The disk refused a read or write of {path}: {error}.",
        _NOTHING_CHANGED,
        "Look at the kernel log for disk errors, and at free space and quotas.",
    ),
}
