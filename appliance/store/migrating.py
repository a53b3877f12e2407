"""Bringing an older database up to date on a copy that then takes its place; the old file is kept beside it.

    appliance.sqlite3.migrating     the copy, while it is worked on; of no use after a power cut
    appliance.sqlite3.before-N      what schema N had left, until `forget`
    appliance.sqlite3.undone-X      what release X had made of it, set aside by `restore`

Every step is one rename: whenever the power goes, the one database is in place or the other.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.errors import ApplianceError
from updates.durable import sync_folder

_TIMEOUT_SECONDS = 5.0


def migrate_on_copy(path: Path) -> None:
    """Migrate the database, which nobody else may have open; it is as it was where anything fails.

    Another process may do the same meanwhile: who comes second finds it done. Raises as SQLite and the system do.
    """
    from appliance.store import schema  # noqa: PLC0415 -- sqlite-utils costs 0.1 s to load

    copy = _beside(path, "migrating")
    with _alone(path) as version:
        if version is None:
            return
        try:
            shutil.copyfile(path, copy)
            copy.chmod(path.stat().st_mode)
            migrated = sqlite3.connect(copy, isolation_level=None)
            try:
                migrated.execute("PRAGMA foreign_keys = ON")
                schema.migrate(migrated)
            finally:
                migrated.close()
            _sync(copy)
            forget(path)
            os.link(path, _beside(path, f"before-{version}"))
            copy.rename(path)
            sync_folder(path.parent)
        finally:
            copy.unlink(missing_ok=True)


def kept_before(path: Path) -> int | None:
    """The schema of the database that was kept; None where there is none."""
    found = [file.name.rpartition("-")[2] for file in path.parent.glob(f"{path.name}.before-*")]
    return max((int(version) for version in found if version.isdigit()), default=None)


def schema_of(path: Path) -> int:
    """Of any release's database; 0 where there is none. Raises as SQLite does."""
    return _first(path, "PRAGMA user_version") if path.is_file() else 0


def entries_in(path: Path) -> int:
    """How many audit entries a database has that was set aside."""
    return _first(path, "SELECT count(*) FROM audit_entries")


def forget(path: Path) -> None:
    """The new database has proven itself: remove what was kept of the old one."""
    for file in path.parent.glob(f"{path.name}.before-*"):
        file.unlink(missing_ok=True)


def restore(path: Path, schema_version: int, release: str) -> Path:
    """Put the kept database of this schema back; where the newer one lies now.

    Raises ApplianceError `database.no-way-back` where none was kept.
    """
    before = _beside(path, f"before-{schema_version}")
    aside = _beside(path, f"undone-{release}")
    if not before.is_file():
        raise ApplianceError(
            "database.no-way-back",
            f"A newer release has changed {path}, and what it was before was not kept.",
            kept="The database was left as it is.",
            remedy="Start the newer release again, or restore the state folder from a backup.",
        )
    with _alone(path):  # what is in the write-ahead log belongs to the file that is set aside
        aside.unlink(missing_ok=True)
        os.link(path, aside)
        before.rename(path)
        sync_folder(path.parent)
    return aside


@contextmanager
def _alone(path: Path) -> Iterator[int | None]:
    """Keep everybody else out of the database, all of it in one file; its schema, or None where it is another file now."""
    connection = sqlite3.connect(path, timeout=_TIMEOUT_SECONDS, isolation_level=None)
    try:
        opened = path.stat().st_ino
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        yield version if path.stat().st_ino == opened else None
    finally:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        connection.close()


def _first(path: Path, sql: str) -> int:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_TIMEOUT_SECONDS)
    try:
        found: int = connection.execute(sql).fetchone()[0]
        return found
    finally:
        connection.close()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
