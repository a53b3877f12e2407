"""Confining a worker to itself, and saying honestly which walls really stand.

Runs first thing in the child, before numpy or an engine start threads: a network namespace holds only for
the threads that come after it. Standard library only, for the same reason.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import sys
from collections.abc import Callable

from runtimes.worker import landlock

IN_FORCE = "in force"

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def confine(
    parent: int, memory_limit: int | None, niceness: int = 2, *, writable: str = ""
) -> dict[str, str]:
    """Put up every wall that this system allows; wall -> `in force`, or why it is not.

    Args:
        parent: process that must outlive this one; this one is killed with it.
        memory_limit: bytes of private writable memory, None for no limit.
        niceness: how far this process stands back for the daemon.
        writable: the one folder in which it may write; none where it is empty.
    """
    walls: dict[str, Callable[[], None]] = {
        "dies with the daemon": lambda: _die_with(parent),
        "own user": lambda: _differ_from(parent),
        "no core dumps": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        "memory limit": lambda: _limit_memory(memory_limit),
        "stands back": lambda: _stand_back(niceness),
        "no network": _leave_network,
        "no new privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "read-only files": lambda: _write_only_in(writable),
        "no capabilities": _drop_capabilities,
    }
    return {wall: _raise_wall(put_up) for wall, put_up in walls.items()}


class _NotInForceError(Exception):
    """Why a wall was not put up."""


def _raise_wall(put_up: Callable[[], None]) -> str:
    try:
        put_up()
    except _NotInForceError as reason:
        return str(reason)
    except (OSError, ValueError) as error:
        return f"not in force: {error}"
    return IN_FORCE


def _die_with(parent: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the daemon that started this worker is gone")


def _differ_from(parent: int) -> None:
    if os.stat(f"/proc/{parent}").st_uid == os.geteuid():  # noqa: PTH116 - pathlib would be imported for this line
        raise _NotInForceError("not in force: it runs as the daemon's user")


def _limit_memory(limit: int | None) -> None:
    """RLIMIT_DATA, not RLIMIT_AS: engines map files and reserve address space far beyond what they use."""
    if limit is None:
        raise _NotInForceError("not asked for")
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _stand_back(niceness: int) -> None:
    os.nice(niceness)


def _leave_network() -> None:
    """Move into an empty network namespace; without privileges, by way of a user namespace of its own."""
    if _libc.unshare(_CLONE_NEWNET) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    with contextlib.suppress(
        OSError
    ):  # without a map it is nobody to itself, and reads its files all the same
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")


def _write_only_in(folder: str) -> None:
    """Besides the folder: its devices, and what the kernel tells and asks of the process itself."""
    version = landlock.write_only_below(("/dev", f"/proc/{os.getpid()}", *([folder] if folder else ())))
    if version < landlock.TRUNCATE_SINCE:
        raise _NotInForceError("in force, except that files can be cut to no length (Linux before 6.2)")


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, none))


def _prctl(option: int, value: int) -> None:
    _check(
        _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    )


def _check(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} ({errno.errorcode.get(code, code)})")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123 - pathlib would be imported for this line alone
        file.write(text)
