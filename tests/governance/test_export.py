"""Exports, checked by the auditor's program as an auditor would run it."""

import hashlib
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.audit.export import Exported, export
from appliance.audit.key import DeviceKey
from appliance.errors import ApplianceError
from tests.governance.evidence import Evidence

VERIFIER = Path(__file__).parents[2] / "packaging" / "audit-verifier.py"


@pytest.fixture
def log(evidence: Evidence) -> Evidence:
    evidence.grow(13)
    return evidence


def test_a_whole_log_is_proven(log: Evidence, tmp_path: Path) -> None:
    exported = write(log, tmp_path)
    lines = exported.path.read_bytes().splitlines(keepends=True)
    assert [line.rstrip(b"\n") for line in lines[1:-1]] == [e.canonical for e in log.log.entries()]
    assert exported.digest == hashlib.sha256(b"".join(lines)).hexdigest()
    assert (exported.entries, exported.size) == (13, exported.path.stat().st_size)
    assert verdict(log, exported) == (
        0,
        "PROVEN: entries 0 to 12 stand in the log of 13 entries signed by appliance/box-7.\n",
    )
    assert sorted(path.name for path in tmp_path.glob("*audit.jsonl*")) == ["audit.jsonl"]


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (3, 8), (4, 8), (5, 13), (12, 13), (13, 13), (1, 2)]
)
def test_a_part_of_the_log_is_proven(log: Evidence, tmp_path: Path, start: int, stop: int) -> None:
    exported = write(log, tmp_path, start=start, stop=stop)
    assert exported.entries == stop - start
    status, text = verdict(log, exported)
    assert status == 0, text
    assert (f"entries {start} to {stop - 1} stand" if stop > start else "no entries") in text


def test_entries_after_the_checkpoint_stay_out(log: Evidence, tmp_path: Path) -> None:
    signed = log.checkpoint()
    log.grow(4)
    assert export(log.log, tmp_path / "audit.jsonl", signed, log.key.verifier).entries == 13


