"""A client that costs little: prepared bytes over keep-alive connections, driven by one selector."""

import re
import selectors
import socket
import statistics
import time
from dataclasses import dataclass

Address = tuple[str, int] | str
"""(host, port), or the path of a Unix socket."""

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """The bytes of a POST request; `headers` are whole lines, each with its CRLF."""
    head = f"POST {path} HTTP/1.1\r\nHost: box\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def exchange_once(address: Address, request: bytes) -> bytes:
    """Send one request over a new connection; the whole answer, head and body."""
    link = _Link(address, request)
    with link.socket:
        return link.exchange()


@dataclass(frozen=True, slots=True)
class Took:
    p50_ms: float
    p99_ms: float
    per_second: float


def drive(address: Address, request: bytes, connections: int, seconds: float) -> Took:
    """Send `request` again and again over keep-alive connections; answers must all be equally long."""
    links = [_Link(address, request) for _ in range(connections)]
    expected = len(links[0].exchange())
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

    def exchange(self) -> bytes:
        self.socket.sendall(self.request)
        answer = b""
        while (length := _whole_length(answer)) is None or len(answer) < length:
            piece = self.socket.recv(65536)
            if not piece:
                raise ConnectionError(f"the server hung up after {answer!r}")
            answer += piece
        return answer

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


def _whole_length(answer: bytes) -> int | None:
    """Bytes of head and body together; None as long as the head is not there."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(answer, 0, end)
    if length is None:
        raise ConnectionError("the answer has no Content-Length")
    return end + 4 + int(length[1])
