"""A box with an engine that came as a pack: it runs what nothing else here runs, and its absence is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from appliance.cli.main import main
from appliance.state import SYSTEM_PACKS, StateFolder
from runtimes.golden import GoldenSet, TensorSample, write_golden
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.runtimes.packs.toy_engine import describe, install_toy

ROW = [1.0, 2.0, 3.0, 4.0]


@pytest.fixture
def box_with_toy(new_box: Callable[[TestDepot], Cli], tmp_path: Path) -> Cli:
    """`echo` is deployed and needs the engine of the pack `toy`; `linear` is imported and does not."""
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear()
    sample = np.array([ROW], np.float32)
    write_golden(tmp_path / "golden", GoldenSet((TensorSample("row", {"x": sample}, {"y": sample}),)))
    depot.add("echo", "1.0.0", only_for_toy(tmp_path / "echo.onnx"), tmp_path / "golden")
    box = new_box(depot)
    (box.state / "packs").mkdir()
    install_toy(box.state / "packs" / "toy")
    box.ok("update", "import", str(depot.publish()))
    box.ok("deploy", "echo", "--budget", "2")
    return box


def only_for_toy(path: Path) -> Path:
    """`y` = `x`, FP32 [-1, 4], by an operator that is in no standard."""
    node = helper.make_node("Identity", ["x"], ["y"], domain="example.invalid")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("example.invalid", 1)]
    graph = helper.make_graph([node], "echo", [x], [y])
    onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_a_model_is_deployed_on_the_pack_that_runs_it(
    box_with_toy: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = box_with_toy.ok("plan", "echo")["plan"]
    assert plan["results"][0]["candidate"]["pack"] == "toy"
    assert plan["engines"]["toy"] == "7.1"
    assert {"onnxruntime", "openvino"} <= {result["engine"] for result in plan["results"][1:]}
    with box_with_toy.daemon():
        inferred = box_with_toy.ok("infer", "echo", "--input", f"x={[ROW]}")
        assert inferred["outputs"][0]["data"] == [ROW]
        (echo,) = box_with_toy.ok("status")["deployments"]
        assert echo["engine"].startswith("toy CPU")
        assert echo["confinement"]["no core dumps"] == "in force"
        capsys.readouterr()
        main(["status", "--state-dir", str(box_with_toy.state)])
    (walls,) = [line for line in capsys.readouterr().out.splitlines() if "walls around workers" in line]
    assert "no core dumps" in walls
    assert box_with_toy.ok("status")["deployments"][0]["confinement"] == {}


def test_a_deployment_whose_pack_is_gone_has_failed_and_the_others_serve(box_with_toy: Cli) -> None:
    box_with_toy.ok("deploy", "linear", "--budget", "1")
    shutil.move(box_with_toy.state / "packs" / "toy", box_with_toy.state / "toy-pulled")
    with box_with_toy.daemon():
        echo, linear = box_with_toy.ok("status")["deployments"]
        assert (echo["state"], linear["state"]) == ("failed", "serving")
        assert "runtime pack toy is not installed" in echo["detail"]
        box_with_toy.ok("infer", "linear", "--input", f"x={[ROW]}")
        box_with_toy.fails("deployment.not-served", "infer", "echo", "--input", f"x={[ROW]}")
        box_with_toy.fails("plan.no-candidate", "deploy", "echo", "--budget", "2")
        shutil.move(box_with_toy.state / "toy-pulled", box_with_toy.state / "packs" / "toy")
        box_with_toy.ok("deploy", "echo", "--budget", "2", "--measure-again")
        box_with_toy.ok("infer", "echo", "--input", f"x={[ROW]}")
    shutil.rmtree(box_with_toy.state / "packs" / "toy")
    with box_with_toy.daemon():
        box_with_toy.ok("undeploy", "echo")
        assert [d["name"] for d in box_with_toy.ok("status")["deployments"]] == ["linear"]


def test_the_doctor_lists_packs_and_says_which_cannot_be_used(tmp_path: Path) -> None:
    box = Cli(tmp_path / "box")
    install_toy(_made(box.state / "packs") / "toy")
    describe(_made(box.state / "packs" / "half-copied"))
    packs = {pack["name"]: pack for pack in box.ok("doctor")["packs"]}
    assert packs["toy"]["version"] == "7.1"
    assert packs["half-copied"]["version"] is None
    assert "bin/python is missing" in packs["half-copied"]["needs"]
    assert packs["onnxruntime-cuda"]["version"] is None


def test_packs_lie_in_the_state_and_where_the_system_or_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APPLIANCE_PACKS", raising=False)
    assert StateFolder.at(tmp_path).packs == (tmp_path / "packs", SYSTEM_PACKS)
    monkeypatch.setenv("APPLIANCE_PACKS", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert StateFolder.at(tmp_path).packs == (tmp_path / "packs", tmp_path / "a", tmp_path / "b")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
