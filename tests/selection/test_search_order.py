"""Which candidates are tried at all, and which are measured again."""

from pathlib import Path

import pytest

from runtimes.engine import Candidate
from runtimes.packs import RuntimePack
from runtimes.selection.candidates import Offer
from runtimes.selection.plan import CandidateResult, Limits, Measurement, Objective, Verdict
from runtimes.selection.runoff import close_to_best
from runtimes.selection.search import in_reserve

PACK = RuntimePack("llamacpp", "llamacpp", "1", Path("/nowhere/python"))


def offer(reserve: int, threads: int = 1, device: str = "CPU") -> Offer:
    return Offer(PACK, Candidate("llamacpp", device, "stored", threads, reserve=reserve))


def ended(verdict: Verdict, p50: float | None = None, memory: int = 10) -> CandidateResult:
    measurement = None if p50 is None else Measurement(0.1, 9, p50, p50, 1 / p50, memory)
    return CandidateResult("llamacpp", "CPU", "x", None, verdict, "", "", measurement)


OFFERS = (offer(0, 2), offer(0, 1), offer(1, 2), offer(2, 2))


@pytest.mark.parametrize("bad", [Verdict.FAILED, Verdict.WRONG])
def test_a_reserve_is_tried_once_all_before_it_failed_or_were_wrong(bad: Verdict) -> None:
    assert not in_reserve(0, OFFERS, {})
    assert in_reserve(2, OFFERS, {0: ended(bad)})
    assert not in_reserve(2, OFFERS, {0: ended(bad), 1: ended(bad)})
    assert in_reserve(3, OFFERS, {0: ended(bad), 1: ended(bad)})
    assert not in_reserve(3, OFFERS, {0: ended(bad), 1: ended(bad), 2: ended(bad)})


@pytest.mark.parametrize("good", [Verdict.SLOWER, Verdict.SKIPPED, Verdict.INFEASIBLE])
def test_a_reserve_stays_one_where_something_before_it_is_good_or_unknown(good: Verdict) -> None:
    assert in_reserve(2, OFFERS, {0: ended(Verdict.FAILED), 1: ended(good)})


def test_a_reserve_stands_in_on_its_own_device_only() -> None:
    offers = (offer(0, device="CUDA0"), offer(0), offer(1, device="CUDA0"), offer(1))
    results = {0: ended(Verdict.FAILED), 1: ended(Verdict.SLOWER)}
    assert not in_reserve(2, offers, results)
    assert in_reserve(3, offers, results)


def close(p50s: list[float], *, limits: Limits = Limits(), memory: int | None = None) -> list[int]:  # noqa: B008
    results = {number: ended(Verdict.SLOWER, p50) for number, p50 in enumerate(p50s)}
    return close_to_best(results, Objective.LATENCY, limits, memory)


def test_those_within_a_third_of_the_best_run_again_at_most_three() -> None:
    assert close([0.010, 0.012, 0.014]) == [0, 1]
    assert close([0.0103, 0.0101, 0.0102, 0.0100]) == [3, 1, 2]


def test_there_is_no_run_off_where_nothing_is_close() -> None:
    assert close([0.010, 0.020]) == []
    assert close([0.010]) == []
    assert close([]) == []


def test_there_is_no_run_off_where_memory_is_too_small_for_all_at_once() -> None:
    assert close([0.010, 0.011], memory=20) == [0, 1]
    assert close([0.010, 0.011], memory=19) == []


def test_only_those_within_the_limits_run_again() -> None:
    results = {
        0: ended(Verdict.SLOWER, 0.010, 500),
        1: ended(Verdict.SLOWER, 0.011),
        2: ended(Verdict.SLOWER, 0.0112),
    }
    assert close_to_best(results, Objective.LATENCY, Limits(memory=100), None) == [1, 2]
