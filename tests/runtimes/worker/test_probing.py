"""Engines are asked in a child, so that one that crashes or hangs costs an answer and not the daemon."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from runtimes.engine import ENTRY_POINT_GROUP, Candidate, ModelFile, Rejection
from runtimes.errors import EngineError
from runtimes.hardware.profile import HardwareProfile
from runtimes.worker.probing import installed_engines, probe
from tests.runtimes import onnx_files

Describe = Callable[[Path], ModelFile]


async def test_the_three_engines_are_installed() -> None:
    assert {"llamacpp", "onnxruntime", "openvino"} <= set(await installed_engines())


async def test_naming_the_engines_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: EntryPoint) -> None:
        raise AssertionError("an engine was imported")

    monkeypatch.setattr(EntryPoint, "load", refuse)
    assert await installed_engines()
    assert entry_points(group=ENTRY_POINT_GROUP)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "llamacpp"])
async def test_an_engine_tells_its_version_and_what_it_could_run(
    engine: str, tmp_path: Path, describe_file: Describe, hardware: HardwareProfile
) -> None:
    model = describe_file(onnx_files.linear(tmp_path / "m.onnx"))

    probed = await probe(engine, model, hardware, Path(sys.executable))

    assert probed.description.name == engine
    assert probed.description.version[0].isdigit()
    assert "CPU" in probed.description.devices
    expected = Rejection if engine == "llamacpp" else Candidate
    assert probed.candidates
    assert all(isinstance(c, expected) for c in probed.candidates)


async def test_an_engine_that_is_not_installed_is_named(
    tmp_path: Path, describe_file: Describe, hardware: HardwareProfile
) -> None:
    model = describe_file(onnx_files.linear(tmp_path / "m.onnx"))
    with pytest.raises(EngineError, match="tensorflow") as missing:
        await probe("tensorflow", model, hardware, Path(sys.executable))
    assert missing.value.code == "pack.missing"


async def test_an_engine_that_does_not_answer_is_left_out(
    tmp_path: Path, describe_file: Describe, hardware: HardwareProfile
) -> None:
    model = describe_file(onnx_files.linear(tmp_path / "m.onnx"))
    with pytest.raises(EngineError) as late:
        await probe("onnxruntime", model, hardware, Path(sys.executable), timeout=0.001)
    assert late.value.code == "worker.probe-timeout"


async def test_an_interpreter_without_what_a_worker_needs_is_a_dead_worker(
    tmp_path: Path, describe_file: Describe, hardware: HardwareProfile
) -> None:
    bare = Path(sys.base_prefix) / "bin" / "python3"
    if not bare.exists() or sys.base_prefix == sys.prefix:
        pytest.skip("no interpreter apart from this environment's")
    model = describe_file(onnx_files.linear(tmp_path / "m.onnx"))
    with pytest.raises(EngineError, match="No module named") as died:
        await probe("onnxruntime", model, hardware, bare)
    assert died.value.code == "worker.died"
