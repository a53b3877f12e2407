"""The binary tensor data extension, byte by byte."""

import json
import struct
from typing import Any

import httpx
import ml_dtypes
import numpy as np
import pytest

from tests.gateway.conftest import Serving

RAW = {
    "BOOL": b"\x01\x00\x01",
    "UINT8": bytes([0, 1, 255]),
    "UINT16": struct.pack("<3H", 0, 1, 65535),
    "UINT32": struct.pack("<3I", 0, 1, 2**32 - 1),
    "UINT64": struct.pack("<3Q", 0, 1, 2**64 - 1),
    "INT8": struct.pack("<3b", -128, 0, 127),
    "INT16": struct.pack("<3h", -(2**15), 0, 2**15 - 1),
    "INT32": struct.pack("<3i", -(2**31), 0, 2**31 - 1),
    "INT64": struct.pack("<3q", -(2**63), 0, 2**63 - 1),
    "FP16": struct.pack("<3e", -65504, 0.5, float("inf")),
    "BF16": np.array([-256, 0.5, np.nan], ml_dtypes.bfloat16).tobytes(),
    "FP32": struct.pack("<3f", -1.5, 0.1, float("nan")),
    "FP64": struct.pack("<3d", -1.5, 0.1, float("-inf")),
    "BYTES": b"\x00\x00\x00\x00" + b"\x02\x00\x00\x00\xff\xfe" + b"\x01\x00\x00\x00a",
}


def ask(
    serving: Serving, model: str, request: dict[str, Any], raw: bytes, head: Any = None
) -> httpx.Response:
    text = json.dumps(request).encode()
    headers = {"Inference-Header-Content-Length": str(len(text) if head is None else head)}
    return serving.http.post(f"/v2/models/{model}/infer", content=text + raw, headers=headers)


def same(serving: Serving, datatype: str, raw: bytes, **request: Any) -> httpx.Response:
    x = {"name": "x", "datatype": datatype, "shape": [3], "parameters": {"binary_data_size": len(raw)}}
    return ask(serving, f"same-{datatype}", {"inputs": [x], **request}, raw)


def parts(answer: httpx.Response) -> tuple[dict[str, Any], bytes]:
    head = int(answer.headers["inference-header-content-length"])
    assert int(answer.headers["content-length"]) == len(answer.content)
    return json.loads(answer.content[:head]), answer.content[head:]


@pytest.mark.parametrize("datatype", RAW)
def test_each_datatype_goes_in_and_out_bit_by_bit(serving: Serving, datatype: str) -> None:
    answer = same(serving, datatype, RAW[datatype], id="7", parameters={"binary_data_output": True})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    head, raw = parts(answer)
    assert head == {
        "model_name": f"same-{datatype}",
        "model_version": "1.2.0",
        "outputs": [
            {
                "name": "y",
                "datatype": datatype,
                "shape": [3],
                "parameters": {"binary_data_size": len(RAW[datatype])},
            }
        ],
        "id": "7",
    }
    assert raw == RAW[datatype]


def test_raw_in_and_json_out_is_the_default(serving: Serving) -> None:
    answer = same(serving, "INT32", RAW["INT32"])
    assert "inference-header-content-length" not in answer.headers
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["outputs"][0]["data"] == [-(2**31), 0, 2**31 - 1]


def test_one_output_can_be_raw_and_the_other_json_and_inputs_can_be_mixed(serving: Serving) -> None:
    a = np.array([[1, 2]], "<f4")
    request = {
        "inputs": [
            {"name": "b", "datatype": "FP32", "shape": [1, 2], "data": [10, 20]},
            {"name": "a", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}},
        ],
        "parameters": {"binary_data_output": True},
        "outputs": [{"name": "difference", "parameters": {"binary_data": False}}, {"name": "sum"}],
    }
    head, raw = parts(ask(serving, "add", request, a.tobytes()))
    assert head["outputs"][0]["data"] == [-9.0, -18.0]
    assert head["outputs"][1]["parameters"] == {"binary_data_size": 8}
    assert np.frombuffer(raw, "<f4").tolist() == [11.0, 22.0]


