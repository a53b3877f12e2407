"""What wins, and what the others are told."""

from dataclasses import replace

import msgspec

from runtimes.engine import Candidate, InForce
from runtimes.selection.plan import (
    CandidateResult,
    Limits,
    Measurement,
    Objective,
    Parity,
    Plan,
    Throughput,
    Verdict,
)
from runtimes.selection.ranking import rank


def measured(name: str, p50: float, throughput: float, first_token: float | None = None) -> CandidateResult:
    measurement = Measurement(0.2, 100, p50, p50 * 2, throughput, 1 << 20, first_token)
    candidate = Candidate(name, "CPU", "f32", 2, {"streams": 1, "mode": "fast"})
    return CandidateResult(
        *(name, "CPU", candidate.label, candidate, Verdict.SLOWER, "plan.slower", ""),
        measurement=measurement,
        parity=Parity(within=True, worst_error=0.001, worst_sample="a/y"),
        in_force=InForce("CPU", "f32", 2, {"providers": "CPU"}),
    )


def unmeasured(verdict: Verdict) -> CandidateResult:
    return CandidateResult("engine", "CPU", verdict, None, verdict, "some.code", "some reason")


def test_latency_wants_the_smallest_median() -> None:
    ranked = rank([measured("a", 0.0141, 500), measured("b", 0.0067, 90)], Objective.LATENCY)
    assert [(r.engine, r.verdict, r.code, r.reason) for r in ranked] == [
        ("b", Verdict.CHOSEN, "plan.fastest", "fastest of 2 with the right answers: 6.7 ms"),
        ("a", Verdict.SLOWER, "plan.slower", "2.1x slower: 14.1 ms against 6.7 ms"),
    ]


def test_throughput_wants_the_most_inferences_a_second() -> None:
    ranked = rank([measured("a", 0.0141, 500), measured("b", 0.0067, 450)], Objective.THROUGHPUT)
    assert [r.engine for r in ranked] == ["a", "b"]
    assert ranked[1].reason == "1.1x slower: 450 a second against 500 a second"


def with_throughput(name: str, *per_second: float) -> CandidateResult:
    """At a concurrency of 1, 4 and 16, as far as they go."""
    at = tuple(map(Throughput, (1, 4, 16), per_second))
    result = measured(name, 0.01, max(per_second))
    assert result.measurement is not None
    return replace(result, measurement=replace(result.measurement, throughput_at=at))


def test_throughput_is_compared_at_the_highest_concurrency_that_all_have() -> None:
    full = [with_throughput("a", 90, 200, 500), with_throughput("b", 100, 300, 400)]
    ranked = rank(full, Objective.THROUGHPUT)
    assert [r.engine for r in ranked] == ["a", "b"]
    assert (
        ranked[1].reason == "1.2x slower: 400 a second with 16 at once against 500 a second with 16 at once"
    )
    ranked = rank([*full, with_throughput("c", 80, 250)], Objective.THROUGHPUT)
    assert [r.engine for r in ranked] == ["b", "c", "a"]


def test_a_candidate_that_had_time_for_single_runs_only_does_not_lose_by_that() -> None:
    ranked = rank([with_throughput("a", 90, 200, 500), with_throughput("b", 110)], Objective.THROUGHPUT)
    assert [r.engine for r in ranked] == ["b", "a"]
    assert ranked[0].reason == "fastest of 2 with the right answers: 110 a second with 1 at once"


def test_a_near_miss_is_told_in_percent() -> None:
    ranked = rank([measured("a", 0.0100, 1), measured("b", 0.0102, 1)], Objective.LATENCY)
    assert ranked[1].reason == "2.0 % slower: 10.2 ms against 10 ms"


def test_text_is_ranked_by_tokens_a_second_for_either_objective() -> None:
    results = [measured("a", 0.1, 1200, 0.01), measured("b", 0.2, 3000, 0.02)]
    for objective in (Objective.LATENCY, Objective.THROUGHPUT):
        ranked = rank(results, objective)
        assert [r.engine for r in ranked] == ["b", "a"]
        assert ranked[1].reason == "2.5x slower: 1,200 tokens/s against 3,000 tokens/s"


