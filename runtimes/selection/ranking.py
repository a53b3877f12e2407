"""Ranking what was measured, and saying in figures why each one won or lost."""

from collections.abc import Sequence
from dataclasses import replace

from runtimes.selection.plan import CandidateResult, Measurement, Objective, Verdict

_ORDER = (Verdict.CHOSEN, Verdict.SLOWER, Verdict.WRONG, Verdict.FAILED, Verdict.SKIPPED, Verdict.INFEASIBLE)


def rank(results: Sequence[CandidateResult], objective: Objective) -> tuple[CandidateResult, ...]:
    """Give the measured ones, all of them right, their verdicts; best first, then those that were not measured."""
    measured = sorted(
        ((result, result.measurement) for result in results if result.measurement is not None),
        key=lambda pair: cost(pair[1], objective),
    )
    ranked = [_chosen(*measured[0], objective, len(measured))] if measured else []
    ranked += [_slower(result, own, measured[0][1], objective) for result, own in measured[1:]]
    others = [result for result in results if result.measurement is None]
    return tuple(ranked + sorted(others, key=lambda result: _ORDER.index(result.verdict)))


def cost(measurement: Measurement, objective: Objective) -> float:
    """What the objective wants small, in seconds: the p50 of an inference, or the time for one in a full line.

    For text both objectives count the time for one generated token, so that an engine that answers a golden
    pattern at greater length is not taken for a slower one.
    """
    if objective is Objective.LATENCY and measurement.first_token_seconds is None:
        return measurement.p50_seconds
    return 1.0 / measurement.throughput if measurement.throughput > 0 else float("inf")


def _chosen(
    result: CandidateResult, own: Measurement, objective: Objective, measured: int
) -> CandidateResult:
    figure = _figure(own, objective)
    reason = (
        f"fastest of {measured} with the right answers: {figure}"
        if measured > 1
        else (f"the only one measured with the right answers: {figure}")
    )
    return replace(result, verdict=Verdict.CHOSEN, code="plan.fastest", reason=reason)


def _slower(
    result: CandidateResult, own: Measurement, best: Measurement, objective: Objective
) -> CandidateResult:
    ratio = cost(own, objective) / cost(best, objective)
    how = f"{ratio:.1f}x slower" if ratio >= 1.1 else f"{(ratio - 1) * 100:.1f} % slower"
    reason = f"{how}: {_figure(own, objective)} against {_figure(best, objective)}"
    return replace(result, verdict=Verdict.SLOWER, code="plan.slower", reason=reason)


def _figure(measurement: Measurement, objective: Objective) -> str:
    if measurement.first_token_seconds is not None:
        return f"{_digits(measurement.throughput)} tokens/s"
    if objective is Objective.THROUGHPUT:
        return f"{_digits(measurement.throughput)} a second"
    return f"{_digits(measurement.p50_seconds * 1e3)} ms"


def _digits(value: float) -> str:
    """Three digits, and no exponent for what a person reads."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
