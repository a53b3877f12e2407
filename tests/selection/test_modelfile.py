"""A model file is what its content says, and what it is not is named."""

import ctypes
import importlib.util
import io
import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from runtimes.engine import ModelFormat, TensorSpec
from runtimes.errors import EngineError
from runtimes.modelfile import GgufFacts, OnnxFacts, describe, identify
from runtimes.modelfile.gguf import TENSOR_TYPES


def refusal(path: Path, **more: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        identify(path, **more)
    return caught.value


def test_an_onnx_file_is_known_whatever_its_name(onnx_adder: Path) -> None:
    blob = onnx_adder.rename(onnx_adder.with_name("5f2c"))
    model = identify(blob)
    assert model.format is ModelFormat.ONNX
    assert model.size == blob.stat().st_size
    assert len(model.digest) == 64
    assert describe(blob) == OnnxFacts(
        opset=17,
        operator_domains=(),
        producer="",
        inputs=(TensorSpec("x", "FP32", (-1, 4)),),
        outputs=(TensorSpec("y", "FP32", (-1, 4)),),
    )


def test_a_gguf_file_is_known_whatever_its_name(tmp_path: Path, gguf: Callable[..., bytes]) -> None:
    blob = tmp_path / "5f2c"
    metadata = {
        "general.name": "Tiny",
        "llama.context_length": 512,
        "tokenizer.ggml.tokens": ["a", "b"],
        "tokenizer.chat_template": "{{ messages }}",
        "some.number": 1.5,
        "some.flag": True,
    }
    blob.write_bytes(gguf(metadata, kind=8, data=68))
    assert identify(blob).format is ModelFormat.GGUF
    assert describe(blob) == GgufFacts("llama", "Tiny", 512, "Q8_0", 64, chat_template=True)


def test_a_digest_that_is_known_is_not_computed_again(onnx_adder: Path) -> None:
    assert identify(onnx_adder, digest="ab" * 32).digest == "ab" * 32


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"x")
    return buffer.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", "empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n", "Git LFS pointer"),
        (b"  <!DOCTYPE html><html><body>Log in", "web page"),
        (zipped(), "zip archive"),
        (safetensors(), "safetensors"),
        (pickle.dumps({"weights": [1.0]}, protocol=2), "pickle"),
        (bytes(9000), "zero bytes"),
        (b'{"model": "x"}', "JSON"),
        (b"labels\nnormal\n", "plain text"),
        (b"ggjt" + bytes(40), "GGJT"),
        (b"FUGG" + bytes(40), "big-endian"),
        (b"\x1f\x8b\x08\x00" + bytes(40), "gzip"),
    ],
)
def test_what_is_no_model_is_refused_and_told_for_what_it_is(
    tmp_path: Path, content: bytes, seen: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    error = refusal(path)
    assert error.code == "model.not-what-it-says"
    assert "model.onnx" in error.what
    assert seen in error.what


def test_bytes_that_are_nothing_known_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(np.random.default_rng(1).bytes(5000))
    assert refusal(path).code == "model.not-what-it-says"


def test_an_onnx_file_that_was_cut_short_is_refused(tmp_path: Path, onnx_adder: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(onnx_adder.read_bytes()[:-9])
    error = refusal(path)
    assert error.code == "model.not-what-it-says"
    assert "cut short" in error.what


def test_a_name_that_claims_the_other_format_is_refused(
    tmp_path: Path, onnx_adder: Path, gguf: Callable[..., bytes]
) -> None:
    path = tmp_path / "blob"
    path.write_bytes(gguf())
    assert refusal(path, called="line.onnx").code == "model.not-what-it-says"
    assert refusal(onnx_adder, called="story.gguf").code == "model.not-what-it-says"


def test_a_graph_with_an_operator_that_does_not_exist_is_unsound(make_onnx: Callable[..., Path]) -> None:
    error = refusal(make_onnx([helper.make_node("Telepathy", ["x"], ["y"])]))
    assert error.code == "model.malformed"
    assert "Telepathy" in error.what


def test_a_graph_that_reads_what_nobody_writes_is_unsound(make_onnx: Callable[..., Path]) -> None:
    assert refusal(make_onnx([helper.make_node("Relu", ["ghost"], ["y"])])).code == "model.malformed"


def test_a_private_operator_set_is_named(make_onnx: Callable[..., Path]) -> None:
    path = make_onnx([helper.make_node("Magic", ["x"], ["y"], domain="com.example")])
    model = onnx.load_model(path)
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    path.write_bytes(model.SerializeToString())
    facts = describe(path)
    assert isinstance(facts, OnnxFacts)
    assert facts.operator_domains == ("com.example",)


@pytest.mark.parametrize("place", ["../../etc/passwd", "weights.bin"])
def test_weights_in_another_file_are_refused(make_onnx: Callable[..., Path], place: str) -> None:
    weights = numpy_helper.from_array(np.ones(4, np.float32), "w")
    weights.ClearField("raw_data")
    weights.data_location = weights.EXTERNAL
    weights.external_data.add(key="location", value=place)
    error = refusal(make_onnx([helper.make_node("Add", ["x", "w"], ["y"])], initializers=[weights]))
    assert error.code == "model.external-data"
    assert place in error.what


def test_external_weights_inside_a_branch_are_found(make_onnx: Callable[..., Path]) -> None:
    hidden = numpy_helper.from_array(np.ones((1, 4), np.float32), "v")
    hidden.ClearField("raw_data")
    hidden.data_location = hidden.EXTERNAL
    hidden.external_data.add(key="location", value="/etc/shadow")
    branch = helper.make_graph([helper.make_node("Constant", [], ["v"], value=hidden)], "branch", [], [])
    branch.output.append(helper.make_tensor_value_info("v", onnx.TensorProto.FLOAT, [1, 4]))
    nodes = [
        helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True))),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch),
    ]
    assert refusal(make_onnx(nodes)).code == "model.external-data"


