"""How each result reads on a terminal."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from appliance import results
from appliance.cli import depot_table, evidence_table, policy_table, release_table, update_table
from appliance.cli.hardware_table import hardware
from appliance.cli.layout import add_row, facts, table_of
from appliance.cli.plan_table import plan
from appliance.cli.walls import walls_around_workers
from appliance.console.admitting import people_needed
from appliance.console.formats import NA, ago, count, duration, latency, number, rate, size
from appliance.console.soaking import soak_words
from appliance.console.text import plain
from appliance.status import DiskUse, StatusReport


def readable(result: Any) -> Iterator[RenderableType]:
    """Yield what a person reads for a result; nothing for one that was printed while it ran."""
    yield from READERS[type(result)](result)


def _depot_made(made: results.DepotMade) -> Iterator[RenderableType]:
    yield f"Made the depot {made.depot}"
    table = table_of("role", "signatures needed", "keys", right=("signatures needed",), wide=("keys",))
    for role in made.roles:
        add_row(
            table,
            role.role,
            f"{role.threshold} of {len(role.key_ids)}",
            ", ".join(k[:16] for k in role.key_ids),
        )
    yield table
    yield facts(("give this root to boxes", made.root), ("keep these keys safe", made.keys))


def _model_added(added: results.ModelAdded) -> Iterator[RenderableType]:
    yield f"Packed {added.name} {added.version} ({added.format}, {size(added.size)})"
    yield facts(
        ("manifest", f"sha256:{added.digest}"),
        ("golden samples", str(added.samples)),
        (
            "provenance",
            "signed" if added.provenance_signed else "unsigned: no key of its role could be opened here",
        ),
        *([("not carried", ", ".join(added.left_out))] if added.left_out else []),
    )


def _published(published: results.UpdatePublished) -> Iterator[RenderableType]:
    yield f"Wrote {published.medium}: {published.files} files, {size(published.size)}, read back and verified"
    yield facts(
        ("medium", f"{published.number} of {published.media}" if published.media > 1 else ""),
        ("artifacts", ", ".join(published.artifacts)),
        ("metadata version", str(published.metadata_version)),
        ("signed metadata expires", published.expires),
    )


def _box_made(made: results.BoxMade) -> Iterator[RenderableType]:
    yield f"Provisioned {made.box} in {made.state}"
    yield facts(
        ("trust root version", str(made.root_version)),
        ("device key", made.device_key),
        ("administrator", made.administrator),
        ("password, shown once", made.password),
    )


def _preview(preview: results.UpdatePreview) -> Iterator[RenderableType]:
    yield f"An update on {preview.medium}"
    table = table_of("artifact", "version", "size", "change", "summary", right=("size",), wide=("summary",))
    for artifact in preview.artifacts:
        change = artifact.change + (f", replaces {artifact.replaces}" if artifact.replaces else "")
        change += ", refused" if artifact.refused else ""
        add_row(
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
    yield facts(
        ("metadata", f"version {preview.metadata_version}; the box trusts {trusted}"),
        ("metadata age", age),
        ("expires", preview.expires + (" (EXPIRED)" if preview.expired else "")),
        ("to copy", f"{size(preview.size)}; {size(preview.disk_free)} free"),
        *(("refused", f"{a.name} {a.version}: {a.refused}") for a in preview.artifacts if a.refused),
        *(("refused", preview.refused) for _ in range(bool(preview.refused))),
        *(("people needed", people_needed(preview)) for _ in range(preview.people > 1)),
    )


def _imported(report: results.ImportReport) -> Iterator[RenderableType]:
    yield (
        f"Found {report.found}, applied {len(report.applied)}, rejected {len(report.rejected)}, "
        f"already here {len(report.present)}; copied {size(report.copied)} in {duration(report.seconds)}"
    )
    table = table_of("artifact", "version", "result", "evidence or reason", wide=("evidence or reason",))
    for applied in report.applied:
        add_row(
            table,
            applied.name,
            applied.version,
            "applied, serving" if applied.serving else "applied",
            applied.evidence,
            style="green",
        )
    for rejected in report.rejected:
        add_row(
            table,
            rejected.name,
            rejected.version,
            "rejected",
            f"{rejected.reason} [{rejected.code}]",
            style="yellow",
        )
    for present in report.present:
        name, _, version = present.rpartition(" ")
        add_row(table, name, version, "present", "the box had it already", style="dim")
    yield table
    yield f"The box now trusts metadata version {report.metadata_version}. The medium may be pulled."


def _doctor(report: results.DoctorReport) -> Iterator[RenderableType]:
    yield from hardware(report.hardware)
    yield ""
    packs = table_of("runtime pack", "version", "could it run here", wide=("could it run here",))
    for pack in report.packs:
        could = "yes" if pack.version else f"{pack.here} {pack.needs}".strip()
        add_row(packs, pack.name, pack.version or "not installed", could, style="" if pack.version else "dim")
    yield packs
    if report.captured:
        yield f"Captured to {report.captured}"
    yield Text(f"examined in {latency(report.seconds)}", "dim")


def _models(listing: results.ModelList) -> Iterator[RenderableType]:
    if not listing.models:
        yield "No model is imported yet: `appliance update import MEDIUM`"
        return
    table = table_of(
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
        deployed = "yes" if row.deployed else "kept" if row.kept_for else ""
        add_row(
            table, row.name, row.version, row.format, size(row.size), deployed, row.licence or NA, row.summary
        )
    yield table
    for row in listing.models:
        if row.kept_for and not row.deployed:
            yield Text(plain(f"{row.name} {row.version} is kept: {row.kept_for}"), "dim")
    if listing.retired:
        gone = ", ".join(f"{row.name} {row.version}" for row in listing.retired)
        yield Text(plain(f"removed, with their evidence kept: {gone}", 2000), "dim")


def _undeployed(undeployed: results.Undeployed) -> Iterator[RenderableType]:
    yield f"Stopped serving {undeployed.name} {undeployed.version}; the model stays imported."


def _cache(listing: results.CacheList) -> Iterator[RenderableType]:
    if not listing.compiled:
        yield "Nothing is compiled yet; engines do it when they load a model."
        return
    table = table_of(
        "model", "engine", "version", "device", "driver", "size", right=("size",), wide=("model",)
    )
    for row in listing.compiled:
        model = row.model or f"not imported ({row.digest[:12]})"
        add_row(table, model, row.pack, row.version, row.device, row.driver, size(row.size))
    yield table
    yield Text(
        f"{size(sum(row.size for row in listing.compiled))}; `appliance cache clear` is safe at any time",
        "dim",
    )


def _cache_cleared(cleared: results.CacheCleared) -> Iterator[RenderableType]:
    yield f"Removed {count(cleared.removed)} compiled models ({size(cleared.freed)}); the next load compiles again."


def _settings(listing: results.SettingList) -> Iterator[RenderableType]:
    table = table_of("setting", "value", "choices", "meaning", wide=("meaning",))
    for row in listing.settings:
        choices = ", ".join(
            f"{choice} (default)" if choice == row.default else choice for choice in row.choices
        )
        choices = choices or f"a number; default {row.default}"
        add_row(table, row.name, row.value, choices, row.help)
    yield table


def _setting_changed(changed: results.SettingChanged) -> Iterator[RenderableType]:
    yield f"{changed.name} is {changed.value}; it was {changed.before}."


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
    table = table_of("deployment", "state", *figures, right=figures, wide=("deployment",))
    for row in report.deployments:
        add_row(
            table,
            f"{row.name} {row.version}",
            row.state,
            rate(row.traffic.requests_per_second),
            latency(row.traffic.p50_seconds),
            latency(row.planned_p50_seconds),
            latency(row.traffic.p99_seconds),
            count(row.traffic.errors),
        )
        add_row(table, f"  {row.engine}", style="dim")
    yield table if report.deployments else "nothing is deployed: `appliance deploy NAME`"
    for row in report.deployments:
        if row.last_words:
            yield f"last words of {row.name}:"
            yield Text("\n".join(f"  {plain(line)}" for line in row.last_words), "dim")
        if words := soak_words(row.soak):
            yield Text(f"{plain(row.name)} {plain(row.version)} {words}", "dim")
    update = report.last_update
    last = "none yet" if update is None else f"{update.time}: {', '.join(update.artifacts)}"
    age = NA if update is None else ago(update.metadata_age_seconds)
    checkpoint = "none yet"
    if report.audit.checkpoint_size is not None:
        checkpoint = f"of {report.audit.checkpoint_size} entries, {report.audit.checkpoint_time}"
    yield facts(
        ("last update", last),
        ("metadata signed", age),
        *(("update found", path) for path in report.media),
        *(("waits for approval", request) for request in report.waiting),
        ("audit log", f"{count(report.audit.size)} entries; checkpoint {checkpoint}"),
        ("disk", f"{size(report.disk_free)} free of {size(report.disk_total)}"),
        *(("kept there", kept) for kept in _disk_use(report.disk_use)),
        ("answers on", ", ".join(report.endpoints) or "nothing"),
        *(("walls around workers", line) for line in walls_around_workers(report.deployments)),
    )


def _disk_use(use: DiskUse | None) -> Iterator[str]:
    if use is not None:
        yield (
            f"models {size(use.blobs)}, databases {size(use.databases)}, "
            f"compiled models {size(use.compiled)}, runtime packs {size(use.packs)}"
        )


def _audit_list(listing: results.AuditList) -> Iterator[RenderableType]:
    table = table_of(
        "#", "time", "who", "what", "subject", "outcome", right=("#",), wide=("subject", "outcome")
    )
    for entry in listing.entries:
        outcome = entry.outcome + (f" [{entry.code}]" if entry.code else "")
        style = "" if entry.outcome == "ok" else "yellow"
        add_row(
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
    yield facts(("root hash", verified.root))


def _exported(exported: results.AuditExported) -> Iterator[RenderableType]:
    yield f"Wrote {count(exported.entries)} entries to {exported.file} ({size(exported.size)})"
    yield facts(("sha256", exported.digest))


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
    results.PlanReport: plan,
    results.Undeployed: _undeployed,
    results.CacheList: _cache,
    results.CacheCleared: _cache_cleared,
    results.SettingList: _settings,
    results.SettingChanged: _setting_changed,
    results.Inferred: _inferred,
    results.Chatted: _chatted,
    StatusReport: _status,
    results.AuditList: _audit_list,
    results.AuditVerified: _verified,
    results.AuditExported: _exported,
    results.Served: _silent,
    results.ConsoleClosed: _silent,
    **depot_table.READERS,
    **policy_table.READERS,
    **update_table.READERS,
    **release_table.READERS,
    **evidence_table.READERS,
}
