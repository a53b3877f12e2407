"""Is it well? `appliance doctor` examines the machine, `appliance status` the box."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from appliance.approvals.rules import State
from appliance.approvals.store import all_requests
from appliance.audit.checkpoint import latest
from appliance.audit.log import LoggedEntry
from appliance.box import Box, iso, timestamp
from appliance.control.messages import Progress
from appliance.disk import disk_use
from appliance.errors import ApplianceError
from appliance.operations.context import BoxContext, LocalContext
from appliance.plan_checks import plan_problems, stale_plans
from appliance.registry import Deployment
from appliance.release import VERSION
from appliance.results import DoctorReport, PackStatus
from appliance.soak.telling import soak_problems, with_soaks
from appliance.status import (
    AuditLine,
    AuditStatus,
    DeploymentState,
    DeploymentStatus,
    Health,
    Problem,
    StatusReport,
    Traffic,
    UpdateStatus,
)
from runtimes.hardware.capture import capture as capture_machine
from runtimes.hardware.detect import detect
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import absent_packs, broken_packs, installed_packs
from runtimes.packs.serving import served_by

SECONDS_SHOWN = 60
NEWEST_ENTRIES = 10
SCARCE_DISK = 0.05
"""Share of the disk below which free space is a problem."""


def doctor(context: LocalContext, *, sysroot: str | None, capture: str | None) -> DoctorReport:
    """What this machine, or a captured one, has; and which runtime packs could use it."""
    start = time.monotonic()
    context.progress(Progress("examine", "this machine" if sysroot is None else sysroot))
    hardware = detect() if sysroot is None else detect(Path(sysroot))
    if capture is not None:
        capture_machine(Path(capture))
    return DoctorReport(hardware, _packs(context.state.packs, hardware), time.monotonic() - start, capture)


def _packs(folders: Sequence[Path], hardware: HardwareProfile) -> tuple[PackStatus, ...]:
    installed = (PackStatus(pack.name, pack.engine, pack.version, "") for pack in installed_packs(folders))
    broken = (
        PackStatus(pack.name, "", None, f"Cannot be used: {pack.reason}") for pack in broken_packs(folders)
    )
    missing = (
        PackStatus(pack.name, pack.engine, None, pack.needs, served_by(pack, hardware))
        for pack in absent_packs(folders)
    )
    return (*installed, *broken, *missing)


async def status(context: BoxContext) -> StatusReport:
    box, services = context.box, context.services
    running = services.statuses() if services else _stopped(box.registry.deployments())
    deployments = with_soaks(box, running)
    hardware = await services.hardware() if services else await asyncio.to_thread(detect)
    disk = shutil.disk_usage(box.state.root)
    audit, audit_problems = _audit(box)
    problems = (
        *_daemon_problems(running=services is not None),
        *_deployment_problems(deployments),
        *soak_problems(deployments),
        *plan_problems(deployments, await stale_plans(box, hardware)),
        *_disk_problems(disk.free, disk.total),
        *audit_problems,
        *(services.problems() if services else ()),
    )
    return StatusReport(
        box=box.name,
        version=VERSION,
        time=timestamp(),
        daemon_running=services is not None,
        health=_health(problems, deployments),
        problems=problems,
        hardware=hardware,
        deployments=deployments,
        last_update=_last_update(box),
        audit=audit,
        disk_free=disk.free,
        disk_total=disk.total,
        endpoints=tuple(services.endpoints) if services else (),
        disk_use=await asyncio.to_thread(disk_use, box.state),
        waiting=_waiting(box),
        media=tuple(services.media) if services else (),
    )


def _health(problems: Sequence[Problem], deployments: Sequence[DeploymentStatus]) -> Health:
    if any(deployment.state is DeploymentState.FAILED for deployment in deployments):
        return Health.FAILED
    return Health.DEGRADED if problems else Health.OK


def _waiting(box: Box) -> tuple[str, ...]:
    requests = all_requests(box.database, iso(box.now().at))
    return tuple(f"{request.id}: {request.subject}" for request in requests if request.state is State.OPEN)


def _daemon_problems(*, running: bool) -> tuple[Problem, ...]:
    if running:
        return ()
    return (
        Problem("daemon.away", "No daemon runs, so nothing is answered.", "Start it with `appliance serve`."),
    )


def _deployment_problems(deployments: Sequence[DeploymentStatus]) -> tuple[Problem, ...]:
    words = {
        DeploymentState.FAILED: ("deployment.failed", "does not serve"),
        DeploymentState.RESTARTING: ("deployment.restarting", "is being restarted"),
        DeploymentState.DEGRADED: ("deployment.degraded", "does not run as planned"),
    }
    return tuple(
        Problem(
            words[deployment.state][0],
            f"{deployment.name} {words[deployment.state][1]}: {_why(deployment)}",
            _what_to_do(deployment),
        )
        for deployment in deployments
        if deployment.state in words
    )


def _why(deployment: DeploymentStatus) -> str:
    cause = f" ({deployment.cause})" if deployment.cause else ""
    served = f" {deployment.engine} serves instead of {deployment.planned}." if deployment.planned else ""
    return f"{deployment.detail}{cause}{served}"


def _what_to_do(deployment: DeploymentStatus) -> str:
    again = f"`appliance deploy {deployment.name} --measure-again`"
    if deployment.state is DeploymentState.DEGRADED:
        return (
            f"{deployment.remedy} It returns to its plan by itself once that runs; or plan without it: {again}."
        ).strip()
    return (
        f"{deployment.remedy} Or deploy it again: {again}."
        if deployment.remedy
        else f"Deploy it again: {again}."
    )


def _disk_problems(free: int, total: int) -> tuple[Problem, ...]:
    if total and free / total < SCARCE_DISK:
        text = f"Only {free // 2**20} MiB of the state's disk are free."
        return (Problem("disk.scarce", text, "Free space before the next update."),)
    return ()


def _stopped(deployments: Sequence[Deployment]) -> tuple[DeploymentStatus, ...]:
    silence = Traffic(0.0, 0, None, None, (0.0,) * SECONDS_SHOWN)
    return tuple(
        DeploymentStatus(
            name=deployment.name,
            version=deployment.artifact.version,
            kind=deployment.artifact.kind_of_answer,
            state=DeploymentState.STOPPED,
            detail="",
            engine=deployment.plan.chosen.label if deployment.plan.chosen else "",
            worker_pid=None,
            memory=None,
            restarts=0,
            planned_p50_seconds=deployment.planned_p50_seconds,
            traffic=silence,
        )
        for deployment in deployments
    )


def _last_update(box: Box) -> UpdateStatus | None:
    imported = box.registry.last_import()
    if imported is None:
        return None
    signed = box.trust.signed_time
    age = None if signed is None else (box.now().at - signed).total_seconds()
    return UpdateStatus(
        imported.time,
        imported.medium,
        tuple(f"{applied['name']} {applied['version']}" for applied in imported.report["applied"]),
        imported.metadata_version,
        age,
    )


def _audit(box: Box) -> tuple[AuditStatus, tuple[Problem, ...]]:
    """The log as it reads; where somebody tampered with it, what can be said all the same, and the problem."""
    checkpoint = latest(box.database)
    root, recent, problems = "", tuple[AuditLine, ...](), tuple[Problem, ...]()
    try:
        root = box.audit.root().hex()
        recent = tuple(_line(logged) for logged in box.audit.entries(newest_first=True, limit=NEWEST_ENTRIES))
    except ApplianceError as error:
        problems = (Problem(error.code, error.what, error.remedy),)
    status = AuditStatus(
        size=box.audit.size(),
        root=root,
        checkpoint_size=checkpoint.size if checkpoint else None,
        checkpoint_time=checkpoint.time if checkpoint else None,
        recent=recent,
    )
    return status, problems


def _line(logged: LoggedEntry) -> AuditLine:
    entry = logged.entry
    return AuditLine(logged.index, entry.time, entry.actor, entry.action, entry.subject, entry.outcome)