def test_a_single_right_candidate_is_chosen_as_such() -> None:
    (only,) = rank([measured("a", 0.002, 400)], Objective.LATENCY)
    assert only.verdict is Verdict.CHOSEN
    assert only.reason == "the only one measured with the right answers: 2 ms"


def test_those_without_a_measurement_come_last_and_keep_their_reasons() -> None:
    verdicts = [Verdict.INFEASIBLE, Verdict.SKIPPED, Verdict.FAILED, Verdict.WRONG]
    ranked = rank([*map(unmeasured, verdicts), measured("a", 1.0, 1.0)], Objective.LATENCY)
    assert [r.verdict for r in ranked] == [Verdict.CHOSEN, *reversed(verdicts)]
    assert {r.reason for r in ranked[1:]} == {"some reason"}


def test_where_nothing_was_measured_nothing_is_chosen() -> None:
    results = rank([unmeasured(Verdict.WRONG)], Objective.LATENCY)
    assert Plan("d", Objective.LATENCY, "h", {}, results, 1.0).chosen is None


def test_a_plan_survives_its_way_through_json() -> None:
    both = [measured("a", 0.01, 9, 0.1), with_throughput("b", 90, 200, 500)]
    results = rank([*both, unmeasured(Verdict.WRONG)], Objective.LATENCY)
    plan = Plan("ab" * 32, Objective.LATENCY, "x86_64", {"a": "1.0"}, results, 3.5)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_memory_wants_the_smallest_worker() -> None:
    ranked = rank([with_cost("a", memory=300 << 20), with_cost("b", memory=100 << 20)], Objective.MEMORY)
    assert [(r.engine, r.code, r.reason) for r in ranked] == [
        ("b", "plan.smallest", "smallest of 2 with the right answers: 100 MiB"),
        ("a", "plan.larger", "3.0x more memory: 300 MiB against 100 MiB"),
    ]


def test_energy_wants_the_fewest_joules_an_answer() -> None:
    ranked = rank([with_cost("a", joules=0.020), with_cost("b", joules=0.005)], Objective.ENERGY)
    assert [(r.engine, r.code, r.reason) for r in ranked] == [
        ("b", "plan.most-frugal", "most frugal of 2 with the right answers: 5 mJ an answer"),
        ("a", "plan.more-energy", "4.0x more energy: 20 mJ an answer against 5 mJ an answer"),
    ]


def test_where_energy_is_not_counted_latency_decides_and_the_reason_says_so() -> None:
    ranked = rank([with_cost("a", p50=0.002), with_cost("b", p50=0.001, joules=0.005)], Objective.ENERGY)
    assert [r.engine for r in ranked] == ["b", "a"]
    assert ranked[0].reason == (
        "this machine does not count energy, so by latency: fastest of 2 with the right answers: 1 ms"
    )


def test_one_that_breaks_a_limit_comes_after_all_that_keep_it() -> None:
    results = [with_cost("small", p50=0.009, memory=50 << 20), with_cost("quick", p50=0.004, memory=90 << 20)]
    ranked = rank(results, Objective.MEMORY, Limits(latency_seconds=0.005))
    assert [(r.engine, r.code) for r in ranked] == [
        ("quick", "plan.smallest"),
        ("small", "plan.outside-limits"),
    ]
    assert ranked[1].reason == "outside the limits: 9 ms where 5 ms are allowed"


def test_where_none_keeps_the_limits_the_best_is_chosen_and_says_so() -> None:
    results = [with_cost("a", p50=0.009, memory=50 << 20), with_cost("b", p50=0.007, memory=90 << 20)]
    ranked = rank(results, Objective.LATENCY, Limits(memory=40 << 20))
    assert [r.engine for r in ranked] == ["b", "a"]
    assert ranked[0].reason == (
        "fastest of 2 with the right answers: 7 ms; none keeps the limits: 90 MiB where 40 MiB are allowed"
    )


def with_cost(
    name: str, *, p50: float = 0.01, memory: int = 1 << 20, joules: float | None = None
) -> CandidateResult:
    result = measured(name, p50, 1 / p50)
    assert result.measurement is not None
    return replace(result, measurement=replace(result.measurement, peak_memory=memory, joules=joules))
