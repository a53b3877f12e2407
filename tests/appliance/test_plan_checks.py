"""A plan that no longer holds is told, and so is production that takes much longer than the plan said."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.cli.main import main
from appliance.plan_checks import plan_problems, production, slower_than_measured
from appliance.status import DeploymentState, DeploymentStatus
from appliance.telemetry.series import Telemetry
from tests.appliance.cli import Cli

ROW = [1.0, 2.0, 3.0, 4.0]


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    """Counts at a clock that stands still, one second before it is asked."""
    counted = Telemetry(tmp_path / "telemetry.sqlite3", monotonic=lambda: 1000.0)
    yield counted
    counted.close()


def status_after(
    telemetry: Telemetry, planned: float | None, *seconds: float, kind: str = "tensor"
) -> DeploymentStatus:
    for took in seconds:
        telemetry.record("parts", took)
    return DeploymentStatus(
        name="parts",
        version="1.0.0",
        kind=kind,
        state=DeploymentState.SERVING,
        detail="",
        engine="openvino CPU bf16 x2",
        worker_pid=1,
        memory=1,
        restarts=0,
        planned_p50_seconds=planned,
        traffic=telemetry.traffic("parts", now_monotonic=1001.0),
    )


def test_production_much_slower_than_the_plan_is_a_problem_with_both_figures(telemetry: Telemetry) -> None:
    problem = slower_than_measured(status_after(telemetry, 0.005, *[0.040] * 30))
    assert problem is not None
    assert problem.code == "plan.slower-than-measured"
    assert "p50 of 30 requests" in problem.text
    assert "5.0 ms were measured" in problem.text
    assert "gateway and waiting in line included" in problem.text
    assert "busy 0 %" in problem.text
    assert "appliance deploy parts --measure-again" in problem.remedy


def test_too_few_requests_say_nothing_of_the_median(telemetry: Telemetry) -> None:
    assert slower_than_measured(status_after(telemetry, 0.005, *[0.040] * 29)) is None


def test_the_gateways_share_alone_is_no_problem(telemetry: Telemetry) -> None:
    """A model of 0.1 ms answers in 3 ms: thirty times as long, and all of it the gateway's."""
    assert slower_than_measured(status_after(telemetry, 0.0001, *[0.003] * 40)) is None


def test_requests_that_failed_do_not_count(telemetry: Telemetry) -> None:
    for _ in range(20):
        telemetry.record("parts", 9.0, cause="request.timeout")
    status = status_after(telemetry, 0.005, *[0.040] * 20)
    assert production(status.traffic).requests == 20
    assert slower_than_measured(status) is None


def test_text_takes_as_long_as_it_is_and_is_not_compared(telemetry: Telemetry) -> None:
    assert slower_than_measured(status_after(telemetry, 0.005, *[2.0] * 40, kind="text")) is None


def test_a_deployment_without_a_plan_or_without_requests_is_not_compared(telemetry: Telemetry) -> None:
    assert slower_than_measured(status_after(telemetry, 0.005)) is None
    assert slower_than_measured(status_after(telemetry, None, *[2.0] * 40)) is None


def test_an_outdated_plan_is_the_one_problem_that_is_told(telemetry: Telemetry) -> None:
    status = status_after(telemetry, 0.005, *[0.040] * 30)
    (problem,) = plan_problems([status], {"parts": "The engine openvino is gone."})
    assert problem.code == "plan.stale"
    assert "The engine openvino is gone." in problem.text
    assert "`appliance deploy parts`" in problem.remedy
    assert [p.code for p in plan_problems([status], {})] == ["plan.slower-than-measured"]


def test_a_plan_from_before_a_change_is_told_until_it_is_measured_again(
    serving_box: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serving_box.ok("plan", "linear")["stale"] is None
    with closing(sqlite3.connect(serving_box.state / "appliance.sqlite3")) as database, database:
        database.execute("UPDATE deployments SET plan = json_set(plan, '$.engines.openvino', '2020.1')")

    told = {problem["code"]: problem for problem in serving_box.ok("status")["problems"]}
    assert "the plan was measured with 2020.1" in told["plan.stale"]["text"]
    report = serving_box.ok("plan", "linear")
    assert "2020.1" in report["stale"]
    assert report["production"] is None
    capsys.readouterr()
    main(["plan", "linear", "--state-dir", str(serving_box.state)])
    read = " ".join(capsys.readouterr().out.split())
    assert "a stored plan that no longer holds" in read
    assert "Measure again: `appliance deploy linear`" in read

    assert serving_box.ok("deploy", "linear", "--budget", "2")["reused"] is False
    assert serving_box.ok("plan", "linear")["stale"] is None


def test_a_plan_stands_beside_what_production_takes(
    serving_box: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving_box.daemon():
        before = serving_box.ok("plan", "linear")
        assert (before["stale"], before["production"]["requests"]) == (None, 0)
        serving_box.ok("infer", "linear", "--input", f"x={[ROW]}")
        deadline = time.monotonic() + 10
        while not (seen := serving_box.ok("plan", "linear")["production"])["requests"]:
            assert time.monotonic() < deadline, "the request was never counted"
            time.sleep(0.1)
        assert seen["requests"] == 1
        assert 0 < seen["p50_seconds"] <= seen["p99_seconds"]
        capsys.readouterr()
        main(["plan", "linear", "--state-dir", str(serving_box.state)])
        assert "over 1 request in the last minute" in " ".join(capsys.readouterr().out.split())
        main(["status", "--state-dir", str(serving_box.state)])
        assert "planned" in capsys.readouterr().out
