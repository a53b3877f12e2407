"""A version that an update brought proves itself in service, or the one before is back by itself."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from appliance.box import Box
from appliance.cli.main import main
from appliance.console.severity import Severity
from appliance.console.views import home_view
from appliance.soak import steps, store
from appliance.soak.machine import Fault
from appliance.state import StateFolder
from appliance.status import Health, SoakStatus
from runtimes.golden import GoldenSet, TensorSample, write_golden
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.consoles.reports import FULL
from tests.runtimes.packs.moody_engine import TRIGGER, install_moody

ROW = [1.0, 2.0, 3.0, 4.0]
BAD_ROW = [TRIGGER, 2.0, 3.0, 4.0]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cli, dict[str, Path]]:
    """A box that serves `echo` 1.0.0, and for each mood a medium with an `echo` 1.1.0 of that mood; `fine` 1.2.0 is good."""
    folder = tmp_path_factory.mktemp("soak")
    depot = TestDepot(folder / "depot")
    sample = np.array([ROW], np.float32)
    write_golden(folder / "golden", GoldenSet((TensorSample("row", {"x": sample}, {"y": sample}),)))
    depot.add("echo", "1.0.0", _echo(folder / "first.onnx", ""), folder / "golden")
    box = Cli(folder / "box")
    box.ok("init", "--trust", str(depot.root), "--box", "test-box")
    (box.state / "packs").mkdir()
    install_moody(box.state / "packs" / "moody")
    box.ok("update", "import", str(depot.publish("first")))
    box.ok("deploy", "echo", "--budget", "2")
    media = {}
    for mood in ("error", "crash", "slow", "fine"):
        other = depot.copy(folder / mood)
        other.add("echo", "1.1.0", _echo(folder / f"{mood}.onnx", mood), folder / "golden")
        media[mood] = other.publish()
    return box, media


@pytest.fixture
def box(made: tuple[Cli, dict[str, Path]], tmp_path: Path) -> Cli:
    """A box of its own that is quick to judge."""
    shutil.copytree(made[0].state, tmp_path / "box", symlinks=True)
    box = Cli(tmp_path / "box")
    for name, value in (("soak-seconds", "3600"), ("soak-judge-after", "5"), ("soak-crashes", "0")):
        box.ok("settings", "set", name, value)
    return box


@pytest.fixture
def update(made: tuple[Cli, dict[str, Path]]) -> Callable[[Cli, str], None]:
    def bring(box: Cli, mood: str) -> None:
        report = box.ok("update", "import", str(made[1][mood]))
        assert report["applied"][0]["serving"] is True

    return bring


def _echo(path: Path, mood: str) -> Path:
    node = helper.make_node("Identity", ["x"], ["y"], domain="example.invalid")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("example.invalid", 1)]
    graph = helper.make_graph([node], "echo", [x], [y], doc_string=f"mood={mood}" if mood else "calm")
    onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def echo(box: Cli) -> Any:
    (deployment,) = box.ok("status")["deployments"]
    return deployment


def ask(box: Cli, row: list[float], times: int = 1) -> None:
    for _ in range(times):
        box.run("infer", "echo", "--input", f"x={[row]}")


def until(box: Cli, phase: str, while_waiting: Callable[[], None] = lambda: None) -> Any:
    deadline = time.monotonic() + 60
    while (deployment := echo(box))["soak"]["phase"] != phase:
        assert time.monotonic() < deadline, deployment
        while_waiting()
        time.sleep(0.1)
    return deployment


def actions(box: Cli) -> list[tuple[str, str, str, str]]:
    """What the box did by itself."""
    return [
        (e["action"], e["subject"], e["outcome"], e["code"]) for e in box.audit() if e["actor"] == "appliance"
    ]


@pytest.mark.parametrize(
    ("mood", "cause"), [("error", "soak.errors"), ("crash", "soak.crashes"), ("slow", "soak.slow")]
)
def test_a_version_that_does_worse_than_the_one_before_is_taken_back_with_the_reason(
    box: Cli, update: Callable[[Cli, str], None], mood: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with box.daemon():
        ask(box, BAD_ROW, 6)  # the old version is at ease with it
        update(box, mood)
        assert (echo(box)["version"], echo(box)["soak"]["phase"]) == ("1.1.0", "soaking")
        after = until(box, "rolled-back", lambda: ask(box, BAD_ROW))
        assert after["version"] == "1.0.0"
        assert (after["soak"]["version"], after["soak"]["cause"]) == ("1.1.0", cause)
        ask(box, ROW)
        told = {problem["code"]: problem for problem in box.ok("status")["problems"]}
        assert cause in told["update.rolled-back"]["text"]
        box.ok("audit", "verify")
    assert actions(box) == [
        ("update.rolled-back", "echo 1.0.0", "ok", ""),
        ("update.rolled-back", "echo 1.1.0", "failed", cause),
    ]
    capsys.readouterr()
    main(["status", "--state-dir", str(box.state)])
    assert "was taken back to 1.0.0" in " ".join(capsys.readouterr().out.split())
    box.ok("deploy", "echo", "--version", "1.0.0")
    assert "update.rolled-back" not in {p["code"] for p in box.ok("status")["problems"]}


def test_a_version_that_does_well_is_confirmed_and_the_one_before_may_go(
    box: Cli, update: Callable[[Cli, str], None]
) -> None:
    box.ok("settings", "set", "keep-versions", "0")
    box.ok("settings", "set", "soak-seconds", "0")
    box.ok("settings", "set", "soak-requests", "3")
    with box.daemon():
        update(box, "fine")
        kept = {row["version"]: row["kept_for"] for row in box.ok("models")["models"]}
        assert "until echo 1.1.0 is confirmed" in kept["1.0.0"]
        box.fails("artifact.needed", "models", "remove", "echo", "1.0.0")
        after = until(box, "confirmed", lambda: ask(box, BAD_ROW))
        assert (after["version"], after["soak"]["errors"]) == ("1.1.0", 0)
    assert actions(box) == [("update.confirmed", "echo 1.1.0", "ok", "")]
    assert box.ok("update", "rollback", "echo")["version"] == "1.0.0", (
        "the policy never removes what it would go back to"
    )


def test_a_soak_goes_on_after_a_restart_of_the_daemon(box: Cli, update: Callable[[Cli, str], None]) -> None:
    box.ok("settings", "set", "soak-crashes", "100")
    with box.daemon():
        update(box, "error")
        ask(box, ROW, 2)
        ask(box, BAD_ROW, 2)
    stopped = echo(box)
    assert (stopped["state"], stopped["soak"]["phase"]) == ("stopped", "soaking")
    assert (stopped["soak"]["requests"], stopped["soak"]["errors"]) == (4, 2)
    with box.daemon():
        assert until(box, "rolled-back", lambda: ask(box, BAD_ROW))["soak"]["requests"] >= 5
        assert echo(box)["version"] == "1.0.0"


def test_a_way_back_that_a_killed_daemon_had_begun_is_gone_to_its_end(
    box: Cli, update: Callable[[Cli, str], None]
) -> None:
    with box.daemon():
        update(box, "error")
    with Box.open(StateFolder.at(box.state), writing=True) as opened:
        soak = store.soak_of(opened.database, "echo")
        assert soak is not None
        steps.fail(opened, soak, Fault("soak.errors", "all of them failed"))
    assert echo(box)["soak"]["phase"] == "failing"
    with box.daemon():
        assert until(box, "rolled-back")["version"] == "1.0.0"


def test_where_the_version_before_cannot_be_loaded_the_new_one_serves_on_and_the_status_says_so(
    box: Cli, update: Callable[[Cli, str], None]
) -> None:
    with Box.open(StateFolder.at(box.state), writing=False) as opened:
        (weights,) = [
            file for file in opened.registry.artifact("model", "echo").files if file.path.endswith(".onnx")
        ]
    blob = box.state / "blobs" / "sha256" / weights.digest
    with box.daemon():
        update(box, "error")
        shutil.move(blob, box.state / "lost")
        until(box, "failing", lambda: ask(box, BAD_ROW))
        deadline = time.monotonic() + 60
        while not actions(box):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert echo(box)["version"] == "1.1.0"
        ask(box, ROW)
        assert (
            "must go back to 1.0.0"
            in {p["code"]: p for p in box.ok("status")["problems"]}["update.failing"]["text"]
        )
    assert [(action, outcome) for action, _, outcome, _ in actions(box)] == [("update.rolled-back", "failed")]
    shutil.move(box.state / "lost", blob)
    with box.daemon() as daemon:
        assert until(box, "rolled-back")["version"] == "1.0.0"
        daemon.kill()


def test_a_killed_daemon_loses_no_more_of_a_soak_than_its_last_seconds(
    box: Cli, update: Callable[[Cli, str], None]
) -> None:
    with box.daemon() as daemon:
        update(box, "fine")
        ask(box, ROW, 2)
        deadline = time.monotonic() + 30
        while echo(box)["soak"]["requests"] != 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        daemon.kill()
        daemon.wait(timeout=10)
    with box.daemon():
        assert echo(box)["version"] == "1.1.0"
        assert (echo(box)["soak"]["phase"], echo(box)["soak"]["requests"]) == ("soaking", 2)
        assert box.ok("update", "confirm", "echo")["requests"] >= 2


def test_a_worker_that_somebody_kills_now_and_then_costs_no_version(
    box: Cli, update: Callable[[Cli, str], None]
) -> None:
    box.ok("settings", "set", "soak-crashes", "1")
    with box.daemon():
        update(box, "fine")
        os.kill(echo(box)["worker_pid"], signal.SIGKILL)
        ask(box, ROW, 3)
        deadline = time.monotonic() + 10
        while echo(box)["soak"]["crashes"] != 1:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert echo(box)["soak"]["phase"] == "soaking"
        assert box.ok("update", "confirm", "echo")["version"] == "1.1.0"
        box.fails("soak.none", "update", "confirm", "echo")
    assert [e["action"] for e in box.audit()][-2:] == ["update.confirmed", "update.confirm"]


def test_a_person_who_deploys_ends_a_soak(box: Cli, update: Callable[[Cli, str], None]) -> None:
    update(box, "fine")
    assert echo(box)["soak"]["phase"] == "soaking"
    box.ok("update", "rollback", "echo")
    assert echo(box)["soak"] is None
    box.ok("update", "rollback", "echo", "--to", "1.1.0")
    assert echo(box)["soak"] is None
    box.ok("undeploy", "echo")


def test_without_a_soak_a_version_is_confirmed_with_its_activation(
    box: Cli, update: Callable[[Cli, str], None]
) -> None:
    box.ok("settings", "set", "soak-seconds", "0")
    update(box, "fine")
    assert echo(box)["soak"] is None


def test_consoles_show_what_soaks() -> None:
    soak = SoakStatus("1.1.0", "1.0.0", "soaking", "", "", 61.0, 600.0, 12, 0, 1, 0, 0.01)
    first, *others = FULL.deployments
    soaking = replace(first, soak=soak, detail="")
    report = replace(FULL, deployments=(soaking, *others), health=Health.OK)
    views = {view.name: view for view in home_view(report, datetime(2026, 1, 1, tzinfo=UTC)).deployments}
    shown = views[first.name]
    assert (shown.state.word, shown.state.severity) == ("soaking", Severity.NOTICE)
    assert "12 requests, 1 error, no crashes" in shown.detail
    assert "1.0.0 is kept" in shown.detail
