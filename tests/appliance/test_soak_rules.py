"""The rules of a soak, without a box."""

import itertools

import pytest

from appliance.gateway.router import Answered
from appliance.policy import Soak as Rules
from appliance.soak.machine import Expected, Phase, Step, judge, next_phase, proven
from appliance.soak.observed import NOTHING_SEEN, Observed
from appliance.soak.tally import Tallies, by_the_models_fault
from appliance.telemetry.histogram import bucket

RULES = Rules(seconds=600, judge_after=10, error_rate=0.05, slower=3.0, crashes=1)
EXPECTED = Expected(planned=0.010, limit=None)


def seen(
    requests: int = 100, errors: int = 0, crashes: int = 0, p50: float = 0.010, seconds: float = 100.0
) -> Observed:
    return Observed(seconds, requests, errors, crashes, {bucket(p50): requests - errors})


def code(now: Observed, before: Observed = NOTHING_SEEN, expected: Expected | None = EXPECTED) -> str:
    fault = judge(now, before, expected, RULES)
    return fault.code if fault else ""


def test_what_is_as_good_as_before_is_good_enough() -> None:
    assert code(seen()) == ""
    assert code(seen(errors=30), before=seen(errors=29)) == ""
    assert code(seen(p50=0.5), before=seen(p50=0.4)) == ""
    assert code(seen(crashes=9, seconds=1000), before=seen(crashes=10, seconds=1000)) == ""


def test_errors_are_held_against_the_old_version_and_only_after_enough_requests() -> None:
    assert code(seen(errors=6)) == "soak.errors"
    assert code(seen(requests=9, errors=9)) == ""
    assert code(seen(errors=20), before=seen(errors=10)) == "soak.errors"


def test_crashes_count_at_once_and_by_the_time_of_service() -> None:
    assert code(seen(requests=0, crashes=2, seconds=1)) == "soak.crashes"
    assert code(seen(crashes=1)) == ""
    assert code(seen(crashes=5, seconds=100), before=seen(crashes=10, seconds=10_000)) == "soak.crashes"


def test_latency_is_held_against_the_plan_the_old_version_and_the_owners_limit() -> None:
    assert code(seen(p50=0.050)) == "soak.slow"
    assert code(seen(p50=0.050), before=seen(p50=0.030)) == ""
    assert code(seen(p50=0.020), expected=Expected(0.010, limit=0.012)) == "soak.slow"
    assert code(seen(p50=0.020), before=seen(p50=0.020), expected=Expected(0.010, limit=0.012)) == ""
    assert code(seen(p50=9.0), expected=None) == "", "texts have any length"


def test_time_and_requests_are_both_needed() -> None:
    both = Rules(seconds=10, requests=5)
    assert not proven(seen(requests=5, seconds=9), both)
    assert not proven(seen(requests=4, seconds=10), both)
    assert proven(seen(requests=5, seconds=10), both)


def test_every_phase_has_its_steps_and_no_others() -> None:
    assert next_phase(Phase.CERTIFIED, Step.ACTIVATE, RULES) is Phase.SOAKING
    assert next_phase(Phase.CERTIFIED, Step.ACTIVATE, Rules(seconds=0)) is Phase.CONFIRMED
    assert next_phase(Phase.CERTIFIED, Step.ACTIVATE, None) is Phase.CONFIRMED
    allowed = {(Phase.CERTIFIED, Step.ACTIVATE)}
    for phase, step in itertools.product((Phase.SOAKING, Phase.FAILING), Step):
        if step is not Step.ACTIVATE and (phase, step) not in (
            (Phase.SOAKING, Step.RETURN),
            (Phase.FAILING, Step.FAIL),
        ):
            allowed.add((phase, step))
    for phase, step in itertools.product(Phase, Step):
        if (phase, step) not in allowed:
            with pytest.raises(ValueError, match=f"{phase} can {step}"):
                next_phase(phase, step)


def test_only_what_the_model_did_counts_as_an_error() -> None:
    faults = (
        "worker.died",
        "request.failed",
        "request.timeout",
        "model.invalid",
        "deployment.failed",
        "internal",
    )
    others = ("request.shape", "client.gone", "server.busy", "context.overflow", "deployment.unknown")
    assert all(map(by_the_models_fault, faults))
    assert not any(map(by_the_models_fault, others))


def test_time_passes_only_in_service_and_answers_of_the_version_before_do_not_count() -> None:
    clock = [100.0]
    tallies = Tallies(lambda: clock[0])
    tallies.begin("m")
    clock[0] = 101.0
    tallies.answered(Answered("m", 5.0, "worker.died"))  # asked before the switch
    tallies.answered(Answered("m", 0.5, None))
    tallies.answered(Answered("m", 0.5, "request.shape"))
    tallies.serves("m", serves=False)
    tallies.died("m")
    clock[0] = 200.0
    tallies.serves("m", serves=True)
    clock[0] = 203.0
    found = tallies.seen("m")
    assert (found.seconds, found.requests, found.errors, found.crashes) == (4.0, 1, 0, 1)
    assert (found + found).requests == 2
    assert sum((found + found).latencies.values()) == 2
