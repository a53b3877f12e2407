"""Inference with JSON tensors: every datatype, exact values, and nothing converted silently."""

from typing import Any

import httpx
import numpy as np
import pytest

from runtimes.datatypes import DTYPES
from tests.gateway.conftest import Serving, tensor_model

VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False, True],
    "UINT8": [0, 1, 255],
    "UINT16": [0, 1, 65535],
    "UINT32": [0, 1, 2**32 - 1],
    "UINT64": [0, 1, 2**64 - 1],
    "INT8": [-128, 0, 127],
    "INT16": [-(2**15), 0, 2**15 - 1],
    "INT32": [-(2**31), 0, 2**31 - 1],
    "INT64": [-(2**63), 0, 2**63 - 1],
    "FP16": [-65504.0, 0.5, 0.333251953125],
    "BF16": [-256.0, 0.5, 0.333984375],
    "FP32": [-1.5, 0.10000000149011612, 3.4028234663852886e38],
    "FP64": [-1.5, 0.1, 1.7976931348623157e308],
    "BYTES": ["", "naïve", "line\nbreak"],
}


def ask(serving: Serving, model: str, **request: Any) -> httpx.Response:
    return serving.http.post(f"/v2/models/{model}/infer", json=request)


def same(serving: Serving, datatype: str, shape: list[int], data: list[Any]) -> httpx.Response:
    return ask(
        serving,
        f"same-{datatype}",
        inputs=[{"name": "x", "datatype": datatype, "shape": shape, "data": data}],
    )


def test_the_values_cover_every_datatype() -> None:
    assert set(VALUES) == set(DTYPES)


@pytest.mark.parametrize("datatype", VALUES)
def test_each_datatype_goes_in_and_out_unchanged(serving: Serving, datatype: str) -> None:
    answer = same(serving, datatype, [3], VALUES[datatype])
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"] == [
        {"name": "y", "datatype": datatype, "shape": [3], "data": VALUES[datatype]}
    ]


def test_nested_data_is_taken_as_its_shape_says(serving: Serving) -> None:
    answer = ask(
        serving,
        "add",
        id="42",
        inputs=[
            {"name": "a", "datatype": "FP32", "shape": [2, 2], "data": [[1, 2], [3, 4]]},
            {"name": "b", "datatype": "FP32", "shape": [2, 2], "data": [10, 20, 30, 40]},
        ],
        outputs=[{"name": "sum"}],
    )
    assert answer.json() == {
        "model_name": "add",
        "model_version": "1.2.0",
        "outputs": [{"name": "sum", "datatype": "FP32", "shape": [2, 2], "data": [11.0, 22.0, 33.0, 44.0]}],
        "id": "42",
    }


def test_all_outputs_come_where_none_is_requested_and_in_the_order_asked_where_some_are(
    serving: Serving,
) -> None:
    inputs = [{"name": n, "datatype": "FP32", "shape": [1, 2], "data": [1, 2]} for n in "ab"]
    every = ask(serving, "add", inputs=inputs).json()
    assert [output["name"] for output in every["outputs"]] == ["sum", "difference"]
    asked = ask(serving, "add", inputs=inputs, outputs=[{"name": "difference"}, {"name": "sum"}]).json()
    assert [output["name"] for output in asked["outputs"]] == ["difference", "sum"]


@pytest.mark.parametrize(("shape", "data"), [([], [7]), ([0], []), ([0, 5], []), ([1, 1, 1], [[[7]]])])
def test_scalars_empty_tensors_and_deep_ones_keep_their_shape(
    serving: Serving, shape: list[int], data: list[Any]
) -> None:
    answer = same(serving, "INT32", shape, data)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["shape"] == shape


def test_the_finite_part_of_json_is_kept_and_the_rest_is_refused_not_made_null(serving: Serving) -> None:
    answer = ask(
        serving,
        "not-a-number",
        inputs=[{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}],
    )
    assert answer.status_code == 400
    assert "binary_data" in answer.json()["error"]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        ("INT64", [1.5]),
        ("INT64", [1.0]),
        ("INT64", [True]),
        ("INT64", ["1"]),
        ("UINT8", [300]),
        ("UINT8", [-1]),
        ("UINT64", [2**64]),
        ("FP32", ["1.5"]),
        ("FP32", [False]),
        ("FP32", [None]),
        ("FP32", [1e39]),
        ("FP16", [65520.0]),
        ("BF16", [3.4e38]),
        ("BOOL", [1]),
        ("BYTES", [1]),
        ("FP32", {"0": 1.0}),
        ("FP32", 1.0),
        ("FP32", [[[1.0]]]),
    ],
)
def test_data_that_would_change_on_the_way_in_is_refused(serving: Serving, datatype: str, data: Any) -> None:
    answer = same(serving, datatype, [1], data)
    assert answer.status_code == 400, answer.text
    assert "'x'" in answer.json()["error"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [2]}, "declares the shape [2], but has 1"),
        ({"shape": [-1]}, "negative dimension"),
        ({"datatype": "FLOAT"}, "unknown datatype 'FLOAT'"),
        ({"datatype": "FP64"}, "the model takes FP32"),
        ({"name": "z"}, "its inputs are x"),
        ({"shape": [1, 1]}, "the model takes [-1]"),
        ({"parameters": {"binary_data_size": 4}}, "either data or"),
        ({"data": None}, "'x'"),
    ],
)
def test_an_input_that_is_not_the_models_is_refused_with_the_reason(
    serving: Serving, change: dict[str, Any], words: str
) -> None:
    good = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}
    answer = ask(serving, "not-a-number", inputs=[good | change])
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_missing_repeated_and_unknown_names_are_refused(serving: Serving) -> None:
    a = {"name": "a", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}
    assert "'b' is missing" in ask(serving, "add", inputs=[a]).json()["error"]
    assert "given twice" in ask(serving, "add", inputs=[a, a]).json()["error"]
    unknown = ask(serving, "add", inputs=[a, a | {"name": "b"}], outputs=[{"name": "product"}])
    assert "its outputs are sum, difference" in unknown.json()["error"]


def test_a_huge_declared_shape_costs_nothing_and_is_refused(serving: Serving) -> None:
    for shape in ([2**62, 2**62], [10**6], [0, 2**62], [1] * 40):
        answer = same(serving, "FP32", shape, [1])
        assert answer.status_code == 413, answer.text


def test_a_large_tensor_keeps_every_value(serving: Serving) -> None:
    values = np.random.default_rng(1).random(20_000, np.float32)
    answer = same(serving, "FP32", [20_000], values.tolist())
    assert np.array_equal(np.array(answer.json()["outputs"][0]["data"], np.float32), values)


def test_while_a_worker_restarts_the_request_goes_to_the_router_that_knows_best(serving: Serving) -> None:
    unknown_now = tensor_model("starting", [], [])
    with serving.router.also(unknown_now):
        answer = ask(
            serving,
            "starting",
            inputs=[{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}],
            outputs=[{"name": "y"}],
        )
    assert answer.status_code == 200, answer.text
