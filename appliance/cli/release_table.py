"""How the results on releases read on a terminal."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType

from appliance import release_results as results
from appliance.cli.layout import facts
from appliance.console.formats import NA
from appliance.console.text import plain


def _installed(installed: results.ReleaseInstalled) -> Iterator[RenderableType]:
    yield f"Made release {installed.version} in {installed.folder}"
    yield facts(("let the service manager start", f"{installed.launcher} serve"))


def _report(report: results.ReleaseReport) -> Iterator[RenderableType]:
    yield facts(
        ("release", report.version),
        ("replaced by updates", "yes" if report.managed else "no, it was installed otherwise"),
        ("started next", report.current or NA),
        ("kept here", ", ".join(report.kept) or NA),
    )
    if report.trial is not None:
        trial = report.trial
        told = f"{trial.version} is on trial instead of {trial.instead_of}: {trial.state}. {trial.reason}"
        yield plain(told.strip(), 2000)


def _undone(undone: results.ReleaseUndone) -> Iterator[RenderableType]:
    how = "The daemon starts again as it now." if undone.restarting else "It is started with the next start."
    yield f"Going back from release {undone.version} to {undone.back_to}, on trial. {how}"


READERS: dict[type, Callable[[Any], Iterator[RenderableType]]] = {
    results.ReleaseInstalled: _installed,
    results.ReleaseReport: _report,
    results.ReleaseUndone: _undone,
}
