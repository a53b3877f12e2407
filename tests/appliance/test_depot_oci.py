"""A model that other tools packed, through the depot to a box."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.updates.foreign import DATASET, DOC, KITOPS, Layout, tar


@pytest.fixture
def packed(tmp_path: Path) -> tuple[TestDepot, Layout]:
    depot = TestDepot(tmp_path / "depot")
    depot.add_linear("own")
    files = tmp_path / "depot" / "own-1.0.0"
    layout = Layout(tmp_path / "layout")
    layout.layer(KITOPS, tar(("linear.onnx", (files / "linear.onnx").read_bytes()), compressed=True))
    golden = sorted(path for path in (files / "golden").rglob("*") if path.is_file())
    layout.layer(
        DATASET,
        tar(*((f"golden/{path.relative_to(files / 'golden')}", path.read_bytes()) for path in golden)),
    )
    layout.layer(DOC, b"# Linear", "README.md")
    return depot, layout


def test_a_model_of_other_tools_reaches_a_box(
    packed: tuple[TestDepot, Layout], new_box: Callable[[TestDepot], Cli]
) -> None:
    depot, layout = packed
    words = ("--name", "foreign", "--version", "1.0.0", "--oci", str(layout.finish()))
    added = depot.cli.ok("depot", "add-model", str(depot.depot), *words)
    assert (added["format"], added["samples"], added["left_out"]) == ("onnx", 1, ["README.md"])
    assert added["provenance_signed"]
    assert not list(depot.depot.glob("unpacked-*"))
    box = new_box(depot)
    report = box.ok("update", "import", str(depot.publish()))
    assert {applied["name"] for applied in report["applied"]} == {"own", "foreign"}
    evidence = box.ok("evidence", "foreign")
    assert evidence["licence"] == "MIT"
    assert "OCI manifest" in {source["name"] for source in evidence["sources"]}


def test_file_and_layout_are_one_or_the_other(packed: tuple[TestDepot, Layout]) -> None:
    depot, layout = packed
    words = ("depot", "add-model", str(depot.depot), "--name", "x", "--version", "1.0.0")
    depot.cli.fails("depot.bad-model", *words)
    depot.cli.fails("depot.bad-model", *words, "--file", "a.onnx", "--oci", str(layout.folder))
    layout.layers = layout.layers[:1]
    depot.cli.fails("depot.no-golden", *words, "--oci", str(layout.finish()))
