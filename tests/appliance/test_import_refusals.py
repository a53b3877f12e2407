"""What an import refuses, how it says so, and that the box is as it was."""

import json
import resource
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import updates.trust.clock
from runtimes.golden import GoldenSet, TensorSample, write_golden
from tests.appliance.cli import EXECUTABLE, Cli
from tests.appliance.depots import TestDepot, copy_of
from tests.runtimes import onnx_files

UPDATE = "appliance-update"
NOT_DEPENDED_ON: dict[str, str] = {}
"""Files of a medium whose bytes an import never depends on, with the reason: there are none."""


def test_changing_one_byte_of_any_file_is_refused_with_that_file_named(
    box: Cli, medium: Path, tmp_path: Path
) -> None:
    files = sorted(
        file.relative_to(medium / UPDATE) for file in (medium / UPDATE).rglob("*") if file.is_file()
    )
    assert len(files) > 8
    for number, file in enumerate(files):
        if str(file) in NOT_DEPENDED_ON:
            continue
        damaged = copy_of(medium, tmp_path / f"damaged-{number}")
        victim = damaged / UPDATE / file
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 0x01
        victim.write_bytes(data)
        ran = box.run("update", "import", str(damaged))
        assert ran.error is not None, f"{file} was changed, and the import did not notice"
        assert str(file) in ran.error["what"], (file, ran.error)
        assert ran.error["remedy"], ran.error
    assert box.ok("models")["models"] == []
    refused = [entry for entry in box.audit() if entry["action"] == "update.import"]
    assert len(refused) == len(files) - len(NOT_DEPENDED_ON)
    assert all(entry["outcome"] in {"refused", "failed"} and entry["code"] for entry in refused)
    box.ok("update", "import", str(medium))


def test_a_truncated_file_is_refused_and_named(box: Cli, medium: Path, tmp_path: Path) -> None:
    damaged = copy_of(medium, tmp_path / "truncated")
    victim = max((damaged / UPDATE / "blobs" / "sha256").iterdir(), key=lambda file: file.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-1])
    error = box.fails("medium.truncated", "update", "import", str(damaged))
    assert victim.name in error["what"]
    _is_untouched(box)


def test_an_update_by_a_depot_that_the_box_does_not_know_is_refused(box: Cli, tmp_path: Path) -> None:
    stranger = TestDepot(tmp_path / "stranger")
    stranger.add_linear()
    ran = box.run("update", "import", str(stranger.publish()))
    assert ran.error is not None
    assert ran.error["code"].startswith("trust.")
    assert box.audit()[-1]["outcome"] == "refused"
    _is_untouched(box)


def test_an_older_medium_is_refused_and_the_newer_one_still_works(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear(version="1.0.0")
    older = depot.publish("older")
    depot.add_linear(version="1.1.0")
    newer = depot.publish("newer")
    box = new_box(depot)
    box.ok("update", "import", str(newer))
    box.fails("trust.rollback", "update", "import", str(older))
    assert box.audit()[-1]["code"] == "trust.rollback"
    depot.add_linear(version="1.2.0")
    report = box.ok("update", "import", str(depot.publish("newest")))
    assert [applied["version"] for applied in report["applied"]] == ["1.2.0"]


def test_a_bad_golden_sample_rejects_the_model_and_leaves_the_box_as_it_was(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear(wrong_by=1.0)
    box = new_box(depot)
    error = box.fails("certify.failed", "update", "import", str(depot.publish()))
    assert "rows" in error["what"]
    _is_untouched(box)
    assert not any((box.state / "blobs").rglob("sha256/*"))


def test_one_model_that_fails_does_not_keep_the_others_out(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear("good")
    depot.add_linear("bad", wrong_by=1.0)
    box = new_box(depot)
    report = box.ok("update", "import", str(depot.publish()))
    assert [applied["name"] for applied in report["applied"]] == ["good"]
    assert [(r["name"], r["code"]) for r in report["rejected"]] == [("bad", "certify.failed")]
    outcomes = {entry["subject"]: entry["outcome"] for entry in box.audit()}
    assert outcomes["model good 1.0.0"] == "ok"
    assert outcomes["model bad 1.0.0"] == "refused"


def test_a_file_that_is_not_what_its_name_says_does_not_get_into_a_depot(tmp_path: Path) -> None:
    depot = TestDepot(tmp_path / "depot")
    pointer = tmp_path / "model.onnx"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    golden = tmp_path / "golden"
    x = np.zeros((1, 4), np.float32)
    write_golden(golden, GoldenSet((TensorSample("zeros", {"x": x}, {"y": x[:, :3]}),)))
    words = ["--name", "m", "--version", "1.0.0", "--file", str(pointer), "--golden", str(golden)]
    error = depot.cli.fails("model.not-what-it-says", "depot", "add-model", str(depot.depot), *words)
    assert "git lfs" in error["what"].lower()
    disguised = onnx_files.linear(tmp_path / "model.gguf")
    words[5] = str(disguised)
    depot.cli.fails("model.not-what-it-says", "depot", "add-model", str(depot.depot), *words)


def test_a_full_disk_is_said_to_be_one_and_leaves_the_box_as_it_was(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear(rows=100_000)
    medium = depot.publish()
    box = new_box(depot)
    largest_file = 1_000_000
    ran = subprocess.run(
        [str(EXECUTABLE), "update", "import", str(medium), "--state-dir", str(box.state), "--json"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file)),
        capture_output=True,
        check=False,
    )
    error = json.loads(ran.stdout)["error"]
    assert error["code"] == "disk.full", error
    assert error["remedy"]
    assert ran.returncode == 9
    _is_untouched(box)
    assert box.audit()[-1]["code"] == "disk.full"
    assert len(box.ok("update", "import", str(medium))["applied"]) == 1


def test_an_expired_medium_needs_the_override_which_is_logged(
    new_box: Callable[[TestDepot], Cli], depot: TestDepot, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = new_box(depot)
    _pretend_it_is_2040(monkeypatch)
    box.fails("trust.expired", "update", "import", str(medium))
    box.ok("update", "import", str(medium), "--allow-expired")
    assert [entry["outcome"] for entry in box.audit()][1:] == ["refused", "ok", "ok"]


def test_a_folder_without_an_update_is_said_to_be_one(box: Cli, tmp_path: Path) -> None:
    ran = box.run("update", "import", str(tmp_path))
    assert ran.error is not None
    assert ran.error["code"].startswith("medium.")
    assert ran.exit_code == 5


def test_importing_the_same_medium_again_changes_nothing_and_says_so(box: Cli, medium: Path) -> None:
    box.ok("update", "import", str(medium))
    report = box.ok("update", "import", str(medium))
    assert report["applied"] == []
    assert report["present"] == ["linear 1.0.0"]


def _is_untouched(box: Cli) -> None:
    assert box.ok("models")["models"] == []
    assert box.ok("status")["last_update"] is None
    box.ok("audit", "verify")


def _pretend_it_is_2040(monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls(2040, 1, 1, tzinfo=tz or UTC)

    monkeypatch.setattr(updates.trust.clock, "datetime", Later)
