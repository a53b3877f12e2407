"""The way of a version that an update brings, as a state machine without I/O.

    certified ──activate──▶ soaking ──prove──▶ confirmed
        │                      │
        └─activate, no soak────┼─────────────▶ confirmed
                               ├──fail──▶ failing ──return──▶ rolled-back
                               └──replace──▶ replaced

Certified means that it gives its golden samples on this machine. From activation on requests go to it; until it is
confirmed the version before it is kept with its plan. `failing` is written down before the way back begins, so that a
daemon that dies in between goes on with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from appliance.console.formats import duration, latency, percent
from appliance.policy import Soak as Rules
from appliance.soak.observed import Observed

GATEWAY_SECONDS = 0.002
"""What a request may take on its way in and out, which no plan measures."""


class Phase(StrEnum):
    CERTIFIED = "certified"
    SOAKING = "soaking"
    CONFIRMED = "confirmed"
    FAILING = "failing"
    ROLLED_BACK = "rolled-back"
    REPLACED = "replaced"


class Step(StrEnum):
    ACTIVATE = "activate"
    PROVE = "prove"
    FAIL = "fail"
    RETURN = "return"
    REPLACE = "replace"
    """A person deploys or removes something, or another update comes."""


_NEXT: Mapping[tuple[Phase, Step], Phase] = {
    (Phase.SOAKING, Step.PROVE): Phase.CONFIRMED,
    (Phase.SOAKING, Step.FAIL): Phase.FAILING,
    (Phase.SOAKING, Step.REPLACE): Phase.REPLACED,
    (Phase.FAILING, Step.RETURN): Phase.ROLLED_BACK,
    (Phase.FAILING, Step.REPLACE): Phase.REPLACED,
    (Phase.FAILING, Step.PROVE): Phase.CONFIRMED,  # by a person who knows better
}


def next_phase(phase: Phase, step: Step, rules: Rules | None = None) -> Phase:
    """Where a step leads. Raises ValueError where it leads nowhere.

    Args:
        rules: for an activation: what its soak would be; None where there is no version to go back to.
    """
    if (phase, step) == (Phase.CERTIFIED, Step.ACTIVATE):
        watched = rules is not None and (rules.seconds > 0 or rules.requests > 0)
        return Phase.SOAKING if watched else Phase.CONFIRMED
    try:
        return _NEXT[phase, step]
    except KeyError:
        raise ValueError(f"nothing that is {phase} can {step}") from None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a version is not good enough."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What its latency is held against; seconds, None where there is nothing to hold it against."""

    planned: float | None
    limit: float | None
    """What the model's owner asks for."""


def judge(seen: Observed, before: Observed, expected: Expected | None, rules: Rules) -> Fault | None:
    """Whether what was seen of a version says that the one before must come back.

    Args:
        seen: of the new version, since its activation.
        before: of the old version, since the daemon began to count; empty where that is not known.
        expected: None where latencies say nothing, as with texts of any length.
    """
    return (
        _crashes(seen, before, rules)
        or (_errors(seen, before, rules) if seen.requests >= max(1, rules.judge_after) else None)
        or (_latency(seen, before, expected, rules) if _answered(seen) >= max(1, rules.judge_after) else None)
    )


def proven(seen: Observed, rules: Rules) -> bool:
    """Whether it was watched long enough."""
    return seen.seconds >= rules.seconds and seen.requests >= rules.requests


def _crashes(seen: Observed, before: Observed, rules: Rules) -> Fault | None:
    usual = before.crashes * min(1.0, seen.seconds / before.seconds) if before.seconds else 0.0
    if seen.crashes <= rules.crashes + usual:
        return None
    return Fault(
        "soak.crashes",
        f"its worker died {_times(seen.crashes)} in {duration(seen.seconds)} of service; {rules.crashes} allowed beyond the "
        f"old version's ({_times(before.crashes)} in {duration(before.seconds)})",
    )


def _errors(seen: Observed, before: Observed, rules: Rules) -> Fault | None:
    if seen.error_rate <= before.error_rate + rules.error_rate:
        return None
    return Fault(
        "soak.errors",
        f"{seen.errors} of {seen.requests} requests failed ({percent(seen.error_rate)}); {percent(rules.error_rate)} allowed "
        f"beyond the old version's {percent(before.error_rate)}",
    )


def _latency(seen: Observed, before: Observed, expected: Expected | None, rules: Rules) -> Fault | None:
    now, then = seen.p50_seconds, before.p50_seconds
    if now is None or expected is None:
        return None
    usual = [seconds for seconds in (then, expected.planned) if seconds is not None]
    bounds = [rules.slower * (max(usual) + GATEWAY_SECONDS)] if usual else []
    if expected.limit is not None:
        bounds.append(max(expected.limit + GATEWAY_SECONDS, then or 0.0))
    if not bounds or now <= min(bounds):
        return None
    return Fault(
        "soak.slow",
        f"its answers take {latency(now)} (p50 of {_answered(seen)}); at most {latency(min(bounds))} allowed "
        f"(planned {latency(expected.planned)}, the old version took {latency(then)})",
    )


def _answered(seen: Observed) -> int:
    return sum(seen.latencies.values())


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
