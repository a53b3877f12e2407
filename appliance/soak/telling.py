"""What the status says of soaks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from appliance import policy
from appliance.box import Box
from appliance.errors import ApplianceError
from appliance.policy import Soak as Rules
from appliance.soak.machine import Phase
from appliance.soak.store import Soak, all_soaks
from appliance.status import DeploymentStatus, Problem, SoakStatus


def with_soaks(box: Box, statuses: Sequence[DeploymentStatus]) -> tuple[DeploymentStatus, ...]:
    """The statuses, each with how its version proves itself."""
    soaks = all_soaks(box.database)
    rules = _rules(box)
    return tuple(
        replace(status, soak=_status(soaks[status.name], rules)) if status.name in soaks else status
        for status in statuses
    )


def soak_problems(statuses: Sequence[DeploymentStatus]) -> tuple[Problem, ...]:
    """Versions that were not good enough."""
    told = {status.name: status.soak for status in statuses if status.soak is not None}
    return tuple(_problem(name, soak) for name, soak in told.items() if soak.phase in _WORDS)


_WORDS: Mapping[str, tuple[str, str]] = {
    Phase.FAILING: ("update.failing", "must go back to"),
    Phase.ROLLED_BACK: ("update.rolled-back", "was taken back to"),
}


def _problem(name: str, soak: SoakStatus) -> Problem:
    code, words = _WORDS[soak.phase]
    return Problem(
        code,
        f"{name} {soak.version} {words} {soak.previous}: {soak.reason} ({soak.cause}).",
        f"Tell whoever built {soak.version}. The next update of {name} that proves itself, or `appliance deploy {name}`, "
        "ends this notice.",
    )


def _status(soak: Soak, rules: Rules) -> SoakStatus:
    seen = soak.seen
    return SoakStatus(
        version=soak.version,
        previous=soak.previous_version,
        phase=soak.phase,
        began=soak.began,
        ended=soak.ended,
        seconds=seen.seconds,
        needed_seconds=rules.seconds,
        requests=seen.requests,
        needed_requests=rules.requests,
        errors=seen.errors,
        crashes=seen.crashes,
        p50_seconds=seen.p50_seconds,
        cause=soak.cause,
        reason=soak.reason,
    )


def _rules(box: Box) -> Rules:
    try:
        return policy.read(box.database).soak
    except ApplianceError:
        return Rules()
