"""Files below a real folder, where links stay inside it and nothing odd is opened."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

LINKS = 40
"""Links followed for one path, as in the kernel."""


class FolderTree:
    """A machine's files below `root`; with `/`, this machine's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.is_machine = root.absolute() == Path("/")

    def read(self, path: str, limit: int) -> bytes:
        # Not blocking, so that a pipe laid into a folder cannot hold us; sysfs sizes are not to be trusted.
        handle = os.open(self._locate(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            pieces = []
            while limit > 0 and (piece := os.read(handle, min(limit, 65536))):
                pieces.append(piece)
                limit -= len(piece)
            return b"".join(pieces)
        finally:
            os.close(handle)

    def names(self, path: str) -> list[str]:
        return os.listdir(self._locate(path))  # noqa: PTH208 - half the time of Path.iterdir

    def readlink(self, path: str) -> str:
        parent, _, name = path.rpartition("/")
        return str(Path(self._locate(parent or "/"), name).readlink())

    def open_device(self, path: str) -> None:
        """By mode and existence only: opening a device may wake or block a driver, so a probe does that."""
        self._check(path, os.R_OK | os.W_OK)

    def open_file(self, path: str) -> None:
        """By mode and existence only, as `open_device`."""
        self._check(path, os.R_OK)

    def _check(self, path: str, mode: int) -> None:
        located = self._locate(path)
        Path(located).stat()
        if self.is_machine and not os.access(located, mode):
            raise PermissionError(errno.EACCES, "permission denied", path)

    def _locate(self, path: str) -> str:
        if self.is_machine:
            return path
        return f"{self.root}{resolve(path, self._link_at)}"

    def _link_at(self, path: str) -> str | None:
        try:
            return str(Path(f"{self.root}{path}").readlink())
        except OSError:
            return None


def resolve(path: str, link_at: Callable[[str], str | None]) -> str:
    """Follow every link of an absolute path without leaving the root. Raises OSError (ELOOP) on a ring."""
    waiting = path.split("/")[::-1]
    done: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del done[-1:]
            continue
        here = "/" + "/".join([*done, part])
        target = link_at(here)
        if target is None:
            done.append(part)
            continue
        links += 1
        if links > LINKS:
            raise OSError(errno.ELOOP, "too many links", path)
        if target.startswith("/"):
            done.clear()
        waiting.extend(target.split("/")[::-1])
    return "/" + "/".join(done)
