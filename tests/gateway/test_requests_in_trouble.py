"""Clients that hang up, stall, send too much or too slowly; workers that die; and who is told of it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from appliance.gateway.limits import Limits
from tests.gateway.conftest import IMPATIENT, LIMITS, PATIENCE, Serving

CHAT = {"model": "endless", "messages": [{"role": "user", "content": "hi"}]}
HANG_UP = httpx.Timeout(PATIENCE, read=0.3)
ONE = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}


def test_a_client_that_hangs_up_in_mid_stream_cancels_the_generation(serving: Serving) -> None:
    with serving.http.stream("POST", "/v1/chat/completions", json=CHAT | {"stream": True}) as answer:
        for _, line in zip(range(8), answer.iter_lines(), strict=False):
            assert not line or line.startswith("data: ")
    assert serving.router.closed.wait(PATIENCE)
    assert serving.router.told_of("endless").cause == "client.gone"


def test_a_client_that_hangs_up_before_the_whole_text_cancels_the_generation(serving: Serving) -> None:
    with pytest.raises(httpx.ReadTimeout):
        serving.http.post("/v1/chat/completions", json=CHAT, timeout=HANG_UP)
    assert serving.router.closed.wait(PATIENCE)
    assert serving.router.told_of("endless").cause == "client.gone"


def test_a_client_that_hangs_up_cancels_its_inference(serving: Serving) -> None:
    with pytest.raises(httpx.ReadTimeout):
        serving.http.post("/v2/models/slow/infer", json=ONE, timeout=HANG_UP)
    assert serving.router.cancelled.wait(PATIENCE)
    assert serving.router.told_of("slow").cause == "client.gone"


def test_a_client_that_hangs_up_in_its_own_request_is_forgotten(serving: Serving) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(serving.socket))
        link.sendall(b"POST /v2/models/slow/infer HTTP/1.1\r\nHost: b\r\nContent-Length: 100\r\n\r\n{")
    assert serving.router.told_of("slow").cause == "client.gone"


def test_a_model_that_takes_longer_than_the_client_waits_is_a_gateway_timeout(serving: Serving) -> None:
    hurried = ONE | {"parameters": {"timeout": 100_000}}
    answer = serving.http.post("/v2/models/slow/infer", json=hurried)
    assert answer.status_code == 504
    assert "within 0.1 s" in answer.json()["error"]
    assert serving.router.cancelled.wait(PATIENCE)
    assert serving.router.told_of("slow").cause == "request.timeout"


def test_a_model_that_takes_longer_than_the_box_waits_is_a_gateway_timeout(impatient: Serving) -> None:
    answer = impatient.http.post("/v2/models/slow/infer", json=ONE)
    assert answer.status_code == 504
    assert f"within {IMPATIENT.answer_seconds:g} s" in answer.json()["error"]
    chat = {"model": "silent", "messages": [{"role": "user", "content": "hi"}]}
    assert impatient.http.post("/v1/chat/completions", json=chat).status_code == 504
    assert impatient.router.closed.wait(PATIENCE)


def test_a_dying_worker_is_unavailable_for_now(serving: Serving) -> None:
    answer = serving.http.post("/v2/models/dying/infer", json=ONE)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json() == {"error": "The worker died. It is being started again."}
    assert serving.router.told_of("dying").cause == "worker.died"


def test_a_fault_of_our_own_is_told_with_its_number_and_not_with_its_text(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    answer = serving.http.post("/v2/models/faulty/infer", json=ONE)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.json()["error"]
    assert "fault of our own" not in answer.text
    assert "a fault of our own" in caplog.text
    assert serving.router.told_of("faulty").cause == "internal"


def test_the_router_hears_of_good_answers_too_and_only_of_deployments(serving: Serving) -> None:
    serving.http.post("/v2/models/same-FP32/infer", json=ONE)
    told = serving.router.told_of("same-FP32")
    assert told.cause is None
    assert told.seconds > 0
    serving.http.post("/v2/models/made-up/infer", json=ONE)
    serving.http.get("/v2/models/same-FP32")
    assert [answered.deployment for answered in serving.router.told] == ["same-FP32"]


def test_a_body_beyond_the_limit_is_refused_and_the_client_gets_to_read_why(serving: Serving) -> None:
    large = b" " * (LIMITS.body + 1)

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    for path, content in (
        ("/v2/models/same-FP32/infer", large),
        ("/v2/models/same-FP32/infer", pieces()),
        ("/v1/chat/completions", large),
    ):
        answer = serving.http.post(path, content=content)
        assert answer.status_code == 413
        assert answer.headers["connection"] == "close"
        assert str(LIMITS.body) in answer.text


def test_a_compressed_body_is_refused(serving: Serving) -> None:
    answer = serving.http.post(
        "/v2/models/same-FP32/infer", content=b"x", headers={"Content-Encoding": "gzip"}
    )
    assert answer.status_code == 415


def raw_exchange(serving: Serving, sent: bytes = b"") -> bytes:
    """What comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) as link:
        link.sendall(sent)
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return answer


