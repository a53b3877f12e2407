"""Checkpoints: signed sizes and roots of the log."""

from pathlib import Path

import pytest

from appliance.audit import checkpoint, note
from appliance.audit.checkpoint import Checkpoint
from appliance.audit.key import DeviceKey
from appliance.audit.tree import EMPTY_ROOT
from appliance.errors import ApplianceError
from tests.governance.evidence import TIME, Evidence, entry

SPECIFICATIONS_EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)


def test_the_example_of_the_specification_is_read_and_written_back() -> None:
    read = checkpoint.parse(SPECIFICATIONS_EXAMPLE)
    assert (read.origin, read.size) == ("example.com/behind-the-sofa", 20852163)
    assert read.text == SPECIFICATIONS_EXAMPLE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("20852163", "020852163"),
        ("20852163", "-1"),
        ("20852163", "²"),
        ("20852163", "9" * 19),
        ("20852163", ""),
        ("example.com/behind-the-sofa", ""),
        ("CsUYapGGPo4d", "CsUYapGGPo4"),
        ("CsUYapGGPo4d", "CsUYapGGPo4!"),
        ("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "AAAA"),
        ("q2I=\n", "q2I="),
        ("q2I=\n", "q2I=\n\n"),
    ],
)
def test_a_malformed_checkpoint_is_refused(old: str, new: str) -> None:
    with pytest.raises(ApplianceError) as caught:
        checkpoint.parse(SPECIFICATIONS_EXAMPLE.replace(old, new))
    assert caught.value.code == "checkpoint.malformed"


def test_extension_lines_are_allowed() -> None:
    assert checkpoint.parse(SPECIFICATIONS_EXAMPLE + "more\n") == checkpoint.parse(SPECIFICATIONS_EXAMPLE)


def test_an_empty_log_has_a_checkpoint(evidence: Evidence) -> None:
    signed = evidence.checkpoint()
    assert checkpoint.verify(signed, evidence.key.verifier) == Checkpoint("appliance/box-7", 0, EMPTY_ROOT)


def test_a_checkpoint_covers_the_entries_of_its_own_transaction(evidence: Evidence) -> None:
    evidence.grow(3)
    with evidence.database.transaction() as tx:
        evidence.log.append(tx, entry("the fourth"))
        signed = checkpoint.checkpoint_now(tx, evidence.log, evidence.key, TIME)
    read = checkpoint.verify(signed, evidence.key.verifier)
    assert (read.size, read.root) == (4, evidence.log.root())


def test_nothing_new_needs_no_new_checkpoint(evidence: Evidence) -> None:
    evidence.grow(3)
    first = evidence.checkpoint()
    assert evidence.checkpoint() == first
    assert len(checkpoint.all_stored(evidence.database)) == 1
    evidence.grow(1)
    assert evidence.checkpoint() != first
    newest = checkpoint.latest(evidence.database)
    assert newest is not None
    assert (newest.number, newest.size) == (2, 4)


def test_a_log_that_lost_its_tail_is_not_signed_again(evidence: Evidence) -> None:
    evidence.grow(5)
    evidence.checkpoint()
    with evidence.database.transaction() as tx:
        tx.execute("DROP TRIGGER audit_entries_DELETE_refused")
        tx.execute("DELETE FROM audit_entries WHERE idx = 4")
    with pytest.raises(ApplianceError) as caught:
        evidence.checkpoint()
    assert caught.value.code == "audit.inconsistent"


def test_a_rewritten_log_is_not_signed_again(evidence: Evidence) -> None:
    evidence.grow(5)
    evidence.checkpoint()
    with evidence.database.transaction() as tx:
        tx.execute("DROP TRIGGER audit_entries_DELETE_refused")
        tx.execute("DELETE FROM audit_entries WHERE idx = 4")
    evidence.append("another history", "that goes on")
    with pytest.raises(ApplianceError) as caught:
        evidence.checkpoint()
    assert caught.value.code == "audit.inconsistent"


def test_after_a_forged_checkpoint_nothing_is_signed(evidence: Evidence, tmp_path: Path) -> None:
    evidence.grow(5)
    evidence.checkpoint()
    other = DeviceKey.create(tmp_path / "other.pem", evidence.key.origin)
    with evidence.database.transaction() as tx:
        tx.execute("DROP TRIGGER audit_checkpoints_UPDATE_refused")
        forged = checkpoint.sign(Checkpoint(evidence.key.origin, 5, evidence.log.root(reader=tx)), other)
        tx.execute("UPDATE audit_checkpoints SET note = ?", (forged,))
    with pytest.raises(ApplianceError, match="not what this box signed") as caught:
        evidence.checkpoint()
    assert caught.value.code == "audit.inconsistent"


def test_a_checkpoint_of_another_log_is_refused(evidence: Evidence) -> None:
    foreign = note.sign(
        Checkpoint("appliance/other", 0, EMPTY_ROOT).text, evidence.key.origin, evidence.key.private
    )
    with pytest.raises(ApplianceError) as caught:
        checkpoint.verify(foreign, evidence.key.verifier)
    assert caught.value.code == "checkpoint.origin"
