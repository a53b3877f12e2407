"""Does a deployment's plan still hold: on this machine as it is now, and against what its requests really take?"""

import asyncio
from collections.abc import Mapping, Sequence

from appliance.box import Box
from appliance.console.formats import latency, percent
from appliance.errors import ApplianceError
from appliance.packages import model_file
from appliance.registry import Deployment
from appliance.results import Production
from appliance.status import DeploymentStatus, Problem, Traffic
from runtimes.hardware.profile import HardwareProfile
from runtimes.packs import installed_packs
from runtimes.selection.staleness import is_stale

ENOUGH_REQUESTS = 30
"""In the last minute; fewer say too little about a median."""
MUCH_SLOWER = 2.0
GATEWAY_SECONDS = 0.002
"""What a request may take on its way in and out, which no plan measures."""


async def stale_plans(box: Box, hardware: HardwareProfile) -> Mapping[str, str]:
    """Deployment -> why its plan must be measured again, of those that must; the machine is not examined for it."""
    packs = await asyncio.to_thread(installed_packs, box.state.packs)
    engines = {pack.title: pack.version for pack in packs}
    reasons = {d.name: _why_stale(box, d, hardware, engines) for d in box.registry.deployments()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def plan_problems(statuses: Sequence[DeploymentStatus], stale: Mapping[str, str]) -> tuple[Problem, ...]:
    """Of each deployment, that its plan is out of date, or else that production is much slower than it."""
    found = (
        _stale(status.name, stale[status.name]) if status.name in stale else slower_than_measured(status)
        for status in statuses
    )
    return tuple(problem for problem in found if problem is not None)


def production(traffic: Traffic) -> Production:
    """The last minute's answers that went well."""
    answered = round(sum(traffic.history)) - traffic.errors
    return Production(answered, traffic.p50_seconds, traffic.p99_seconds)


def slower_than_measured(status: DeploymentStatus) -> Problem | None:
    """Whether requests take more than twice what was measured for the plan, and the gateway's share with it.

    Only for tensors: how long a text takes, goes by how long it is.
    """
    planned, seen = status.planned_p50_seconds, production(status.traffic)
    if status.kind != "tensor" or planned is None or seen.p50_seconds is None:
        return None
    if seen.requests < ENOUGH_REQUESTS or seen.p50_seconds <= MUCH_SLOWER * (planned + GATEWAY_SECONDS):
        return None
    busy = min(1.0, status.traffic.requests_per_second * planned)
    return Problem(
        "plan.slower-than-measured",
        f"{status.name} takes {latency(seen.p50_seconds)} (p50 of {seen.requests} requests in the last minute, gateway and "
        f"waiting in line included); {latency(planned)} were measured for its plan. By the plan these requests keep it "
        f"busy {percent(busy)} of the time.",
        "Where larger inputs, many requests at once or other work on the machine do not explain it, measure again: "
        f"`appliance deploy {status.name} --measure-again`.",
    )


def _stale(name: str, reason: str) -> Problem:
    text = (
        f"The plan of {name} was measured before something changed: {reason} It goes on serving as planned."
    )
    return Problem("plan.stale", text, f"Measure again: `appliance deploy {name}`.")


def _why_stale(
    box: Box, deployment: Deployment, hardware: HardwareProfile, engines: Mapping[str, str]
) -> str | None:
    try:
        model = model_file(box.blobs, deployment.artifact)
    except ApplianceError as error:
        return error.what
    return is_stale(deployment.plan, model.digest, hardware, engines)
