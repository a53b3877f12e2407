"""How a model goes live: measured on this machine, written down, switched to."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from appliance import policy
from appliance.admission import check_floor
from appliance.box import Box, Change, timestamp
from appliance.errors import ApplianceError
from appliance.kinds.runtimes import remove_unused
from appliance.operations.context import BoxContext
from appliance.packages import golden_set, model_file
from appliance.registry import Artifact, Deployment
from appliance.soak import store as soaks
from runtimes.hardware.detect import detect
from runtimes.hardware.energy_meter import EnergyMeter
from runtimes.packs import installed_packs
from runtimes.selection.choose import SelectionProgress, choose
from runtimes.selection.plan import Limits, Objective, Plan
from runtimes.selection.staleness import is_stale
from runtimes.selection.yardstick import broken_limits
from updates.names import Kind

REPLAN_SECONDS = 20.0
"""What measuring may take for a deployment that goes over to another version by itself."""

OnSelection = Callable[[SelectionProgress], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A deployment that could go live."""

    deployment: Deployment
    reused: bool
    """Its stored plan still held, so nothing was measured."""


async def prepare(
    box: Box,
    artifact: Artifact,
    *,
    name: str | None = None,
    budget_seconds: float,
    objective: Objective | None = None,
    measure_again: bool = False,
    packs: Sequence[Path] = (),
    on_progress: OnSelection,
) -> Prepared:
    """Find the best plan for an artifact on this machine; changes nothing.

    The plan that this version last ran by is used where it still holds. Without an objective, what was chosen here
    before counts, and else what the model's maker says.

    Raises ApplianceError: `plan.no-candidate` where nothing both runs it and gives its golden samples,
    `policy.below-floor`.
    """
    check_floor(policy.read(box.database), Kind.MODEL, artifact.name, artifact.version)
    name = name or artifact.name
    hardware = await asyncio.to_thread(detect)
    found = installed_packs(packs or box.state.packs)
    model = model_file(box.blobs, artifact)
    stored = box.registry.deployment(name)
    goal = objective or _chosen_before(stored) or Objective(artifact.config.objective)
    before = _as_it_ran(box, name, artifact, stored)
    if before is not None and not measure_again:
        engines = {pack.title: pack.version for pack in found}
        if before.plan.objective is goal and is_stale(before.plan, model.digest, hardware, engines) is None:
            return Prepared(before, reused=True)
    with await asyncio.to_thread(EnergyMeter) as energy:
        plan = await choose(
            model,
            golden_set(box.blobs, artifact),
            objective=goal,
            limits=Limits(artifact.config.latency_seconds, artifact.config.memory),
            hardware=hardware,
            packs=found,
            budget_seconds=budget_seconds,
            cache=_made(box.state.compiled),
            energy=energy,
            on_progress=on_progress,
        )
    if plan.chosen is None:
        raise _nothing_runs(artifact, plan)
    return Prepared(Deployment(name, artifact, plan, timestamp()), reused=False)


async def go_live(
    context: BoxContext,
    deployment: Deployment,
    action: str,
    *,
    details: Mapping[str, Any] | None = None,
    beside: Callable[[Change], None] = lambda _: None,
) -> None:
    """Load it, write it down, switch to it; where it cannot be loaded or written down, nothing changes.

    `details` go into the audit entry, and `beside` writes what else belongs into the same transaction.
    """
    staged = await context.services.stage(deployment) if context.services else None
    try:
        with context.box.change(context.actor, action) as change:
            put_live(context.box, change, deployment, details)
            beside(change)
    except BaseException:
        if staged is not None:
            await staged.discard()
        raise
    if staged is not None:
        await staged.switch()
    await asyncio.to_thread(remove_unused, context.box, context.actor)


def put_live(
    box: Box, change: Change, deployment: Deployment, details: Mapping[str, Any] | None = None
) -> None:
    """Write the deployment and its audit entry, within the caller's transaction."""
    chosen = deployment.plan.chosen
    artifact = deployment.artifact
    box.registry.put_deployment(change.tx, deployment)
    soaks.end(change.tx, deployment.name, unless=artifact.digest)
    change.note(
        f"{deployment.name} {artifact.version}",
        digest=artifact.digest,
        details={
            "plan": chosen.label if chosen else "",
            "p50_seconds": deployment.planned_p50_seconds,
            "candidates": len(deployment.plan.results),
            **(details or {}),
        },
    )


def limits_kept(deployment: Deployment) -> bool | None:
    """Whether what was measured keeps what the model's owner asks for; None where they ask for nothing."""
    plan = deployment.plan
    measured = plan.chosen.measurement if plan.chosen else None
    return None if measured is None or plan.limits == Limits() else not broken_limits(measured, plan.limits)


def _as_it_ran(box: Box, name: str, artifact: Artifact, stored: Deployment | None) -> Deployment | None:
    """The deployment of this version as it is, or as it last was."""
    if stored is not None and stored.artifact.digest == artifact.digest:
        return stored
    past = {d.artifact.digest: d for d in box.registry.past_deployments(name)}.get(artifact.digest)
    return None if past is None else replace(past, deployed=timestamp())


def _chosen_before(stored: Deployment | None) -> Objective | None:
    """The objective that somebody chose here, against what the model's maker says."""
    if stored is None or stored.plan.objective == stored.artifact.config.objective:
        return None
    return stored.plan.objective


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _nothing_runs(artifact: Artifact, plan: Plan) -> ApplianceError:
    reasons = "; ".join(f"{result.label}: {result.reason} [{result.code}]" for result in plan.results)
    return ApplianceError(
        "plan.no-candidate",
        f"Nothing on this machine runs {artifact.name} {artifact.version} and gives its golden samples. {reasons}",
        kept="What served before goes on serving.",
        remedy="See `appliance doctor` for the engines that are here, or ask for a version that fits this machine.",
    )