def test_several_raw_outputs_follow_each_other_in_the_order_of_the_json(serving: Serving) -> None:
    a, b = np.array([[1, 2], [3, 4]], "<f4"), np.array([[5, 6], [7, 8]], "<f4")
    given = [
        {"name": n, "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}} for n in "ab"
    ]
    request = {"inputs": given, "parameters": {"binary_data_output": True}}
    head, raw = parts(ask(serving, "add", request, a.tobytes() + b.tobytes()))
    assert [output["name"] for output in head["outputs"]] == ["sum", "difference"]
    assert raw == (a + b).tobytes() + (a - b).tobytes()


@pytest.mark.parametrize("padding", range(8))
def test_raw_tensors_reach_the_model_aligned_wherever_the_json_ends(serving: Serving, padding: int) -> None:
    x = np.arange(100_000, dtype="<f4")
    given = {
        "name": "x",
        "datatype": "FP32",
        "shape": [x.size],
        "parameters": {"binary_data_size": x.nbytes, "note": "x" * padding},
    }
    request = {"inputs": [given], "parameters": {"binary_data_output": True}}
    _, raw = parts(ask(serving, "same-FP32", request, x.tobytes()))
    assert raw == x.tobytes()
    assert serving.router.aligned == [True]


def test_a_tensor_behind_one_of_odd_length_reaches_the_model_aligned(serving: Serving) -> None:
    from appliance.gateway import tensors  # noqa: PLC0415

    block = memoryview(bytes(3) + np.arange(4, dtype="<f4").tobytes())
    array = tensors.from_bytes(block[3:], "FP32", [4], tensor="x")
    assert array.flags.aligned
    assert array.tolist() == [0, 1, 2, 3]


def test_a_body_without_content_length_is_read_to_its_end(serving: Serving) -> None:
    x = np.arange(50_000, dtype="<f4")
    given = {"name": "x", "datatype": "FP32", "shape": [x.size], "parameters": {"binary_data_size": x.nbytes}}
    head = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()

    def pieces() -> Any:
        yield head
        for start in range(0, x.nbytes, 9973):
            yield x.tobytes()[start : start + 9973]

    answer = serving.http.post(
        "/v2/models/same-FP32/infer",
        content=pieces(),
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
    assert parts(answer)[1] == x.tobytes()


@pytest.mark.parametrize(
    ("raw", "size", "head", "words"),
    [
        (b"\0" * 11, 12, None, "12 bytes, but 11 are left"),
        (b"\0" * 13, 12, None, "1 bytes of the body belong to no input"),
        (b"\0" * 8, 8, None, "which is 12 bytes"),
        (b"\0" * 12, "12", None, "number of bytes"),
        (b"\0" * 12, -12, None, "number of bytes"),
        (b"\0" * 12, True, None, "number of bytes"),
        (b"\0" * 12, 12, 10**6, "larger than the body"),
        (b"\0" * 12, 12, 10**30, "not a number of bytes"),
        (b"\0" * 12, 12, "-1", "not a number of bytes"),
        (b"\0" * 12, 12, 0, "."),
        (b"\0" * 12, 12, 20, "."),
    ],
)
def test_lengths_that_do_not_fit_together_are_refused(
    serving: Serving, raw: bytes, size: Any, head: Any, words: str
) -> None:
    given = {"name": "x", "datatype": "FP32", "shape": [3], "parameters": {"binary_data_size": size}}
    answer = ask(serving, "same-FP32", {"inputs": [given]}, raw, head)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("datatype", "raw"),
    [
        ("BOOL", b"\x01\x02\x00"),
        ("BYTES", b"\x01\0\0\0a"),
        ("BYTES", b"\xff\xff\xff\xffabc"),
        ("BYTES", RAW["BYTES"] + b"\0"),
        ("BYTES", RAW["BYTES"][:-1]),
        ("BYTES", b""),
    ],
)
def test_raw_data_that_is_not_of_its_datatype_is_refused(serving: Serving, datatype: str, raw: bytes) -> None:
    answer = same(serving, datatype, raw)
    assert answer.status_code == 400, answer.text


def test_bytes_that_are_no_text_are_refused_as_json_output(serving: Serving) -> None:
    answer = same(serving, "BYTES", RAW["BYTES"])
    assert answer.status_code == 400
    assert "binary_data" in answer.json()["error"]
