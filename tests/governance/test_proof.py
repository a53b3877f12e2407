"""Proofs as text, and what is made of text that is no proof."""

import csv
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from appliance.audit import checkpoint
from appliance.audit.proof import prove_consistency, prove_inclusion, verify_consistency, verify_inclusion
from appliance.audit.spreadsheet import COLUMNS, write_csv
from appliance.audit.tree import leaf_hash
from appliance.errors import ApplianceError
from tests.governance.evidence import Evidence, entry

VERIFIER = Path(__file__).parents[2] / "packaging" / "audit-verifier.py"


@pytest.fixture
def log(evidence: Evidence) -> Evidence:
    evidence.grow(13)
    return evidence


@pytest.mark.parametrize("index", [0, 7, 12])
def test_an_entry_is_proven_and_its_bytes_come_along(log: Evidence, index: int) -> None:
    signed = log.checkpoint()
    text = prove_inclusion(log.log, index, signed, log.key.verifier)
    lines = text.splitlines()
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "extra " + b64encode(log.log.entry(index).canonical).decode()
    assert lines[2] == f"index {index}"
    assert text.endswith("\n\n" + signed)
    proven = verify_inclusion(text, log.key.verifier)
    assert (proven.index, proven.canonical) == (index, log.log.entry(index).canonical)
    assert proven.checkpoint == checkpoint.verify(signed, log.key.verifier)


def test_the_only_entry_of_a_log_needs_no_hashes(evidence: Evidence) -> None:
    evidence.grow(1)
    text = prove_inclusion(evidence.log, 0, evidence.checkpoint(), evidence.key.verifier)
    assert text.splitlines()[3] == ""
    assert verify_inclusion(text, evidence.key.verifier).index == 0


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("index 7", "index 6", "proof.wrong"),
        ("index 7", "index 07", "proof.malformed"),
        ("index 7", "index 13", "proof.wrong"),
        ("extra ", "extra e30=\nextra ", "proof.malformed"),
        ("tlog-proof@v1", "tlog-proof@v2", "proof.malformed"),
        ("\n13\n", "\n14\n", "note.forged"),
    ],
)
def test_a_changed_proof_is_refused(log: Evidence, old: str, new: str, code: str) -> None:
    text = prove_inclusion(log.log, 7, log.checkpoint(), log.key.verifier)
    assert old in text
    with pytest.raises(ApplianceError) as caught:
        verify_inclusion(text.replace(old, new), log.key.verifier)
    assert caught.value.code == code


def test_another_entry_in_the_proof_is_refused(log: Evidence) -> None:
    text = prove_inclusion(log.log, 7, log.checkpoint(), log.key.verifier)
    ours, others = (b64encode(log.log.entry(index).canonical).decode() for index in (7, 8))
    with pytest.raises(ApplianceError) as caught:
        verify_inclusion(text.replace(ours, others), log.key.verifier)
    assert caught.value.code == "proof.wrong"


def test_an_entry_after_the_checkpoint_is_not_covered(log: Evidence) -> None:
    signed = log.checkpoint()
    log.grow(1)
    for prove in (prove_inclusion, prove_consistency):
        with pytest.raises(ApplianceError) as caught:
            prove(log.log, 14, signed, log.key.verifier)
        assert caught.value.code == "audit.not-covered"


@pytest.mark.parametrize("old", [0, 1, 8, 13, 20])
def test_a_log_is_shown_to_continue_a_known_checkpoint(evidence: Evidence, old: int) -> None:
    evidence.grow(old)
    known = checkpoint.verify(evidence.checkpoint(), evidence.key.verifier)
    evidence.grow(20 - old)
    text = prove_consistency(evidence.log, old, evidence.checkpoint(), evidence.key.verifier)
    assert text.startswith(f"old {old}\n")
    assert verify_consistency(text, known, evidence.key.verifier).size == 20


def test_a_rewritten_log_does_not_continue_the_known_checkpoint(evidence: Evidence, tmp_path: Path) -> None:
    evidence.grow(5)
    known = checkpoint.verify(evidence.checkpoint(), evidence.key.verifier)
    with evidence.database.transaction() as tx:
        for row in tx.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
            tx.execute(f"DROP TRIGGER {row['name']}")
        tx.execute("DELETE FROM audit_entries")
        tx.execute("DELETE FROM audit_checkpoints")
    evidence.append(*(f"another {index}" for index in range(9)))
    text = prove_consistency(evidence.log, 5, evidence.checkpoint(), evidence.key.verifier)
    with pytest.raises(ApplianceError) as caught:
        verify_consistency(text, known, evidence.key.verifier)
    assert caught.value.code == "proof.wrong"
    with pytest.raises(ApplianceError) as caught:
        verify_consistency(text.replace("old 5", "old 6"), known, evidence.key.verifier)
    assert caught.value.code == "proof.malformed"


def test_the_auditors_program_reads_a_proof_of_one_entry(log: Evidence, tmp_path: Path) -> None:
    file = tmp_path / "entry-7.tlog-proof"
    text = prove_inclusion(log.log, 7, log.checkpoint(), log.key.verifier)
    file.write_text(text)
    status, told = verdict(file, log)
    assert (status, told.splitlines()[0]) == (
        0,
        "PROVEN: entry 7 stands in the log of 13 entries signed by appliance/box-7:",
    )
    assert told.splitlines()[1].encode() == log.log.entry(7).canonical
    file.write_text(text.replace("index 7", "index 6"))
    assert verdict(file, log) == (1, "NOT PROVEN: the entry is not at that place of the log\n")
    file.write_text(text.replace("index 7", "index seven"))
    assert verdict(file, log)[0] == 1


def test_a_spreadsheet_holds_every_entry_and_runs_no_formula(evidence: Evidence, tmp_path: Path) -> None:
    evidence.append("=HYPERLINK(1)", 'a "quoted", one\nand more')
    with evidence.database.transaction() as tx:
        evidence.log.append(tx, entry("+1", details={"ü": "@x", "n": 3}))
    path = tmp_path / "audit.csv"
    assert write_csv(evidence.log, path) == 3
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["subject"] for row in rows] == ["'=HYPERLINK(1)", 'a "quoted", one\\u000aand more', "'+1"]
    assert rows[2]["details"] == '{"\\\\u00fc": "@x", "n": 3}'
    assert [row["leaf_hash"] for row in rows] == [
        leaf_hash(logged.canonical).hex() for logged in evidence.log.entries()
    ]
    assert write_csv(evidence.log, path, 1, 2) == 1
    assert sorted(file.name for file in tmp_path.glob("*csv*")) == ["audit.csv"]


def verdict(file: Path, log: Evidence) -> tuple[int, str]:
    child = subprocess.run(
        [sys.executable, "-I", str(VERIFIER), str(file), "--key", str(log.key.verifier)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return child.returncode, child.stdout + child.stderr
