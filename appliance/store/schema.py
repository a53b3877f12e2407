"""The tables, built up by migrations: small functions that run once each, in the order they stand here.

A released migration is never edited; what changes later is a further function, and one more in
`appliance.store.database.SCHEMA_VERSION`. This module is only loaded when there is something to migrate.
"""

import sqlite3

from sqlite_utils import Database as Tables
from sqlite_utils.migrations import Migrations

migration = Migrations("appliance")


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to this release; all pending steps happen, or none.

    `user_version` then counts the steps taken. Another process may migrate at the same time.
    """
    tables = Tables(connection, execute_plugins=False, strict=True)
    connection.execute("BEGIN IMMEDIATE")
    try:
        migration.apply(tables)
        connection.execute(f"PRAGMA user_version = {len(migration.applied(tables))}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@migration()
def audit(tables: Tables) -> None:
    """The log. `hashes` are those of every subtree that the entry completes, its own leaf first."""
    _run(
        tables,
        """CREATE TABLE audit_entries (
            idx INTEGER PRIMARY KEY CHECK (idx >= 0),
            canonical BLOB NOT NULL,
            hashes BLOB NOT NULL CHECK (length(hashes) >= 32 AND length(hashes) % 32 = 0)
        ) STRICT""",
        """CREATE TABLE audit_checkpoints (
            number INTEGER PRIMARY KEY,
            size INTEGER NOT NULL CHECK (size >= 0),
            time TEXT NOT NULL,
            note TEXT NOT NULL
        ) STRICT""",
        *(
            f"""CREATE TRIGGER {table}_{verb}_refused BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, 'the audit log is only ever appended to'); END"""
            for table in ("audit_entries", "audit_checkpoints")
            for verb in ("UPDATE", "DELETE")
        ),
    )


@migration()
def accounts(tables: Tables) -> None:
    _run(
        tables,
        """CREATE TABLE accounts (
            name TEXT PRIMARY KEY COLLATE NOCASE,
            role TEXT NOT NULL,
            password TEXT NOT NULL,
            must_change INTEGER NOT NULL DEFAULT 0 CHECK (must_change IN (0, 1)),
            disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
            created TEXT NOT NULL,
            password_changed TEXT NOT NULL
        ) STRICT""",
    )


@migration()
def settings(tables: Tables) -> None:
    """`value` is JSON."""
    _run(tables, "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")


@migration()
def registry(tables: Tables) -> None:
    """What was imported, what is trusted, and what is served. `config`, `report` and `plan` are JSON."""
    _run(
        tables,
        """CREATE TABLE artifacts (
            digest TEXT PRIMARY KEY CHECK (length(digest) = 64),
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            version TEXT NOT NULL,
            summary TEXT NOT NULL,
            licence TEXT NOT NULL,
            format TEXT NOT NULL,
            size INTEGER NOT NULL,
            config TEXT NOT NULL,
            imported TEXT NOT NULL,
            UNIQUE (kind, name, version)
        ) STRICT""",
        """CREATE TABLE artifact_files (
            artifact TEXT NOT NULL REFERENCES artifacts (digest) ON DELETE CASCADE,
            path TEXT NOT NULL,
            media_type TEXT NOT NULL,
            digest TEXT NOT NULL CHECK (length(digest) = 64),
            size INTEGER NOT NULL,
            PRIMARY KEY (artifact, path)
        ) STRICT""",
        "CREATE TABLE trusted_metadata (role TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT",
        """CREATE TABLE imports (
            number INTEGER PRIMARY KEY,
            time TEXT NOT NULL,
            medium TEXT NOT NULL,
            metadata_version INTEGER NOT NULL,
            report TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE deployments (
            name TEXT PRIMARY KEY,
            artifact TEXT NOT NULL REFERENCES artifacts (digest),
            plan TEXT NOT NULL,
            deployed TEXT NOT NULL
        ) STRICT""",
    )


@migration()
def policy(tables: Tables) -> None:
    """Settings of their own become rules of the one policy."""
    _run(
        tables,
        "INSERT INTO settings (key, value) SELECT 'policy', json_object('fallback', json(value)) "
        "FROM settings WHERE key = 'on-fallback'",
        "DELETE FROM settings WHERE key = 'on-fallback'",
    )


@migration()
def past_deployments(tables: Tables) -> None:
    """Each version that ever ran under a name, with the newest plan it ran by; and artifacts of which evidence alone is left."""
    _run(
        tables,
        "ALTER TABLE artifacts ADD COLUMN retired TEXT",
        """CREATE TABLE past_deployments (
            name TEXT NOT NULL,
            artifact TEXT NOT NULL REFERENCES artifacts (digest),
            plan TEXT NOT NULL,
            deployed TEXT NOT NULL,
            PRIMARY KEY (name, artifact)
        ) STRICT""",
        "INSERT INTO past_deployments SELECT name, artifact, plan, deployed FROM deployments",
    )


@migration()
def soaks(tables: Tables) -> None:
    """Of each deployment, how the version that an update brought last proves itself. `seen` and `before` are JSON."""
    _run(
        tables,
        """CREATE TABLE soaks (
            name TEXT PRIMARY KEY,
            artifact TEXT NOT NULL REFERENCES artifacts (digest),
            previous TEXT NOT NULL REFERENCES artifacts (digest),
            phase TEXT NOT NULL,
            began TEXT NOT NULL,
            ended TEXT NOT NULL DEFAULT '',
            seen TEXT NOT NULL,
            before TEXT NOT NULL,
            cause TEXT NOT NULL DEFAULT '',
            reason TEXT NOT NULL DEFAULT ''
        ) STRICT""",
    )


@migration()
def approvals(tables: Tables) -> None:
    """What waits for others to approve it, who did, and who gave wrong passwords how often. `roles` is JSON."""
    _run(
        tables,
        """CREATE TABLE approvals (
            id TEXT PRIMARY KEY,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            digest TEXT NOT NULL CHECK (length(digest) = 64),
            people INTEGER NOT NULL,
            roles TEXT NOT NULL,
            asked_by TEXT NOT NULL,
            requested TEXT NOT NULL,
            expires TEXT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        """CREATE TABLE approvals_given (
            request TEXT NOT NULL REFERENCES approvals (id),
            account TEXT NOT NULL COLLATE NOCASE REFERENCES accounts (name),
            time TEXT NOT NULL,
            PRIMARY KEY (request, account)
        ) STRICT""",
        """CREATE TABLE login_failures (
            account TEXT PRIMARY KEY COLLATE NOCASE,
            count INTEGER NOT NULL,
            last REAL NOT NULL
        ) STRICT""",
    )


def _run(tables: Tables, *statements: str) -> None:
    for statement in statements:  # executescript would commit in the middle
        tables.conn.execute(statement)
