"""Models and deployments: list, deploy, show the plan, undeploy."""

import asyncio
from dataclasses import replace

from appliance.compiled import sweep_undeployed
from appliance.control.messages import Progress
from appliance.deploying import go_live, limits_kept, prepare
from appliance.errors import ApplianceError
from appliance.kinds.runtimes import remove_unused
from appliance.operations.context import BoxContext
from appliance.plan_checks import production, stale_plans
from appliance.registry import Deployment
from appliance.results import (
    ModelList,
    ModelRow,
    PlanReport,
    Production,
    RetiredModel,
    Undeployed,
    WhatIfReport,
)
from appliance.retention import needed
from appliance.soak import store as soaks
from runtimes.hardware.detect import detect
from runtimes.selection.choose import SelectionProgress
from runtimes.selection.plan import Objective
from runtimes.selection.whatif import what_if as without


async def models(context: BoxContext) -> ModelList:
    registry = context.box.registry
    deployed = {deployment.artifact.digest for deployment in registry.deployments()}
    kept_for = needed(context.box)
    rows = (
        ModelRow(
            artifact.name,
            artifact.version,
            artifact.format,
            artifact.size,
            artifact.digest,
            artifact.imported,
            artifact.digest in deployed,
            artifact.summary,
            artifact.licence,
            kept_for.get(artifact.digest, ""),
        )
        for artifact in registry.artifacts()
        if artifact.kind == "model"
    )
    retired = (
        RetiredModel(a.name, a.version, a.digest, a.imported, a.retired or "")
        for a in registry.retired()
        if a.kind == "model"
    )
    return ModelList(tuple(rows), tuple(retired))


async def deploy(
    context: BoxContext,
    *,
    name: str,
    version: str | None,
    budget: float,
    objective: str | None,
    measure_again: bool,
) -> PlanReport:
    artifact = context.box.registry.artifact("model", name, version)
    prepared = await prepare(
        context.box,
        artifact,
        budget_seconds=budget,
        objective=None if objective is None else Objective(objective),
        measure_again=measure_again,
        on_progress=lambda progress: context.progress(measuring(progress)),
    )
    await go_live(context, prepared.deployment, "deploy")
    return _report(context, prepared.deployment, reused=prepared.reused)


async def plan(context: BoxContext, *, name: str, what_if: str | None) -> PlanReport:
    deployment = find_deployment(context, name)
    services = context.services
    hardware = await services.hardware() if services else await asyncio.to_thread(detect)
    stale = await stale_plans(context.box, hardware)
    return replace(
        _report(context, deployment, reused=True),
        what_if=None if what_if is None else _supposing(deployment, what_if),
        stale=stale.get(name),
        production=_production(context, name),
    )


async def undeploy(context: BoxContext, *, name: str) -> Undeployed:
    deployment = find_deployment(context, name)
    artifact = deployment.artifact
    with context.box.change(context.actor, "undeploy") as change:
        context.box.registry.remove_deployment(change.tx, name)
        soaks.end(change.tx, name)
        change.note(f"{name} {artifact.version}", digest=artifact.digest)
    if context.services is not None:
        await context.services.stop_serving(name)
    await asyncio.to_thread(sweep_undeployed, context.box, artifact)
    await asyncio.to_thread(remove_unused, context.box, context.actor)
    return Undeployed(name, artifact.version)


def measuring(progress: SelectionProgress) -> Progress:
    """Progress of the selection, as every console shows it."""
    return Progress("measure", progress.text, progress.done, progress.total, "candidates")


def find_deployment(context: BoxContext, name: str) -> Deployment:
    deployment = context.box.registry.deployment(name)
    if deployment is None:
        raise ApplianceError(
            "deployment.unknown",
            f"Nothing is deployed as {name}.",
            kept="Nothing was changed.",
            remedy="See what is with `appliance status`.",
        )
    return deployment


def _production(context: BoxContext, name: str) -> Production | None:
    statuses = context.services.statuses() if context.services else ()
    return next((production(status.traffic) for status in statuses if status.name == name), None)


def _supposing(deployment: Deployment, what_if: str) -> WhatIfReport:
    key, _, words = what_if.partition("=")
    if key.strip() != "without":
        raise ApplianceError(
            "plan.what-if-unknown",
            f"{what_if!r} is no question that a plan answers.",
            kept="Nothing was changed.",
            remedy="Ask for example `--what-if without=nvidia`.",
        )
    answer = without(deployment.plan, [word for word in words.split(",") if word.strip()])
    then = replace(deployment, plan=replace(deployment.plan, results=answer.results))
    return WhatIfReport(answer, limits_kept(then))


def _report(context: BoxContext, deployment: Deployment, *, reused: bool) -> PlanReport:
    return PlanReport(
        deployment.name,
        deployment.artifact.version,
        deployment.plan,
        reused,
        context.services is not None,
        limits_kept(deployment),
    )
