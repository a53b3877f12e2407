"""A model that is served otherwise than planned says so in every answer, and no other one does."""

from dataclasses import replace

import pytest

from appliance.gateway.router import ModelInfo
from tests.gateway.conftest import Serving

VECTOR = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1.0]}]}


@pytest.fixture
def degraded(serving: Serving) -> ModelInfo:
    return replace(serving.router.model("words"), name="stand-in", degraded="device.absent")


@pytest.mark.parametrize("stream", [False, True])
def test_a_text_s_answer_has_the_cause_whole_or_streamed(
    stream: bool, serving: Serving, degraded: ModelInfo
) -> None:
    asked = {"model": "words", "prompt": "Why?", "stream": stream}
    assert "x-degraded" not in serving.http.post("/v1/completions", json=asked).headers
    asked["model"] = "stand-in"
    with serving.router.also(degraded):
        answer = serving.http.post("/v1/completions", json=asked)
    assert (answer.status_code, answer.headers["x-degraded"]) == (200, "device.absent")


def test_a_refusal_has_it_too(serving: Serving, degraded: ModelInfo) -> None:
    with serving.router.also(degraded):
        answer = serving.http.post("/v2/models/stand-in/infer", json=VECTOR)
    assert (answer.status_code, answer.headers["x-degraded"]) == (400, "device.absent")


def test_metadata_of_a_model_that_runs_as_planned_has_no_parameters(serving: Serving) -> None:
    answer = serving.http.get("/v2/models/words")
    assert "parameters" not in answer.json()
    assert "x-degraded" not in answer.headers
