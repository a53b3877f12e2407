"""One HTTP request and its response, on top of ASGI.

ASGI specification: https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import unquote

import numpy as np

from appliance.gateway.limits import Limits
from appliance.gateway.refusals import ClientGoneError, RefusalError, too_large

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = b"application/json"
ALIGNMENT = 64
"""Bytes; where the first tensor behind a JSON head is made to start, as engines like it best."""
JOIN_BELOW = 64 * 1024
"""A body smaller than this is sent in one piece: a copy costs less than a further system call."""
LINGER_SECONDS = 2.0
"""How long the rest of a refused body is thrown away before the connection closes."""
WATCH_AFTER = 0.05
"""Seconds of work before anybody looks whether the client is still there."""

_REQUEST_ID = re.compile(rb"[!-~]{1,128}")


class Exchange:
    """What a handler sees of one request, and how it answers.

    Attributes:
        method: upper case.
        segments: the path, split at its slashes and only then unquoted.
        headers: by lower-case name; the last of several wins.
        id: the client's `X-Request-Id` where it is usable, else a new one; every response carries it.
        started: the response has begun, so that its status can no longer change.
        deployment: who was asked, once that is known; None for requests that ask no model.
        tokens: how many were generated.
        degraded: cause code of why the model that answers does not run as planned; every response tells it.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self._receive = receive
        self._send = send
        self._limits = limits
        self.method: str = scope["method"]
        self.segments = tuple(
            unquote(part) for part in scope["raw_path"].decode("ascii").strip("/").split("/")
        )
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        wanted = self.headers.get(b"x-request-id", b"")
        self.id = wanted.decode() if _REQUEST_ID.fullmatch(wanted) else uuid.uuid4().hex
        self.started = False
        self._unread = b"transfer-encoding" in self.headers or bool(self.declared_length())
        self.deployment: str | None = None
        self.tokens = 0
        self.degraded = ""

    # --- what comes in

    def declared_length(self) -> int | None:
        """`Content-Length`, or None where the body comes in chunks of unknown number."""
        length = self.headers.get(b"content-length")
        return int(length) if length is not None and length.isdigit() else None

    async def body(self, head: int = 0) -> memoryview:
        """The whole body, laid so that its byte number `head` starts at a multiple of 64 in memory.

        Raises RefusalError (413, 408, 415) and ClientGoneError.
        """
        encoding = self.headers.get(b"content-encoding", b"identity")
        if encoding != b"identity":
            raise RefusalError(
                415,
                "request.encoding",
                f"Content-Encoding {encoding.decode('latin-1')!r} is not supported; send the body as it is.",
            )
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await self._read_body(head)
        except TimeoutError:
            raise RefusalError(
                408,
                "request.slow",
                f"The body did not arrive within {self._limits.body_seconds:g} s.",
            ) from None

    async def _read_body(self, head: int) -> memoryview:
        length = self.declared_length()
        if length is not None and length > self._limits.body:
            raise self._body_too_large()
        event = await self._next_piece()
        first: bytes = event["body"]
        if not event["more_body"] and not head:
            self._unread = False
            return memoryview(first)
        buffer = _AlignedBuffer(length if length is not None else len(first), head)
        buffer.append(first)
        while event["more_body"]:
            event = await self._next_piece()
            if buffer.used + len(event["body"]) > self._limits.body:
                raise self._body_too_large()
            buffer.append(event["body"])
        self._unread = False
        return buffer.content()

    async def _next_piece(self) -> Event:
        event = await self._receive()
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        return event

    def _body_too_large(self) -> RefusalError:
        return too_large(f"The body is larger than {self._limits.body} bytes.")

    @asynccontextmanager
    async def while_client_waits(self) -> AsyncIterator[None]:
        """Cancel what runs inside when the client hangs up, and raise ClientGoneError."""
        owner = asyncio.current_task()
        assert owner is not None  # noqa: S101 - a coroutine always runs in a task
        gone = False
        watcher: asyncio.Task[None] | None = None

        async def watch() -> None:
            nonlocal gone
            while (await self._receive())["type"] != "http.disconnect":
                pass
            gone = True
            owner.cancel()

        def start() -> None:
            nonlocal watcher
            watcher = asyncio.create_task(watch())

        timer = asyncio.get_running_loop().call_later(WATCH_AFTER, start)
        try:
            yield
        except asyncio.CancelledError:
            if gone and owner.uncancel() == 0:
                raise ClientGoneError from None
            raise
        finally:
            timer.cancel()
            if watcher is not None:
                watcher.cancel()

    # --- what goes out

    async def reply(
        self,
        status: int,
        *body: bytes | memoryview,
        content_type: bytes = JSON,
        headers: Headers = (),
    ) -> None:
        """Answer with a body that is there as a whole, in one or several pieces.

        Where the request's body was not read to its end, the rest is thrown away for a moment and the
        connection closed: a client that still sends would see a reset instead of the answer otherwise.
        """
        length = sum(len(piece) for piece in body)
        linger = self._unread
        closing = [(b"connection", b"close")] if linger else []
        await self._begin(status, content_type, [(b"content-length", b"%d" % length), *headers, *closing])
        if length < JOIN_BELOW:
            body = (b"".join(body),)
        for number, piece in enumerate(body, 1):
            more = linger or number < len(body)
            await self._put({"type": "http.response.body", "body": piece, "more_body": more})
        if linger:
            await self._discard()
            await self.end_stream()

    async def begin_stream(self, content_type: bytes, headers: Headers = ()) -> None:
        await self._begin(200, content_type, headers)

    async def stream(self, piece: bytes) -> None:
        await self._put({"type": "http.response.body", "body": piece, "more_body": True})

    async def end_stream(self) -> None:
        await self._put({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, status: int, content_type: bytes, headers: Headers) -> None:
        self.started = True
        all_headers = [(b"content-type", content_type), (b"x-request-id", self.id.encode()), *headers]
        if self.degraded:
            all_headers.append((b"x-degraded", self.degraded.encode()))
        await self._put({"type": "http.response.start", "status": status, "headers": all_headers})

    async def _discard(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while (await self._receive()).get("more_body"):
                    pass

    async def _put(self, event: Event) -> None:
        try:
            async with asyncio.timeout(self._limits.stall_seconds):
                await self._send(event)
        except TimeoutError:
            raise ClientGoneError from None


class _AlignedBuffer:
    """Bytes in a row, whose byte number `head` lies at a multiple of ALIGNMENT."""

    def __init__(self, expected: int, head: int) -> None:
        self._head = head
        self.used = 0
        self._allocate(expected)

    def append(self, piece: bytes) -> None:
        end = self.used + len(piece)
        if end > len(self._bytes):
            before = self._bytes
            self._allocate(max(end, 2 * len(before)))
            self._bytes[: self.used] = before[: self.used]
        self._bytes[self.used : end] = piece
        self.used = end

    def content(self) -> memoryview:
        return self._bytes[: self.used]

    def _allocate(self, size: int) -> None:
        block = np.empty(size + ALIGNMENT, np.uint8)
        skip = -(block.__array_interface__["data"][0] + self._head) % ALIGNMENT
        self._bytes = block.data[skip : skip + size]
