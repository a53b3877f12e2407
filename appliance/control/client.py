"""A console's or command's line to the daemon. Everything here blocks; use it from a thread of your own."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from appliance.control.messages import (
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
from appliance.errors import ApplianceError
from appliance.state import StateFolder
from appliance.status import StatusReport

CONNECT_SECONDS = 5.0


def daemon_answers(control_socket: Path) -> bool:
    """True where a daemon listens on the control socket."""
    try:
        _connect(control_socket).close()
    except ApplianceError:
        return False
    return True


class ControlSession:
    """`appliance.console.session.Session` over the control socket; a connection for each call.

    `close` ends calls and events that other threads wait for; the daemon carries a command that it began to its end.
    """

    def __init__(self, state: StateFolder) -> None:
        self._path = state.control_socket
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False

    def status(self) -> StatusReport:
        return msgspec.convert(self.call("status", {}), StatusReport)

    def call(self, command: str, arguments: Mapping[str, Any], on_progress: OnProgress | None = None) -> Any:
        with self._connected() as connection:
            for answer in _ask(connection, Call(command, dict(arguments))):
                match answer:
                    case Progress() if on_progress is not None:
                        on_progress(answer)
                    case Reply():
                        return answer.result
                    case Failure():
                        raise ApplianceError(answer.code, answer.what, kept=answer.kept, remedy=answer.remedy)
        raise _away(self._path, "it stopped in the middle of an answer")

    def events(self) -> Iterator[Event]:
        with self._connected() as connection:
            for answer in _ask(connection, Subscribe()):
                if isinstance(answer, Event):
                    yield answer
        if not self._closed:
            raise _away(self._path, "it closed the line")

    def close(self) -> None:
        with self._guard:
            self._closed = True
            for connection in self._open:
                with contextlib.suppress(OSError):  # gone already
                    connection.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with _connect(self._path) as connection:
            with self._guard:
                if self._closed:
                    raise _away(self._path, "this session was closed")
                self._open.add(connection)
            try:
                yield connection
            finally:
                with self._guard:
                    self._open.discard(connection)


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(str(path))
        connection.settimeout(None)
    except PermissionError as error:
        connection.close()
        raise ApplianceError(
            "permission.denied",
            f"This user may not open the control socket {path}.",
            remedy="Run the command as the user the appliance runs as, or as root.",
        ) from error
    except OSError as error:
        connection.close()
        raise _away(path, error.strerror or str(error)) from error
    return connection


def _ask(connection: socket.socket, request: Request) -> Iterator[Answer]:
    decoder = msgspec.json.Decoder(Answer)
    try:
        connection.sendall(msgspec.json.encode(request) + b"\n")
        with connection.makefile("rb") as lines:
            for line in lines:
                yield decoder.decode(line)
    except (OSError, ValueError):
        return  # the line broke; the caller tells it in its own words


def _away(path: Path, why: str) -> ApplianceError:
    return ApplianceError(
        "daemon.away",
        f"No daemon answers on {path} ({why}).",
        kept="Nothing was changed.",
        remedy="Start it with `appliance serve`.",
    )
