"""Latency histograms: two percent, whatever they are merged from."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.telemetry.histogram import RELATIVE_ERROR, bucket, merge, quantile

SECONDS = st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=200)


@given(SECONDS, st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_within_two_percent(values: list[float], fraction: float) -> None:
    told = quantile(counted(values), fraction)
    exact = sorted(values)[math.floor(fraction * (len(values) - 1))]
    assert told == pytest.approx(exact, rel=RELATIVE_ERROR * 1.000001)


@given(SECONDS, SECONDS)
def test_merging_loses_nothing(some: list[float], others: list[float]) -> None:
    merged = counted(some)
    merge(merged, counted(others))
    assert merged == counted(some + others)


def test_an_empty_histogram_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None


@pytest.mark.parametrize("odd", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_odd_durations_are_counted_at_the_ends(odd: float) -> None:
    told = quantile({bucket(odd): 1}, 0.5)
    assert told is not None
    assert told < 2e-7 or 0.9e5 < told < 1.1e5


def counted(values: list[float]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value in values:
        merge(counts, {bucket(value): 1})
    return counts
