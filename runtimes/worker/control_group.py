"""A control group for each worker, version 2 (cgroups(7)), where the service manager has delegated a subtree.

systemd marks what it hands over (`Delegate=yes`) with the attribute `user.delegate`; nothing else is touched, not even
by root. A group may not hold both processes and limited groups, so the daemon first moves into one of its own:

    <delegated>/daemon        the daemon
    <delegated>/worker-PID-N  one worker and all that it starts
"""

import contextlib
import errno
import itertools
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runtimes.hardware import cgroup
from runtimes.hardware.sysroot import Sysroot
from runtimes.worker.sandbox import IN_FORCE, NOT_IN_FORCE

SPARE_PROCESSORS = 1
"""Beside those of the engine's threads: for Python, and for helpers of the engine. A limit that an honest engine met
would stop all of its threads for the rest of a tenth of a second."""
MOST_THREADS = 2048
"""Threads and processes of one worker: drivers start several for each processor."""

_PERIOD_MICROSECONDS = 100_000
_CONTROLLERS = ("cpu", "memory", "pids")
_MARKS = ("user.delegate", "trusted.delegate")
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker may use; None for as much as it likes."""

    threads: int | None = None
    """Of its engine."""
    memory: int | None = None
    """Bytes, mapped files and shared memory included."""


class UnavailableError(Exception):
    """Why there are no control groups for workers."""


class ControlGroup:
    """One worker's group, made empty. Raises UnavailableError, or OSError where the kernel refuses."""

    def __init__(self, subtree: "Subtree", limits: Limits) -> None:
        self._folder = subtree.folder / f"worker-{os.getpid()}-{next(_numbers)}"
        self._folder.mkdir()
        try:
            self.walls = {
                "CPU limit": self._limit_processors(limits, subtree),
                "thread limit": self._limit("pids", {"pids.max": MOST_THREADS}, subtree),
            }
            if limits.memory is not None:
                self._limit("memory", {"memory.max": limits.memory, "memory.oom.group": 1}, subtree)
        except OSError:
            self._folder.rmdir()
            raise

    def add(self, pid: int) -> None:
        _write(self._folder / "cgroup.procs", str(pid))

    def remove(self) -> bool:
        """End whatever is left in it; False where that takes a moment: ask again."""
        with contextlib.suppress(OSError):  # Linux 5.14
            _write(self._folder / "cgroup.kill", "1")
        try:
            self._folder.rmdir()
        except OSError as error:
            return error.errno != errno.EBUSY
        return True

    def _limit_processors(self, limits: Limits, subtree: "Subtree") -> str:
        if limits.threads is None:
            return "not asked for"
        quota = (limits.threads + SPARE_PROCESSORS) * _PERIOD_MICROSECONDS
        return self._limit("cpu", {"cpu.max": f"{quota} {_PERIOD_MICROSECONDS}"}, subtree)

    def _limit(self, controller: str, settings: dict[str, str | int], subtree: "Subtree") -> str:
        if controller not in subtree.controllers:
            return f"{NOT_IN_FORCE}the controller {controller} is not delegated to the daemon"
        for name, value in settings.items():
            _write(self._folder / name, str(value))
        return IN_FORCE


def enclose(pid: int, limits: Limits) -> tuple[ControlGroup | None, dict[str, str]]:
    """Put a process that has just started into a group of its own; the walls that stand by it, or why none does."""
    group = None
    try:
        group = ControlGroup(delegated(), limits)
        group.add(pid)
    except (UnavailableError, OSError) as error:
        if group is not None:
            group.remove()
        why = error.strerror if isinstance(error, OSError) else error
        reason = f"{NOT_IN_FORCE}{why}"
        return None, {"CPU limit": reason, "thread limit": reason}
    return group, group.walls


@dataclass(frozen=True, slots=True)
class Subtree:
    """The delegated group, ready for groups of workers."""

    folder: Path
    controllers: tuple[str, ...]


@cache
def delegated(root: Path = Path("/")) -> Subtree:
    """The subtree of this process, prepared at the first call. Raises UnavailableError, OSError."""
    own = next((g for g in cgroup.levels(Sysroot.at(root), "cpu") if g.version == 2), None)
    if own is None:
        raise UnavailableError("this system has no control groups of version 2")
    folder = root / own.path.lstrip("/")
    if folder.name == "daemon" and _is_delegated(folder.parent):
        folder = folder.parent
    elif not _is_delegated(folder):
        raise UnavailableError("no control group is delegated to the daemon (Delegate=yes in its service)")
    _remove_stale(folder)
    offered = (folder / "cgroup.controllers").read_text().split()
    controllers = tuple(name for name in _CONTROLLERS if name in offered)
    _move_down(folder)
    _write(folder / "cgroup.subtree_control", " ".join(f"+{name}" for name in controllers))
    return Subtree(folder, controllers)


def _is_delegated(folder: Path) -> bool:
    for mark in _MARKS:
        with contextlib.suppress(OSError):
            if os.getxattr(folder, mark) == b"1":
                return True
    return False


def _move_down(folder: Path) -> None:
    daemon = folder / "daemon"
    daemon.mkdir(exist_ok=True)
    for pid in (folder / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            _write(daemon / "cgroup.procs", pid)


def _remove_stale(folder: Path) -> None:
    """Groups whose daemon is gone; those in use cannot be removed."""
    for group in folder.glob("worker-*"):
        with contextlib.suppress(OSError):
            group.rmdir()


def _write(file: Path, text: str) -> None:
    """With one write and no O_CREAT, as the kernel wants it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
