"""How a plan and its what-if read on a terminal."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from appliance.cli.layout import add_row, table_of
from appliance.console.formats import NA, count, duration, latency, rate
from appliance.console.text import plain
from appliance.results import PlanReport, Production, WhatIfReport
from runtimes.selection.plan import CandidateResult, Limits, Measurement, Objective, Parity, Verdict
from runtimes.selection.whatif import WhatIf

Figure = Callable[[CandidateResult], str]

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
    if report.limits_kept is not None:
        yield f"The model's limits ({_limits(stored.limits)}) are {'' if report.limits_kept else 'NOT '}kept."
    if stored.objective is not Objective.LATENCY:
        yield Text(f"ranked by {stored.objective}", "dim")
    if report.production is not None:
        yield _in_production(report.production, report.chosen)
    yield (
        "It is serving now." if report.serving else "It serves as soon as the daemon runs: `appliance serve`."
    )


def _limits(limits: Limits) -> str:
    told = [latency(limits.latency_seconds)] if limits.latency_seconds is not None else []
    return ", ".join(told + ([_mebibytes(limits.memory)] if limits.memory is not None else []))


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
    if what_if.limits_kept is not None:
        limits = _limits(report.plan.limits)
        yield f"The model's limits ({limits}) would {'' if what_if.limits_kept else 'NOT '}be kept."
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
    measured = [r.measurement for r in candidates if r.measurement]
    columns = TEXT if any(m.first_token_seconds is not None for m in measured) else TENSORS
    columns = columns | ENERGY if any(m.joules is not None for m in measured) else columns
    table = table_of("", "candidate", *columns, right=tuple(columns), wide=("candidate",))
    for result in candidates:
        figures = (figure(result) for figure in columns.values())
        add_row(table, result.verdict, result.label, *figures, style=VERDICT_STYLES[result.verdict])
    yield table
    levels = max((m.throughput_at for m in measured), key=len, default=())
    if len(levels) > 1:
        at_once = "/".join(str(at.concurrency) for at in levels)
        yield Text(
            f"a second: with {at_once} requests at once; answered one after the other but for the streams",
            "dim",
        )
    yield ""
    for result in candidates:
        reason = Text(f"{result.label}: ", "bold" if result.verdict is Verdict.CHOSEN else "")
        yield reason.append(plain(result.reason), VERDICT_STYLES[result.verdict])


def _of_measurement(text: Callable[[Measurement], str]) -> Figure:
    return lambda result: text(result.measurement) if result.measurement else ""


def _mebibytes(value: int | None) -> str:
    return NA if value is None else f"{value / 2**20:,.0f} MiB"


def _millijoules(joules: float | None) -> str:
    return NA if joules is None else f"{joules * 1e3:.3g} mJ"


def _error(parity: Parity | None) -> str:
    if parity is None:
        return ""
    if parity.worst_error is not None:
        return f"{parity.worst_error:.2g}"
    return "same text" if parity.within else "other text"


TENSORS: dict[str, Figure] = {
    "p50": _of_measurement(lambda m: latency(m.p50_seconds)),
    "p99": _of_measurement(lambda m: latency(m.p99_seconds)),
    "a second": _of_measurement(lambda m: "/".join(rate(at.per_second) for at in m.throughput_at)),
    "error": lambda result: _error(result.parity),
    "memory": _of_measurement(lambda m: _mebibytes(m.peak_memory)),
}
TEXT: dict[str, Figure] = {
    "first": _of_measurement(lambda m: latency(m.first_token_seconds)),
    "prompt/s": _of_measurement(lambda m: rate(m.prompt_tokens_per_second)),
    "then/s": _of_measurement(lambda m: rate(m.generation_tokens_per_second)),
    "tokens/s": _of_measurement(lambda m: rate(m.throughput)),
    "error": lambda result: _error(result.parity),
    "memory": _of_measurement(lambda m: _mebibytes(m.peak_memory)),
}
ENERGY: dict[str, Figure] = {"energy": _of_measurement(lambda m: _millijoules(m.joules))}
"""Column -> what it shows of a candidate."""
