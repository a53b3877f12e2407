"""The HTTP server, inside the daemon's event loop. docs/adr/0010-http-server.md says why it is uvicorn."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from appliance.gateway.exchange import Application
from appliance.gateway.limits import Limits
from appliance.gateway.memory import keep_freed_buffers
from appliance.gateway.sockets import endpoint, listen_tcp, listen_unix, remove

LAST_WORDS_SECONDS = 2.0
"""What a cancelled request gets to tell its client why."""


class GatewayServer:
    """Serves one ASGI application on a Unix socket, on TCP, or on both.

    Attributes:
        endpoints: where it answers: `unix:/run/appliance/inference.sock`, `http://127.0.0.1:8080`.
    """

    def __init__(self, limits: Limits = Limits()) -> None:  # noqa: B008 - Limits is frozen
        self._limits = limits
        self._unix_path: Path | None = None
        self._server: _EmbeddedServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self.endpoints: tuple[str, ...] = ()

    async def start(
        self, app: Application, *, unix_path: Path | None, host: str | None = "127.0.0.1", port: int = 0
    ) -> None:
        """Answer from now on. Port 0 takes a free one; `host` None means no TCP at all.

        Raises ApplianceError: `gateway.port-in-use`, `gateway.socket-in-use`, `gateway.permission`,
        `gateway.socket-path`, `gateway.address`; nothing listens then.
        """
        listeners = self._listen(unix_path, host, port)
        keep_freed_buffers()
        self.endpoints = tuple(endpoint(listener) for listener in listeners)
        self._server = _EmbeddedServer(_configuration(app, self._limits))
        self._serving = asyncio.create_task(self._server.serve(sockets=listeners), name="gateway")
        listening = asyncio.create_task(self._server.listening.wait())
        await asyncio.wait({listening, self._serving}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await self._serving

    async def stop(self, drain_seconds: float = 10.0) -> None:
        """Take no more requests, let those in flight finish for so long, then tell the rest and close."""
        if self._server is None or self._serving is None:
            return
        self._server.config.timeout_graceful_shutdown = drain_seconds  # type: ignore[assignment]  # goes to wait_for
        self._server.should_exit = True
        await self._serving
        await self._server.close_connections()
        if self._unix_path is not None:
            remove(self._unix_path)
        self._server = self._serving = self._unix_path = None
        self.endpoints = ()

    def _listen(self, unix_path: Path | None, host: str | None, port: int) -> list[socket.socket]:
        listeners = []
        if unix_path is not None:
            listeners.append(listen_unix(unix_path))
            self._unix_path = unix_path
        if host is not None:
            try:
                listeners.append(listen_tcp(host, port))
            except Exception:
                for listener in listeners:
                    listener.close()
                if unix_path is not None:
                    remove(unix_path)
                raise
        return listeners


def _configuration(app: Application, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=partial(_GuardedProtocol, limits=limits),  # type: ignore[arg-type]  # a factory is all it needs
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=limits.idle_seconds,
    )


class _EmbeddedServer(uvicorn.Server):
    """Uvicorn as a guest in a running loop: it leaves the signals to its host and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def close_connections(self) -> None:
        """Wait for cancelled requests to say so, then hang up on whoever is left."""
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=LAST_WORDS_SECONDS)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


class _GuardedProtocol(HttpToolsProtocol):
    """Uvicorn's connection with limits on how many there are, and on the size and time of a request's head."""

    def __init__(self, *, limits: Limits, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._limits = limits
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            transport.abort()
        else:
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
            self._start_head_timer()
        super().data_received(data)
        if self._in_head and self._head_bytes > self._limits.head and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_head_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self.transport.abort)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)
