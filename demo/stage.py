"""Runs the appliance's commands as a person would, and keeps what each of them did for the closing table."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

APPLIANCE = Path(sys.executable).with_name("appliance")


class StoryError(Exception):
    """A step of the story did not go as it must."""


@dataclass(frozen=True)
class Step:
    what: str
    outcome: str
    seconds: float


@dataclass
class Stage:
    """One showing of the story, on one box."""

    state: Path
    console: Console = field(default_factory=lambda: Console(highlight=False, markup=False))
    steps: list[Step] = field(default_factory=list)

    def appliance(self, *words: str, fails: bool = False) -> dict[str, Any]:
        """Run a command with --json; its result, or its error where it is meant to fail."""
        self.console.print(Text(f"$ appliance {' '.join(words)}", "cyan"))
        ran = subprocess.run(
            [str(APPLIANCE), *words, "--state-dir", str(self.state), "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            answer: dict[str, Any] = json.loads(ran.stdout)
        except ValueError as error:
            raise StoryError(
                f"appliance {' '.join(words)} printed no JSON:\n{ran.stdout}\n{ran.stderr}"
            ) from error
        if fails != ("error" in answer):
            raise StoryError(f"appliance {' '.join(words)} gave {json.dumps(answer, indent=1)}")
        told: dict[str, Any] = answer["error"] if fails else answer["result"]
        return told

    def show(self, *words: str) -> None:
        """Run a command and let its own words through."""
        self.console.print(Text(f"$ appliance {' '.join(words)}", "cyan"))
        subprocess.run([str(APPLIANCE), *words, "--state-dir", str(self.state)], check=True)

    @contextmanager
    def step(self, what: str) -> Iterator["Outcome"]:
        """Time a step; the closing table has its outcome."""
        self.console.print(Text(f"\n{len(self.steps) + 1}. {what}", "bold"))
        outcome = Outcome()
        start = time.monotonic()
        yield outcome
        self.steps.append(Step(what, outcome.text, time.monotonic() - start))

    @contextmanager
    def daemon(self, port: int) -> Iterator[None]:
        """`appliance serve` while the block runs, stopped in good order after it."""
        words = [str(APPLIANCE), "serve", "--port", str(port), "--state-dir", str(self.state)]
        self.console.print(Text(f"$ appliance serve --port {port} &", "cyan"))
        log = (self.state / "serve.log").open("w")
        with log, subprocess.Popen(words, stdout=log, stderr=log) as process:
            try:
                self._wait_until_ready(process)
                yield
            finally:
                process.terminate()
                process.wait(timeout=30)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        socket_file = self.state / "run" / "control.sock"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise StoryError(f"the daemon stopped:\n{(self.state / 'serve.log').read_text()}")
            if socket_file.exists():
                return
            time.sleep(0.05)
        raise StoryError("the daemon was not ready within 60 s")

    def table(self) -> Table:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("#", "what happened", "outcome", "seconds"):
            table.add_column(column, justify="right" if column in {"#", "seconds"} else "left")
        for number, step in enumerate(self.steps, 1):
            table.add_row(str(number), step.what, step.outcome, f"{step.seconds:.1f}")
        return table


@dataclass
class Outcome:
    text: str = ""
