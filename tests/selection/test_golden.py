"""Golden sets: what is written is read back the same, and nothing that is wrong gets through."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtimes.errors import EngineError
from runtimes.golden import (
    GoldenSet,
    TensorSample,
    TextSample,
    Tolerance,
    load_golden,
    load_golden_folder,
    write_golden,
)

TEXT: dict[str, Any] = {"name": "hello", "prompt": "Hi", "max_tokens": 4, "text": " there", "pattern": None}
TENSOR: dict[str, Any] = {"name": "a", "inputs": {"x": "x.npy"}, "outputs": {"y": "y.npy"}}


def write_document(folder: Path, *samples: dict[str, Any], **more: Any) -> Path:
    document = {"schema": "appliance-golden/1", "samples": list(samples), **more}
    (folder / "golden.json").write_text(json.dumps(document))
    return folder


def tensor_folder(folder: Path, **more: Any) -> Path:
    np.save(folder / "x.npy", np.ones((1, 20), np.float32))
    np.save(folder / "y.npy", np.zeros((1, 20), np.float32))
    return write_document(folder, TENSOR, **more)


def refusal(folder: Path) -> str:
    with pytest.raises(EngineError) as caught:
        load_golden_folder(folder)
    assert caught.value.code == "golden.invalid"
    return caught.value.what


def test_a_tensor_set_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    strings = np.empty((2,), np.object_)
    strings[:] = [b"north", "süd".encode()]
    rng = np.random.default_rng(3)
    sample = TensorSample(
        "scratch 1/top",
        {
            "image": rng.normal(size=(1, 3, 8, 8)).astype(np.float32),
            "rate": np.array(16000, np.int64),
            "names": strings,
            "empty": np.zeros((0, 4), np.float16),
        },
        {"scores": np.array([[0.1, np.nan]], np.float16), "flags": np.array([True, False])},
    )
    golden = GoldenSet((sample,), Tolerance(0.01, 0.02), {"scores": Tolerance(0.5, 0.0)})
    write_golden(tmp_path, golden)
    read = load_golden_folder(tmp_path)

    assert (read.tolerance, dict(read.tolerances)) == (golden.tolerance, golden.tolerances)
    (got,) = read.samples
    assert isinstance(got, TensorSample)
    assert got.name == sample.name
    for want, have in ((sample.inputs, got.inputs), (sample.outputs, got.outputs)):
        assert list(want) == list(have)
        for name, tensor in want.items():
            assert have[name].dtype == tensor.dtype
            assert have[name].shape == tensor.shape
            np.testing.assert_array_equal(have[name], tensor)


def test_a_text_set_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    golden = GoldenSet(
        (
            TextSample("empty prompt", "", (), 0, 30, "Once", None),
            TextSample("chat", None, (("user", "Motor is hot"),), 7, 40, None, r"(?i)bearing|cool"),
        )
    )
    write_golden(tmp_path, golden)
    assert load_golden_folder(tmp_path) == golden


def test_files_may_be_blobs_with_other_names(tmp_path: Path) -> None:
    tensor_folder(tmp_path)
    blobs = {}
    for index, name in enumerate(("golden.json", "x.npy", "y.npy")):
        blobs[name] = (tmp_path / name).rename(tmp_path / f"blob{index}")
    (sample,) = load_golden(blobs).samples
    assert isinstance(sample, TensorSample)
    assert sample.inputs["x"].shape == (1, 20)


def test_an_output_has_its_own_tolerance_where_the_set_gives_one(tmp_path: Path) -> None:
    tensor_folder(
        tmp_path,
        tolerance={"absolute": 0.5, "relative": 0},
        tolerances={"y": {"absolute": 2, "relative": 0}},
    )
    golden = load_golden_folder(tmp_path)
    assert golden.tolerance_of("y") == Tolerance(2, 0)
    assert golden.tolerance_of("other") == Tolerance(0.5, 0)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ([], "no samples"),
        ([TEXT, TENSOR], "mixes tensor and text"),
        ([TEXT, TEXT], "two samples of this name"),
        ([{**TEXT, "text": None}], "exactly one of 'text' and 'pattern'"),
        ([{**TEXT, "pattern": "a"}], "exactly one of 'text' and 'pattern'"),
        (
            [{**TEXT, "messages": [{"role": "user", "content": "x"}]}],
            "exactly one of 'prompt' and 'messages'",
        ),
        ([{**TEXT, "text": None, "pattern": "(unclosed"}], "not a regular expression"),
        ([{**TEXT, "text": None, "pattern": "a" * 501}], "longer than 500"),
        ([{**TEXT, "max_tokens": 0}], "'max_tokens'"),
        ([{**TEXT, "max_tokens": "4"}], "`int`"),
        ([{**TEXT, "prompt": "x" * 100_001}], "longer than 100000"),
        ([{**TEXT, "name": "a\nb"}], "printable"),
        ([{**TEXT, "temperature": 1}], "temperature"),
        (["hello"], "#1"),
    ],
)
def test_a_wrong_text_sample_is_refused_and_named(tmp_path: Path, samples: list[Any], said: str) -> None:
    what = refusal(write_document(tmp_path, *samples))
    assert said in what


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("../x.npy", "not in the set"),
        ("/etc/passwd", "not in the set"),
        ("golden.json", "not in the set"),
        ("absent.npy", "not in the set"),
        ({"datatype": "FP32", "shape": [2], "data": [1.0]}, "takes 2 values, there are 1"),
        ({"datatype": "FP32", "shape": [-1], "data": []}, "not possible"),
        ({"datatype": "FP31", "shape": [1], "data": [1.0]}, "'FP31'"),
        ({"datatype": "INT8", "shape": [1], "data": [300]}, "does not fit INT8"),
        ({"datatype": "FP16", "shape": [1], "data": [1e9]}, "does not fit FP16"),
        ({"datatype": "INT32", "shape": [1], "data": [1.5]}, "Expected `int`"),
        ({"datatype": "BYTES", "shape": [1], "data": [1]}, "Expected `str`"),
        ({"datatype": "FP32", "shape": [1], "data": [1.0], "offset": 3}, "offset"),
    ],
)
def test_a_wrong_tensor_is_refused_and_its_sample_named(tmp_path: Path, value: Any, said: str) -> None:
    tensor_folder(tmp_path)
    what = refusal(write_document(tmp_path, {**TENSOR, "inputs": {"x": value}}))
    assert said in what
    assert "sample 'a'" in what


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    tensor_folder(folder)
    (folder / "x.npy").rename(tmp_path / "outside.npy")
    (folder / "x.npy").symlink_to(tmp_path / "outside.npy")
    assert "x.npy" in refusal(folder)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    tensor_folder(tmp_path)
    np.save(tmp_path / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "type object" in refusal(tmp_path)


@pytest.mark.parametrize("dtype", [np.complex64, "datetime64[s]", "S4", "U4"])
def test_types_that_the_protocol_does_not_know_are_refused(tmp_path: Path, dtype: Any) -> None:
    tensor_folder(tmp_path)
    np.save(tmp_path / "x.npy", np.zeros(3, dtype))
    assert "not supported" in refusal(tmp_path)


def test_a_header_that_promises_more_than_the_file_holds_is_refused_before_allocating(tmp_path: Path) -> None:
    tensor_folder(tmp_path)
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }\n"
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    assert "4398046511104 bytes, the file has 0" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_file_that_is_no_npy_is_refused(tmp_path: Path, content: bytes) -> None:
    tensor_folder(tmp_path)
    (tmp_path / "x.npy").write_bytes(content)
    assert "x.npy" in refusal(tmp_path)


def test_fortran_order_and_foreign_byte_order_read_as_the_same_numbers(tmp_path: Path) -> None:
    tensor_folder(tmp_path)
    values = np.arange(20, dtype=">f4").reshape(4, 5)
    np.save(tmp_path / "x.npy", np.asfortranarray(values))
    (sample,) = load_golden_folder(tmp_path).samples
    assert isinstance(sample, TensorSample)
    assert sample.inputs["x"].dtype == np.dtype("<f4").newbyteorder("=")
    assert sample.inputs["x"].flags.c_contiguous
    np.testing.assert_array_equal(sample.inputs["x"], values)


@pytest.mark.parametrize(
    "tolerance", [{"absolute": -1}, {"absolute": "wide"}, {"absolute": 1e400, "relative": 0}]
)
def test_a_tolerance_that_is_no_distance_is_refused(tmp_path: Path, tolerance: dict[str, Any]) -> None:
    refusal(tensor_folder(tmp_path, tolerance=tolerance))


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"absolute": 0.5}, Tolerance(0.5, 1e-3)),
        ({"relative": 0.0}, Tolerance(1e-3, 0.0)),
        ({"top_k": 5}, Tolerance(math.inf, 0.0, 5)),
        ({"top_k": 5, "agreement": 0.8, "absolute": 1}, Tolerance(1.0, 1e-3, 5, 0.8)),
    ],
)
def test_a_tolerance_is_a_distance_an_order_or_both_and_is_written_as_it_was_read(
    tmp_path: Path, given: dict[str, Any], read: Tolerance
) -> None:
    golden = load_golden_folder(tensor_folder(tmp_path, tolerance=given))
    assert golden.tolerance == read
    write_golden(tmp_path / "again", golden)
    assert load_golden_folder(tmp_path / "again").tolerance == read


@pytest.mark.parametrize("tolerance", [{"top_k": -1}, {"top_k": 3, "agreement": 0}, {"agreement": 1.5}])
def test_an_order_that_means_nothing_is_refused(tmp_path: Path, tolerance: dict[str, Any]) -> None:
    assert "top_k" in refusal(tensor_folder(tmp_path, tolerance=tolerance))


def test_a_tolerance_for_an_output_that_no_sample_has_is_refused(tmp_path: Path) -> None:
    assert "'z'" in refusal(tensor_folder(tmp_path, tolerances={"z": {"absolute": 1, "relative": 0}}))


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text('{"schema": "appliance-golden/2", "samples": []}')
    assert "appliance-golden/2" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b'{"schema": 1'])
def test_a_document_that_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "golden.json").write_bytes(content)
    assert "golden.json" in refusal(tmp_path)


def test_a_folder_without_a_document_is_refused(tmp_path: Path) -> None:
    assert "golden.json" in refusal(tmp_path)
