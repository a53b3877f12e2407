"""A box whose one deployment, `echo`, is planned on a card that a test can take away."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from runtimes.golden import GoldenSet, TensorSample, write_golden
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.runtimes.packs.card_engine import install_cards

ROW = [1.0, 2.0, 3.0, 4.0]
PLANNED = "cards card:0 f32 x1"


def make_card_box(folder: Path) -> Cli:
    """`echo` runs on the card of the pack `cards`, on its processor, and on that of the pack `spare`."""
    depot = TestDepot(folder / "depot")
    sample = np.array([ROW], np.float32)
    write_golden(folder / "golden", GoldenSet((TensorSample("row", {"x": sample}, {"y": sample}),)))
    depot.add("echo", "1.0.0", _only_for_cards(folder / "echo.onnx"), folder / "golden")
    box = Cli(folder / "box")
    box.ok("init", "--trust", str(depot.root), "--box", "test-box")
    (box.state / "packs").mkdir()
    install_cards(box.state / "packs" / "cards", "card:0", "CPU")
    install_cards(box.state / "packs" / "spare", "CPU")
    box.ok("update", "import", str(depot.publish()))
    plan = box.ok("deploy", "echo", "--budget", "4")["plan"]
    assert plan["results"][0]["label"] == PLANNED
    return box


def _only_for_cards(path: Path) -> Path:
    """`y` = `x`, FP32 [-1, 4], by an operator that is in no standard."""
    node = helper.make_node("Identity", ["x"], ["y"], domain="example.invalid")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("example.invalid", 1)]
    graph = helper.make_graph([node], "echo", [x], [y])
    onnx.save_model(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path
