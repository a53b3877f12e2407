"""Sockets, who may use them, what is in the way, and stopping without losing a request."""

import asyncio
import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from appliance.errors import ApplianceError
from appliance.gateway.app import build_app
from appliance.gateway.server import GatewayServer
from tests.gateway.conftest import PATIENCE, NumpyRouter

ONE = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}


async def get(endpoint: str, path: str = "/v2/health/live") -> httpx.Response:
    uds = endpoint.removeprefix("unix:") if endpoint.startswith("unix:") else None
    transport = httpx.AsyncHTTPTransport(uds=uds)
    async with httpx.AsyncClient(timeout=PATIENCE, transport=transport) as client:
        return await client.get(("http://box" if uds else endpoint) + path)


async def test_it_answers_on_both_sockets_of_one_loop_and_removes_the_file_after(tmp_path: Path) -> None:
    server = GatewayServer()
    path = tmp_path / "inference.sock"
    await server.start(build_app(NumpyRouter()), unix_path=path)
    assert server.endpoints[0] == f"unix:{path}"
    assert server.endpoints[1].startswith("http://127.0.0.1:")
    for endpoint in server.endpoints:
        assert (await get(endpoint)).status_code == 200
    tcp = server.endpoints[1]
    await server.stop(1)
    assert not path.exists()
    assert server.endpoints == ()
    with pytest.raises(httpx.ConnectError):
        await get(tcp)


async def test_one_kind_of_socket_is_enough(tmp_path: Path) -> None:
    for unix_path, host in ((tmp_path / "s", None), (None, "127.0.0.1")):
        server = GatewayServer()
        await server.start(build_app(NumpyRouter()), unix_path=unix_path, host=host)
        assert len(server.endpoints) == 1
        assert (await get(server.endpoints[0])).status_code == 200
        await server.stop(1)


async def test_the_socket_is_for_owner_and_group_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    server = GatewayServer()
    try:
        await server.start(build_app(NumpyRouter()), unix_path=tmp_path / "s", host=None)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o660
    await server.stop(1)


async def test_a_socket_file_that_nobody_answers_on_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = GatewayServer()
    await server.start(build_app(NumpyRouter()), unix_path=path, host=None)
    assert (await get(server.endpoints[0])).status_code == 200
    await server.stop(1)


async def test_a_second_server_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    first = GatewayServer()
    await first.start(build_app(NumpyRouter()), unix_path=path)
    port = int(first.endpoints[1].rpartition(":")[2])
    for unix_path, code in ((path, "gateway.socket-in-use"), (tmp_path / "t", "gateway.port-in-use")):
        with pytest.raises(ApplianceError) as caught:
            await GatewayServer().start(build_app(NumpyRouter()), unix_path=unix_path, port=port)
        assert caught.value.code == code
        assert caught.value.remedy
        assert caught.value.kept
    assert not (tmp_path / "t").exists()
    for endpoint in first.endpoints:
        assert (await get(endpoint)).status_code == 200
    await first.stop(1)


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("somebody's notes")
    with pytest.raises(ApplianceError) as caught:
        await GatewayServer().start(build_app(NumpyRouter()), unix_path=path, host=None)
    assert caught.value.code == "gateway.socket-path"
    assert path.read_text() == "somebody's notes"


@pytest.mark.parametrize(
    ("unix_path", "host", "code"),
    [
        ("missing/s", None, "gateway.socket-path"),
        ("x" * 120, None, "gateway.socket-path"),
        (None, "192.0.2.1", "gateway.address"),
        (None, "no such host", "gateway.address"),
    ],
)
async def test_addresses_that_cannot_be_are_told(
    tmp_path: Path, unix_path: str | None, host: str | None, code: str
) -> None:
    path = tmp_path / unix_path if unix_path else None
    with pytest.raises(ApplianceError) as caught:
        await GatewayServer().start(build_app(NumpyRouter()), unix_path=path, host=host)
    assert caught.value.code == code


async def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError) as caught, read_only(tmp_path):
        await GatewayServer().start(build_app(NumpyRouter()), unix_path=tmp_path / "s", host=None)
    assert caught.value.code == "gateway.permission"
    assert str(tmp_path) in caught.value.remedy


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Root may write everywhere, so be nobody for a moment."""
    before = os.geteuid()
    folder.chmod(0o500)
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)
        folder.chmod(0o700)


async def test_the_hosts_signal_handlers_are_left_alone(tmp_path: Path) -> None:
    assert threading.current_thread() is threading.main_thread()
    watched = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(one) for one in watched]
    server = GatewayServer()
    await server.start(build_app(NumpyRouter()), unix_path=tmp_path / "s", host=None)
    assert [signal.getsignal(one) for one in watched] == before
    await server.stop(1)
    assert [signal.getsignal(one) for one in watched] == before


async def test_a_request_in_flight_is_finished_before_the_server_stops(tmp_path: Path) -> None:
    router = NumpyRouter()
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow_infer(name: str, inputs: object, *_: object) -> object:
        entered.set()
        await leave.wait()
        return {"y": inputs["x"]}  # type: ignore[index]

    router.infer = slow_infer  # type: ignore[assignment]
    server = GatewayServer()
    await server.start(build_app(router), unix_path=tmp_path / "s", host=None)
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "s"))
    async with httpx.AsyncClient(timeout=PATIENCE, transport=transport, base_url="http://box") as client:
        request = asyncio.create_task(client.post("/v2/models/same-FP32/infer", json=ONE))
        await entered.wait()
        stopping = asyncio.create_task(server.stop(20))
        await asyncio.sleep(0.3)
        assert not stopping.done()
        leave.set()
        assert (await request).status_code == 200
        await stopping
    assert not (tmp_path / "s").exists()


async def test_what_outlives_the_drain_is_told_so_and_not_cut_off(tmp_path: Path) -> None:
    router = NumpyRouter()
    server = GatewayServer()
    await server.start(build_app(router), unix_path=tmp_path / "s", host=None)
    transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "s"))
    async with httpx.AsyncClient(timeout=PATIENCE, transport=transport, base_url="http://box") as client:
        chat = {"model": "endless", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        slow = asyncio.create_task(client.post("/v2/models/slow/infer", json=ONE))
        stream = asyncio.create_task(client.post("/v1/chat/completions", json=chat))
        assert await asyncio.to_thread(router.inferring.wait, PATIENCE)
        assert await asyncio.to_thread(router.generating.wait, PATIENCE)
        await server.stop(0.2)
        answer = await slow
        assert answer.status_code == 503
        assert answer.json() == {"error": "The server is stopping."}
        last = (await stream).text.strip().splitlines()[-1]
        assert "server.stopping" in last
    assert router.closed.is_set()
    assert {answered.cause for answered in router.told} == {"server.stopping"}


async def test_stopping_twice_or_before_starting_is_harmless(tmp_path: Path) -> None:
    server = GatewayServer()
    await server.stop(1)
    await server.start(build_app(NumpyRouter()), unix_path=tmp_path / "s", host=None)
    await server.stop(1)
    await server.stop(1)
