"""Whatever bytes come in: an answer that names the client's mistake, never a 500, never silence."""

import json
import math
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtimes.datatypes import DTYPES
from tests.gateway.conftest import Serving

ALLOWED = {200, 400, 413}
OFTEN = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["FP32", "BYTES", "x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TEXT_FIELDS = ["model", "messages", "max_tokens", "temperature", "top_p", "seed", "stop"]
TEXT_FIELDS += ["stream", "stream_options", "n", "tools", "logit_bias"]
dimensions = st.integers(-2, 5) | st.integers(-(2**70), 2**70)
datatypes = st.sampled_from([*DTYPES, "FP8", "fp32", ""])
sizes = st.integers(-5, 64) | st.integers(-(2**70), 2**70) | json_values


@st.composite
def inputs(draw: st.DrawFn) -> dict[str, Any]:
    """An input with most of its fields right, most of the time."""
    one: dict[str, Any] = {
        "name": draw(st.just("x") | st.text(max_size=5)),
        "datatype": draw(datatypes),
        "shape": draw(st.lists(dimensions, max_size=4) | json_values),
    }
    if draw(st.booleans()):
        one["parameters"] = {"binary_data_size": draw(sizes)}
    if draw(st.booleans()):
        one["data"] = draw(st.lists(st.integers(0, 9), max_size=6) | json_values)
    for name in draw(st.lists(st.sampled_from(sorted(one)), max_size=1)):
        del one[name]
    return one


def post(serving: Serving, path: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return serving.http.post(path, content=body, headers=headers or {})


@OFTEN
@given(
    datatype=st.sampled_from(sorted(DTYPES)),
    request=st.fixed_dictionaries(
        {"inputs": st.lists(inputs(), max_size=2) | json_values},
        optional=dict.fromkeys(("id", "parameters", "outputs", "more"), json_values),
    ),
    raw=st.binary(max_size=64),
    head=st.none() | st.integers(-2, 200),
)
def test_no_inference_request_breaks_the_gateway(
    serving: Serving, datatype: str, request: dict[str, Any], raw: bytes, head: int | None
) -> None:
    text = json.dumps(request).encode()
    length = len(text) if head is None else head
    headers = {"Inference-Header-Content-Length": str(length)} if raw or head is not None else {}
    answer = post(serving, f"/v2/models/same-{datatype}/infer", text + raw, headers)
    assert answer.status_code in ALLOWED, answer.text
    if answer.status_code != 200:
        assert set(answer.json()) == {"error"}
        assert answer.json()["error"]


@OFTEN
@given(body=st.binary(max_size=200), head=st.none() | st.integers(0, 200))
def test_arbitrary_bytes_are_refused(serving: Serving, body: bytes, head: int | None) -> None:
    headers = {} if head is None else {"Inference-Header-Content-Length": str(head)}
    assert post(serving, "/v2/models/add/infer", body, headers).status_code == 400
    assert post(serving, "/v1/chat/completions", body).status_code == 400


@OFTEN
@given(
    change=st.dictionaries(
        st.sampled_from(TEXT_FIELDS) | st.text(max_size=8),
        json_values,
        max_size=4,
    ),
    prompt=json_values,
)
def test_no_text_request_breaks_the_gateway(serving: Serving, change: dict[str, Any], prompt: Any) -> None:
    chat = {"model": "words", "messages": [{"role": "user", "content": "hi"}], **change}
    assert post(serving, "/v1/chat/completions", json.dumps(chat).encode()).status_code in ALLOWED | {404}
    change.pop("messages", None)
    completion = {"model": "words", "prompt": prompt, **change}
    assert post(serving, "/v1/completions", json.dumps(completion).encode()).status_code in ALLOWED | {404}


@OFTEN
@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_cut_or_flipped_binary_request_never_breaks_the_gateway(
    serving: Serving, cut: int, flip: int, bit: int
) -> None:
    head, raw = binary_request()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    whole = head + raw
    damaged = bytearray(whole)
    damaged[flip % len(whole)] ^= 1 << bit
    assert post(serving, "/v2/models/add/infer", bytes(damaged), headers).status_code in ALLOWED
    assert post(serving, "/v2/models/add/infer", whole[: cut % len(whole)], headers).status_code == 400


def binary_request() -> tuple[bytes, bytes]:
    given_inputs = [
        {"name": n, "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}} for n in "ab"
    ]
    return json.dumps({"inputs": given_inputs}).encode(), bytes(range(32))


@pytest.mark.parametrize(
    "deep",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":'
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}]}",
        b'{"inputs":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"unknown":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"words","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"words","messages":[],"metadata":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    ],
)
def test_deep_nesting_is_refused(serving: Serving, deep: bytes) -> None:
    for path in ("/v2/models/same-FP32/infer", "/v1/chat/completions", "/v1/completions"):
        assert post(serving, path, deep).status_code == 400


@pytest.mark.parametrize(
    "word", ["NaN", "Infinity", "-Infinity", "1e400", "01", "0x1", "'1'", "1,", "1 1", "\u0661"]
)
def test_what_is_no_json_number_is_refused(serving: Serving, word: str) -> None:
    body = f'{{"inputs":[{{"name":"x","datatype":"FP32","shape":[1],"data":[{word}]}}]}}'
    assert post(serving, "/v2/models/same-FP32/infer", body.encode()).status_code == 400


@OFTEN
@given(values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=30))
def test_every_finite_float_survives_json_both_ways(serving: Serving, values: list[float]) -> None:
    one = {"name": "x", "datatype": "FP32", "shape": [len(values)], "data": values}
    answer = post(serving, "/v2/models/same-FP32/infer", json.dumps({"inputs": [one]}).encode())
    returned = answer.json()["outputs"][0]["data"]
    assert returned == values
    assert [math.copysign(1, a) for a in returned] == [math.copysign(1, a) for a in values]
