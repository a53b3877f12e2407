"""A probe that stays: a child process that is asked again and again, each time with a time limit."""

import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtimes.hardware import probe


class Session:
    """Asks a script that prints one JSON object for every line it gets on its standard input.

    One that hangs, ends or talks nonsense is killed and not asked again. Not for several threads at once.
    """

    def __init__(
        self, script: Path, arguments: Sequence[str] = (), *, seconds: float, packages: bool = False
    ) -> None:
        """As `probe.ask_script`; nothing runs before the first question."""
        self._script = script
        self._arguments = arguments
        self._packages = packages
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._failure: dict[str, Any] | None = None

    def ask(self) -> dict[str, Any]:
        """The script's answer, or `{"error": "timeout" | "crashed" | "unreadable", "detail": …}`."""
        if self._failure is None:
            answer = self._asked()
            if "error" not in answer:
                return answer
            self._failure = answer
            self.close()
        return self._failure

    def close(self) -> None:
        """Ends the child; asked again, the session starts none."""
        self._failure = self._failure or {"error": "crashed", "detail": "the session was closed"}
        child, self._child = self._child, None
        if child:
            if child.stdin:
                child.stdin.close()
            probe.abandon(child)

    def _asked(self) -> dict[str, Any]:
        try:
            self._child = self._child or self._start()
            os.write(_descriptor(self._child.stdin), b"\n")
            line = self._line(self._child, time.monotonic() + self._seconds)
        except OSError as error:
            return {"error": "crashed", "detail": str(error)}
        if line is None:
            return {"error": "timeout", "detail": f"no answer within {self._seconds:g} s"}
        try:
            answer = json.loads(line)
        except ValueError as error:
            return {"error": "unreadable", "detail": str(error)}
        return answer if isinstance(answer, dict) else {"error": "unreadable", "detail": "not an object"}

    def _start(self) -> subprocess.Popen[bytes]:
        return probe.start(self._script, self._arguments, packages=self._packages, stdin=subprocess.PIPE)

    def _line(self, child: subprocess.Popen[bytes], until: float) -> bytes | None:
        """Up to the end of a line; None where time ran out. Raises OSError where the child has ended."""
        source, taken = _descriptor(child.stdout), b""
        while not taken.endswith(b"\n"):
            ready, _, _ = select.select([source], [], [], max(until - time.monotonic(), 0))
            if not ready:
                return None
            piece = os.read(source, 65536)
            taken += piece
            if not piece or len(taken) > probe.MAX_ANSWER:
                raise OSError("the child ended, or talks without end")
        return taken


def _descriptor(stream: Any) -> int:
    return int(stream.fileno())