@pytest.mark.parametrize(
    ("made", "code", "said"),
    [
        ({"data": 255}, "model.truncated", "the file has"),
        ({"version": 1}, "model.unsupported", "version 1"),
        ({"version": 50331648}, "model.unsupported", "version"),
        ({"tensors": 2**40}, "model.malformed", "1099511627776 tensors"),
        ({"keys": 2**63}, "model.malformed", "keys"),
        ({"keys": 9}, "model.malformed", ""),
        ({"kind": 99}, "model.unsupported", "type 99"),
        ({"weights": 2**60}, "model.truncated", "its header tells of"),
        ({"tensors": 0}, "model.malformed", "no tensors"),
        ({"metadata": {"general.alignment": 7}}, "model.malformed", "alignment of 7"),
        ({"metadata": {"split.count": 3}}, "model.unsupported", "part of 3"),
        ({"metadata": {"general.architecture": ""}}, "model.malformed", "architecture"),
        ({"metadata": {"k": struct.pack("<I", 77)}}, "model.malformed", "type 77"),
        ({"metadata": {"k": struct.pack("<IQ", 8, 2**62)}}, "model.malformed", "text of"),
        ({"metadata": {"k": struct.pack("<IQ", 8, 2**20)}}, "model.truncated", "ends in the middle"),
        ({"metadata": {"k": struct.pack("<IIQ", 9, 8, 2**40)}}, "model.malformed", "elements"),
        ({"metadata": {"k": struct.pack("<IIQ", 9, 10, 2**20)}}, "model.truncated", "ends in the middle"),
        ({"metadata": {"k": struct.pack("<IIQ", 9, 9, 1)}}, "model.malformed", "array"),
    ],
)
def test_a_gguf_header_is_not_believed(
    tmp_path: Path, gguf: Callable[..., bytes], made: dict[str, Any], code: str, said: str
) -> None:
    path = tmp_path / "story.gguf"
    path.write_bytes(gguf(**made))
    error = refusal(path)
    assert error.code == code
    assert "story.gguf" in error.what
    assert said in error.what


def test_a_gguf_file_cut_anywhere_is_refused(tmp_path: Path, gguf: Callable[..., bytes]) -> None:
    whole = gguf({"general.name": "Tiny", "tokenizer.ggml.tokens": ["a", "b"]})
    path = tmp_path / "story.gguf"
    for length in range(4, len(whole)):
        path.write_bytes(whole[:length])
        assert refusal(path).code == "model.truncated"


def test_the_tensor_types_are_those_of_llama_cpp() -> None:
    """Compared with the ggml library that is installed."""
    found = importlib.util.find_spec("llama_cpp")
    assert found is not None
    assert found.origin is not None
    ggml = ctypes.CDLL(str(Path(found.origin).parent / "lib" / "libggml-base.so"))
    ggml.ggml_type_name.restype = ctypes.c_char_p
    ggml.ggml_blck_size.restype = ctypes.c_int64
    ggml.ggml_type_size.restype = ctypes.c_size_t
    for number, (name, weights, size) in TENSOR_TYPES.items():
        assert ggml.ggml_type_name(number).decode().lower() == name.lower()
        assert (ggml.ggml_blck_size(number), ggml.ggml_type_size(number)) == (weights, size)


@pytest.mark.shared_models
def test_the_real_models_are_recognised(shared_models: Path) -> None:
    for path in shared_models.glob("*/*.onnx"):
        facts = describe(path)
        assert isinstance(facts, OnnxFacts)
        assert facts.inputs
    facts = describe(shared_models / "gguf" / "stories260K-q8_0.gguf")
    assert facts == GgufFacts("llama", "stories260K", 512, "Q8_0", 260032, chat_template=False)


def test_the_calling_process_never_loads_the_onnx_library(onnx_adder: Path) -> None:
    loaded = sys.modules.pop("onnx")
    try:
        describe(onnx_adder)
        assert "onnx" not in sys.modules
    finally:
        sys.modules["onnx"] = loaded
