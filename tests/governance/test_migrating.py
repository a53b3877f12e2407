"""An older database is migrated on a copy; what it was is kept until the new release has proven itself."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database as Tables

import appliance.store.database as store
from appliance.errors import ApplianceError
from appliance.store import migrating, schema, settings
from appliance.store.database import SCHEMA_VERSION, Database
from appliance.store.migrating import forget, kept_before, restore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "appliance.sqlite3"
    with Database.open(path) as opened, opened.transaction() as tx:
        settings.write(tx, "box.name", "box-7")
    return path


@pytest.fixture
def next_release(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on this is a release with one migration more; undone with the test."""

    def become() -> None:
        monkeypatch.setattr(schema.migration, "_migrations", list(schema.migration._migrations))
        monkeypatch.setattr(store, "SCHEMA_VERSION", SCHEMA_VERSION + 1)

        @schema.migration()
        def next_step(tables: Tables) -> None:
            tables.conn.execute("CREATE TABLE next (x TEXT) STRICT")

    return become


def names(path: Path) -> list[str]:
    return sorted(file.name.removeprefix("appliance.sqlite3") for file in path.parent.iterdir())


def test_what_the_database_was_is_kept_beside_it_until_it_is_forgotten(
    path: Path, next_release: Callable[[], None]
) -> None:
    next_release()
    with Database.open(path) as opened:
        assert opened.row("SELECT 1 FROM sqlite_schema WHERE name = 'next'")
        assert settings.read(opened, "box.name") == "box-7"
        assert opened.query("PRAGMA journal_mode")[0][0] == "wal"
    assert names(path) == ["", f".before-{SCHEMA_VERSION}"]
    assert (path.stat().st_mode & 0o777, kept_before(path)) == (0o600, SCHEMA_VERSION)
    forget(path)
    assert names(path) == [""]


def test_the_older_release_gets_its_own_database_back_and_the_other_is_set_aside(
    path: Path, next_release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    next_release()
    newer = Database.open(path)
    with newer.transaction() as tx:
        settings.write(tx, "box.name", "renamed-by-the-next")
    shutil.copytree(path.parent, path.parent.with_name("killed"))  # with its write-ahead log, as after a kill
    newer.close()
    monkeypatch.undo()
    path = path.parent.with_name("killed") / path.name
    assert path.with_name("appliance.sqlite3-wal").stat().st_size
    with pytest.raises(ApplianceError, match="newer release"):
        Database.open(path)
    aside = restore(path, SCHEMA_VERSION, "0.2.0")
    with Database.open(path) as opened:
        assert settings.read(opened, "box.name") == "box-7"
    with sqlite3.connect(aside) as undone:
        assert undone.execute("SELECT value FROM settings").fetchone() == ('"renamed-by-the-next"',)
    undone.close()
    with pytest.raises(ApplianceError) as refused:
        restore(path, SCHEMA_VERSION, "0.2.0")
    assert refused.value.code == "database.no-way-back"


class CutError(BaseException):
    """The power goes."""


@pytest.mark.parametrize(
    ("where", "name"),
    [(shutil, "copyfile"), (migrating, "_sync"), (os, "link"), (Path, "rename"), (migrating, "sync_folder")],
)
def test_a_power_cut_leaves_the_old_database_or_the_new_one(
    where: object, name: str, path: Path, next_release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise CutError

    next_release()
    with monkeypatch.context() as patch:
        patch.setattr(where, name, cut)
        with pytest.raises(CutError):
            Database.open(path)
    for _ in range(2):
        with Database.open(path) as opened:
            assert opened.query("PRAGMA user_version")[0][0] == SCHEMA_VERSION + 1
            assert settings.read(opened, "box.name") == "box-7"
    assert names(path) == ["", f".before-{SCHEMA_VERSION}"]


def test_a_migration_waits_for_nobody_who_reads_and_says_so(
    path: Path, next_release: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_TIMEOUT_SECONDS", 0.0)
    with Database.open(path, read_only=True) as reader:
        next_release()
        with pytest.raises(ApplianceError) as refused:
            Database.open(path)
        assert refused.value.code == "database.busy"
        assert settings.read(reader, "box.name") == "box-7"
    with Database.open(path) as opened:
        assert opened.row("SELECT 1 FROM sqlite_schema WHERE name = 'next'")
