"""Frames over a stream socket: reading them out of the stream, and the daemon's non-blocking end."""

import asyncio
import itertools
import socket
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from runtimes.worker.wire import PREFIX

Frame = tuple[bytes, memoryview]
"""Header and payload."""

_SCRATCH = 1 << 16
_NO_PAYLOAD = memoryview(bytearray())
_HEADER_LIMIT = 64 << 20
_PAYLOAD_LIMIT = 16 << 30


class FrameReader:
    """Cuts a byte stream into frames; bytes of a large payload go straight to where they stay."""

    def __init__(self) -> None:
        self._scratch = memoryview(bytearray(_SCRATCH))
        self._held = 0
        self._header = b""
        self._payload: memoryview | None = None
        self._got = 0

    def read(self, sock: socket.socket, flags: int = 0) -> list[Frame]:
        """Receive once; every frame that is now complete.

        Raises BlockingIOError where nothing is there, EOFError where the other side is gone, ValueError
        where the stream cannot be what it should.
        """
        if self._payload is not None:
            return self._read_payload(sock, flags)
        count = sock.recv_into(self._scratch[self._held :], 0, flags)
        if count == 0:
            raise EOFError
        self._held += count
        return self._cut()

    def _read_payload(self, sock: socket.socket, flags: int) -> list[Frame]:
        assert self._payload is not None  # noqa: S101 - narrows the type for the reader below
        count = sock.recv_into(self._payload[self._got :], 0, flags)
        if count == 0:
            raise EOFError
        self._got += count
        if self._got < len(self._payload):
            return []
        frame = (self._header, self._payload)
        self._payload = None
        return [frame]

    def _cut(self) -> list[Frame]:
        frames: list[Frame] = []
        start = 0
        while self._held - start >= PREFIX.size:
            header_size, payload_size = PREFIX.unpack_from(self._scratch, start)
            if header_size > _HEADER_LIMIT or payload_size > _PAYLOAD_LIMIT:
                raise ValueError("a frame larger than any that is sent")
            body = start + PREFIX.size
            if len(self._scratch) < PREFIX.size + header_size:
                self._grow(PREFIX.size + header_size)
            if self._held - body < header_size:
                break
            header = bytes(self._scratch[body : body + header_size])
            body += header_size
            here = min(self._held - body, payload_size)
            payload = np.empty(payload_size, np.uint8).data if payload_size else _NO_PAYLOAD
            payload[:here] = self._scratch[body : body + here]
            start = body + here
            if here < payload_size:
                self._header, self._payload, self._got = header, payload, here
                break
            frames.append((header, payload))
        if start == self._held:
            self._held = 0
        elif start:
            rest = bytes(self._scratch[start : self._held])
            self._scratch[: len(rest)] = rest
            self._held = len(rest)
        return frames

    def _grow(self, size: int) -> None:
        larger = memoryview(bytearray(size))
        larger[: self._held] = self._scratch[: self._held]
        self._scratch = larger


class Channel:
    """The daemon's end, driven by the event loop: sends at once what the socket takes, the rest when it can."""

    def __init__(
        self, sock: socket.socket, on_frame: Callable[[Frame], None], on_close: Callable[[], None]
    ) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._on_frame = on_frame
        self._on_close = on_close
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._unsent: deque[memoryview] = deque()
        self._open = True
        self._loop.add_reader(sock, self._readable)

    def send(self, buffers: Iterable[memoryview]) -> bool:
        """Send one frame, in order after the earlier ones; False where the other side is known to be gone."""
        if not self._open:
            return False
        idle = not self._unsent
        self._unsent.extend(buffers)
        if idle:
            self._flush()
            if self._unsent and self._open:
                self._loop.add_writer(self._sock, self._writable)
        return self._open

    def close(self) -> None:
        if self._open:
            self._open = False
            self._unsent.clear()
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()

    def _writable(self) -> None:
        self._flush()
        if self._open and not self._unsent:
            self._loop.remove_writer(self._sock)

    def _flush(self) -> None:
        try:
            drain(self._sock, self._unsent)
        except BlockingIOError:
            pass
        except OSError:
            self._lost()

    def _readable(self) -> None:
        try:
            for frame in self._reader.read(self._sock, socket.MSG_DONTWAIT):
                self._on_frame(frame)
        except BlockingIOError:
            pass
        except (EOFError, OSError, ValueError, MemoryError):
            self._lost()

    def _lost(self) -> None:
        self.close()
        self._on_close()


def drain(sock: socket.socket, unsent: deque[memoryview]) -> None:
    """Send until nothing is left; on a non-blocking socket raises BlockingIOError with the rest kept."""
    while unsent:
        sent = sock.sendmsg(list(itertools.islice(unsent, _IOV)))
        while unsent and sent >= unsent[0].nbytes:
            sent -= unsent.popleft().nbytes
        if sent:
            unsent[0] = unsent[0][sent:]


_IOV = 64
