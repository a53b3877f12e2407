"""Tampering, done with plain SQL as somebody with the file in hands would, and what verifying says to it."""

from pathlib import Path

import pytest

from appliance.audit import checkpoint, tree
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.entry import canonical
from appliance.audit.key import DeviceKey
from appliance.audit.verify import MAXIMUM_FINDINGS, Verification, verify
from appliance.errors import ApplianceError
from appliance.store.database import Transaction
from tests.governance.evidence import Evidence, entry


@pytest.fixture
def log(evidence: Evidence) -> Evidence:
    """Thirteen entries, checkpoints after 3, 7 and 12."""
    for count in (3, 4, 5):
        evidence.grow(count)
        evidence.checkpoint()
    evidence.grow(1)
    return evidence


def test_an_untouched_log_is_intact(log: Evidence) -> None:
    result = verify(log.database, log.key.verifier)
    result.require_intact()
    assert (result.size, result.root, result.checkpoints) == (13, log.log.root(), 3)
    assert result.newest == Checkpoint("appliance/box-7", 12, log.log.root(12))


def test_an_empty_log_is_intact(evidence: Evidence) -> None:
    assert verify(evidence.database, evidence.key.verifier).root == tree.EMPTY_ROOT
    evidence.checkpoint()
    result = verify(evidence.database, evidence.key.verifier)
    assert result.intact
    assert result.checkpoints == 1


def test_a_log_read_in_several_pieces_is_intact_and_tells_its_progress(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.audit.verify._ROWS_AT_ONCE", 4)
    evidence.grow(10)
    seen: list[tuple[int, int]] = []
    result = verify(evidence.database, evidence.key.verifier, lambda done, total: seen.append((done, total)))
    assert result.root == evidence.log.root()
    assert seen == [(4, 10), (8, 10), (10, 10)]


@pytest.mark.parametrize("index", [0, 5, 11, 12])
def test_an_edited_entry_is_named(log: Evidence, index: int) -> None:
    edit(
        log,
        "UPDATE audit_entries SET canonical = CAST(replace(canonical, 'ann', 'bob') AS BLOB) WHERE idx = ?",
        index,
    )
    result = found(log)
    assert [(finding.code, finding.index) for finding in result.findings] == [("entry.edited", index)]
    with pytest.raises(ApplianceError, match=f"Entry {index} was edited") as caught:
        result.require_intact()
    assert caught.value.code == "audit.tampered"


def test_an_edited_entry_with_its_own_hash_recomputed_is_found(log: Evidence) -> None:
    forged = canonical(entry("forged"))
    with unguarded(log) as tx:
        tx.execute(
            "UPDATE audit_entries SET canonical = ?, hashes = ? WHERE idx = 4",
            (forged, tree.leaf_hash(forged)),
        )
    result = found(log)
    assert ("hash.edited", 5) in codes(result)
    assert ("checkpoint.mismatch", 3) in codes(result)


def test_a_log_rewritten_with_all_its_hashes_does_not_fit_its_checkpoints(log: Evidence) -> None:
    with unguarded(log) as tx:
        rewrite(tx, [canonical(entry("other" if index == 4 else f"subject {index}")) for index in range(13)])
    result = found(log)
    assert codes(result) == [("checkpoint.mismatch", 3), ("checkpoint.mismatch", 3)]
    assert "Entries 3 to 6" in result.findings[0].text
    assert result.checkpoints == 1


def test_an_edited_hash_is_named_by_the_entry_that_it_stands_with(log: Evidence) -> None:
    edit(
        log,
        "UPDATE audit_entries SET hashes = CAST(substr(hashes, 1, 64) || zeroblob(32) AS BLOB) WHERE idx = ?",
        7,
    )
    with unguarded(log) as tx:
        tx.execute("UPDATE audit_entries SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE idx = 2")
    assert codes(found(log)) == [("hash.edited", 2), ("hash.edited", 7)]


@pytest.mark.parametrize(
    ("condition", "first", "words"),
    [
        ("idx = 4", 4, "Entry 4 was"),
        ("idx < 2", 0, "Entries 0 to 1 were"),
        ("idx BETWEEN 4 AND 9", 4, "Entries 4 to 9 were"),
    ],
)
def test_removed_entries_are_named(log: Evidence, condition: str, first: int, words: str) -> None:
    edit(log, f"DELETE FROM audit_entries WHERE {condition}")  # noqa: S608
    result = found(log)
    assert codes(result) == [("entry.missing", first)]
    assert result.findings[0].text.startswith(words)


def test_a_removed_entry_whose_place_the_next_ones_took_is_found(log: Evidence) -> None:
    edit(log, "DELETE FROM audit_entries WHERE idx = 4")
    with unguarded(log) as tx:
        for index in range(5, 13):
            tx.execute("UPDATE audit_entries SET idx = idx - 1 WHERE idx = ?", (index,))
    result = found(log)
    assert not result.intact
    assert ("checkpoint.mismatch", 3) in codes(result)


def test_a_removed_tail_is_found_through_the_checkpoint(log: Evidence) -> None:
    edit(log, "DELETE FROM audit_entries WHERE idx >= 9")
    result = found(log)
    assert codes(result) == [("log.truncated", 9)]
    assert "Entries 9 to 11 were removed" in result.findings[0].text


def test_swapped_entries_are_found(log: Evidence) -> None:
    with unguarded(log) as tx:
        tx.execute("UPDATE audit_entries SET idx = -1 * idx + 100 WHERE idx IN (4, 6)")
        tx.execute("UPDATE audit_entries SET idx = 6 WHERE idx = 96")
        tx.execute("UPDATE audit_entries SET idx = 4 WHERE idx = 94")
    assert ("checkpoint.mismatch", 3) in codes(found(log))


def test_a_checkpoint_signed_with_another_key_is_forged(log: Evidence, tmp_path: Path) -> None:
    other = DeviceKey.create(tmp_path / "other.pem", log.key.origin)
    forged = checkpoint.sign(Checkpoint(log.key.origin, 7, log.log.root(7)), other)
    edit(log, "UPDATE audit_checkpoints SET note = ? WHERE number = 2", forged)
    result = found(log)
    assert codes(result) == [("checkpoint.forged", None)]
    assert "Checkpoint 2 is not the appliance's" in result.findings[0].text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_checkpoints SET note = replace(note, char(10) || '7' || char(10), char(10) || '8' || char(10)) WHERE number = 2",
        "UPDATE audit_checkpoints SET note = 'nonsense' WHERE number = 2",
        "UPDATE audit_checkpoints SET size = 8 WHERE number = 2",
    ],
)
def test_an_edited_checkpoint_is_forged(log: Evidence, statement: str) -> None:
    edit(log, statement)
    assert codes(found(log)) == [("checkpoint.forged", None)]


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_checkpoint_is_found(log: Evidence, number: int) -> None:
    edit(log, "DELETE FROM audit_checkpoints WHERE number = ?", number)
    assert codes(found(log)) == [("checkpoint.missing", None)]


