"""What this box cannot honour is refused by name; what asks for nothing passes."""

from typing import Any

import pytest

from tests.gateway.conftest import Serving

CHAT: dict[str, Any] = {"model": "words", "messages": [{"role": "user", "content": "hi"}]}
TEXT: dict[str, Any] = {"model": "words", "prompt": "hi"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("tools", [{"type": "function", "function": {"name": "stop"}}]),
        ("tool_choice", "required"),
        ("functions", [{"name": "stop"}]),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("response_format", {"type": "json_object"}),
        ("presence_penalty", 0.5),
        ("frequency_penalty", -1),
        ("logit_bias", {"5": 10}),
        ("modalities", ["text", "audio"]),
        ("audio", {"voice": "alloy"}),
        ("reasoning_effort", "high"),
        ("web_search_options", {}),
        ("store", True),
        ("top_k", 5),
        ("repetition_penalty", 1.1),
        ("prompt", "hi"),
    ],
)
def test_a_parameter_that_would_change_the_answer_is_refused_by_name(
    serving: Serving, name: str, value: Any
) -> None:
    answer = serving.http.post("/v1/chat/completions", json=CHAT | {name: value})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == name
    assert name in error["message"]
    assert error["code"] == "request.unsupported"
    assert error["type"] == "invalid_request_error"
    assert serving.router.asked == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1),
        ("tools", None),
        ("tools", []),
        ("tool_choice", "none"),
        ("logprobs", False),
        ("response_format", {"type": "text"}),
        ("presence_penalty", 0.0),
        ("logit_bias", {}),
        ("modalities", ["text"]),
        ("metadata", {"line": "4"}),
        ("service_tier", "auto"),
        ("store", False),
        ("max_tokens", None),
        ("stop", None),
        ("stop", []),
    ],
)
def test_a_parameter_that_asks_for_nothing_passes(serving: Serving, name: str, value: Any) -> None:
    assert serving.http.post("/v1/chat/completions", json=CHAT | {name: value}).status_code == 200


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "hi", "name": "Ann"}]}, "messages[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content",
        ),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"seed": 2**70}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": 5}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"model": 5}, "model"),
    ],
)
def test_a_malformed_parameter_is_named(serving: Serving, change: dict[str, Any], parameter: str) -> None:
    answer = serving.http.post("/v1/chat/completions", json=CHAT | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == parameter, answer.text


def test_one_prompt_is_completed_and_several_are_refused(serving: Serving) -> None:
    for prompt in (["a", "b"], [], [1, 2, 3], None):
        answer = serving.http.post("/v1/completions", json=TEXT | {"prompt": prompt})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"].startswith("prompt")
    for name, value in {"best_of": 2, "echo": True, "suffix": "x", "logprobs": 1, "messages": []}.items():
        answer = serving.http.post("/v1/completions", json=TEXT | {name: value})
        assert answer.json()["error"]["param"] == name


def test_errors_below_v1_are_in_openais_form(serving: Serving) -> None:
    for answer in (
        serving.http.get("/v1/embeddings"),
        serving.http.post("/v1/models"),
        serving.http.get("/v1/models/none"),
        serving.http.post("/v1/chat/completions", content=b"{"),
        serving.http.post("/v1/chat/completions", content=b'{"model": "\xff"}'),
        serving.http.post("/v1/chat/completions", content=b"[1]"),
        serving.http.post("/v1/chat/completions", json={}),
    ):
        assert answer.status_code in {400, 404, 405}
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
