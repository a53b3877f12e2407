"""The one SQLite file: durable, whole, and plain about what is wrong with it."""

import contextlib
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from sqlite_utils import Database as Tables

from appliance.errors import ApplianceError
from appliance.store import database as store
from appliance.store import schema, settings
from appliance.store.database import SCHEMA_VERSION, Database, Transaction


def test_a_new_file_is_durable_strict_and_private(database: Database) -> None:
    assert database.query("PRAGMA journal_mode")[0][0] == "wal"
    assert database.query("PRAGMA synchronous")[0][0] == 2  # FULL
    assert database.query("PRAGMA foreign_keys")[0][0] == 1
    tables = database.query("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict")
    assert [row["name"] for row in tables] == ["sqlite_schema", "sqlite_temp_schema"]
    files = sorted(database.path.parent.glob("appliance.sqlite3*"))
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_schema_version_counts_the_migrations(database: Database) -> None:
    names = [row[0] for row in database.query("SELECT name FROM _sqlite_migrations ORDER BY id")]
    assert len(names) == SCHEMA_VERSION
    assert database.query("PRAGMA user_version")[0][0] == SCHEMA_VERSION


def test_an_older_database_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "appliance.sqlite3"
    with Tables(memory=True) as nothing_yet:
        names = [step.name for step in schema.migration.pending(nothing_yet)]
    older = Tables(path, strict=True)
    schema.migration.apply(older, stop_before=names[3])
    older.conn.execute("INSERT INTO settings VALUES ('box.name', '\"box-7\"')")
    older.conn.commit()
    older.close()
    with Database.open(path) as opened:
        assert settings.read(opened, "box.name") == "box-7"
        assert opened.query("PRAGMA user_version")[0][0] == SCHEMA_VERSION


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "appliance.sqlite3"
    Database.open(path).close()
    steps = list(schema.migration._migrations)
    monkeypatch.setattr(schema.migration, "_migrations", steps)
    monkeypatch.setattr(store, "SCHEMA_VERSION", SCHEMA_VERSION + 2)

    @schema.migration()
    def next_step(tables: Tables) -> None:
        tables.conn.execute("CREATE TABLE next (x TEXT) STRICT")

    @schema.migration()
    def broken_step(tables: Tables) -> None:
        tables.conn.execute("CREATE TABLE settings (x TEXT) STRICT")

    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        Database.open(path)
    monkeypatch.undo()
    with Database.open(path) as opened:
        assert opened.row("SELECT 1 FROM sqlite_schema WHERE name = 'next'") is None


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "appliance.sqlite3"
    with Database.open(path) as opened, opened.transaction() as tx:
        tx.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    assert refusal(path) == "database.newer"
    assert path.read_bytes() == before


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(TypeError), database.transaction() as tx:
        write_then_fail(tx)
    assert settings.read(database, "one") is None
    with database.transaction() as tx:
        settings.write(tx, "one", 1)
        settings.write(tx, "one", {"two": [2]})
    assert settings.read(database, "one") == {"two": [2]}


def test_outside_of_a_transaction_nothing_can_be_changed(database: Database) -> None:
    with database.transaction() as tx:
        settings.write(tx, "one", 1)
    for statement in ("DELETE FROM settings", "CREATE TABLE another (x TEXT) STRICT"):
        with pytest.raises(ApplianceError) as caught:
            database.query(statement)
        assert caught.value.code == "database.read-only"
    assert settings.read(database, "one") == 1


def test_a_transaction_within_a_transaction_is_a_mistake(database: Database) -> None:
    with database.transaction() as tx:
        with pytest.raises(RuntimeError, match="already open"), database.transaction():
            pass
        settings.write(tx, "one", 1)
    assert settings.read(database, "one") == 1


def test_a_transaction_that_has_ended_changes_nothing_more(database: Database) -> None:
    with database.transaction() as tx:
        pass
    with pytest.raises(RuntimeError, match="ended"):
        settings.write(tx, "one", 1)


def test_other_threads_wait_and_never_see_half_a_change(database: Database) -> None:
    seen = []
    with database.transaction() as tx:
        settings.write(tx, "one", 1)
        reader = threading.Thread(target=lambda: seen.append(settings.read(database, "two")))
        reader.start()
        reader.join(0.05)
        assert reader.is_alive()
        settings.write(tx, "two", 2)
    reader.join()
    assert seen == [2]


def test_a_second_writer_is_told_that_the_database_is_busy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BUSY_TIMEOUT_SECONDS", 0.05)
    with Database.open(database.path) as second, database.transaction():
        with pytest.raises(ApplianceError) as caught, second.transaction():
            pass
        assert caught.value.code == "database.busy"
        assert settings.read(second, "one") is None


