"""What a command brought, as a person reads it on a console."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from appliance.console import formats
from appliance.console.severity import Chip, Severity
from appliance.console.text import plain
from appliance.console.wizards.form import Fact, Outcome, Table
from appliance.console.wizards.policy_outcomes import POLICY_OUTCOMES
from appliance.results import (
    AuditList,
    AuditVerified,
    CacheList,
    ModelList,
    PlanReport,
    SettingList,
    Undeployed,
)
from runtimes.selection.plan import CandidateResult


def outcome(command: str, result: Any) -> Outcome:
    """Tell the result (JSON values) of a command of the table; one without its own telling, as facts."""
    known = _OUTCOMES.get(command)
    return known(result) if known else _facts(result)


def _plan(result: Any) -> Outcome:
    report = msgspec.convert(result, PlanReport)
    plan = report.plan
    how = (
        f"stored plan that no longer holds: {plain(report.stale)} Deploy again to measure"
        if report.stale is not None
        else "stored plan, still valid"
        if report.reused
        else f"measured in {formats.duration(plan.seconds)}"
    )
    chosen = plan.chosen
    heading = (
        Chip(Severity.CRITICAL, "No candidate is able and right")
        if chosen is None
        else Chip(Severity.WARNING, "Outside its limits")
        if report.limits_kept is False
        else Chip(Severity.WARNING, "Measured before something changed")
        if report.stale is not None
        else Chip(Severity.OK, "Serving" if report.serving else "Planned")
    )
    name = f"{plain(report.name, 60)} {plain(report.version, 30)}: {how}."
    table = Table(
        ("Verdict", "Candidate", "p50", "p99", "Memory", "Why"),
        tuple(_candidate(r) for r in plan.results),
        right=("p50", "p99", "Memory"),
    )
    return Outcome(heading, (name,), table=table)


def _candidate(result: CandidateResult) -> tuple[str, ...]:
    measured = result.measurement
    times = ("", "", "")
    if measured is not None:
        times = (
            formats.latency(measured.p50_seconds),
            formats.latency(measured.p99_seconds),
            formats.size(measured.peak_memory),
        )
    return (plain(result.verdict), plain(result.label, 60), *times, plain(result.reason, 200))


def _verified(result: Any) -> Outcome:
    verified = msgspec.convert(result, AuditVerified)
    covered = "none yet"
    if verified.checkpoint_size is not None:
        covered = f"{formats.count(verified.checkpoints)}, the newest over {formats.count(verified.checkpoint_size)} entries"
    return Outcome(
        Chip(Severity.OK, "The audit log proves itself"),
        facts=(
            Fact("Entries", formats.count(verified.entries)),
            Fact("Checkpoints", covered),
            Fact("Root hash", plain(verified.root, 64)),
            Fact("Took", formats.latency(verified.seconds)),
        ),
    )


def _entries(result: Any) -> Outcome:
    listing = msgspec.convert(result, AuditList)
    rows = tuple(
        (
            formats.count(e.index),
            plain(e.time, 20),
            plain(e.actor, 40),
            plain(e.action, 40),
            plain(e.subject, 120),
            plain(f"{e.outcome} [{e.code}]" if e.code else e.outcome, 80),
        )
        for e in listing.entries
    )
    table = Table(("#", "Time", "Who", "What", "Subject", "Outcome"), rows, right=("#",))
    return Outcome(Chip(Severity.OK, f"{formats.count(listing.size)} entries in all"), table=table)


def _models(result: Any) -> Outcome:
    listing = msgspec.convert(result, ModelList)
    rows = tuple(
        (
            plain(m.name, 60),
            plain(m.version, 30),
            plain(m.format, 20),
            formats.size(m.size),
            "deployed" if m.deployed else "",
            plain(m.licence, 40) or formats.NA,
        )
        for m in listing.models
    )
    told = "1 model" if len(rows) == 1 else f"{len(rows)} models"
    table = Table(("Name", "Version", "Format", "Size", "Use", "Licence"), rows, right=("Size",))
    return Outcome(Chip(Severity.OK, told if rows else "No model yet"), table=table if rows else None)


def _compiled(result: Any) -> Outcome:
    listing = msgspec.convert(result, CacheList)
    rows = tuple(
        (
            plain(row.model or row.digest[:12], 80),
            plain(f"{row.pack} {row.version}", 60),
            plain(row.device, 30),
            plain(row.driver, 60),
            formats.size(row.size),
        )
        for row in listing.compiled
    )
    table = Table(("Model", "Engine", "Device", "Driver", "Size"), rows, right=("Size",))
    told = f"{formats.size(sum(row.size for row in listing.compiled))} compiled"
    return Outcome(Chip(Severity.OK, told if rows else "Nothing compiled yet"), table=table if rows else None)


def _settings(result: Any) -> Outcome:
    listing = msgspec.convert(result, SettingList)
    rows = tuple(
        (
            plain(row.name, 40),
            plain(row.value, 40),
            plain(", ".join(row.choices), 80) or "a number",
            plain(row.help, 300),
        )
        for row in listing.settings
    )
    return Outcome(
        Chip(Severity.OK, "Settings"), table=Table(("Setting", "Value", "Choices", "Meaning"), rows)
    )


def _undeployed(result: Any) -> Outcome:
    stopped = msgspec.convert(result, Undeployed)
    name = f"{plain(stopped.name, 60)} {plain(stopped.version, 30)}"
    return Outcome(
        Chip(Severity.OK, "Stopped serving"), (f"{name} answers no more; the model stays imported.",)
    )


def _facts(result: Any) -> Outcome:
    done = Chip(Severity.OK, "Done")
    if not isinstance(result, Mapping):
        return Outcome(done)
    facts = [
        Fact(plain(str(key).replace("_", " "), 40).capitalize(), plain(str(value)))
        for key, value in result.items()
        if isinstance(value, str | int | float) and value != ""
    ]
    return Outcome(done, facts=tuple(facts))


_OUTCOMES: dict[str, Callable[[Any], Outcome]] = {
    "deploy": _plan,
    "plan": _plan,
    "undeploy": _undeployed,
    "models": _models,
    "cache.list": _compiled,
    "settings.list": _settings,
    "audit.list": _entries,
    "audit.verify": _verified,
    **POLICY_OUTCOMES,
}
