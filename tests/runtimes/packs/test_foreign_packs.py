"""An engine from outside the tree, in an environment of its own, is found, measured, chosen and served."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

import runtimes
from runtimes.deployed import ServingState
from runtimes.engine import Candidate, ModelFile
from runtimes.errors import EngineError
from runtimes.golden import GoldenSet, TensorSample
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import RuntimePack, absent_packs, broken_packs, installed_packs, interpreter_of
from runtimes.selection.candidates import survey
from runtimes.selection.choose import choose
from runtimes.selection.plan import Objective, Plan
from runtimes.supervisor import Supervisor
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec
from tests.runtimes.packs.toy_engine import describe, install_toy

ONNX_ADAPTER = "runtimes.adapters.onnxruntime:OnnxRuntime"
ONNXRUNTIME = (
    "onnxruntime",
    "onnx",
    "google",
    "flatbuffers",
    "packaging",
    "ml_dtypes",
    "typing_extensions.py",
)
"""The engine of that adapter, and what it imports."""
SAMPLE = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture(scope="module")
def packs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two packs of one engine of their own; two of the project's own adapter, one of them without its engine."""
    folder = tmp_path_factory.mktemp("packs")
    install_toy(folder / "toy-first")
    install_toy(folder / "toy-second")
    install_toy(folder / "hollow", engine="onnxruntime", adapter=ONNX_ADAPTER)
    install_toy(folder / "onnxruntime-other", engine="onnxruntime", adapter=ONNX_ADAPTER, also=ONNXRUNTIME)
    return folder


def foreign(folder: Path) -> dict[str, RuntimePack]:
    return {pack.name: pack for pack in installed_packs([folder]) if pack.folder is not None}


@pytest.fixture
def identity(tmp_path: Path, describe_file: Callable[[Path], ModelFile]) -> ModelFile:
    path = tmp_path / "identity.onnx"
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [x], [y])
    opset = [helper.make_opsetid("", 17)]
    path.write_bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())
    return describe_file(path)


async def plan_for(model: ModelFile, hardware: HardwareProfile, *packs: RuntimePack) -> Plan:
    golden = GoldenSet((TensorSample("counting", {"x": SAMPLE}, {"y": SAMPLE}),))
    return await choose(model, golden, objective=Objective.LATENCY, hardware=hardware, packs=packs)


async def test_an_engine_from_outside_is_chosen_and_served(
    packs_folder: Path, identity: ModelFile, hardware: HardwareProfile
) -> None:
    pack = foreign(packs_folder)["toy-first"]
    plan = await plan_for(identity, hardware, pack)
    assert plan.chosen is not None
    assert plan.chosen.candidate is not None
    assert plan.chosen.candidate.pack == "toy-first"
    assert plan.chosen.label.startswith("toy-first CPU f32 x")
    assert plan.engines == {"toy-first": "7.1"}
    interpreter = interpreter_of(plan.chosen.candidate, [packs_folder])
    supervisor = Supervisor(lambda _: None)
    try:
        state = await supervisor.deploy("same", WorkerSpec(identity, plan.chosen.candidate, interpreter))
        assert state.state is ServingState.SERVING
        answer = await supervisor.infer("same", {"x": SAMPLE})
    finally:
        await supervisor.close()
    np.testing.assert_array_equal(answer["y"], SAMPLE)


async def test_a_worker_of_a_pack_sees_its_own_environment_and_of_the_core_only_runtimes(
    packs_folder: Path, identity: ModelFile
) -> None:
    candidate = Candidate("toy", "CPU", "f32", 1, pack="toy-second")
    worker = await Worker.start(
        WorkerSpec(identity, candidate, interpreter_of(candidate, [packs_folder]), memory_limit=1 << 30)
    )
    try:
        details = worker.in_force.details
        assert details["environment"] == str(packs_folder / "toy-second")
        assert details["seen"] == ""
        assert details["runtimes"] == runtimes.__file__
        assert worker.confinement["memory limit"] == "in force"
    finally:
        await worker.stop()


async def test_two_packs_of_one_engine_are_told_apart(
    packs_folder: Path, identity: ModelFile, hardware: HardwareProfile
) -> None:
    packs = foreign(packs_folder)
    found = await survey([packs["toy-first"], packs["toy-second"]], identity, hardware)
    assert [(o.candidate.pack, o.candidate.threads) for o in found.offers] == [
        ("toy-first", 1),
        ("toy-second", 1),
        ("toy-first", 2),
        ("toy-second", 2),
    ]
    interpreters = {o.candidate.pack: interpreter_of(o.candidate, [packs_folder]) for o in found.offers}
    assert interpreters == {name: packs[name].interpreter for name in ("toy-first", "toy-second")}


async def test_an_adapter_of_the_core_runs_in_a_pack_beside_the_core_s_own(
    packs_folder: Path, identity: ModelFile, hardware: HardwareProfile
) -> None:
    (own,) = (pack for pack in installed_packs() if pack.engine == "onnxruntime")
    plan = await plan_for(identity, hardware, own, foreign(packs_folder)["onnxruntime-other"])
    measured = {r.candidate.pack for r in plan.results if r.measurement is not None and r.candidate}
    assert measured == {"", "onnxruntime-other"}
    assert {r.engine for r in plan.results} == {"onnxruntime"}
    assert plan.engines == {"onnxruntime": own.version, "onnxruntime-other": "7.1"}