@pytest.mark.parametrize(
    "content", [b"not a database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 4_000]
)
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "appliance.sqlite3"
    path.write_bytes(content)
    assert refusal(path) == "database.corrupt"
    assert path.read_bytes() == content


def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "appliance.sqlite3"
    with Database.open(path) as opened:
        opened.check()
        with opened.transaction() as tx:
            for number in range(500):
                settings.write(tx, f"key {number}", "x" * 100)
    content = bytearray(path.read_bytes())
    content[-8192:] = b"\xff" * 8192
    path.write_bytes(content)
    with Database.open(path) as opened, pytest.raises(ApplianceError) as caught:
        opened.check()
    assert caught.value.code == "database.corrupt"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root")
    yield disk
    unmount = ["umount", "--lazy", str(disk)]
    subprocess.run(unmount, check=True)


def test_where_the_disk_has_no_room_to_open_the_database_that_is_what_is_told(small_disk: Path) -> None:
    path = small_disk / "appliance.sqlite3"
    Database.open(path).close()
    with (small_disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))
    assert refusal(path) == "disk.full"
    (small_disk / "filler").unlink()
    Database.open(path).close()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone" / "appliance.sqlite3") == "database.unreadable"
    with pytest.raises(ApplianceError) as caught:
        Database.open(tmp_path / "gone.sqlite3", read_only=True)
    assert caught.value.code == "database.unreadable"


def test_reading_changes_nothing_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "appliance.sqlite3"
    with Database.open(path) as opened, opened.transaction() as tx:
        settings.write(tx, "one", 1)
    with Database.open(path, read_only=True) as reading:
        assert settings.read(reading, "one") == 1
        with pytest.raises(ApplianceError) as caught, reading.transaction() as tx:
            settings.write(tx, "one", 2)
        assert caught.value.code == "database.read-only"


def test_reading_beside_a_writer_sees_what_was_committed(database: Database) -> None:
    with Database.open(database.path, read_only=True) as reading, database.transaction() as tx:
        settings.write(tx, "one", 1)
        assert settings.read(reading, "one") is None
    with Database.open(database.path, read_only=True) as reading:
        assert settings.read(reading, "one") == 1


def test_a_folder_that_may_not_be_written_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    path = folder / "appliance.sqlite3"
    with Database.open(path) as opened, opened.transaction() as tx:
        settings.write(tx, "one", 1)
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        told = in_child(
            """
            with Database.open(path, read_only=True) as reading:
                print(settings.read(reading, "one"))
            for attempt in (lambda: Database.open(path), lambda: StateLock.acquire(path.parent)):
                try:
                    attempt()
                except ApplianceError as error:
                    print(error.code)
            """,
            path,
            before=WITHOUT_PRIVILEGES,
        )
    finally:
        folder.chmod(0o755)
    assert told.split() == ["1", "database.read-only", "database.read-only"]


def test_a_full_disk_is_told_and_loses_nothing(database: Database) -> None:
    with database.transaction() as tx:
        settings.write(tx, "one", 1)
    pages = database.query("PRAGMA page_count")[0][0]
    database.query(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(ApplianceError) as caught:
        fill(database)
    assert caught.value.code == "disk.full"
    assert database.row("SELECT count(*) FROM settings")[0] == 1  # type: ignore[index]
    database.query(f"PRAGMA max_page_count = {pages + 1_000}")
    with database.transaction() as tx:
        settings.write(tx, "two", 2)
    assert settings.read(database, "two") == 2


def test_a_file_that_may_not_grow_is_told_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "appliance.sqlite3"
    with Database.open(path) as opened, opened.transaction() as tx:
        settings.write(tx, "one", 1)
    limited = """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        database = Database.open(path)
        try:
            with database.transaction() as tx:
                for number in range(10_000):
                    settings.write(tx, f"key {number}", "x" * 1_000)
        except ApplianceError as error:
            print(error.code)
        print(database.row("SELECT count(*) FROM settings")[0])
    """
    told = in_child(limited, path)
    assert told.split() in (["disk.full", "1"], ["disk.failed", "1"])
    with Database.open(path) as opened:
        opened.check()
        assert opened.row("SELECT count(*) FROM settings")[0] == 1  # type: ignore[index]


def write_then_fail(tx: Transaction) -> None:
    settings.write(tx, "one", 1)
    settings.write(tx, "two", object())


def fill(database: Database) -> None:
    with database.transaction() as tx:
        for number in range(1_000):
            settings.write(tx, f"key {number}", "x" * 1_000)


def refusal(path: Path) -> str:
    with pytest.raises(ApplianceError) as caught:
        Database.open(path)
    assert str(path) in caught.value.what
    assert caught.value.kept
    return caught.value.code


WITHOUT_PRIVILEGES = """
import ctypes  # root without capabilities is bound by file modes like everybody
version_3, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(ctypes.byref(version_3), ctypes.byref(nothing)) == 0
"""


def in_child(code: str, path: Path, *, before: str = "") -> str:
    prelude = f"""
        from pathlib import Path
        from appliance.errors import ApplianceError
        from appliance.store import schema, settings
        from appliance.store.database import Database
        from appliance.store.lock import StateLock
        path = Path({str(path)!r})
    """
    child = subprocess.run(
        [sys.executable, "-c", dedent(prelude) + before + dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout
