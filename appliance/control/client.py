"""A console's or command's line to the daemon. Everything here blocks; use it from a thread of your own."""

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
    """`appliance.console.session.Session` over the control socket; a connection for each call."""

    def __init__(self, state: StateFolder) -> None:
        self._path = state.control_socket
        self._closed = threading.Event()
        self._listening: socket.socket | None = None

    def status(self) -> StatusReport:
        return msgspec.convert(self.call("status", {}), StatusReport)

    def call(self, command: str, arguments: Mapping[str, Any], on_progress: OnProgress | None = None) -> Any:
        with _connect(self._path) as connection:
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
        with _connect(self._path) as connection:
            self._listening = connection
            for answer in _ask(connection, Subscribe()):
                if isinstance(answer, Event):
                    yield answer
        if not self._closed.is_set():
            raise _away(self._path, "it closed the line")

    def close(self) -> None:
        self._closed.set()
        if self._listening is not None:
            try:
                self._listening.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # already gone


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