def test_an_export_in_several_pieces_is_the_same_and_tells_its_progress(
    log: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write(log, tmp_path)
    monkeypatch.setattr("appliance.audit.export._ROWS_AT_ONCE", 5)
    seen: list[tuple[int, int]] = []
    signed = log.checkpoint()
    again = export(
        log.log,
        whole.path,
        signed,
        log.key.verifier,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert again.digest == whole.digest
    assert seen == [(5, 13), (10, 13), (13, 13)]


@pytest.mark.parametrize("line", [0, 1, 7, 13, 14])
def test_a_changed_character_in_any_kind_of_line_is_not_proven(
    log: Evidence,
    tmp_path: Path,
    line: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    auditors_program = runpy.run_path(str(VERIFIER))
    exported = write(log, tmp_path, start=0)
    lines = exported.path.read_bytes().splitlines(keepends=True)
    for position in range(0, len(lines[line]) - 1, 3):
        changed = bytearray(lines[line])
        changed[position] ^= 1
        exported.path.write_bytes(b"".join([*lines[:line], bytes(changed), *lines[line + 1 :]]))
        monkeypatch.setattr(
            sys, "argv", ["audit-verifier", str(exported.path), "--key", str(log.key.verifier)]
        )
        assert auditors_program["main"]() == 1, (position, changed)
        assert capsys.readouterr().err.startswith("NOT PROVEN")


@pytest.mark.parametrize("removed", [slice(1, 2), slice(13, 14), slice(5, 7), slice(14, 15), slice(0, 1)])
def test_removed_lines_are_not_proven(log: Evidence, tmp_path: Path, removed: slice) -> None:
    exported = write(log, tmp_path)
    lines = exported.path.read_bytes().splitlines(keepends=True)
    del lines[removed]
    exported.path.write_bytes(b"".join(lines))
    assert verdict(log, exported)[0] == 1


def test_added_and_swapped_lines_are_not_proven(log: Evidence, tmp_path: Path) -> None:
    exported = write(log, tmp_path)
    lines = exported.path.read_bytes().splitlines(keepends=True)
    for wrong in (
        [*lines, b"{}\n"],
        [*lines[:3], lines[4], lines[3], *lines[5:]],
        [*lines[:3], *lines[2:]],
        lines[:9],
    ):
        exported.path.write_bytes(b"".join(wrong))
        assert verdict(log, exported)[0] == 1


def test_an_export_signed_by_another_box_is_not_proven(log: Evidence, tmp_path: Path) -> None:
    exported = write(log, tmp_path)
    other = DeviceKey.create(tmp_path / "other.pem", log.key.origin)
    status, text = verdict(log, exported, key=str(other.verifier))
    assert (status, "not of yours" in text) == (1, True)
    text = exported.path.read_text().replace(str(log.key.verifier), str(other.verifier))
    exported.path.write_text(text)
    status, text = verdict(log, exported, key=str(other.verifier))
    assert (status, "not signed with the key" in text) == (1, True)


def test_a_log_that_continues_a_known_checkpoint_says_so(log: Evidence, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(log.checkpoint())
    log.grow(6)
    status, text = verdict(log, write(log, tmp_path), "--known", str(known))
    assert (status, "It continues the known checkpoint of 13 entries." in text) == (0, True)
    status, text = verdict(log, write(log, tmp_path, start=14), "--known", str(known))
    assert (status, "does not reach" in text) == (1, True)


def test_a_box_put_back_to_an_older_state_does_not_continue_what_the_auditor_knows(
    log: Evidence, tmp_path: Path
) -> None:
    known = tmp_path / "known"
    exported = write(log, tmp_path)
    log.grow(1)
    known.write_text(log.checkpoint())
    status, text = verdict(log, exported, "--known", str(known))
    assert (status, "the checkpoint known from before covers 14" in text) == (1, True)


def test_a_rewritten_log_does_not_continue_what_the_auditor_knows(log: Evidence, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(log.checkpoint())
    with log.database.transaction() as tx:
        for row in tx.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
            tx.execute(f"DROP TRIGGER {row['name']}")
        tx.execute("DELETE FROM audit_entries WHERE idx >= 5")
        tx.execute("DELETE FROM audit_checkpoints")
    log.append(*(f"another {index}" for index in range(20)))
    status, text = verdict(log, write(log, tmp_path), "--known", str(known))
    assert (status, "the log was rewritten" in text) == (1, True)


def test_a_damaged_log_is_not_exported_and_leaves_no_file(log: Evidence, tmp_path: Path) -> None:
    signed = log.checkpoint()
    with log.database.transaction() as tx:
        tx.execute("DROP TRIGGER audit_entries_DELETE_refused")
        tx.execute("DELETE FROM audit_entries WHERE idx = 4")
    with pytest.raises(ApplianceError) as caught:
        export(log.log, tmp_path / "audit.jsonl", signed, log.key.verifier)
    assert caught.value.code == "audit.unreadable-entry"
    assert not list(tmp_path.glob("*audit.jsonl*"))


def test_a_range_beyond_the_checkpoint_is_refused(log: Evidence, tmp_path: Path) -> None:
    for start, stop in ((0, 14), (5, 4), (-1, 4)):
        with pytest.raises(ApplianceError) as caught:
            write(log, tmp_path, start=start, stop=stop)
        assert caught.value.code == "audit.range"


def write(log: Evidence, folder: Path, start: int = 0, stop: int | None = None) -> Exported:
    return export(log.log, folder / "audit.jsonl", log.checkpoint(), log.key.verifier, start=start, stop=stop)


def verdict(log: Evidence, exported: Exported, *arguments: str, key: str = "") -> tuple[int, str]:
    child = subprocess.run(
        [
            sys.executable,
            "-I",
            str(VERIFIER),
            str(exported.path),
            "--key",
            key or str(log.key.verifier),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return child.returncode, child.stdout + child.stderr
