"""Taking a version through its soak: begun with its activation, confirmed, or sent back to the version before."""

from collections.abc import Awaitable, Callable
from typing import Any

from appliance import policy
from appliance.actor import APPLIANCE, Actor
from appliance.audit.entry import Outcome
from appliance.box import Box, Change
from appliance.deploying import REPLAN_SECONDS, go_live, prepare, put_live
from appliance.errors import ApplianceError
from appliance.operations.context import BoxContext
from appliance.registry import Deployment
from appliance.soak import store
from appliance.soak.machine import Expected, Fault, Phase, Step, judge, next_phase, proven
from appliance.soak.observed import Observed
from appliance.soak.store import Soak
from runtimes.errors import EngineError

CONFIRMED = "update.confirmed"
ROLLED_BACK = "update.rolled-back"


def activate(box: Box, change: Change, deployment: Deployment, before: Observed) -> None:
    """Put a version that an update brought live, within the update's transaction, and begin its soak.

    Args:
        before: what was seen of the version that serves until then.
    """
    replaced = box.registry.deployment(deployment.name)
    open_soak = store.soak_of(box.database, deployment.name)
    rules = policy.read(box.database).soak
    watched = next_phase(Phase.CERTIFIED, Step.ACTIVATE, rules if replaced else None) is Phase.SOAKING
    put_live(box, change, deployment, {"soak": watched})
    if not watched or replaced is None:
        return
    trusted = open_soak.previous if open_soak is not None and open_soak.open else replaced.artifact.digest
    if trusted == deployment.artifact.digest:
        return
    store.put(
        change.tx,
        Soak(
            name=deployment.name,
            artifact=deployment.artifact.digest,
            version="",
            previous=trusted,
            previous_version="",
            phase=Phase.SOAKING,
            began=change.time,
            before=before if open_soak is None or not open_soak.open else open_soak.before,
        ),
    )


def verdict(box: Box, soak: Soak) -> Fault | None:
    """What speaks against a version by what was seen of it."""
    deployment = box.registry.deployment(soak.name)
    if deployment is None:
        return None
    artifact = deployment.artifact
    expected = (
        Expected(deployment.planned_p50_seconds, artifact.config.latency_seconds)
        if artifact.kind_of_answer == "tensor"
        else None
    )
    return judge(soak.seen, soak.before, expected, policy.read(box.database).soak)


def watched_enough(box: Box, soak: Soak) -> bool:
    return proven(soak.seen, policy.read(box.database).soak)


def confirm(box: Box, soak: Soak, actor: Actor = APPLIANCE) -> Soak:
    """Let the version before go; retention may then remove it."""
    with box.change(actor, CONFIRMED) as change:
        confirmed = soak.stepped(Step.PROVE, ended=change.time)
        store.put(change.tx, confirmed)
        change.note(f"{soak.name} {soak.version}", digest=soak.artifact, details=figures(soak))
    box.sign_checkpoint()
    return confirmed


def fail(box: Box, soak: Soak, fault: Fault) -> Soak:
    """Write down that it must go, before anything is done about it."""
    failing = soak.stepped(Step.FAIL, cause=fault.code, reason=fault.reason)
    with box.database.transaction() as tx:
        store.put(tx, failing)
    return failing


async def send_back(context: BoxContext, soak: Soak) -> Soak:
    """Serve the version before again. Raises EngineError, ApplianceError where it cannot be loaded either."""
    box = context.box
    ended = soak

    def beside(change: Change) -> None:
        nonlocal ended
        change.note(
            f"{soak.name} {soak.version}",
            digest=soak.artifact,
            outcome=Outcome.FAILED,
            cause=soak.cause,
            details={"reason": soak.reason, **figures(soak)},
        )
        ended = soak.stepped(Step.RETURN, ended=change.time)
        store.put(change.tx, ended)

    async def serve(deployment: Deployment) -> None:
        details = {"from": soak.version, "cause": soak.cause}
        await go_live(context, deployment, ROLLED_BACK, details=details, beside=beside)

    await _by_either_plan(context, soak, serve)
    box.sign_checkpoint()
    return ended


async def _by_either_plan(
    context: BoxContext, soak: Soak, serve: Callable[[Deployment], Awaitable[None]]
) -> None:
    """By the plan that it ran by, and where nothing can be loaded by that any more, by a new one."""
    past = {d.artifact.digest: d for d in context.box.registry.past_deployments(soak.name)}
    before = past.get(soak.previous)
    if before is None:
        raise ApplianceError(
            "rollback.no-target",
            f"The version {soak.previous_version} of {soak.name} is not here any more.",
            kept=f"{soak.version} goes on serving.",
            remedy=f"Deploy another version: `appliance deploy {soak.name} --version VERSION`.",
        )
    try:
        await serve(before)
    except EngineError:
        prepared = await prepare(
            context.box,
            before.artifact,
            name=soak.name,
            budget_seconds=REPLAN_SECONDS,
            measure_again=True,
            on_progress=lambda _: None,
        )
        await serve(prepared.deployment)


def figures(soak: Soak) -> dict[str, Any]:
    """What was seen, as audit entries tell it."""
    seen = soak.seen
    return {
        "seconds": round(seen.seconds),
        "requests": seen.requests,
        "errors": seen.errors,
        "crashes": seen.crashes,
        "p50_seconds": seen.p50_seconds,
        "previous": soak.previous_version,
    }
