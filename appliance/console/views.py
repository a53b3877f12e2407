"""The home screen as values: every string formatted and made harmless, every judgement taken.

Both consoles show a `HomeView`; a widget decides where a string stands and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime

from appliance.console import formats
from appliance.console.hardware_view import HardwareView, hardware_view
from appliance.console.link import LIVE, Link
from appliance.console.severity import Chip, Severity
from appliance.console.soaking import SOAKING, soak_words
from appliance.console.text import plain
from appliance.status import (
    AuditLine,
    AuditStatus,
    DeploymentState,
    DeploymentStatus,
    Health,
    Problem,
    StatusReport,
    UpdateStatus,
)

METADATA_NOTICE_DAYS = 180
"""Signed metadata older than this is worth a word; it is no fault on a site that seldom gets a stick."""


@dataclass(frozen=True, slots=True)
class ProblemView:
    severity: Severity
    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class DeploymentView:
    name: str
    version: str
    kind: str
    state: Chip
    detail: str
    engine: str
    rate: str
    """Requests a second."""
    p50: str
    p99: str
    planned_p50: str
    errors: str
    error_severity: Severity
    memory: str
    worker: str
    restarts: str
    history: tuple[float, ...]
    """Requests a second, one value a second, oldest first; for a sparkline."""


@dataclass(frozen=True, slots=True)
class UpdateView:
    """The last import; `imported` is False on a box that never saw one."""

    imported: bool
    time: str
    age: str
    medium: str
    artifacts: tuple[str, ...]
    metadata_version: str
    metadata_age: str
    metadata_severity: Severity


@dataclass(frozen=True, slots=True)
class AuditLineView:
    index: str
    time: str
    actor: str
    action: str
    subject: str
    outcome: Chip


@dataclass(frozen=True, slots=True)
class AuditView:
    size: str
    """`1,284 entries`."""
    root: str
    """First 16 hexadecimal digits of the tree's root hash."""
    checkpoint: str
    recent: tuple[AuditLineView, ...]


@dataclass(frozen=True, slots=True)
class HomeView:
    box: str
    version: str
    clock: str
    link: Chip
    link_detail: str
    headline: Chip
    summary: str
    problems: tuple[ProblemView, ...]
    deployments: tuple[DeploymentView, ...]
    """Those that need somebody first, then by name."""
    deployments_hint: str
    """What to say where there is none."""
    hardware: HardwareView
    update: UpdateView
    audit: AuditView
    endpoints: tuple[str, ...]


def home_view(report: StatusReport | None, now: datetime, link: Link = LIVE) -> HomeView:
    """Say how the box is.

    Args:
        report: the newest report, or None where there never was one.
        now: the console's time, with a zone.
        link: how the line to the daemon is; while it is away, nothing in the report counts as known.
    """
    if report is None:
        return _nothing_known(now, link)
    deployments = tuple(
        sorted(
            (_deployment(d, known=link.live) for d in report.deployments),
            key=lambda d: (-d.state.severity, d.name),
        )
    )
    hardware = hardware_view(report.hardware, report.disk_free, report.disk_total)
    headline = _headline(report, deployments, hardware, link)
    problems = (*_line_problem(link), *(_problem(p, report.health) for p in report.problems))
    return HomeView(
        box=plain(report.box, 60) or formats.NA,
        version=plain(report.version, 30) or formats.NA,
        clock=formats.clock(now),
        link=link.chip,
        link_detail=link.detail,
        headline=headline,
        summary=_summary(report, deployments, link, well=headline.severity is Severity.OK),
        problems=problems,
        deployments=deployments,
        deployments_hint="No model is deployed yet. Import an update, then deploy a model.",
        hardware=hardware,
        update=_update(report.last_update, report.time, now),
        audit=_audit(report.audit, now),
        endpoints=tuple(plain(e, 120) for e in report.endpoints),
    )


def _headline(
    report: StatusReport, deployments: tuple[DeploymentView, ...], hardware: HardwareView, link: Link
) -> Chip:
    if not link.live:
        return Chip(Severity.UNKNOWN, "NO ANSWER")
    if not report.daemon_running:
        return Chip(Severity.WARNING, "STOPPED")
    if report.health is Health.FAILED:
        return Chip(Severity.CRITICAL, "FAILED")
    worst = max((d.state.severity for d in deployments), default=Severity.OK)
    worst = max(worst, hardware.severity)
    if report.health is Health.DEGRADED or worst >= Severity.WARNING:
        return Chip(Severity.WARNING, "DEGRADED")
    return Chip(Severity.OK, "WELL")


def _summary(report: StatusReport, deployments: tuple[DeploymentView, ...], link: Link, *, well: bool) -> str:
    if not link.live:
        return link.detail
    if not report.daemon_running:
        return "No daemon is running, so no model answers. Start it: appliance serve"
    answering = (DeploymentState.SERVING, DeploymentState.DEGRADED)
    serving = sum(d.state in answering for d in report.deployments)
    total = len(deployments)
    served = (
        f"{serving} of {total} deployments serving"
        if total > 1
        else ("1 deployment, serving" if serving else "1 deployment, not serving")
        if total
        else "nothing deployed yet"
    )
    problems = len(report.problems)
    if problems:
        return f"{served} · {'1 problem' if problems == 1 else f'{problems} problems'}"
    return f"{served} · no problems" if well else served


