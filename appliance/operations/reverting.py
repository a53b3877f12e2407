"""`appliance update rollback`, `appliance update confirm` and `appliance models remove`."""

import asyncio

from appliance.control.messages import Progress
from appliance.deploying import go_live, prepare
from appliance.errors import ApplianceError
from appliance.operations.context import BoxContext
from appliance.operations.models import find_deployment, measuring
from appliance.retention import keep_to_policy, needed
from appliance.retention import remove as remove_versions
from appliance.rollback import target
from appliance.soak import steps
from appliance.soak.store import soak_of
from appliance.update_results import ModelRemoved, RolledBack, VersionConfirmed

ACTION = "update.rollback"


async def rollback(context: BoxContext, *, name: str, to: str | None, budget: float) -> RolledBack:
    deployment = find_deployment(context, name)
    artifact = target(context.box, deployment, to)
    prepared = await prepare(
        context.box,
        artifact,
        name=name,
        budget_seconds=budget,
        on_progress=lambda progress: context.progress(measuring(progress)),
    )
    context.progress(Progress("activate", f"{name} {artifact.version}"))
    was = deployment.artifact.version
    await go_live(context, prepared.deployment, ACTION, details={"from": was, "plan_reused": prepared.reused})
    chosen = prepared.deployment.plan.chosen
    return RolledBack(
        name,
        was,
        artifact.version,
        chosen.label if chosen else "",
        prepared.reused,
        serving=context.services is not None,
    )


async def confirm(context: BoxContext, *, name: str) -> VersionConfirmed:
    box = context.box
    soak = soak_of(box.database, name)
    if soak is None or not soak.open:
        raise ApplianceError(
            "soak.none",
            f"No version of {name} waits for being confirmed.",
            kept="Nothing was changed.",
            remedy="`appliance status` shows what does.",
        )
    steps.confirm(box, soak, context.actor)
    await asyncio.to_thread(keep_to_policy, box, context.actor)
    return VersionConfirmed(name, soak.version, soak.previous_version, soak.seen.seconds, soak.seen.requests)


async def remove(context: BoxContext, *, name: str, version: str) -> ModelRemoved:
    box = context.box
    artifact = box.registry.artifact("model", name, version)
    reason = needed(box).get(artifact.digest)
    if reason is not None:
        raise ApplianceError(
            "artifact.needed",
            f"{name} {version} cannot be removed: {reason}.",
            kept="Nothing was removed.",
            remedy="See what needs which version with `appliance models`.",
        )
    freed = await asyncio.to_thread(remove_versions, box, context.actor, [artifact], "asked for")
    return ModelRemoved(name, version, freed, ("record", "manifest", "documents", "configuration", "plans"))
