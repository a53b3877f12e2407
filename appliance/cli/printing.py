"""What the command line prints: results on stdout, progress and errors on stderr, or one JSON object."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from appliance.cli.exits import INTERRUPTED, exit_code
from appliance.cli.tables import readable
from appliance.console.formats import size
from appliance.console.text import plain
from appliance.control import messages
from appliance.errors import explain
from appliance.results import SCHEMA


class Printer:
    """Prints for one command."""

    def __init__(self, command: str, *, as_json: bool) -> None:
        self.as_json = as_json
        self._command = command
        self._out = Console(highlight=False, markup=False, soft_wrap=False)
        self._err = Console(stderr=True, highlight=False, markup=False)

    @contextmanager
    def progress(self) -> Iterator[messages.OnProgress]:
        """A function to tell progress to; a bar on a terminal, a line a phase elsewhere, nothing with --json."""
        if self.as_json:
            yield lambda _: None
        elif self._err.is_terminal:
            with _Bar(self._err) as bar:
                yield bar.show
        else:
            yield _Lines(self._err).show

    def done(self, result: Any) -> None:
        if self.as_json:
            self._print_json({"result": result})
            return
        for part in readable(result):
            self._out.print(part)

    def failed(self, error: BaseException) -> int:
        told = explain(error)
        if self.as_json:
            self._print_json({"error": told})
        else:
            self._err.print(Text(f"{plain(told.what, 2000)} [{told.code}]", "red"))
            for line in (told.kept, told.remedy):
                if line:
                    self._err.print(Text(plain(line, 2000)))
        return exit_code(told.code)

    def interrupted(self) -> int:
        if not self.as_json:
            self._err.print("Interrupted.")
        return INTERRUPTED

    def _print_json(self, body: dict[str, Any]) -> None:
        envelope = {"schema": SCHEMA, "command": self._command, **body}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(envelope)).decode() + "\n")


class _Bar:
    """One bar, its words and figures changing with the phase."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._phase = ""

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._bars.stop()

    def show(self, progress: messages.Progress) -> None:
        text = Text(plain(f"{progress.phase}: {progress.text}", 60)).plain
        if self._task is None:
            self._task = self._bars.add_task(text, total=None, figures="")
            self._bars.start()
        if progress.phase != self._phase:
            self._phase = progress.phase
            self._bars.reset(self._task, total=progress.total)
        self._bars.update(
            self._task,
            description=text,
            completed=progress.done or 0,
            total=progress.total,
            figures=_figures(progress),
        )


class _Lines:
    """A line whenever the phase changes, or what a phase without a measure is about: for logs and serial lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ("", "")

    def show(self, progress: messages.Progress) -> None:
        what = progress.text if progress.total is None else _figures(progress).rpartition(" of ")[2]
        if (progress.phase, what) != self._last:
            self._console.print(Text(plain(f"{progress.phase}: {what}", 200)))
            self._last = (progress.phase, what)


def _figures(progress: messages.Progress) -> str:
    if progress.done is None or progress.total is None:
        return ""
    if progress.unit == "bytes":
        return f"{size(progress.done)} of {size(progress.total)}"
    return f"{progress.done} of {progress.total} {progress.unit}"
