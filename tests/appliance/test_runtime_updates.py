"""A runtime pack comes on a medium: made on the box without a network, side by side with the version before."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.box import Box
from appliance.kinds.runtimes import follow_registry
from appliance.state import StateFolder
from runtimes.golden import GoldenSet, TensorSample, write_golden
from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from tests.appliance.logged import logged
from tests.appliance.test_runtime_packs import ROW, only_for_toy
from tests.runtimes.packs import toy_engine
from tests.runtimes.packs.toy_wheels import toy_wheels


@pytest.fixture
def toy_depot(tmp_path: Path) -> TestDepot:
    """A depot with the pack `toy` 7.1 and the model `echo`, which nothing else runs."""
    depot = TestDepot(tmp_path / "depot")
    add_toy(depot, "7.1", toy_wheels(tmp_path / "wheels"))
    sample = np.array([ROW], np.float32)
    write_golden(tmp_path / "golden", GoldenSet((TensorSample("row", {"x": sample}, {"y": sample}),)))
    depot.add("echo", "1.0.0", only_for_toy(tmp_path / "echo.onnx"), tmp_path / "golden")
    return depot


def add_toy(depot: TestDepot, version: str, wheels: Path, *, engine: str = "toy") -> Any:
    words = ["--wheels", str(wheels), "--engine", engine, "--needs", "Needs patience."]
    return depot.cli.ok("depot", "add-runtime", str(depot.depot), "toy-pack", version, *words)


def packs_of(box: Cli) -> list[tuple[str, str]]:
    """Engine and version of every pack that came, as the doctor sees them."""
    return [(p["name"], p["version"]) for p in box.ok("doctor")["packs"] if p["name"] == "toy-pack"]


def folders_of(box: Cli) -> list[str]:
    return sorted(str(f.relative_to(box.state / "packs")) for f in (box.state / "packs").glob(".*/*"))


def test_a_pack_comes_with_the_model_that_needs_it_and_the_next_version_stands_beside_it(
    toy_depot: TestDepot, new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    box = new_box(toy_depot)
    report = box.ok("update", "import", str(toy_depot.publish()))
    assert [(a["kind"], a["name"]) for a in report["applied"]] == [("runtime", "toy-pack"), ("model", "echo")]
    runtime, model = report["applied"]
    assert runtime["evidence"] == "toy 7.1 starts and offers CPU"
    assert model["evidence"].startswith("toy-pack CPU f32")
    assert packs_of(box) == [("toy-pack", "7.1")]
    (entry,) = logged(box.state, "update.import", "runtime toy-pack 7.1")
    assert entry["subject_digest"]
    box.ok("deploy", "echo", "--budget", "1")
    with box.daemon():
        add_toy(toy_depot, "7.2", tmp_path / "wheels")
        box.ok("update", "import", str(toy_depot.publish()))
        assert folders_of(box) == [".toy-pack/7.1", ".toy-pack/7.2"]
        assert packs_of(box) == [("toy-pack", "7.2")]
        box.ok("infer", "echo", "--input", f"x={[ROW]}")
        assert "measured with 7.1" in box.ok("plan", "echo")["stale"]
        (problem,) = [p for p in box.ok("status")["problems"] if p["code"] == "plan.stale"]
        assert "toy-pack is now 7.2" in problem["text"]
    with box.daemon():  # after a restart as well, what was measured is what serves
        box.ok("infer", "echo", "--input", f"x={[ROW]}")
        assert box.ok("status")["deployments"][0]["state"] == "serving"
        assert box.ok("deploy", "echo", "--budget", "1")["plan"]["engines"]["toy-pack"] == "7.2"
        assert folders_of(box) == [".toy-pack/7.2"]
        box.ok("infer", "echo", "--input", f"x={[ROW]}")
    (removed,) = logged(box.state, "runtime.remove", "runtime toy-pack 7.1")
    assert "no deployment's plan" in removed["details"]["why"]
    box.ok("audit", "verify")


def test_a_pack_whose_engine_does_not_start_is_rejected_and_leaves_nothing(
    toy_depot: TestDepot, new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    box = new_box(toy_depot)
    box.ok("update", "import", str(toy_depot.publish()))
    broken = toy_engine.ADAPTER.replace('EngineDescription("toy"', "EngineDescription(1 / 0")
    add_toy(toy_depot, "7.2", toy_wheels(tmp_path / "broken", source=broken))
    blobs = sorted(box.state.glob("blobs/sha256/*"))
    refused = box.fails("pack.not-made", "update", "import", str(toy_depot.publish()))
    assert "division by zero" in refused["what"]
    assert packs_of(box) == [("toy-pack", "7.1")]
    assert folders_of(box) == [".toy-pack/7.1"]
    assert sorted(box.state.glob("blobs/sha256/*")) == blobs


def test_wheels_of_another_machine_are_refused_before_anything_is_installed(
    toy_depot: TestDepot, new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    wheels = toy_wheels(tmp_path / "foreign")
    (wheels / "links-1-py3-none-any.whl").rename(wheels / "links-1-cp27-cp27m-win32.whl")
    box = new_box(toy_depot)
    box.ok("update", "import", str(toy_depot.publish()))
    add_toy(toy_depot, "8.0", wheels)
    refused = box.fails("pack.other-platform", "update", "import", str(toy_depot.publish()))
    assert "links is there for cp27-cp27m-win32 alone" in refused["what"]
    assert folders_of(box) == [".toy-pack/7.1"]


def test_of_wheels_for_several_machines_the_one_that_fits_is_installed(
    toy_depot: TestDepot, new_box: Callable[[TestDepot], Cli], tmp_path: Path
) -> None:
    wheels = toy_wheels(tmp_path / "many")
    shutil.copy(wheels / "links-1-py3-none-any.whl", wheels / "links-1-cp27-cp27m-win32.whl")
    add_toy(toy_depot, "8.0", wheels)
    box = new_box(toy_depot)
    report = box.ok("update", "import", str(toy_depot.publish()))
    assert report["rejected"] == []
    assert packs_of(box) == [("toy-pack", "8.0")]
    assert folders_of(box) == [".toy-pack/8.0"]
    assert "toy-pack 7.1" in report["present"]


def test_a_pack_may_not_take_the_name_of_one_that_was_made_by_hand(
    toy_depot: TestDepot, new_box: Callable[[TestDepot], Cli]
) -> None:
    box = new_box(toy_depot)
    (box.state / "packs").mkdir()
    by_hand = toy_engine.install_toy(box.state / "packs" / "toy-pack")
    report = box.ok(
        "update", "import", str(toy_depot.publish())
    )  # which the model comes with, and runs on it
    (rejected,) = report["rejected"]
    assert rejected["code"] == "pack.name-taken"
    assert by_hand.is_dir()
    assert not by_hand.is_symlink()


def test_links_and_folders_follow_the_registry_after_a_power_cut(
    toy_depot: TestDepot, new_box: Callable[[TestDepot], Cli]
) -> None:
    box = new_box(toy_depot)
    box.ok("update", "import", str(toy_depot.publish()))
    packs = box.state / "packs"
    (packs / "toy-pack").unlink()  # as if cut after the transaction
    (packs / ".toy-pack" / "9.0" / "lib").mkdir(parents=True)  # as if cut while one was being made
    (packs / ".arriving-x").mkdir()
    with Box.open(StateFolder.at(box.state), writing=True) as opened:
        follow_registry(opened)
    assert packs_of(box) == [("toy-pack", "7.1")]
    assert sorted(path.name for path in packs.iterdir()) == [".toy-pack", "toy-pack"]
    assert folders_of(box) == [".toy-pack/7.1"]


def test_a_depot_refuses_wheels_that_are_none_or_bring_no_adapter(tmp_path: Path) -> None:
    depot = TestDepot(tmp_path / "depot")
    wheels = toy_wheels(tmp_path / "wheels", entry_points="")
    words = ["depot", "add-runtime", str(depot.depot), "toy-pack", "7.1", "--engine", "toy", "--wheels"]
    assert "no adapter is named" in depot.cli.fails("depot.bad-wheels", *words, str(wheels))["what"]
    added = depot.cli.ok(*words, str(wheels), "--adapter", "toy_engine:Toy")
    assert (added["kind"], added["name"], added["version"]) == ("runtime", "toy-pack", "7.1")
    (wheels / "broken-1-py3-none-any.whl").write_bytes(b"no archive")
    assert "damaged" in depot.cli.fails("depot.bad-wheels", *words, str(wheels))["what"]
    (wheels / "broken-1-py3-none-any.whl").rename(wheels / "broken.whl")
    assert "no wheel's name" in depot.cli.fails("depot.bad-wheels", *words, str(wheels))["what"]
    assert "there are none" in depot.cli.fails("depot.bad-wheels", *words, str(tmp_path))["what"]