def test_a_body_that_never_ends_is_given_up(impatient: Serving) -> None:
    head = b"POST /v2/models/same-FP32/infer HTTP/1.1\r\nHost: b\r\nContent-Length: 9\r\n\r\n{"
    answer = raw_exchange(impatient, head)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive" in answer


def test_a_head_that_never_ends_is_hung_up_on(impatient: Serving) -> None:
    assert raw_exchange(impatient, b"GET /v2 HTTP/1.1\r\nHost:") == b""
    assert raw_exchange(impatient) == b""


def test_a_head_beyond_the_limit_is_refused(serving: Serving) -> None:
    huge = b"GET /v2 HTTP/1.1\r\nX-Filler: " + b"x" * (LIMITS.head + 1)
    assert raw_exchange(serving, huge).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: b\r\n\r\n",
        b"POST /v2 HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v2 HTTP/1.1\r\nHost: b\r\nContent-Length: -5\r\n\r\n",
        b"POST /v2 HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_closed(serving: Serving, request_bytes: bytes) -> None:
    answer = raw_exchange(serving, request_bytes)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 "))


def test_more_requests_than_fit_are_told_to_come_back_and_health_still_answers(
    tmp_path: Path,
) -> None:
    serving = Serving(tmp_path, Limits(concurrent=1, answer_seconds=3, connections=3))
    try:
        held = threading.Thread(
            target=lambda: serving.http.post(
                "/v2/models/slow/infer", json=ONE | {"parameters": {"timeout": 2_000_000}}
            )
        )
        held.start()
        assert serving.router.inferring.wait(PATIENCE)
        with httpx.Client(base_url=serving.url) as other:
            refused = other.post("/v2/models/same-FP32/infer", json=ONE)
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
            assert other.get("/v2/health/live").status_code == 200
        held.join()
        assert serving.http.post("/v2/models/same-FP32/infer", json=ONE).status_code == 200
    finally:
        serving.close()


def test_connections_beyond_the_limit_are_closed(tmp_path: Path) -> None:
    serving = Serving(tmp_path, Limits(connections=2))
    links = [socket.create_connection(("127.0.0.1", serving.port), timeout=PATIENCE) for _ in range(3)]
    try:
        with suppress(ConnectionResetError):
            assert links[2].recv(1) == b""
        links[0].sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: b\r\n\r\n")
        assert links[0].recv(100).startswith(b"HTTP/1.1 200 ")
    finally:
        for link in links:
            link.close()
        serving.close()


def test_requests_in_a_pipeline_are_answered_in_their_order(serving: Serving) -> None:
    body = json.dumps(ONE).encode()
    infer = b"POST /v2/models/same-FP32/infer HTTP/1.1\r\nHost: b\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )
    last = b"GET /v2/health/live HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
    answer = raw_exchange(serving, infer + infer + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.rindex(b'"outputs"') < answer.index(b'"live"')
