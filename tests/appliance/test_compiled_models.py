"""Compiled models are counted, listed and safe to delete; what fits nothing here any more goes by itself."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.console.wizards.outcome import outcome
from runtimes.packs.compiled import CompiledKey, compiled_models
from tests.appliance.card_box import ROW
from tests.appliance.cli import Cli
from tests.runtimes.packs.card_engine import take_card


@pytest.fixture
def box(card_box: Cli) -> Cli:
    return card_box


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def put(box: Cli, key: CompiledKey) -> Path:
    folder = key.folder(box.state / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "left.blob").write_bytes(b"x" * 100_000)
    return folder


def test_the_status_counts_the_disk_by_kind(box: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    before = box.ok("status")["disk_use"]
    assert all(before[kind] > 0 for kind in ("blobs", "databases", "packs"))
    put(box, CompiledKey("cards", "7.1", "CPU", "none", "ab" * 32))
    after = box.ok("status")["disk_use"]
    assert after["compiled"] - before["compiled"] >= 100_000
    assert {kind: after[kind] for kind in ("blobs", "packs")} == {
        kind: before[kind] for kind in ("blobs", "packs")
    }
    capsys.readouterr()
    main(["status", "--state-dir", str(box.state)])
    assert "compiled models" in capsys.readouterr().out


def test_a_deployment_keeps_what_it_compiled_under_its_key(
    box: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    with box.daemon():
        row = next(row for row in box.ok("cache", "list")["compiled"] if row["device"] == "card:0")
    assert (row["model"], row["pack"], row["version"]) == ("echo 1.0.0", "cards", "7.1")
    assert row["driver"] != "none"
    assert row["size"] > 0
    capsys.readouterr()
    main(["cache", "list", "--state-dir", str(box.state)])
    assert "echo 1.0.0" in capsys.readouterr().out


def test_clearing_costs_a_serving_deployment_nothing_and_the_next_load_compiles_again(box: Cli) -> None:
    with box.daemon():
        pid = box.ok("status")["deployments"][0]["worker_pid"]
        cleared = box.ok("cache", "clear")
        assert cleared["removed"] >= 1
        assert cleared["freed"] > 0
        assert not [path for path in (box.state / "cache").rglob("*") if path.is_file()]
        assert box.ok("infer", "echo", "--input", f"x={[ROW]}")["outputs"][0]["data"] == [ROW]
        assert box.ok("status")["deployments"][0]["worker_pid"] == pid
        os.kill(pid, signal.SIGKILL)
        assert box.ok("infer", "echo", "--input", f"x={[ROW]}")["outputs"][0]["data"] == [ROW]
        (row,) = [
            row for row in box.ok("cache", "list")["compiled"] if row["size"] and row["device"] != "CPU"
        ]
        assert row["model"] == "echo 1.0.0"
        assert (box.state / "cache").is_dir()
    (entry,) = [entry for entry in box.audit() if entry["action"] == "cache.clear"]
    assert entry["outcome"] == "ok"


def test_the_whole_folder_may_go_while_a_deployment_serves(box: Cli) -> None:
    with box.daemon():
        shutil.rmtree(box.state / "cache")
        assert box.ok("infer", "echo", "--input", f"x={[ROW]}")["outputs"][0]["data"] == [ROW]
        assert box.ok("cache", "list")["compiled"] == []
        assert box.ok("cache", "clear") == {"removed": 0, "freed": 0}
        os.kill(box.ok("status")["deployments"][0]["worker_pid"], signal.SIGKILL)
        assert box.ok("infer", "echo", "--input", f"x={[ROW]}")["outputs"][0]["data"] == [ROW]
        assert len(box.ok("cache", "list")["compiled"]) == 1


def test_a_starting_daemon_sweeps_what_fits_no_model_engine_or_driver(box: Cli) -> None:
    with box.daemon():
        kept = {one.key for one in compiled_models(box.state / "cache") if one.key.device == "card:0"}
    (here,) = kept
    stale = [
        put(box, CompiledKey(here.pack, "7.0", here.device, here.driver, here.model)),
        put(box, CompiledKey("gone", here.version, here.device, here.driver, here.model)),
        put(box, CompiledKey(here.pack, here.version, here.device, "nvidia-1.0~0", here.model)),
        put(box, CompiledKey(here.pack, here.version, here.device, here.driver, "ab" * 32)),
    ]
    (box.state / "cache" / "stray").write_bytes(b"x")
    with box.daemon():
        until(lambda: not any(folder.exists() for folder in stale))
        until(lambda: not (box.state / "cache" / "stray").exists())
        assert here in {one.key for one in compiled_models(box.state / "cache")}


def test_nothing_is_swept_while_a_missing_card_may_come_back(box: Cli) -> None:
    with box.daemon():
        (here,) = {one.key for one in compiled_models(box.state / "cache") if one.key.device == "card:0"}
    for_another_driver = put(box, replace(here, driver="nvidia-1.0~0"))
    take_card(box.state / "packs" / "cards")
    with box.daemon():
        assert box.ok("status")["deployments"][0]["state"] == "failed"
        assert box.ok("cache", "list")["compiled"]
    assert for_another_driver.is_dir()


def test_undeploying_removes_what_was_compiled_of_the_model(box: Cli) -> None:
    with box.daemon():
        assert box.ok("cache", "list")["compiled"]
        box.ok("undeploy", "echo")
        assert box.ok("cache", "list")["compiled"] == []


def test_consoles_show_what_is_compiled_and_what_is_set(box: Cli) -> None:
    with box.daemon():
        compiled = outcome("cache.list", box.ok("cache", "list"))
    assert compiled.table is not None
    assert "echo 1.0.0" in {row[0] for row in compiled.table.rows}
    settings = outcome("settings.list", box.ok("settings", "list"))
    assert settings.table is not None
    assert settings.table.rows[0][:2] == ("on-fallback", "refuse")
    assert outcome("cache.list", {"compiled": []}).table is None
