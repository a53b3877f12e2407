"""Measure the HTTP servers that the gateway could stand on, side by side in one run.

Every server runs in a child process and answers the same two requests: 64 bytes of JSON and 600 kB of
binary, each answered with a short JSON object once the whole body is there. One client process drives
1 and then 32 keep-alive connections over loopback TCP and over a Unix socket.
Run it with `./dev bench-servers`; docs/adr/0010-http-server.md holds the decision.
"""

import argparse
import asyncio
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

Address = tuple[str, int] | str
"""(host, port), or the path of a Unix socket."""

BODIES = {
    "64 B JSON": b'{"inputs":[{"name":"x","shape":[1],"data":[1.0]}],"n":12345678}',
    "600 kB": bytes(600_000),
}
CONNECTIONS = (1, 32)
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
                took = drive(address, _request(body), connections, seconds)
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


# --- the client -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Took:
    p50_ms: float
    p99_ms: float
    per_second: float


def drive(address: Address, request: bytes, connections: int, seconds: float) -> Took:
    """Send `request` again and again over keep-alive connections; answers must all be equally long."""
    links = [_Link(address, request) for _ in range(connections)]
    expected = links[0].learn_answer_length()
    for link in links:
        link.socket.settimeout(0)
    with selectors.DefaultSelector() as selector:
        times = _exchange(selector, links, expected, seconds)
    for link in links:
        link.socket.close()
    took = sorted(times)
    return Took(
        p50_ms=statistics.median(took) * 1e3,
        p99_ms=took[int(len(took) * 0.99)] * 1e3,
        per_second=len(took) / seconds,
    )


def _exchange(
    selector: selectors.BaseSelector, links: list["_Link"], expected: int, seconds: float
) -> list[float]:
    times: list[float] = []
    now = time.perf_counter()
    until = now + seconds
    for link in links:
        selector.register(link.socket, link.begin(now), link)
    while now < until:
        for key, events in selector.select():
            link = key.data
            if events & selectors.EVENT_WRITE:
                selector.modify(link.socket, link.send(), link)
            elif link.receive(expected):
                now = time.perf_counter()
                times.append(now - link.began)
                wanted = link.begin(now)
                if wanted != key.events:
                    selector.modify(link.socket, wanted, link)
    return times


class _Link:
    """One connection and how far its request and answer are."""

    def __init__(self, address: Address, request: bytes) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = memoryview(request)
        self.sent = self.received = 0
        self.began = 0.0

    def learn_answer_length(self) -> int:
        self.socket.sendall(self.request)
        answer = b""
        while not answer.endswith(ANSWER):
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"the server hung up after {answer!r}")
            answer += piece
        return len(answer)

    def begin(self, now: float) -> int:
        self.sent = self.received = 0
        self.began = now
        return self.send()

    def send(self) -> int:
        """Send what the socket takes; return the event to wait for next."""
        try:
            while self.sent < len(self.request):
                self.sent += self.socket.send(self.request[self.sent :])
        except BlockingIOError:
            return selectors.EVENT_WRITE
        return selectors.EVENT_READ

    def receive(self, expected: int) -> bool:
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("the server hung up")
        self.received += len(piece)
        return self.received >= expected


def _request(body: bytes) -> bytes:
    head = f"POST /v2/models/x/infer HTTP/1.1\r\nHost: box\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


# --- the servers ----------------------------------------------------------------


@contextmanager
def _running(name: str, transport: str) -> Iterator[Address]:
    with tempfile.TemporaryDirectory() as folder:
        address: Address = str(Path(folder, "s")) if transport == "unix" else ("127.0.0.1", _free_port())
        argument = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        command = [sys.executable, "-m", "benchmarks.servers", "--serve", name, "--address", argument]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as child:
            try:
                _wait_until_it_answers(address, child)
                yield address
            finally:
                child.kill()


def _wait_until_it_answers(address: Address, child: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and child.poll() is None:
        try:
            link = _Link(address, _request(b"{}"))
        except OSError:
            time.sleep(0.05)
            continue
        link.learn_answer_length()
        link.socket.close()
        return
    child.kill()
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
