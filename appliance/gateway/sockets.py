"""The sockets that the gateway listens on: made, guarded against a second server, and removed."""

import errno
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from appliance.errors import ApplianceError

SOCKET_MODE = 0o660
BACKLOG = 512
_PROBE_SECONDS = 1.0

_KEPT = "Nothing was started."


def listen_unix(path: Path) -> socket.socket:
    """Listen on a Unix socket, readable and writable for its owner and group only.

    A socket file that nobody answers on is replaced. Raises ApplianceError: `gateway.socket-in-use`,
    `gateway.permission`, `gateway.socket-path`.
    """
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode of the unbound socket, so that it is never open to more, not for a
        # moment; the umask can only take from it, hence the second call.
        os.fchmod(listener.fileno(), SOCKET_MODE)
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _unix_error(path, error) from error
    return listener


def listen_tcp(host: str, port: int) -> socket.socket:
    """Listen on a TCP port; port 0 takes a free one.

    Raises ApplianceError: `gateway.port-in-use`, `gateway.permission`, `gateway.address`.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise _tcp_error(host, port, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _tcp_error(host, port, error) from error
    return listener


def endpoint(listener: socket.socket) -> str:
    """How people read it: `unix:/run/appliance/inference.sock`, `http://127.0.0.1:8080`."""
    address = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{address}"
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def remove(path: Path) -> None:
    """Take the socket file away after the server stopped."""
    with suppress(OSError):
        path.unlink()


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unix_error(path, error) from error
    if not stat.S_ISSOCK(mode):
        raise ApplianceError(
            "gateway.socket-path",
            f"{path} is there and is no socket.",
            kept=f"The file was not touched. {_KEPT}",
            remedy="Move the file away, or set another path for the inference socket.",
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            remove(path)
            return
        except TimeoutError:
            pass  # somebody holds it, busy as they are
        except OSError as error:
            raise _unix_error(path, error) from error
    raise ApplianceError(
        "gateway.socket-in-use",
        f"Another server answers on {path}.",
        kept=f"It goes on undisturbed. {_KEPT}",
        remedy="Stop the other server, or set another path for the inference socket.",
    )


def _unix_error(path: Path, error: OSError) -> ApplianceError:
    if isinstance(error, PermissionError):
        return ApplianceError(
            "gateway.permission",
            f"This user may not make the socket {path}.",
            kept=_KEPT,
            remedy=f"Give the user write access to {path.parent}, or set another path.",
        )
    return ApplianceError(
        "gateway.socket-path",
        f"The socket {path} cannot be made: {error.strerror or error}.",
        kept=_KEPT,
        remedy=f"Make sure that the folder {path.parent} exists; a socket's path may have 107 bytes at most.",
    )


def _tcp_error(host: str, port: int, error: OSError) -> ApplianceError:
    if error.errno == errno.EADDRINUSE:
        return ApplianceError(
            "gateway.port-in-use",
            f"Port {port} on {host} is used by another program.",
            kept=f"It goes on undisturbed. {_KEPT}",
            remedy=f"Stop it (`ss -ltnp 'sport = :{port}'` names it), or set another port.",
        )
    if isinstance(error, PermissionError):
        return ApplianceError(
            "gateway.permission",
            f"This user may not listen on port {port} on {host}.",
            kept=_KEPT,
            remedy="Set a port above 1023.",
        )
    return ApplianceError(
        "gateway.address",
        f"{host} port {port} cannot be listened on: {error.strerror or error}.",
        kept=_KEPT,
        remedy="Set an address of this machine, such as 127.0.0.1.",
    )
