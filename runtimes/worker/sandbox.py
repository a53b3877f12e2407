"""Confining a worker to itself, and saying honestly which walls really stand.

Runs first thing in the child, before numpy or an engine start threads: a network namespace holds only for
the threads that come after it. Standard library only, for the same reason.
"""

import contextlib
import ctypes
import errno
import os
import pwd
import resource
import signal
import sys
from collections.abc import Callable

from runtimes.worker import landlock, seccomp

IN_FORCE = "in force"
"""How the state of every wall begins that stands."""
NOT_IN_FORCE = "not in force: "
"""How it begins where there is none, before the reason."""

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAP_KILL = 5
_CAPABILITY_VERSION_3 = 0x20080522
_GROUP_MAY_REMOVE = 0o007
"""Mask under which the daemon, by its group, may remove what another user compiled; nobody else sees it."""

_libc = ctypes.CDLL(None, use_errno=True)


def confine(
    parent: int, memory_limit: int | None, niceness: int = 2, *, writable: str = "", user: str = ""
) -> dict[str, str]:
    """Put up every wall that this system allows; wall -> `in force` with what stands, or why it is not.

    Args:
        parent: process that must outlive this one; this one is killed with it.
        memory_limit: bytes of private writable memory, None for no limit.
        niceness: how far this process stands back for the daemon.
        writable: the one folder in which it may write; none where it is empty.
        user: name of the user to become; empty to stay the daemon's.
    """
    has_left = _libc.unshare(_CLONE_NEWNET) == 0  # takes the privileges that another user has not
    walls: dict[str, Callable[[], None]] = {
        "own user": lambda: _become(user),
        "dies with the daemon": lambda: _die_with(parent),  # forgotten by whoever becomes another user
        "no core dumps": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        "memory limit": lambda: _limit_memory(memory_limit),
        "stands back": lambda: _stand_back(niceness),
        "no network": lambda: None if has_left else _leave_network(),
        "no new privileges": lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1),
        "read-only files": lambda: _write_only_in(writable),
        "no capabilities": _drop_capabilities,
        "filtered system calls": lambda: seccomp.refuse(seccomp.worker_rules()),
    }
    told = {wall: _raise_wall(put_up) for wall, put_up in walls.items()}
    told["no network"] = _network_walls(told["no network"], told["filtered system calls"])
    if user and told["own user"] == IN_FORCE:
        told["own user"] = f"{IN_FORCE}: {user}"
    return told


def _network_walls(namespace: str, filtered: str) -> str:
    """Either keeps the network out; which of them stand."""
    reasons = [state.removeprefix(NOT_IN_FORCE) for state in (namespace, filtered)]
    match namespace == IN_FORCE, filtered == IN_FORCE:
        case True, True:
            return f"{IN_FORCE}: network namespace and seccomp"
        case True, False:
            return f"{IN_FORCE}: network namespace; no seccomp: {reasons[1]}"
        case False, True:
            return f"{IN_FORCE}: seccomp; no network namespace: {reasons[0]}"
    return f"{NOT_IN_FORCE}no network namespace: {reasons[0]}; no seccomp: {reasons[1]}"


class _NotInForceError(Exception):
    """Why a wall was not put up."""


def _raise_wall(put_up: Callable[[], None]) -> str:
    try:
        put_up()
    except _NotInForceError as reason:
        return str(reason)
    except OSError as error:
        return f"{NOT_IN_FORCE}{error.strerror}"
    except ValueError as error:
        return f"{NOT_IN_FORCE}{error}"
    return IN_FORCE


def _die_with(parent: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the daemon that started this worker is gone")


def _become(user: str) -> None:
    """The daemon's group stays, so that what is readable for it can be read; its other groups are exchanged."""
    if not user:
        raise _NotInForceError(f"{NOT_IN_FORCE}it runs as the daemon's user")
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise _NotInForceError(f"{NOT_IN_FORCE}there is no user {user}") from None
    if entry.pw_uid == os.geteuid():
        raise _NotInForceError(f"{NOT_IN_FORCE}the daemon runs as {user} too")
    if not _capabilities() >> _CAP_KILL & 1:
        raise _NotInForceError(f"{NOT_IN_FORCE}without CAP_KILL the daemon could not end a worker of {user}")
    daemon, groups = os.geteuid(), os.getgroups()
    os.setgroups(os.getgrouplist(user, os.getegid()))
    os.seteuid(entry.pw_uid)
    if not os.access(os.__file__, os.R_OK, effective_ids=True):
        os.seteuid(daemon)
        os.setgroups(groups)
        raise _NotInForceError(f"{NOT_IN_FORCE}{user} cannot read {sys.base_prefix}")
    os.seteuid(daemon)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    os.umask(_GROUP_MAY_REMOVE)


def _limit_memory(limit: int | None) -> None:
    """RLIMIT_DATA, not RLIMIT_AS: engines map files and reserve address space far beyond what they use."""
    if limit is None:
        raise _NotInForceError("not asked for")
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _stand_back(niceness: int) -> None:
    os.nice(niceness)


def _leave_network() -> None:
    """Move into an empty network namespace without privileges, by way of a user namespace of its own."""
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


def _capabilities() -> int:
    """The effective ones, inherited from the daemon; a bit each (capabilities(7))."""
    with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be imported for this line alone
        return next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))


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