_STATES = {
    DeploymentState.STARTING: Chip(Severity.NOTICE, "starting"),
    DeploymentState.SERVING: Chip(Severity.OK, "serving"),
    DeploymentState.DEGRADED: Chip(Severity.WARNING, "degraded"),
    DeploymentState.RESTARTING: Chip(Severity.WARNING, "restarting"),
    DeploymentState.FAILED: Chip(Severity.CRITICAL, "failed"),
    DeploymentState.STOPPED: Chip(Severity.NOTICE, "stopped"),
}


def _deployment(status: DeploymentStatus, *, known: bool) -> DeploymentView:
    traffic = status.traffic
    return DeploymentView(
        name=plain(status.name, 120) or formats.NA,
        version=plain(status.version, 60) or formats.NA,
        kind=plain(status.kind, 20),
        state=_state(status) if known else Chip(Severity.UNKNOWN, "unknown"),
        detail=plain(status.detail) or soak_words(status.soak),
        engine=plain(status.engine, 80) or formats.NA,
        rate=formats.rate(traffic.requests_per_second) if known else formats.NA,
        p50=formats.latency(traffic.p50_seconds) if known else formats.NA,
        p99=formats.latency(traffic.p99_seconds) if known else formats.NA,
        planned_p50=formats.latency(status.planned_p50_seconds),
        errors=formats.count(traffic.errors) if known else formats.NA,
        error_severity=Severity.WARNING if traffic.errors and known else Severity.OK,
        memory=formats.size(status.memory),
        worker=formats.NA if status.worker_pid is None else str(status.worker_pid),
        restarts=formats.count(status.restarts),
        history=traffic.history if known else (),
    )


def _state(status: DeploymentStatus) -> Chip:
    soaks = status.soak is not None and status.soak.phase == SOAKING
    if status.state is DeploymentState.SERVING and soaks:
        return Chip(Severity.NOTICE, SOAKING)
    return _STATES[status.state]


def _line_problem(link: Link) -> tuple[ProblemView, ...]:
    if link.why is None:
        return ()
    why = link.why
    told = "What is shown below was heard before." if link.last_seen is not None else ""
    remedy = " ".join(part for part in (plain(why.remedy), told) if part)
    return (ProblemView(Severity.UNKNOWN, plain(why.code, 60), plain(why.what), remedy),)


def _problem(problem: Problem, health: Health) -> ProblemView:
    severity = Severity.CRITICAL if health is Health.FAILED else Severity.WARNING
    return ProblemView(severity, plain(problem.code, 60), plain(problem.text), plain(problem.remedy))


def _update(update: UpdateStatus | None, report_time: str, now: datetime) -> UpdateView:
    if update is None:
        return UpdateView(
            imported=False,
            time=formats.NA,
            age=formats.NA,
            medium=formats.NA,
            artifacts=(),
            metadata_version=formats.NA,
            metadata_age=formats.NA,
            metadata_severity=Severity.OK,
        )
    age = update.metadata_age_seconds
    if age is not None:
        age += formats.seconds_since(report_time, now) or 0.0
    old = age is not None and age > METADATA_NOTICE_DAYS * 86400
    return UpdateView(
        imported=True,
        time=formats.moment(update.time, now),
        age=formats.ago(formats.seconds_since(update.time, now)),
        medium=plain(update.medium, 120) or formats.NA,
        artifacts=tuple(plain(a, 120) for a in update.artifacts),
        metadata_version=f"version {update.metadata_version}",
        metadata_age=formats.duration(age),
        metadata_severity=Severity.NOTICE if old else Severity.OK,
    )


_OUTCOMES = {"ok": Severity.OK, "refused": Severity.WARNING, "failed": Severity.CRITICAL}


def _audit(audit: AuditStatus, now: datetime) -> AuditView:
    checkpoint = "none yet"
    if audit.checkpoint_size is not None:
        made = formats.ago(formats.seconds_since(audit.checkpoint_time, now))
        checkpoint = f"at {formats.count(audit.checkpoint_size)}, {made}"
    return AuditView(
        size="1 entry" if audit.size == 1 else f"{formats.count(audit.size)} entries",
        root=plain(audit.root, 64)[:16] or formats.NA,
        checkpoint=checkpoint,
        recent=tuple(_audit_line(line, now) for line in audit.recent),
    )


def _audit_line(line: AuditLine, now: datetime) -> AuditLineView:
    return AuditLineView(
        index=formats.count(line.index),
        time=formats.day_or_time(line.time, now),
        actor=plain(line.actor, 60),
        action=plain(line.action, 60),
        subject=plain(line.subject, 120),
        outcome=Chip(_OUTCOMES.get(line.outcome, Severity.UNKNOWN), plain(line.outcome, 20) or "unknown"),
    )


def _nothing_known(now: datetime, link: Link) -> HomeView:
    return HomeView(
        box="appliance",
        version="",
        clock=formats.clock(now),
        link=link.chip,
        link_detail=link.detail,
        headline=Chip(Severity.UNKNOWN, "CONNECTING" if link.live else "NO ANSWER"),
        summary=link.detail or "Asking the box how it is.",
        problems=_line_problem(link),
        deployments=(),
        deployments_hint="Nothing is known yet.",
        hardware=hardware_view(None, None, None),
        update=_update(None, "", now),
        audit=AuditView(formats.NA, formats.NA, formats.NA, ()),
        endpoints=(),
    )
