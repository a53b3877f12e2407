"""One process at a time changes the state: the daemon while it runs, else one command."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.errors import ApplianceError
from appliance.store.errors import told_plainly

FILE_NAME = "lock"


class StateLock:
    """An exclusive `flock` on `<state>/lock`; the kernel lets go of it when the process dies, however it dies.

    The file stays, and tells the process number of the last holder. A forked child that does not exec
    shares the lock.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, folder: Path) -> Self:
        """Take the lock of the state in `folder`, or raise ApplianceError at once.

        `state.in-use` names the holder; `database.read-only` and `database.unreadable` name the file.
        """
        path = folder / FILE_NAME
        with told_plainly(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise ApplianceError(
                "state.in-use",
                f"The state in {folder} is in use by {holder}.",
                kept="Nothing was changed.",
                remedy="Wait until it is done, or stop it; while the daemon runs, commands go through it.",
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let the next one in; harmless when called again."""
        if self._descriptor is None:
            return
        os.ftruncate(self._descriptor, 0)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # closing would not do while a child is being started
        os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def _holder(descriptor: int) -> str:
    written = os.pread(descriptor, 32, 0).strip()
    if not written.isdigit():
        return "another process"
    pid = int(written)
    try:
        command = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return "another process"
    return f"process {pid} ({command})"
