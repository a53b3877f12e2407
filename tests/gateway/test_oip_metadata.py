"""Health and metadata of the Open Inference Protocol, as its specification words them."""

import httpx

from appliance.gateway.router import ModelInfo
from tests.gateway.conftest import Serving


def test_the_server_names_itself_and_its_extension(serving: Serving) -> None:
    answer = serving.http.get("/v2").json()
    assert answer["name"] == "appliance"
    assert answer["version"]
    assert answer["extensions"] == ["binary_tensor_data"]


def test_the_server_is_live_and_ready(serving: Serving) -> None:
    assert serving.http.get("/v2/health/live").json() == {"live": True}
    assert serving.http.get("/v2/health/ready").json() == {"ready": True}


def test_a_deployment_that_restarts_is_not_ready_and_says_when_to_come_back(serving: Serving) -> None:
    starting = ModelInfo("starting", "1.0.0", "tensor", "numpy", ready=False, created=1)
    with serving.router.also(starting):
        for path in ("/v2/health/ready", "/v2/models/starting/ready"):
            answer = serving.http.get(path)
            assert answer.status_code == 503
            assert answer.json()["ready"] is False
            assert int(answer.headers["retry-after"]) >= 1


def test_a_model_tells_its_inputs_and_outputs(serving: Serving) -> None:
    assert serving.http.get("/v2/models/add").json() == {
        "name": "add",
        "versions": ["1.2.0"],
        "platform": "numpy",
        "inputs": [
            {"name": "a", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "b", "datatype": "FP32", "shape": [-1, 2]},
        ],
        "outputs": [
            {"name": "sum", "datatype": "FP32", "shape": [-1, 2]},
            {"name": "difference", "datatype": "FP32", "shape": [-1, 2]},
        ],
    }


def test_a_version_can_be_named_and_an_unknown_one_is_not_found(serving: Serving) -> None:
    assert serving.http.get("/v2/models/add/versions/1.2.0").json()["name"] == "add"
    assert serving.http.get("/v2/models/add/versions/1.2.0/ready").json() == {"name": "add", "ready": True}
    missing = serving.http.get("/v2/models/add/versions/9")
    assert missing.status_code == 404
    assert missing.json() == {"error": "No deployment is named add. See /v1/models."}


def test_paths_that_lead_nowhere_and_wrong_methods_say_so(serving: Serving) -> None:
    assert serving.http.get("/v3").status_code == 404
    assert serving.http.get("/").json() == {"error": "There is nothing at /."}
    assert serving.http.get("/v2/models/add/explain").status_code == 404
    wrong = serving.http.get("/v2/models/add/infer")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "POST"
    assert serving.http.delete("/v2/models/add").headers["allow"] == "GET, HEAD"


def test_every_answer_carries_a_request_id_the_clients_own_where_it_is_usable(serving: Serving) -> None:
    assert (
        serving.http.get("/v2", headers={"X-Request-Id": "line-4/17"}).headers["x-request-id"] == "line-4/17"
    )
    made_up = {serving.http.get("/nowhere").headers["x-request-id"] for _ in range(2)}
    assert len(made_up) == 2
    too_long = serving.http.get("/v2", headers={"X-Request-Id": "x" * 500}).headers["x-request-id"]
    assert len(too_long) == 32


def test_tcp_and_the_unix_socket_give_the_same_answers(serving: Serving) -> None:
    assert httpx.get(f"{serving.url}/v2/models/add").json() == serving.http.get("/v2/models/add").json()


def test_head_is_answered_like_get_without_the_body(serving: Serving) -> None:
    answer = serving.http.head("/v2/health/live")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) == len(b'{"live":true}')
