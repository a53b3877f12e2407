"""Refusing system calls that no engine needs, by the system's libseccomp (seccomp(2), seccomp_rule_add(3)).

Every call is refused with the error that a driver meets anyway on a machine without the thing it asks for: it goes
on or fails by itself, and is never killed. What counts as a network is every socket but one end of a pair and an
unconnected Unix stream, which CUDA makes in search of its daemons: nobody answers. Calls of a foreign architecture
(i386 and x32 on x86-64) are refused altogether. Standard library only, since a worker confines itself before it
imports anything of its runtime pack.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass

_LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000
_BAD_ARCHITECTURE, _OPTIMIZE = 2, 8
_BINARY_TREE = 2
_NOT_EQUAL, _MASKED_EQUAL = 1, 7
_UNKNOWN_CALL = -1

_SOCKET_TYPE_MASK = 0xF
_CONNECTIONLESS = (socket.SOCK_DGRAM, socket.SOCK_RAW)
"""Unix sockets of these types reach others without `connect`: SOCK_RAW is another name of SOCK_DGRAM there."""
_IO_URING = ("io_uring_setup", "io_uring_enter", "io_uring_register")
"""Would open and connect sockets past every rule here."""
_SIGNALS = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
_OTHER_PROCESSES = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise"),
    *("tkill", "pidfd_send_signal", "pidfd_getfd"),
)
_MACHINE = (
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "mount_setattr"),
    *("open_tree", "fsopen", "fsmount", "fspick", "fsconfig", "open_by_handle_at"),
    *("unshare", "setns", "bpf", "perf_event_open", "userfaultfd"),
    *("add_key", "keyctl", "request_key"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
    *("reboot", "swapon", "swapoff", "acct", "quotactl", "syslog", "vhangup", "iopl", "ioperm"),
    *("clock_settime", "settimeofday", "sethostname", "setdomainname"),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What an argument must be for a rule to hold: other than `value`, or equal to it in the bits of `mask`."""

    argument: int
    value: int
    mask: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A system call that answers `error`, always or where the condition is met."""

    call: str
    error: int
    condition: Condition | None = None


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def worker_rules() -> list[Rule]:
    """What is refused to this process once it is a worker."""
    this_process = Condition(0, os.getpid())
    return [
        *(Rule(call, errno.EAFNOSUPPORT, Condition(0, socket.AF_UNIX)) for call in ("socket", "socketpair")),
        *(
            Rule(call, errno.EACCES, Condition(1, kind, _SOCKET_TYPE_MASK))
            for call in ("socket", "socketpair")
            for kind in _CONNECTIONLESS
        ),
        Rule("connect", errno.ECONNREFUSED),
        *(Rule(call, errno.ENOSYS) for call in _IO_URING),
        *(Rule(call, errno.EPERM, this_process) for call in _SIGNALS),
        Rule("prlimit64", errno.EPERM, Condition(0, 0)),
        *(Rule(call, errno.EPERM) for call in (*_OTHER_PROCESSES, *_MACHINE)),
    ]


def refuse(rules: Iterable[Rule]) -> None:
    """Refuse these calls from now on, to this thread and to all threads and processes that it starts.

    Needs `no_new_privs`, and sets it. Calls that the installed libseccomp does not know are passed over.
    Raises OSError where the library is missing (ENOENT), or the kernel takes no filters.
    """
    library = _library()
    filter_ = library.seccomp_init(_ALLOW)
    if not filter_:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    try:
        _check(library.seccomp_attr_set(filter_, _BAD_ARCHITECTURE, _REFUSE | errno.ENOSYS))
        library.seccomp_attr_set(
            filter_, _OPTIMIZE, _BINARY_TREE
        )  # newer than 2.4: slower without, no less safe
        for rule in rules:
            _add(library, filter_, rule)
        _check(library.seccomp_load(filter_))
    finally:
        library.seccomp_release(filter_)


def _add(library: ctypes.CDLL, filter_: int, rule: Rule) -> None:
    number = library.seccomp_syscall_resolve_name(rule.call.encode())
    if number == _UNKNOWN_CALL:
        return
    comparisons = [] if rule.condition is None else [_comparison(rule.condition)]
    array = (_Comparison * len(comparisons))(*comparisons)
    _check(library.seccomp_rule_add_array(filter_, _REFUSE | rule.error, number, len(array), array))


def _comparison(condition: Condition) -> _Comparison:
    if condition.mask is None:
        return _Comparison(condition.argument, _NOT_EQUAL, condition.value, 0)
    return _Comparison(condition.argument, _MASKED_EQUAL, condition.mask, condition.value)


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise OSError(errno.ENOENT, f"{_LIBRARY} is not installed") from error
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = (ctypes.c_uint32,)
    library.seccomp_attr_set.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32)
    library.seccomp_syscall_resolve_name.argtypes = (ctypes.c_char_p,)
    library.seccomp_rule_add_array.argtypes = (
        *(ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int),
        *(ctypes.c_uint, ctypes.POINTER(_Comparison)),
    )
    library.seccomp_load.argtypes = library.seccomp_release.argtypes = (ctypes.c_void_p,)
    library.seccomp_release.restype = None
    return library


def _check(result: int) -> None:
    if result != 0:
        raise OSError(-result, f"{os.strerror(-result)} ({errno.errorcode.get(-result, -result)})")
