"""How the results about updates read on a terminal."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType

from appliance import update_results as results
from appliance.cli.layout import add_row, facts, table_of
from appliance.console.formats import count, duration, size
from appliance.console.text import plain


def _rolled_back(back: results.RolledBack) -> Iterator[RenderableType]:
    yield f"{back.name} is back at version {back.version}; it was {back.was}."
    plan = "its measured plan still held" if back.plan_reused else "measured again"
    yield facts(
        ("runs on", f"{back.engine} ({plan})"), ("serving", "yes" if back.serving else "once the daemon runs")
    )


def _removed(removed: results.ModelRemoved) -> Iterator[RenderableType]:
    yield f"Removed {removed.name} {removed.version}; {size(removed.freed)} freed."
    yield facts(("kept as evidence", ", ".join(removed.kept)))


def _confirmed(confirmed: results.VersionConfirmed) -> Iterator[RenderableType]:
    yield (
        f"{confirmed.name} {confirmed.version} is confirmed after {duration(confirmed.seconds)} of service and "
        f"{count(confirmed.requests)} requests; {confirmed.previous} is kept only as the policy says."
    )


def _cancel_asked(asked: results.CancelAsked) -> Iterator[RenderableType]:
    yield "The import ends; who started it is told." if asked.running else "No import runs."


def _media(found: results.MediaFound) -> Iterator[RenderableType]:
    for stick in found.unmounted:
        yield f"! {plain(stick)} is plugged in and mounted nowhere: mount it to see what is on it."
    if not found.updates:
        yield "No update was found on a mounted medium" + (f" or in {found.inbox}." if found.inbox else ".")
        return
    table = table_of("update", "new", "what", wide=("what",))
    for row in found.updates:
        what = ", ".join(row.new) or "everything on it is here already"
        if row.code:
            what = f"{row.reason} [{row.code}]"
        elif row.auto:
            what += "; imported by itself"
        add_row(table, row.medium, count(len(row.new)), what, style="yellow" if row.code else "")
    yield table


READERS: dict[type, Callable[[Any], Iterator[RenderableType]]] = {
    results.CancelAsked: _cancel_asked,
    results.RolledBack: _rolled_back,
    results.ModelRemoved: _removed,
    results.VersionConfirmed: _confirmed,
    results.MediaFound: _media,
}
