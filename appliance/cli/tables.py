"""How each result reads on a terminal."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from appliance import results
from appliance.console.formats import NA, ago, count, duration, latency, number, rate, size
from appliance.console.text import plain
from appliance.status import DeploymentStatus, StatusReport
from runtimes.hardware.describe import remarks, rows
from runtimes.selection.plan import CandidateResult, Measurement, Objective, Parity, Verdict
from runtimes.selection.whatif import WhatIf
from runtimes.worker.sandbox import IN_FORCE

VERDICT_STYLES = {
    Verdict.CHOSEN: "bold green",
    Verdict.SLOWER: "",
    Verdict.WRONG: "yellow",
    Verdict.FAILED: "red",
    Verdict.INFEASIBLE: "dim",
    Verdict.SKIPPED: "dim",
}


def readable(result: Any) -> Iterator[RenderableType]:
    """Yield what a person reads for a result; nothing for one that was printed while it ran."""
    yield from READERS[type(result)](result)


def _facts(*pairs: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for label, value in pairs:
        table.add_row(Text(label, "dim"), Text(plain(value, 2000)))
    return table


def _table(*columns: str, right: tuple[str, ...] = (), wide: tuple[str, ...] = ()) -> Table:
    """Columns as wide as what is in them; those in `wide` give way on a narrow screen."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column not in wide)
    return table


def _row(table: Table, *cells: str, style: str = "") -> None:
    table.add_row(*(Text(plain(cell, 2000), style) for cell in cells))


def _depot_made(made: results.DepotMade) -> Iterator[RenderableType]:
    yield f"Made the depot {made.depot}"
    table = _table("role", "signatures needed", "keys", right=("signatures needed",), wide=("keys",))
    for role in made.roles:
        _row(
            table,
            role.role,
            f"{role.threshold} of {len(role.key_ids)}",
            ", ".join(k[:16] for k in role.key_ids),
        )
    yield table
    yield _facts(("give this root to boxes", made.root), ("keep these keys safe", made.keys))


def _model_added(added: results.ModelAdded) -> Iterator[RenderableType]:
    yield f"Packed {added.name} {added.version} ({added.format}, {size(added.size)})"
    yield _facts(
        ("manifest", f"sha256:{added.digest}"),
        ("golden samples", str(added.samples)),
    )


def _published(published: results.UpdatePublished) -> Iterator[RenderableType]:
    yield f"Wrote {published.medium}: {published.files} files, {size(published.size)}, read back and verified"
    yield _facts(
        ("artifacts", ", ".join(published.artifacts)),
        ("metadata version", str(published.metadata_version)),
        ("signed metadata expires", published.expires),
    )


def _box_made(made: results.BoxMade) -> Iterator[RenderableType]:
    yield f"Provisioned {made.box} in {made.state}"
    yield _facts(
        ("trust root version", str(made.root_version)),
        ("device key", made.device_key),
        ("administrator", made.administrator),
        ("password, shown once", made.password),
    )


def _preview(preview: results.UpdatePreview) -> Iterator[RenderableType]:
    yield f"An update on {preview.medium}"
    table = _table("artifact", "version", "size", "change", "summary", right=("size",), wide=("summary",))
    for artifact in preview.artifacts:
        change = artifact.change + (f", replaces {artifact.replaces}" if artifact.replaces else "")
        _row(
            table,
            f"{artifact.kind} {artifact.name}",
            artifact.version,
            size(artifact.size),
            change,
            artifact.summary,
        )
    yield table
    age = duration(preview.metadata_age) if preview.metadata_age is not None else NA
    trusted = "none yet" if preview.trusted_version is None else str(preview.trusted_version)
    for role in preview.signed:
        needed = f"{len(role.signers)} of {role.threshold} needed"
        yield Text.assemble(
            (f"{role.role:<9} signed by ", "dim"), plain(", ".join(role.signers)), f", {needed}"
        )
    yield _facts(
        ("metadata", f"version {preview.metadata_version}; the box trusts {trusted}"),
        ("metadata age", age),
        ("expires", preview.expires + (" (EXPIRED)" if preview.expired else "")),
        ("to copy", f"{size(preview.size)}; {size(preview.disk_free)} free"),
    )


def _imported(report: results.ImportReport) -> Iterator[RenderableType]:
    yield (
        f"Found {report.found}, applied {len(report.applied)}, rejected {len(report.rejected)}, "
        f"already here {len(report.present)}; copied {size(report.copied)} in {duration(report.seconds)}"
    )
    table = _table("artifact", "version", "result", "evidence or reason", wide=("evidence or reason",))
    for applied in report.applied:
        _row(
            table,
            applied.name,
            applied.version,
            "applied, serving" if applied.serving else "applied",
            applied.evidence,
            style="green",
        )
    for rejected in report.rejected:
        _row(
            table,
            rejected.name,
            rejected.version,
            "rejected",
            f"{rejected.reason} [{rejected.code}]",
            style="yellow",
        )
    for present in report.present:
        name, _, version = present.rpartition(" ")
        _row(table, name, version, "present", "the box had it already", style="dim")
    yield table
    yield f"The box now trusts metadata version {report.metadata_version}. The medium may be pulled."


