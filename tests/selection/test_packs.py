"""Which runtime packs are here, told without importing an engine."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from runtimes.engine import Candidate
from runtimes.errors import EngineError
from runtimes.packs import absent_packs, installed_packs, interpreter_of


def test_the_cpu_packs_are_here_with_the_versions_of_their_engines() -> None:
    packs = {pack.name: pack for pack in installed_packs()}
    assert {"onnxruntime-cpu", "openvino", "llamacpp-cpu"} <= set(packs)
    assert packs["llamacpp-cpu"].version == version("llama-cpp-python")
    assert packs["openvino"].interpreter == Path(sys.executable)


def test_an_absent_pack_says_what_it_needs() -> None:
    absent = {pack.name: pack for pack in absent_packs()}
    assert {"onnxruntime-cuda", "onnxruntime-migraphx", "llamacpp-rocm", "llamacpp-vulkan"} <= set(absent)
    assert "NVIDIA" in absent["llamacpp-cuda"].needs
    assert not set(absent) & {pack.name for pack in installed_packs()}


def test_the_interpreter_of_an_engine_that_is_gone_is_an_error() -> None:
    with pytest.raises(EngineError) as caught:
        interpreter_of(Candidate("telepathy", "CPU", "f32", 1))
    assert caught.value.code == "pack.missing"


def test_listing_packs_imports_no_engine() -> None:
    program = (
        "import sys; from runtimes.packs import absent_packs, installed_packs; "
        "installed_packs(); absent_packs(); "
        "sys.exit(any(m in sys.modules for m in ('onnxruntime', 'openvino', 'llama_cpp')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_adapter_from_outside_is_a_pack_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "toy_engine-7.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-engine\nVersion: 7.1\n")
    (info / "entry_points.txt").write_text("[appliance.runtimes]\ntoy = toy_engine:Toy\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    toy = next(pack for pack in installed_packs() if pack.engine == "toy")
    assert (toy.name, toy.version) == ("toy", "7.1")
