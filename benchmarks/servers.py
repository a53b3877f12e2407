"""Measure the HTTP servers that the gateway could stand on, side by side in one run.

Every server runs in a child process and answers the same two requests: 64 bytes of JSON and 600 kB of
binary, each answered with a short JSON object once the whole body is there. One client process drives
1 and then 32 keep-alive connections over loopback TCP and over a Unix socket. All run with the C library
told to keep freed buffers, as the gateway does.
Run it with `./dev bench-servers`; docs/adr/0010-http-server.md holds the decision.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from appliance.gateway.memory import keep_freed_buffers
from benchmarks.http_client import Address, drive, exchange_once, post

BODIES = {
    "64 B JSON": b'{"inputs":[{"name":"x","shape":[1],"data":[1.0]}],"n":12345678}',
    "600 kB": bytes(600_000),
}
CONNECTIONS = (1, 32)
PATH = "/v2/models/x/infer"
ANSWER = b'{"outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[2.0]}]}'


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the HTTP servers the gateway could stand on.")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each cell is measured")
    parser.add_argument(
        "--only", choices=SERVERS, action="append", help="measure this server only; repeatable"
    )
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        keep_freed_buffers()
        SERVERS[options.serve](_parse_address(options.address))
        return
    rows = [
        [name, transport, *_measure_row(name, transport, options.seconds)]
        for transport in ("tcp", "unix")
        for name in options.only or SERVERS
    ]
    _print_table(rows)


def _measure_row(name: str, transport: str, seconds: float) -> Iterator[str]:
    with _running(name, transport) as address:
        for body in BODIES.values():
            for connections in CONNECTIONS:
                took = drive(address, post(PATH, body), connections, seconds)
                if connections == 1:
                    yield f"{took.p50_ms:.3f}"
                    yield f"{took.p99_ms:.3f}"
                else:
                    yield f"{took.per_second:,.0f}"


def _print_table(rows: list[list[str]]) -> None:
    head = ["server", "over"]
    for body in BODIES:
        head += [f"{body}: p50 ms", "p99 ms", "32 conn. req/s"]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print(f"| {' | '.join(cells)} |")


# --- the servers ----------------------------------------------------------------


@contextmanager
def _running(name: str, transport: str) -> Iterator[Address]:
    with tempfile.TemporaryDirectory() as folder:
        address: Address = str(Path(folder, "s")) if transport == "unix" else ("127.0.0.1", _free_port())
        argument = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        command = [sys.executable, "-m", "benchmarks.servers", "--serve", name, "--address", argument]
        with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as child:
            try:
                _wait_until_it_answers(address, child)
                yield address
            finally:
                os.killpg(child.pid, signal.SIGKILL)  # granian's workers would outlive their master


def _wait_until_it_answers(address: Address, child: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and child.poll() is None:
        try:
            exchange_once(address, post(PATH, b"{}"))
        except OSError:
            time.sleep(0.05)
        else:
            return
    os.killpg(child.pid, signal.SIGKILL)
    raise RuntimeError(f"the server did not start: {child.communicate()[1].decode()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _parse_address(text: str) -> Address:
    if text.startswith("/"):
        return text
    host, _, port = text.rpartition(":")
    return host, int(port)


async def bare(
    scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Answer once the body is there: ASGI with nothing in between."""
    if scope["type"] != "http":
        return
    body = bytearray()
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": ANSWER})


async def rsgi(_scope: Any, protocol: Any) -> None:
    """The same over granian's own interface."""
    await protocol()
    protocol.response_bytes(200, [("content-type", "application/json")], ANSWER)


def _starlette() -> Any:
    from starlette.applications import Starlette  # noqa: PLC0415  a child loads only what it serves with
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    async def infer(request: Request) -> Response:
        await request.body()
        return Response(ANSWER, media_type="application/json")

    return Starlette(routes=[Route("/v2/models/{name}/infer", infer, methods=["POST"])])


def _uvicorn(address: Address, *, http: str, loop: str, app: Callable[[], Any]) -> None:
    import uvicorn  # noqa: PLC0415

    where: dict[str, Any] = (
        {"uds": address} if isinstance(address, str) else {"host": address[0], "port": address[1]}
    )
    uvicorn.run(
        app(), http=http, loop=loop, ws="none", lifespan="off", log_level="error", access_log=False, **where
    )


def _granian(address: Address, *, interface: str) -> None:
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.server import Server  # noqa: PLC0415

    target = f"benchmarks.servers:{'rsgi' if interface == 'rsgi' else 'bare'}"
    Server(target, interface=Interfaces(interface), log_enabled=False, **_granian_address(address)).serve()


def _granian_embedded(address: Address, *, interface: str, loop: str) -> None:
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.server.embed import Server  # noqa: PLC0415

    async def serve() -> None:
        app = rsgi if interface == "rsgi" else bare
        server = Server(app, interface=Interfaces(interface), log_enabled=False, **_granian_address(address))
        await server.serve()

    factory: Any = asyncio.new_event_loop
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve())


def _granian_address(address: Address) -> dict[str, Any]:
    if isinstance(address, str):
        return {"uds": Path(address)}
    return {"address": address[0], "port": address[1]}


SERVERS: dict[str, Callable[[Address], None]] = {
    "granian RSGI": partial(_granian, interface="rsgi"),
    "granian ASGI": partial(_granian, interface="asginl"),
    "granian embedded RSGI, asyncio": partial(_granian_embedded, interface="rsgi", loop="asyncio"),
    "granian embedded ASGI, asyncio": partial(_granian_embedded, interface="asginl", loop="asyncio"),
    "granian embedded ASGI, uvloop": partial(_granian_embedded, interface="asginl", loop="uvloop"),
    "uvicorn h11, asyncio": partial(_uvicorn, http="h11", loop="asyncio", app=lambda: bare),
    "uvicorn httptools, asyncio": partial(_uvicorn, http="httptools", loop="asyncio", app=lambda: bare),
    "uvicorn httptools, uvloop": partial(_uvicorn, http="httptools", loop="uvloop", app=lambda: bare),
    "the same with starlette": partial(_uvicorn, http="httptools", loop="uvloop", app=_starlette),
}

if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main()
