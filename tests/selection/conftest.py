"""Small models made on the spot: ONNX with onnx.helper, GGUF byte by byte."""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from runtimes.hardware.profile import Cpu, HardwareProfile, Memory
from runtimes.packs import RuntimePack, installed_packs

GgufWriter = Callable[..., bytes]


@pytest.fixture
def hardware() -> HardwareProfile:
    """A machine of two alike cores, so that every engine offers two choices of threads."""
    return HardwareProfile(
        machine=None,
        system=None,
        cpu=Cpu("x86_64", "test", ("avx2",), 2, 2, None, None, 1, 2.0),
        memory=Memory(8 << 30, 8 << 30, 4 << 30),
    )


@pytest.fixture
def packs() -> dict[str, RuntimePack]:
    return {pack.engine: pack for pack in installed_packs()}


@pytest.fixture
def gguf() -> GgufWriter:
    return gguf_bytes


@pytest.fixture
def onnx_adder(tmp_path: Path) -> Path:
    """`y = x + 1` for float32 [n, 4]."""
    return save_onnx(
        tmp_path / "adder.onnx",
        [
            helper.make_node("Constant", [], ["one"], value_float=1.0),
            helper.make_node("Add", ["x", "one"], ["y"]),
        ],
    )


def save_onnx(
    path: Path,
    nodes: list[Any],
    *,
    opset: int = 17,
    initializers: list[Any] | None = None,
    kind: int = TensorProto.FLOAT,
) -> Path:
    """One input `x` and one output `y`, both [n, 4]."""
    graph = helper.make_graph(
        nodes,
        "made-for-a-test",
        [helper.make_tensor_value_info("x", kind, ["n", 4])],
        [helper.make_tensor_value_info("y", kind, ["n", 4])],
        initializer=initializers or [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def make_onnx(tmp_path: Path) -> Callable[..., Path]:
    def make(nodes: list[Any], **more: Any) -> Path:
        return save_onnx(tmp_path / "model.onnx", nodes, **more)

    return make


@pytest.fixture
def onnx_model() -> Callable[[Path], "onnx.ModelProto"]:
    return lambda path: onnx.load_model(path, load_external_data=False)


def gguf_bytes(
    metadata: Mapping[str, Any] | None = None,
    *,
    version: int = 3,
    tensors: int | None = None,
    keys: int | None = None,
    kind: int = 0,
    weights: int = 64,
    data: int = 256,
) -> bytes:
    """A GGUF file of one tensor; every argument but `metadata` can lie."""
    values = {"general.architecture": "llama", **(metadata or {})}
    out = [b"GGUF", struct.pack("<IQQ", version, 1 if tensors is None else tensors, keys or len(values))]
    for key, value in values.items():
        out += [_text(key), _value(value)]
    out += [_text("token_embd.weight"), struct.pack("<IQIQ", 1, weights, kind, 0)]
    head = b"".join(out)
    return head + bytes(-len(head) % 32) + bytes(data)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case list():
            return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(_text(v) for v in value)
    raise TypeError(value)
