"""Giving up the right to write files, by Landlock (landlock(7), Linux 5.13), but for a few folders.

Three system calls with their numbers and structures from linux/landlock.h. Standard library only, since a worker
confines itself before it imports anything of its runtime pack.
"""

import ctypes
import errno
import os
from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_TELL_VERSION = 1
_PATH_BENEATH = 1
_WRITE_FILE = 1 << 1
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_REFER = 1 << 13
_TRUNCATE = 1 << 14
_REFER_SINCE = 2
TRUNCATE_SINCE = 3
"""Interface version from which truncate(2) is covered too: Linux 6.2."""

_libc = ctypes.CDLL(None, use_errno=True)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def write_only_below(folders: Sequence[str]) -> int:
    """Let this thread, and those that come after it, write, make and remove files below `folders` only.

    Needs `no_new_privs`. Folders that are not there are passed over. Returns the kernel's interface version.
    Raises OSError: ENOSYS or EOPNOTSUPP where the kernel has no Landlock.
    """
    version = _call(_CREATE_RULESET, None, 0, _TELL_VERSION)
    rights = _WRITE_FILE | _REMOVE_AND_MAKE
    rights |= _REFER if version >= _REFER_SINCE else 0
    rights |= _TRUNCATE if version >= TRUNCATE_SINCE else 0
    handled = ctypes.c_uint64(rights)
    ruleset = _call(_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    try:
        for folder in folders:
            _allow(ruleset, folder, rights)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, folder: str, rights: int) -> None:
    try:
        place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(_PathBeneath(rights, place)), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    whole = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = _libc.syscall(ctypes.c_long(number), *whole)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{os.strerror(code)} ({errno.errorcode.get(code, code)})")
    return result
