"""Files that are no model are refused by name, with what is wrong with them."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from runtimes.errors import EngineError
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec
from tests.runtimes import gguf_files, onnx_files

Start = Callable[..., Awaitable[Worker]]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "llamacpp"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (POINTER, "git-LFS pointer"),
        (b"PK\x03\x04" + bytes(500), "cannot load|is not an ONNX model"),
    ],
)
async def test_a_file_that_is_no_model_is_refused_and_named(
    start: Start, tmp_path: Path, engine: str, content: bytes, says: str
) -> None:
    path = tmp_path / "crafted.onnx"
    path.write_bytes(content)

    with pytest.raises(EngineError, match=r"crafted\.onnx") as refused:
        await start(path, engine, "stored" if engine == "llamacpp" else "f32")

    assert refused.value.code in ("model.invalid", "model.unsupported")
    assert re.search(says, refused.value.what)
    assert refused.value.remedy


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
async def test_an_unknown_operator_is_told_by_name(start: Start, tmp_path: Path, engine: str) -> None:
    with pytest.raises(EngineError, match="Frobnicate") as refused:
        await start(onnx_files.unknown_operator(tmp_path / "m.onnx"), engine)
    assert refused.value.code == "model.unsupported"
    assert "\n" not in refused.value.what


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("location", ["../../../../../../../../etc/passwd", "/etc/passwd", "missing.bin"])
async def test_weights_outside_the_models_own_folder_are_not_read(
    start: Start, tmp_path: Path, engine: str, location: str
) -> None:
    with pytest.raises(EngineError) as refused:
        await start(onnx_files.external_data(tmp_path / "m.onnx", location), engine)
    assert refused.value.code in ("model.invalid", "model.unsupported")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
async def test_a_truncated_onnx_file_is_refused(start: Start, tmp_path: Path, engine: str) -> None:
    path = onnx_files.linear(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(EngineError) as refused:
        await start(path, engine)
    assert refused.value.code in ("model.invalid", "model.unsupported")


async def test_a_truncated_gguf_is_refused(start: Start, tmp_path: Path) -> None:
    path = gguf_files.tiny_llama(tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes()[:-2000])

    with pytest.raises(EngineError, match=r"m\.gguf") as refused:
        await start(path)
    assert refused.value.code == "model.invalid"
    assert "not within the file bounds" in refused.value.what


async def test_a_file_that_is_gone_is_named(
    start: Start, tmp_path: Path, spec: Callable[..., WorkerSpec]
) -> None:
    path = onnx_files.linear(tmp_path / "m.onnx")
    made = spec(path)
    path.unlink()

    with pytest.raises(EngineError, match=r"m\.onnx") as refused:
        await Worker.start(made)
    assert refused.value.code == "model.unreadable"