def _doctor(report: results.DoctorReport) -> Iterator[RenderableType]:
    table = _table("part", "what", "value", "read from", wide=("value", "read from"))
    component = ""
    for row in rows(report.hardware):
        _row(table, row.component if row.component != component else "", row.quantity, row.value, row.source)
        component = row.component
    yield table
    yield ""
    packs = _table("runtime pack", "version", "what it needs", wide=("what it needs",))
    for pack in report.packs:
        _row(
            packs, pack.name, pack.version or "not installed", pack.needs, style="" if pack.version else "dim"
        )
    yield packs
    for remark in remarks(report.hardware):
        yield Text(f"! {remark.component}: {plain(remark.finding.text)} [{remark.finding.code}]", "yellow")
        if remark.finding.remedy:
            yield Text(f"  {plain(remark.finding.remedy)}")
    if report.captured:
        yield f"Captured to {report.captured}"
    yield Text(f"examined in {latency(report.seconds)}", "dim")


def _models(listing: results.ModelList) -> Iterator[RenderableType]:
    if not listing.models:
        yield "No model is imported yet: `appliance update import MEDIUM`"
        return
    table = _table(
        "model",
        "version",
        "format",
        "size",
        "deployed",
        "licence",
        "summary",
        right=("size",),
        wide=("summary",),
    )
    for row in listing.models:
        deployed = "yes" if row.deployed else ""
        _row(
            table, row.name, row.version, row.format, size(row.size), deployed, row.licence or NA, row.summary
        )
    yield table


def _plan(report: results.PlanReport) -> Iterator[RenderableType]:
    if report.what_if is not None:
        yield from _what_if(report, report.what_if)
        return
    plan = report.plan
    yield f"{report.name} {report.version}: plan for {plan.objective}, {_origin(report)}"
    if report.stale is not None:
        yield Text(f"! {plain(report.stale)} Measure again: `appliance deploy {report.name}`.", "yellow")
    yield from _candidates(plan.results)
    if report.objective_met is not None:
        met = "is met" if report.objective_met else "is NOT met"
        yield f"The model's latency objective {met}."
    if plan.objective is Objective.THROUGHPUT:
        yield Text("ranked by throughput", "dim")
    if report.production is not None:
        yield _in_production(report.production, report.chosen)
    yield (
        "It is serving now." if report.serving else "It serves as soon as the daemon runs: `appliance serve`."
    )


def _origin(report: results.PlanReport) -> str:
    if not report.reused:
        return f"measured here in {duration(report.plan.seconds)}"
    return "a stored plan that still holds" if report.stale is None else "a stored plan that no longer holds"


def _in_production(seen: results.Production, chosen: CandidateResult | None) -> str:
    if not seen.requests:
        return "In production: no request was answered in the last minute."
    requests = "1 request" if seen.requests == 1 else f"{count(seen.requests)} requests"
    planned = latency(chosen.measurement.p50_seconds if chosen and chosen.measurement else None)
    return (
        f"In production: p50 {latency(seen.p50_seconds)}, p99 {latency(seen.p99_seconds)} over {requests} "
        f"in the last minute, with the gateway and waiting in line; planned p50 {planned}, without."
    )


def _what_if(report: results.PlanReport, what_if: results.WhatIfReport) -> Iterator[RenderableType]:
    answer = what_if.answer
    words = " and ".join(answer.without)
    yield f"{report.name} {report.version} without {words}, from what was measured for its plan; nothing was changed"
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
    table = _table("", "candidate", *figures, right=figures, wide=("candidate",))
    for result in candidates:
        _row(table, *_figures(result), style=VERDICT_STYLES[result.verdict])
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


def _undeployed(undeployed: results.Undeployed) -> Iterator[RenderableType]:
    yield f"Stopped serving {undeployed.name} {undeployed.version}; the model stays imported."


def _inferred(inferred: results.Inferred) -> Iterator[RenderableType]:
    for output in inferred.outputs:
        shape = "x".join(map(str, output.shape))
        shown = f"saved to {output.saved}" if output.saved else plain(str(output.data), 1000)
        yield f"{output.name} {output.datatype} [{shape}]: {shown}"
    yield Text(f"{inferred.name} {inferred.version} answered in {latency(inferred.seconds)}", "dim")


