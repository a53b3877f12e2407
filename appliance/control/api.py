"""The daemon's side of the control socket: one JSON object a line, one connection a task."""

import asyncio
import os
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from appliance.control.messages import (
    PROTOCOL,
    Answer,
    Call,
    Event,
    Failure,
    OnProgress,
    Progress,
    Reply,
    Request,
    Subscribe,
)
from appliance.errors import ApplianceError, explain

LONGEST_LINE = 1 << 20
SLOW_SUBSCRIBER = 256
"""Events kept for a console that does not read; then the oldest are dropped, since each only says `look again`."""


class Peer(msgspec.Struct, frozen=True):
    """Who is at the other end, as the kernel tells (SO_PEERCRED, unix(7))."""

    pid: int
    uid: int
    gid: int


Carry = Callable[[Call, Peer, OnProgress], Awaitable[msgspec.Raw]]
"""Carries a call out and returns the result's JSON; raises the house's errors."""


class ControlServer:
    """Listens on the control socket until `stop`."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._subscribers: set[asyncio.Queue[Event]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def start(self, path: Path) -> None:
        """Raises ApplianceError `daemon.running` where another daemon answers on the socket."""
        listening = _listen(path)
        self._server = await asyncio.start_unix_server(self._connected, sock=listening, limit=LONGEST_LINE)
        self._path = path

    def publish(self, event: Event) -> None:
        """Tell every subscriber; never waits for a slow one."""
        for queue in self._subscribers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        if self._path is not None:
            _remove(self._path)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            while line := await reader.readline():
                await self._answer(line, writer)
        except (ConnectionError, asyncio.CancelledError, ValueError):
            return  # the other side went away, the daemon stops, or a line was longer than LONGEST_LINE
        finally:
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request: Request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError as error:
            return await _send(writer, Failure("control.malformed", f"This is not a request: {error}."))
        if request.protocol != PROTOCOL:
            text = f"This daemon speaks protocol {PROTOCOL}, the client {request.protocol}."
            return await _send(
                writer,
                Failure("control.protocol", text, remedy="Use the daemon's own release of the client."),
            )
        if isinstance(request, Subscribe):
            return await self._tell_events(writer)
        return await self._carry_out(request, writer)

    async def _carry_out(self, call: Call, writer: asyncio.StreamWriter) -> None:
        loop, home = asyncio.get_running_loop(), threading.get_ident()

        def write(line: bytes) -> None:
            if not writer.is_closing():
                writer.write(line)

        def on_progress(progress: Progress) -> None:
            if threading.get_ident() == home:
                write(_line(progress))
            else:  # a copy tells its progress from a thread of its own
                loop.call_soon_threadsafe(write, _line(progress))

        try:
            answer: Answer = Reply(await self._carry(call, _peer(writer), on_progress))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the caller hears of it
            told = explain(error)
            answer = Failure(told.code, told.what, told.kept, told.remedy)
        await _send(writer, answer)

    async def _tell_events(self, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[Event] = asyncio.Queue(SLOW_SUBSCRIBER)
        self._subscribers.add(queue)
        try:
            while True:
                await _send(writer, await queue.get())
        finally:
            self._subscribers.discard(queue)


def _line(answer: Answer) -> bytes:
    return msgspec.json.encode(answer) + b"\n"


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(_line(answer))
    await writer.drain()


def _peer(writer: asyncio.StreamWriter) -> Peer:
    connection = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return Peer(*struct.unpack("3i", raw))


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and _answers(path):
        raise ApplianceError(
            "daemon.running",
            f"Another daemon answers on {path}.",
            kept="It goes on serving.",
            remedy="Stop it first, or choose another --state-dir.",
        )
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(
            listening.fileno(), 0o600
        )  # before bind, so that there is no moment at which others may connect
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise ApplianceError(
            "control.socket",
            f"The control socket {path} could not be made: {error.strerror or error}.",
            remedy="A socket's path may have at most 107 bytes, and its folder must be writable.",
        ) from error
    return listening


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True
