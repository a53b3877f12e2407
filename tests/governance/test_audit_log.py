"""The log as the rest of the box sees it."""

import sqlite3

import pytest

from appliance.audit import tree
from appliance.audit.log import AuditLog
from appliance.errors import ApplianceError
from appliance.store import settings
from tests.governance.evidence import Evidence, entry


def test_a_change_and_its_entry_commit_together(evidence: Evidence) -> None:
    with evidence.database.transaction() as tx:
        settings.write(tx, "box.name", "box-7")
        assert evidence.log.append(tx, entry("box-7")) == 0
    assert settings.read(evidence.database, "box.name") == "box-7"
    assert evidence.log.size() == 1


def test_a_change_that_fails_leaves_no_entry_and_the_log_goes_on(evidence: Evidence) -> None:
    evidence.grow(3)
    before = evidence.log.root()
    with pytest.raises(ZeroDivisionError):
        change_and_fail(evidence)
    assert settings.read(evidence.database, "box.name") is None
    assert (evidence.log.size(), evidence.log.root()) == (3, before)
    evidence.append("fourth")
    assert evidence.log.root() == root_from_bytes(evidence.log)


def test_an_entry_that_cannot_be_written_lets_the_change_fail(evidence: Evidence) -> None:
    with pytest.raises(TypeError):
        change_without_entry(evidence)
    assert settings.read(evidence.database, "box.name") is None


def test_a_refused_append_leaves_nothing_behind_in_the_same_transaction(evidence: Evidence) -> None:
    with evidence.database.transaction() as tx:
        evidence.log.append(tx, entry("first"))
        with pytest.raises(TypeError):
            evidence.log.append(tx, entry(details={"raw": b"\x00"}))
        evidence.log.append(tx, entry("second"))
    assert [logged.entry.subject for logged in evidence.log.entries()] == ["first", "second"]
    assert evidence.log.root() == root_from_bytes(evidence.log)


def test_roots_of_every_size_and_proofs_come_from_the_stored_hashes(evidence: Evidence) -> None:
    roots = [evidence.log.root()]
    for _ in range(20):
        evidence.grow(1)
        roots.append(evidence.log.root())
    assert [evidence.log.root(size) for size in range(21)] == roots
    for index in range(20):
        leaf = tree.leaf_hash(evidence.log.entry(index).canonical)
        proof = evidence.log.inclusion_proof(index)
        assert tree.verify_inclusion(index, 20, leaf, proof, roots[20])
        old = evidence.log.consistency_proof(index, 20)
        assert tree.verify_consistency(index, 20, roots[index], roots[20], old)


def test_entries_are_listed_by_range_and_newest_first(evidence: Evidence) -> None:
    evidence.grow(6)
    assert [logged.index for logged in evidence.log.entries(2, 4)] == [2, 3]
    newest = evidence.log.entries(newest_first=True, limit=2)
    assert [logged.entry.subject for logged in newest] == ["subject 5", "subject 4"]
    assert evidence.log.entries(6) == []


def test_an_unknown_entry_and_an_unknown_size_are_told(evidence: Evidence) -> None:
    evidence.grow(2)
    for index in (2, -1):
        with pytest.raises(ApplianceError) as caught:
            evidence.log.entry(index)
        assert caught.value.code == "audit.unknown-entry"
        with pytest.raises(ApplianceError) as caught:
            evidence.log.inclusion_proof(index)
        assert caught.value.code == "audit.unknown-entry"
    with pytest.raises(ApplianceError) as caught:
        evidence.log.root(3)
    assert caught.value.code == "audit.too-short"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET canonical = x'00' WHERE idx = 0",
        "DELETE FROM audit_entries WHERE idx = 1",
        "INSERT OR REPLACE INTO audit_entries (idx, canonical, hashes) VALUES (0, x'00', zeroblob(32))",
        "UPDATE audit_checkpoints SET size = 1",
        "DELETE FROM audit_checkpoints",
    ],
)
def test_entries_and_checkpoints_can_be_neither_changed_nor_deleted(
    evidence: Evidence, statement: str
) -> None:
    evidence.grow(2)
    evidence.checkpoint()
    with pytest.raises(sqlite3.IntegrityError, match="appended to"), evidence.database.transaction() as tx:
        tx.execute(statement)


def test_an_entry_that_is_no_entry_is_named_when_listed(evidence: Evidence) -> None:
    evidence.grow(2)
    with evidence.database.transaction() as tx:
        tx.execute("DROP TRIGGER audit_entries_UPDATE_refused")
        tx.execute("UPDATE audit_entries SET canonical = x'ff0a' WHERE idx = 1")
    with pytest.raises(ApplianceError, match="Entry 1 ") as caught:
        evidence.log.entries()
    assert caught.value.code == "audit.unreadable-entry"
    with pytest.raises(ApplianceError) as caught:
        evidence.log.canonical(0, 2)
    assert caught.value.code == "audit.unreadable-entry"


def test_a_missing_hash_stops_the_log_from_growing(evidence: Evidence) -> None:
    evidence.grow(4)
    with evidence.database.transaction() as tx:
        tx.execute("DROP TRIGGER audit_entries_UPDATE_refused")
        tx.execute("UPDATE audit_entries SET hashes = zeroblob(32) WHERE idx = 3")
    with pytest.raises(ApplianceError) as caught:
        evidence.grow(1)
    assert caught.value.code == "audit.incomplete"


def change_and_fail(evidence: Evidence) -> None:
    with evidence.database.transaction() as tx:
        settings.write(tx, "box.name", "box-7")
        evidence.log.append(tx, entry("never"))
        raise ZeroDivisionError


def change_without_entry(evidence: Evidence) -> None:
    with evidence.database.transaction() as tx:
        settings.write(tx, "box.name", "box-7")
        evidence.log.append(tx, entry(details={"raw": b"\x00"}))


def root_from_bytes(log: AuditLog) -> bytes:
    frontier = tree.Frontier()
    for logged in log.entries():
        frontier.append(tree.leaf_hash(logged.canonical))
    return frontier.root
