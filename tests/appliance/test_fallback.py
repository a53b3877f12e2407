"""What a plan runs on is gone: the deployment is down and says why, or serves otherwise and says so, by policy."""

import os
import shutil
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.cli.main import main
from appliance.console.severity import Severity
from appliance.console.views import home_view
from appliance.state import StateFolder
from appliance.status import DeploymentState, Health
from tests.appliance.card_box import PLANNED, ROW
from tests.appliance.cli import Cli
from tests.consoles.reports import FULL, QUIET
from tests.runtimes.packs.card_engine import return_card, take_card

BODY = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": ROW}]}


@pytest.fixture
def box(card_box: Cli) -> Cli:
    return card_box


@pytest.fixture
def pack(card_box: Cli) -> Path:
    return card_box.state / "packs" / "cards"


def ask(box: Cli, method: str, path: str, body: Any = None) -> tuple[int, httpx.Headers, Any]:
    transport = httpx.HTTPTransport(uds=str(StateFolder.at(box.state).inference_socket))
    with httpx.Client(transport=transport, base_url="http://box") as client:
        answer = client.request(method, path, json=body)
    return answer.status_code, answer.headers, answer.json()


def echo(box: Cli) -> Any:
    (deployment,) = box.ok("status")["deployments"]
    return deployment


def answers(box: Cli) -> bool:
    ran = box.run("infer", "echo", "--input", f"x={[ROW]}")
    return ran.error is None and ran.result["outputs"][0]["data"] == [ROW]


def until(box: Cli, state: str) -> Any:
    deadline = time.monotonic() + 30
    while (deployment := echo(box))["state"] != state:
        assert time.monotonic() < deadline, deployment
        time.sleep(0.05)
    return deployment


def actions(box: Cli) -> list[tuple[str, str, str]]:
    """What the box did by itself."""
    return [
        (entry["action"], entry["outcome"], entry["code"])
        for entry in box.audit()
        if entry["action"].startswith("deployment.")
    ]


@pytest.mark.parametrize("code", ["device.fell-back", "device.absent"])
def test_a_deployment_whose_device_is_gone_is_down_with_cause_and_remedy(
    code: str, box: Cli, pack: Path
) -> None:
    take_card(pack, code)
    with box.daemon():
        report = box.ok("status")
        (deployment,) = report["deployments"]
        assert (deployment["state"], deployment["cause"]) == ("failed", code)
        assert deployment["remedy"] == "Push the card back in."
        assert report["health"] == "failed"
        (problem,) = [p for p in report["problems"] if p["code"] == "deployment.failed"]
        assert f"card:0 is not there. ({code})" in problem["text"]
        assert "Push the card back in." in problem["remedy"]
        assert not answers(box)
    assert actions(box) == [("deployment.down", "refused", code)]