async def test_a_pack_whose_engine_is_not_in_it_is_rejected_and_the_core_s_own_still_runs(
    packs_folder: Path, identity: ModelFile, hardware: HardwareProfile
) -> None:
    (own,) = (pack for pack in installed_packs() if pack.engine == "onnxruntime")
    plan = await plan_for(identity, hardware, own, foreign(packs_folder)["hollow"])
    assert plan.chosen is not None
    assert plan.chosen.candidate is not None
    assert plan.chosen.candidate.pack == ""
    (refused,) = (result for result in plan.results if result.label == "hollow")
    assert (refused.code, refused.engine) == ("pack.broken", "onnxruntime")
    assert "onnx" in refused.reason


def test_a_pack_that_is_gone_is_missed_by_name(packs_folder: Path, tmp_path: Path) -> None:
    candidate = Candidate("toy", "CPU", "f32", 1, pack="toy-first")
    assert interpreter_of(candidate, [packs_folder]).parent.parent.name == "toy-first"
    with pytest.raises(EngineError, match="toy-first is not installed") as caught:
        interpreter_of(candidate, [tmp_path])
    assert caught.value.code == "pack.missing"


async def test_an_engine_that_no_environment_has_is_missed_by_its_worker(
    packs_folder: Path, identity: ModelFile
) -> None:
    interpreter = foreign(packs_folder)["toy-first"].interpreter
    with pytest.raises(EngineError) as caught:
        await Worker.start(WorkerSpec(identity, Candidate("absent", "CPU", "f32", 1), interpreter))
    assert caught.value.code == "pack.missing"


def test_packs_are_listed_by_name_and_the_earlier_folder_counts(packs_folder: Path, tmp_path: Path) -> None:
    nearer = tmp_path / "toy-first"
    shutil.copytree(packs_folder / "toy-first", nearer, symlinks=True)
    describe(nearer, version="8.0")
    both = {
        p.name: (p.folder, p.version)
        for p in installed_packs([tmp_path, packs_folder])
        if p.folder is not None
    }
    assert list(both) == ["hollow", "onnxruntime-other", "toy-first", "toy-second"]
    assert both["toy-first"] == (nearer, "8.0")
    assert both["toy-second"] == (packs_folder / "toy-second", "7.1")


def test_a_known_pack_that_is_installed_is_no_longer_absent(packs_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(packs_folder / "toy-first", tmp_path / "llamacpp-vulkan", symlinks=True)
    describe(tmp_path / "llamacpp-vulkan")
    assert "llamacpp-vulkan" in {pack.name for pack in absent_packs()}
    assert "llamacpp-vulkan" not in {pack.name for pack in absent_packs([tmp_path])}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda pack: (pack / "pack.toml").unlink(), "pack.toml cannot be read: No such file"),
        (lambda pack: (pack / "pack.toml").write_bytes(b"\xff\x00"), "pack.toml is not a pack's description"),
        (lambda pack: (pack / "pack.toml").write_text("name = "), "pack.toml is not a pack's description"),
        (lambda pack: (pack / "pack.toml").write_text('name = "x"'), "missing required field `version`"),
        (lambda pack: describe(pack, colour="red"), "unknown field `colour`"),
        (lambda pack: describe(pack, name="other"), "names the pack 'other'"),
        (lambda pack: describe(pack, engine="absent"), "has the entry point 'absent'"),
        (lambda pack: (pack / "bin" / "python").unlink(), "bin/python is missing"),
    ],
)
def test_a_folder_that_is_no_pack_is_left_out_with_the_reason(
    damage: Callable[[Path], object], said: str, packs_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(packs_folder / "toy-first", tmp_path / "toy-first", symlinks=True)
    damage(tmp_path / "toy-first")
    assert "toy-first" not in foreign(tmp_path)
    (broken,) = broken_packs([tmp_path])
    assert said in broken.reason
    with pytest.raises(EngineError) as caught:
        interpreter_of(Candidate("toy", "CPU", "f32", 1, pack="toy-first"), [tmp_path])
    assert caught.value.code == "pack.missing"
    assert said in caught.value.what


def test_a_pack_cannot_take_the_name_of_the_core_s_own(packs_folder: Path, tmp_path: Path) -> None:
    for name in ("openvino", "onnxruntime-cpu"):
        shutil.copytree(packs_folder / "toy-first", tmp_path / name, symlinks=True)
        describe(tmp_path / name)
    assert foreign(tmp_path) == {}
    assert [pack.name for pack in broken_packs([tmp_path])] == ["onnxruntime-cpu", "openvino"]


def test_what_is_being_unpacked_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".arriving").mkdir()
    (tmp_path / "notes.txt").touch()
    assert broken_packs([tmp_path, tmp_path / "absent"]) == ()
