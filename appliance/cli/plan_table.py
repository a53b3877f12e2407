"""How a plan and its what-if read on a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from appliance.cli.layout import add_row, table_of
from appliance.console.formats import NA, count, duration, latency, rate
from appliance.console.text import plain
from appliance.results import PlanReport, Production, WhatIfReport
from runtimes.selection.plan import CandidateResult, Measurement, Objective, Parity, Verdict
from runtimes.selection.whatif import WhatIf

VERDICT_STYLES = {
    Verdict.CHOSEN: "bold green",
    Verdict.SLOWER: "",
    Verdict.WRONG: "yellow",
    Verdict.FAILED: "red",
    Verdict.INFEASIBLE: "dim",
    Verdict.SKIPPED: "dim",
}


def plan(report: PlanReport) -> Iterator[RenderableType]:
    if report.what_if is not None:
        yield from _what_if(report, report.what_if)
        return
    stored = report.plan
    yield f"{report.name} {report.version}: plan for {stored.objective}, {_origin(report)}"
    yield from _outdated(report)
    yield from _candidates(stored.results)
    if report.objective_met is not None:
        met = "is met" if report.objective_met else "is NOT met"
        yield f"The model's latency objective {met}."
    if stored.objective is Objective.THROUGHPUT:
        yield Text("ranked by throughput", "dim")
    if report.production is not None:
        yield _in_production(report.production, report.chosen)
    yield (
        "It is serving now." if report.serving else "It serves as soon as the daemon runs: `appliance serve`."
    )


def _origin(report: PlanReport) -> str:
    if not report.reused:
        return f"measured here in {duration(report.plan.seconds)}"
    return "a stored plan that still holds" if report.stale is None else "a stored plan that no longer holds"


def _outdated(report: PlanReport) -> Iterator[RenderableType]:
    if report.stale is not None:
        yield Text(f"! {plain(report.stale)} Measure again: `appliance deploy {report.name}`.", "yellow")


def _in_production(seen: Production, chosen: CandidateResult | None) -> str:
    if not seen.requests:
        return "In production: no request was answered in the last minute."
    requests = "1 request" if seen.requests == 1 else f"{count(seen.requests)} requests"
    planned = latency(chosen.measurement.p50_seconds if chosen and chosen.measurement else None)
    return (
        f"In production: p50 {latency(seen.p50_seconds)}, p99 {latency(seen.p99_seconds)} over {requests} "
        f"in the last minute, with the gateway and waiting in line; planned p50 {planned}, without."
    )


def _what_if(report: PlanReport, what_if: WhatIfReport) -> Iterator[RenderableType]:
    answer = what_if.answer
    words = " and ".join(answer.without)
    yield f"{report.name} {report.version} without {words}, from what was measured for its plan; nothing was changed"
    yield from _outdated(report)
    yield Text(_consequence(report.chosen, answer), "bold" if answer.chosen else "bold red")
    if answer.excluded:
        yield f"Gone: {plain(', '.join(answer.excluded), 2000)}"
    yield ""
    yield from _candidates(answer.results)
    if what_if.objective_met is not None:
        yield f"The model's latency objective would {'' if what_if.objective_met else 'NOT '}be met."
    if answer.unanswered:
        labels = plain(", ".join(result.label for result in answer.unanswered), 2000)
        yield Text(
            f"Not answered: whether {labels} would do better was never measured. "
            f"A larger budget tells: `appliance deploy {report.name} --measure-again --budget SECONDS`.",
            "yellow",
        )


def _consequence(now: CandidateResult | None, answer: WhatIf) -> str:
    if answer.chosen is None and answer.unanswered:
        return "Nothing that was measured and right would remain; whether what was skipped would run is not known."
    if answer.chosen is None:
        return "Nothing that was measured and right would remain: it would not run."
    if now is not None and answer.chosen.label == now.label:
        return f"Nothing would change: it goes on running on {now.label}."
    price = "" if answer.slower is None else f", {answer.slower:.2g}x the time"
    return f"It would run on {answer.chosen.label}{price} of {now.label if now else 'today'}."


def _candidates(candidates: Sequence[CandidateResult]) -> Iterator[RenderableType]:
    """Figures first, then the reasons, in the same order."""
    text = any(r.measurement and r.measurement.first_token_seconds for r in candidates)
    speed = "tokens/s" if text else "a second"
    figures = ("p50", "p99", speed, "error", "memory")
    table = table_of("", "candidate", *figures, right=figures, wide=("candidate",))
    for result in candidates:
        add_row(table, *_figures(result), style=VERDICT_STYLES[result.verdict])
    yield table
    levels = max((r.measurement.throughput_at for r in candidates if r.measurement), key=len, default=())
    if len(levels) > 1:
        at_once = "/".join(str(at.concurrency) for at in levels)
        yield Text(f"a second: with {at_once} requests at once; a worker answers one after the other", "dim")
    yield ""
    for result in candidates:
        reason = Text(f"{result.label}: ", "bold" if result.verdict is Verdict.CHOSEN else "")
        yield reason.append(plain(result.reason), VERDICT_STYLES[result.verdict])


def _figures(result: CandidateResult) -> tuple[str, ...]:
    measured = result.measurement
    return (
        result.verdict,
        result.label,
        latency(measured.p50_seconds) if measured else "",
        latency(measured.p99_seconds) if measured else "",
        _throughput(measured) if measured else "",
        _error(result.parity),
        _mebibytes(measured.peak_memory) if measured else "",
    )


def _throughput(measured: Measurement) -> str:
    return "/".join(rate(at.per_second) for at in measured.throughput_at) or rate(measured.throughput)


def _mebibytes(value: int | None) -> str:
    return NA if value is None else f"{value / 2**20:,.0f} MiB"


def _error(parity: Parity | None) -> str:
    if parity is None:
        return ""
    if parity.worst_error is not None:
        return f"{parity.worst_error:.2g}"
    return "same text" if parity.within else "other text"
