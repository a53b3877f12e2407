"""The audit log: entries appended inside the transaction of the change they tell of."""

import sqlite3
from dataclasses import dataclass

import msgspec

from appliance.audit import tree
from appliance.audit.entry import Entry, canonical, parse
from appliance.errors import ApplianceError
from appliance.store.database import Database, Reader, Transaction

TAMPERED = "Run: appliance audit verify. Somebody has tampered with the log."


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """An entry at its place in the log."""

    index: int
    entry: Entry
    canonical: bytes
    """The bytes that the leaf hash covers."""


class AuditLog:
    """The log in the appliance's database. Where a method takes `reader`, a transaction sees its own entries.

    The casts in the queries let rows be read even where somebody has replaced the table by a laxer one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._appending: tuple[Transaction, tree.Frontier] | None = None

    def append(self, tx: Transaction, entry: Entry) -> int:
        """Add the entry to the log, in the caller's transaction; its index.

        When this raises, let the transaction fail: no entry, no change.
        """
        frontier = self._frontier(tx)
        self._appending = None  # until the entry is in: a refused one must not leave its leaf behind
        data = canonical(entry)
        index = frontier.size
        tx.execute(
            "INSERT INTO audit_entries (idx, canonical, hashes) VALUES (?, ?, ?)",
            (index, data, frontier.append(tree.leaf_hash(data))),
        )
        self._appending = (tx, frontier)
        return index

    def size(self, reader: Reader | None = None) -> int:
        """Number of entries."""
        row = (reader or self._database).row("SELECT coalesce(max(idx) + 1, 0) FROM audit_entries")
        return int(row[0]) if row else 0

    def root(self, size: int | None = None, reader: Reader | None = None) -> bytes:
        """The tree's root hash, now or when it had `size` entries, from the stored hashes."""
        return tree.root(self._within(size, reader), self.node_reader(reader))

    def entry(self, index: int) -> LoggedEntry:
        """Raises ApplianceError `audit.unknown-entry`, or `audit.unreadable-entry` where somebody damaged it."""
        row = self._database.row(
            "SELECT idx, CAST(coalesce(canonical, '') AS BLOB) FROM audit_entries WHERE idx = ?", (index,)
        )
        if row is None:
            raise ApplianceError(
                "audit.unknown-entry",
                f"The audit log has no entry {index}; it has {self.size()}, counted from 0.",
                remedy="List the entries to see their numbers: appliance audit list.",
            )
        return _logged(row)

    def entries(
        self, start: int = 0, stop: int | None = None, *, newest_first: bool = False, limit: int | None = None
    ) -> list[LoggedEntry]:
        """The entries [start, stop), at most `limit` of them. Raises ApplianceError `audit.unreadable-entry`."""
        rows = self._database.query(
            f"SELECT idx, CAST(coalesce(canonical, '') AS BLOB) FROM audit_entries WHERE idx >= ? AND idx < ? "  # noqa: S608 -- two fixed words
            f"ORDER BY idx {'DESC' if newest_first else 'ASC'} LIMIT ?",
            (start, 2**62 if stop is None else stop, -1 if limit is None else limit),
        )
        return [_logged(row) for row in rows]

    def canonical(self, start: int, stop: int) -> list[bytes]:
        """The exact bytes of the entries [start, stop), one line each.

        Raises ApplianceError `audit.unreadable-entry` where one is missing or is more than a line.
        """
        rows = self._database.query(
            "SELECT CAST(coalesce(canonical, '') AS BLOB) FROM audit_entries WHERE idx >= ? AND idx < ? ORDER BY idx",
            (start, stop),
        )
        if len(rows) != stop - start or any(b"\n" in row[0] for row in rows):
            raise ApplianceError(
                "audit.unreadable-entry",
                f"Among the entries {start} to {stop - 1} there are some that the appliance did not write.",
                kept="Nothing was written.",
                remedy=TAMPERED,
            )
        return [row[0] for row in rows]

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Proof that entry `index` is in the tree of `size` entries (of all, by default)."""
        size = self._within(size)
        if not 0 <= index < size:
            raise ApplianceError("audit.unknown-entry", f"The log of {size} entries has no entry {index}.")
        return tree.inclusion_proof(index, size, self.node_reader())

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Proof that the log of `new` entries (of all, by default) continues the log of `old`."""
        new = self._within(new)
        return tree.consistency_proof(min(self._within(old), new), new, self.node_reader())

    def node_reader(self, reader: Reader | None = None) -> tree.NodeReader:
        """Reads stored hashes; raises ApplianceError `audit.incomplete` where one is missing."""
        source = reader or self._database

        def read(level: int, position: int) -> bytes:
            row = source.row(
                "SELECT substr(CAST(coalesce(hashes, '') AS BLOB), ?, 32) FROM audit_entries WHERE idx = ?",
                (32 * level + 1, ((position + 1) << level) - 1),
            )
            if row is None or len(row[0]) != tree.HASH_SIZE:
                raise ApplianceError(
                    "audit.incomplete",
                    f"The audit log lacks the hash at level {level}, position {position}.",
                    kept="Nothing was changed.",
                    remedy=TAMPERED,
                )
            return bytes(row[0])

        return read

    def _frontier(self, tx: Transaction) -> tree.Frontier:
        if self._appending is not None and self._appending[0] is tx:
            return self._appending[1]
        return tree.Frontier.load(self.size(tx), self.node_reader(tx))

    def _within(self, size: int | None, reader: Reader | None = None) -> int:
        whole = self.size(reader)
        if size is None:
            return whole
        if not 0 <= size <= whole:
            raise ApplianceError(
                "audit.too-short",
                f"The audit log has {whole} entries; it never had {size} as far as it shows.",
            )
        return size


def _logged(row: sqlite3.Row) -> LoggedEntry:
    data: bytes = row[1]
    try:
        return LoggedEntry(row["idx"], parse(data), data)
    except msgspec.DecodeError as error:
        raise ApplianceError(
            "audit.unreadable-entry",
            f"Entry {row['idx']} of the audit log is not what the appliance writes: {error}.",
            kept="The entry was left as it is.",
            remedy=TAMPERED,
        ) from error
