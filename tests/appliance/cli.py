"""Runs `appliance` commands: in this process where nothing else is needed, as a child where it must be."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.cli.main import main

EXECUTABLE = Path(sys.executable).with_name("appliance")


@dataclass(frozen=True)
class Ran:
    """What a command gave: exactly one of `result` and `error` is set."""

    exit_code: int
    result: Any
    error: dict[str, str] | None


@dataclass(frozen=True)
class Cli:
    """The command line of one box."""

    state: Path

    def run(self, *words: str) -> Ran:
        out = io.StringIO()
        with redirect_stdout(out):
            code = main([*words, "--state-dir", str(self.state), "--json"])
        answer = json.loads(out.getvalue())
        assert answer["schema"] == "appliance/1"
        return Ran(code, answer.get("result"), answer.get("error"))

    def ok(self, *words: str) -> Any:
        ran = self.run(*words)
        assert ran.error is None, ran.error
        assert ran.exit_code == 0
        return ran.result

    def fails(self, code: str, *words: str) -> dict[str, str]:
        ran = self.run(*words)
        assert ran.error is not None, ran.result
        assert ran.error["code"] == code, ran.error
        assert ran.exit_code != 0
        return ran.error

    def audit(self) -> list[dict[str, Any]]:
        """Every entry, oldest first."""
        entries: list[dict[str, Any]] = self.ok("audit", "list", "--count", "1000")["entries"]
        return entries[::-1]

    @contextmanager
    def daemon(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """`appliance serve` as a process of its own, ended by SIGTERM."""
        command = [str(EXECUTABLE), "serve", "--port", "0", *words, "--state-dir", str(self.state)]
        log = self.state / "serve.log"
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
            try:
                _until_ready(process, log)
                yield process
            finally:
                process.terminate()
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    os.kill(process.pid, 9)


def _until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while b"answers on" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, "the daemon did not get ready"
        time.sleep(0.02)