def test_findings_are_bounded_and_the_rest_counted(evidence: Evidence) -> None:
    evidence.grow(MAXIMUM_FINDINGS + 50)
    edit(evidence, "UPDATE audit_entries SET canonical = x'7b7d'")
    result = found(evidence)
    assert (len(result.findings), result.more) == (MAXIMUM_FINDINGS, 50)
    with pytest.raises(ApplianceError, match="There are 149 further findings"):
        result.require_intact()


def test_a_table_replaced_by_a_laxer_one_is_still_read(log: Evidence) -> None:
    with unguarded(log) as tx:
        tx.execute("CREATE TABLE lax AS SELECT idx, canonical, hashes FROM audit_entries")
        tx.execute("DROP TABLE audit_entries")
        tx.execute("ALTER TABLE lax RENAME TO audit_entries")
        tx.execute("UPDATE audit_entries SET canonical = 'text' WHERE idx = 2")
        tx.execute("UPDATE audit_entries SET canonical = NULL WHERE idx = 5")
    assert codes(found(log)) == [("entry.edited", 2), ("entry.edited", 5)]


def found(log: Evidence) -> Verification:
    result = verify(log.database, log.key.verifier)
    assert not result.intact
    return result


def codes(result: Verification) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.index) for finding in result.findings]


def edit(log: Evidence, statement: str, *parameters: str | int) -> None:
    with unguarded(log) as tx:
        assert tx.execute(statement, parameters) > 0


class unguarded:  # noqa: N801
    """A transaction on a database whose triggers somebody has dropped."""

    def __init__(self, log: Evidence) -> None:
        self._context = log.database.transaction()

    def __enter__(self) -> Transaction:
        tx = self._context.__enter__()
        for row in tx.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
            tx.execute(f"DROP TRIGGER {row['name']}")
        return tx

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)  # type: ignore[arg-type]


def rewrite(tx: Transaction, entries: list[bytes]) -> None:
    tx.execute("DELETE FROM audit_entries")
    frontier = tree.Frontier()
    for index, data in enumerate(entries):
        hashes = frontier.append(tree.leaf_hash(data))
        tx.execute("INSERT INTO audit_entries VALUES (?, ?, ?)", (index, data, hashes))
