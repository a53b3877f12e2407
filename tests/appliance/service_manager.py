"""Plays the service manager: starts what it was told to, waits until it says that it is ready, starts it again when it ends."""

import os
import select
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 100.0
MOST_STARTS = 5
"""After which a test has failed."""


class ServiceManager:
    """A unit with `Type=notify` and `Restart=always`, as packaging/systemd has it."""

    def __init__(self, state: Path, folder: Path) -> None:
        self.state = state
        self.ended: list[int] = []
        """Exit codes, oldest first."""
        self.log = folder / "service.log"
        self._address = folder / "notify"
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.bind(str(self._address))
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0
        """Where in the log it was started last."""

    def start(self) -> None:
        launcher = self.state / "releases" / "launch"
        command = [str(launcher), "serve", "--port", "0", "--state-dir", str(self.state)]
        environment = {**os.environ, "NOTIFY_SOCKET": str(self._address)}
        with self.log.open("ab") as log:
            self._began = log.tell()
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def until_ready(self, *, end_at: str = "", before_end: Callable[[], object] = lambda: None) -> None:
        """Start it, and again whenever it ends, until it is ready.

        `end_at` is what it prints when its time limit is over; `before_end` is done then.
        """
        for _ in range(MOST_STARTS):
            if self._process is None:
                self.start()
            while not self._ready():
                if end_at and end_at.encode() in self.log.read_bytes()[self._began :]:
                    before_end()
                    self.kill()
                if self._gone():
                    break
            else:
                return
        raise AssertionError(f"not ready after {self.ended}: {self.log.read_text()}")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def until_ended(self) -> int:
        assert self._process is not None
        self.ended.append(self._process.wait(PATIENCE_SECONDS))
        self._process = None
        return self.ended[-1]

    def stop(self) -> None:
        """As `TimeoutStopSec` does with what does not end when it is told to."""
        if self._process is not None:
            self._process.terminate()
            try:
                self.until_ended()
            except subprocess.TimeoutExpired:
                self.kill()
        self._told.close()

    def _gone(self) -> bool:
        assert self._process is not None
        if self._process.poll() is None:
            return False
        self.until_ended()
        return True

    def _ready(self) -> bool:
        while select.select([self._told], [], [], 0.05)[0]:
            if self._told.recv(4096) == b"READY=1":
                return True
        return False


@contextmanager
def service(state: Path) -> Iterator[ServiceManager]:
    """The service of one box; a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="unit-") as folder:
        manager = ServiceManager(state, Path(folder))
        try:
            yield manager
        finally:
            manager.stop()