def test_by_policy_the_next_best_serves_meanwhile_and_everybody_is_told(
    box: Cli, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box.ok("settings", "set", "on-fallback", "degrade")
    take_card(pack, "device.fell-back")
    with box.daemon():
        report = box.ok("status")
        (deployment,) = report["deployments"]
        assert (deployment["state"], deployment["cause"]) == ("degraded", "device.fell-back")
        assert deployment["planned"] == PLANNED
        assert deployment["engine"] in {"cards CPU f32 x1", "spare CPU f32 x1"}
        assert deployment["planned_p50_seconds"] >= 0.005
        assert report["health"] == "degraded"
        (problem,) = [p for p in report["problems"] if p["code"] == "deployment.degraded"]
        assert f"serves instead of {PLANNED}" in problem["text"]
        capsys.readouterr()
        main(["status", "--state-dir", str(box.state)])
        assert "degraded" in capsys.readouterr().out

        status, headers, answer = ask(box, "POST", "/v2/models/echo/infer", BODY)
        assert (status, headers["x-degraded"]) == (200, "device.fell-back")
        assert answer["parameters"] == {"degraded": "device.fell-back"}
        assert answer["outputs"][0]["data"] == ROW
        for path in ("/v2/models/echo", "/v2/models/echo/ready"):
            status, headers, answer = ask(box, "GET", path)
            assert (status, headers["x-degraded"]) == (200, "device.fell-back")
            assert answer["parameters"] == {"degraded": "device.fell-back"}

        error = box.fails("device.fell-back", "deploy", "echo")
        assert error["remedy"] == "Push the card back in."
        assert echo(box)["state"] == "degraded"
        return_card(pack)
        box.ok("deploy", "echo")
        assert (echo(box)["state"], echo(box)["planned"], echo(box)["cause"]) == ("serving", "", "")
        status, headers, answer = ask(box, "POST", "/v2/models/echo/infer", BODY)
        assert (status, "x-degraded" in headers, "parameters" in answer) == (200, False, False)
    assert actions(box) == [("deployment.degraded", "ok", "device.fell-back")]
    box.ok("audit", "verify")


def test_it_returns_to_its_plan_by_itself_when_the_device_is_back(box: Cli, pack: Path) -> None:
    box.ok("settings", "set", "on-fallback", "degrade")
    take_card(pack)
    with box.daemon():
        assert echo(box)["state"] == "degraded"
        return_card(pack)
        box.ok("settings", "set", "on-fallback", "degrade")
        assert until(box, "serving")["engine"] == PLANNED
        assert answers(box)
    assert [action for action, *_ in actions(box)] == ["deployment.degraded", "deployment.restored"]


def test_a_card_that_is_pulled_while_serving_costs_no_request(box: Cli, pack: Path) -> None:
    box.ok("settings", "set", "on-fallback", "degrade")
    with box.daemon():
        pid = echo(box)["worker_pid"]
        take_card(pack)
        os.kill(pid, signal.SIGKILL)
        assert answers(box)
        assert until(box, "degraded")["cause"] == "device.absent"


def test_a_driver_that_kills_every_worker_is_stood_in_for_too(box: Cli, pack: Path) -> None:
    box.ok("settings", "set", "on-fallback", "degrade")
    take_card(pack, "crash")
    with box.daemon():
        deployment = until(box, "degraded")
        assert (deployment["cause"], deployment["planned"]) == ("worker.died", PLANNED)
        assert answers(box)


def test_a_pack_that_is_gone_is_stood_in_for_by_another(box: Cli, pack: Path) -> None:
    box.ok("settings", "set", "on-fallback", "degrade")
    shutil.move(pack, box.state / "pulled")
    with box.daemon():
        deployment = echo(box)
        assert (deployment["state"], deployment["cause"]) == ("degraded", "pack.missing")
        assert deployment["engine"] == "spare CPU f32 x1"
        assert answers(box)


def test_where_nobody_can_stand_in_it_is_down(box: Cli, pack: Path) -> None:
    box.ok("settings", "set", "on-fallback", "degrade")
    shutil.move(pack, box.state / "pulled")
    shutil.move(box.state / "packs" / "spare", box.state / "pulled-too")
    with box.daemon():
        assert (echo(box)["state"], echo(box)["cause"]) == ("failed", "pack.missing")
    assert actions(box) == [("deployment.down", "refused", "pack.missing")]


def test_a_changed_policy_holds_at_once(box: Cli, pack: Path) -> None:
    take_card(pack)
    with box.daemon():
        assert echo(box)["state"] == "failed"
        box.ok("settings", "set", "on-fallback", "degrade")
        until(box, "degraded")
        assert answers(box)
        box.ok("settings", "set", "on-fallback", "refuse")
        assert until(box, "failed")["cause"] == "device.absent"
        assert not answers(box)
        return_card(pack)
        box.ok("undeploy", "echo")
        assert box.ok("status")["deployments"] == []
    assert [action for action, *_ in actions(box)] == [
        "deployment.down",
        "deployment.degraded",
        "deployment.down",
    ]


def test_settings_are_listed_checked_and_logged(box: Cli) -> None:
    setting = box.ok("settings", "list")["settings"][0]
    assert (setting["name"], setting["value"], setting["choices"]) == (
        "on-fallback",
        "refuse",
        ["refuse", "degrade"],
    )
    assert "degrade" in box.fails("settings.value", "settings", "set", "on-fallback", "perhaps")["remedy"]
    assert "on-fallback" in box.fails("settings.unknown", "settings", "set", "colour", "red")["remedy"]
    assert box.ok("settings", "set", "on-fallback", "degrade")["before"] == "refuse"
    assert box.ok("settings", "list")["settings"][0]["value"] == "degrade"
    outcomes = [entry["outcome"] for entry in box.audit() if entry["action"] == "settings.set"]
    assert outcomes == ["failed", "failed", "ok"]


def test_consoles_show_who_serves_instead_and_why() -> None:
    degraded = replace(
        FULL.deployments[0],
        state=DeploymentState.DEGRADED,
        detail="card:0 is not there.",
        engine="spare CPU f32 x1",
        planned=PLANNED,
        cause="device.absent",
        traffic=QUIET,
    )
    view = home_view(
        replace(FULL, deployments=(degraded,), health=Health.DEGRADED), datetime(2026, 1, 1, tzinfo=UTC)
    )
    (shown,) = view.deployments
    assert (shown.state.word, shown.state.severity) == ("degraded", Severity.WARNING)
    assert (shown.engine, shown.detail) == ("spare CPU f32 x1", "card:0 is not there.")
    assert view.headline.word == "DEGRADED"
    assert view.summary.startswith("1 deployment, serving")
