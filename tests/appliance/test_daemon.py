"""The daemon: the only writer while it runs, alive when a worker dies, gone in good order."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.control.client import ControlSession
from appliance.control.messages import Progress
from appliance.errors import ApplianceError
from appliance.state import StateFolder
from tests.appliance.cli import EXECUTABLE, Cli
from tests.appliance.depots import TestDepot
from tests.runtimes.onnx_files import WEIGHT

ROW = [1.0, 2.0, 3.0, 4.0]


def test_a_deployment_answers_on_the_unix_socket_and_on_loopback(serving_box: Cli) -> None:
    with serving_box.daemon():
        inferred = serving_box.ok("infer", "linear", "--input", f"x={[ROW]}")
        outputs = {output["name"]: output["data"] for output in inferred["outputs"]}
        np.testing.assert_allclose(outputs["y"], np.array([ROW]) @ WEIGHT, rtol=5e-3)
    port = _free_port()
    with serving_box.daemon("--port", str(port)):
        body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": ROW}]}
        answer = _post(f"http://127.0.0.1:{port}/v2/models/linear/infer", body)
        assert answer["model_version"] == "1.0.0"
        np.testing.assert_allclose(answer["outputs"][0]["data"], np.array(ROW) @ WEIGHT, rtol=5e-3)


def test_commands_go_through_the_daemon_which_is_the_only_writer(
    new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear(version="1.0.0")
    box = new_box(depot)
    with box.daemon():
        report = box.ok("update", "import", str(depot.publish()))
        assert report["applied"][0]["serving"] is False
        plan = box.ok("deploy", "linear", "--budget", "2")
        assert plan["serving"] is True
        status = box.ok("status")
        assert status["daemon_running"] is True
        assert [(d["name"], d["state"]) for d in status["deployments"]] == [("linear", "serving")]
        assert box.ok("infer", "linear", "--input", f"x={[ROW]}")["version"] == "1.0.0"
        depot.add_linear(version="1.1.0")
        report = box.ok("update", "import", str(depot.publish()))
        assert report["applied"][0]["serving"] is True
        assert box.ok("infer", "linear", "--input", f"x={[ROW]}")["version"] == "1.1.0"
        box.ok("undeploy", "linear")
        box.fails("request.refused", "infer", "linear", "--input", f"x={[ROW]}")
        box.ok("audit", "verify")
    assert {entry["actor"] for entry in box.audit()} == {box.audit()[0]["actor"]}


def test_a_killed_worker_costs_nothing_but_its_requests_and_is_back_by_itself(serving_box: Cli) -> None:
    with serving_box.daemon():
        first = _worker_pid(serving_box)
        os.kill(first, signal.SIGKILL)
        assert serving_box.ok("infer", "linear", "--input", f"x={[ROW]}")["version"] == "1.0.0"
        assert _worker_pid(serving_box) != first
        (deployment,) = serving_box.ok("status")["deployments"]
        assert deployment["restarts"] == 1


def test_a_second_daemon_is_refused_and_the_first_goes_on(serving_box: Cli) -> None:
    with serving_box.daemon():
        error = serving_box.fails("state.in-use", "serve", "--port", "0")
        assert "process" in error["what"]
        assert serving_box.ok("status")["daemon_running"] is True


def test_a_port_in_use_is_named_and_logged(box: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = box.fails("gateway.port-in-use", "serve", "--port", str(port))
    assert str(port) in error["what"]
    assert box.audit()[-1]["code"] == "gateway.port-in-use"
    assert not (box.state / "run" / "control.sock").exists()


def test_sigterm_ends_the_daemon_and_its_workers_and_leaves_no_socket(serving_box: Cli) -> None:
    with serving_box.daemon() as daemon:
        worker = _worker_pid(serving_box)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0
    assert not Path(f"/proc/{worker}").exists()
    assert list((serving_box.state / "run").iterdir()) == []


def test_workers_die_with_a_daemon_that_is_killed_and_the_next_one_starts(serving_box: Cli) -> None:
    with serving_box.daemon() as daemon:
        worker = _worker_pid(serving_box)
        daemon.kill()
        daemon.wait(timeout=10)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{worker}").exists():
        assert time.monotonic() < deadline, "the worker outlived its daemon"
        time.sleep(0.02)
    with serving_box.daemon():
        assert serving_box.ok("infer", "linear", "--input", f"x={[ROW]}")["version"] == "1.0.0"
    serving_box.ok("audit", "verify")


def test_consoles_hear_of_changes_and_of_progress(serving_box: Cli, medium: Path) -> None:
    with serving_box.daemon():
        session = ControlSession(StateFolder.at(serving_box.state))
        listener = ControlSession(StateFolder.at(serving_box.state))
        events = listener.events()
        heard: list[Progress] = []
        kinds: list[str] = []
        listening = threading.Thread(target=lambda: kinds.extend(e.kind for e in _until_audit(events)))
        listening.start()
        time.sleep(0.2)
        session.call("update.import", {"medium": str(medium)}, heard.append)
        listening.join(timeout=10)
        listener.close()
        assert "update" in kinds
        assert {progress.phase for progress in heard} >= {"inspect", "copy", "activate"}
        assert heard[-1].medium_needed is False


def test_closing_a_session_ends_what_another_thread_waits_for(serving_box: Cli) -> None:
    with serving_box.daemon():
        session = ControlSession(StateFolder.at(serving_box.state))
        ended = threading.Event()

        def listen() -> None:
            assert list(session.events()) == []
            ended.set()

        listening = threading.Thread(target=listen)
        listening.start()
        time.sleep(0.2)
        session.close()
        listening.join(timeout=5)
        assert ended.is_set()
        with pytest.raises(ApplianceError):
            session.status()


def test_the_control_socket_is_for_its_owner_only_and_refuses_what_it_does_not_know(serving_box: Cli) -> None:
    with serving_box.daemon():
        path = serving_box.state / "run" / "control.sock"
        assert path.stat().st_mode & 0o777 == 0o600
        session = ControlSession(StateFolder.at(serving_box.state))
        for command, arguments, code in (
            ("nonsense", {}, "control.unknown-command"),
            ("serve", {}, "control.unknown-command"),
            ("deploy", {}, "control.arguments"),
            ("deploy", {"name": 7}, "control.arguments"),
            ("deploy", {"name": "x", "other": 1}, "control.arguments"),
            ("plan", {"name": "x"}, "deployment.unknown"),
        ):
            with pytest.raises(ApplianceError) as raised:
                session.call(command, arguments)
            assert raised.value.code == code
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(str(path))
            raw.sendall(b"this is no JSON\n")
            assert json.loads(raw.makefile().readline())["code"] == "control.malformed"


def test_without_a_daemon_asking_says_so(serving_box: Cli) -> None:
    error = serving_box.fails("daemon.away", "infer", "linear", "--input", f"x={[ROW]}")
    assert "appliance serve" in error["remedy"]
    report = serving_box.ok("status")
    assert report["health"] == "degraded"
    assert report["problems"][0]["code"] == "daemon.away"
    assert report["deployments"][0]["state"] == "stopped"


def test_serve_prints_where_it_answers(serving_box: Cli) -> None:
    command = [str(EXECUTABLE), "serve", "--port", "0", "--state-dir", str(serving_box.state)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "inference.sock" in process.stderr.readline()
        process.terminate()


def _worker_pid(box: Cli) -> int:
    (deployment,) = box.ok("status")["deployments"]
    pid: int = deployment["worker_pid"]
    return pid


def _until_audit(events: Any) -> Any:
    for event in events:
        yield event
        if event.kind == "audit":
            return


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