def _chatted(chatted: results.Chatted) -> Iterator[RenderableType]:
    speed = chatted.completion_tokens / chatted.seconds if chatted.seconds else None
    yield Text(
        f"{chatted.prompt_tokens} + {chatted.completion_tokens} tokens in {latency(chatted.seconds)}, "
        f"{number(speed, 0)} tokens/s, ended by {chatted.finish_reason}",
        "dim",
    )


def _status(report: StatusReport) -> Iterator[RenderableType]:
    running = "the daemon runs" if report.daemon_running else "no daemon runs"
    yield Text(f"{plain(report.box)}: {report.health.upper()}, {running}, release {report.version}", "bold")
    for problem in report.problems:
        yield Text(f"! {plain(problem.text)} [{problem.code}] {plain(problem.remedy)}", "yellow")
    figures = ("req/s", "p50", "planned", "p99", "errors")
    table = _table("deployment", "state", "runs on", *figures, right=figures, wide=("deployment",))
    for row in report.deployments:
        _row(
            table,
            f"{row.name} {row.version}",
            row.state,
            row.engine,
            rate(row.traffic.requests_per_second),
            latency(row.traffic.p50_seconds),
            latency(row.planned_p50_seconds),
            latency(row.traffic.p99_seconds),
            count(row.traffic.errors),
        )
    yield table if report.deployments else "nothing is deployed: `appliance deploy NAME`"
    update = report.last_update
    last = "none yet" if update is None else f"{update.time}: {', '.join(update.artifacts)}"
    age = NA if update is None else ago(update.metadata_age_seconds)
    checkpoint = "none yet"
    if report.audit.checkpoint_size is not None:
        checkpoint = f"of {report.audit.checkpoint_size} entries, {report.audit.checkpoint_time}"
    yield _facts(
        ("last update", last),
        ("metadata signed", age),
        ("audit log", f"{count(report.audit.size)} entries; checkpoint {checkpoint}"),
        ("disk", f"{size(report.disk_free)} free of {size(report.disk_total)}"),
        ("answers on", ", ".join(report.endpoints) or "nothing"),
        *(("walls around workers", line) for line in _walls(report.deployments)),
    )


def _walls(deployments: Sequence[DeploymentStatus]) -> list[str]:
    """A line for each distinct set; names only where workers differ."""
    sets: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for deployment in deployments:
        if deployment.confinement:
            sets.setdefault(tuple(deployment.confinement.items()), []).append(deployment.name)
    lines = []
    for walls, names in sets.items():
        standing = ", ".join(wall for wall, state in walls if state == IN_FORCE) or "none"
        lacking = (f"{wall}: {state}" for wall, state in walls if state != IN_FORCE)
        whose = f"{', '.join(names)}: " if len(sets) > 1 else ""
        lines.append("; ".join([f"{whose}{standing}", *lacking]))
    return lines


def _audit_list(listing: results.AuditList) -> Iterator[RenderableType]:
    table = _table(
        "#", "time", "who", "what", "subject", "outcome", right=("#",), wide=("subject", "outcome")
    )
    for entry in listing.entries:
        outcome = entry.outcome + (f" [{entry.code}]" if entry.code else "")
        style = "" if entry.outcome == "ok" else "yellow"
        _row(
            table,
            str(entry.index),
            entry.time[:19].replace("T", " "),
            entry.actor,
            entry.action,
            entry.subject,
            outcome,
            style=style,
        )
    yield table
    yield Text(f"{count(listing.size)} entries in all", "dim")


def _verified(verified: results.AuditVerified) -> Iterator[RenderableType]:
    covered = "no checkpoint yet"
    if verified.checkpoint_size is not None:
        covered = f"{count(verified.checkpoints)} checkpoints, the newest over {count(verified.checkpoint_size)} entries"
    yield f"The audit log proves itself: {count(verified.entries)} entries, {covered}, in {latency(verified.seconds)}"
    yield _facts(("root hash", verified.root))


def _exported(exported: results.AuditExported) -> Iterator[RenderableType]:
    yield f"Wrote {count(exported.entries)} entries to {exported.file} ({size(exported.size)})"
    yield _facts(("sha256", exported.digest))


def _silent(_: Any) -> Iterator[RenderableType]:
    yield from ()


READERS: dict[type, Callable[[Any], Iterator[RenderableType]]] = {
    results.DepotMade: _depot_made,
    results.ModelAdded: _model_added,
    results.UpdatePublished: _published,
    results.BoxMade: _box_made,
    results.UpdatePreview: _preview,
    results.ImportReport: _imported,
    results.DoctorReport: _doctor,
    results.ModelList: _models,
    results.PlanReport: _plan,
    results.Undeployed: _undeployed,
    results.Inferred: _inferred,
    results.Chatted: _chatted,
    StatusReport: _status,
    results.AuditList: _audit_list,
    results.AuditVerified: _verified,
    results.AuditExported: _exported,
    results.Served: _silent,
    results.ConsoleClosed: _silent,
}
