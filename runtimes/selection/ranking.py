"""Ranking what was measured, and saying in figures why each one won or lost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from runtimes.selection.plan import CandidateResult, Measurement, Objective, Verdict

_ORDER = (Verdict.CHOSEN, Verdict.SLOWER, Verdict.WRONG, Verdict.FAILED, Verdict.SKIPPED, Verdict.INFEASIBLE)


def rank(results: Sequence[CandidateResult], objective: Objective) -> tuple[CandidateResult, ...]:
    """Give the measured ones, all of them right, their verdicts; best first, then those that were not measured."""
    found = [(result, result.measurement) for result in results if result.measurement is not None]
    yardstick = Yardstick.common_to([own for _, own in found], objective)
    measured = sorted(found, key=lambda pair: yardstick.cost(pair[1]))
    ranked = [_chosen(*measured[0], yardstick, len(measured))] if measured else []
    ranked += [_slower(result, own, measured[0][1], yardstick) for result, own in measured[1:]]
    others = [result for result in results if result.measurement is None]
    return tuple(ranked + sorted(others, key=lambda result: _ORDER.index(result.verdict)))


@dataclass(frozen=True, slots=True)
class Yardstick:
    """By what candidates are compared."""

    objective: Objective
    concurrency: int | None
    """At which their throughput is compared; None where it was not measured at one."""

    @classmethod
    def common_to(cls, measurements: Sequence[Measurement], objective: Objective) -> Self:
        """At the highest concurrency that all of them have: one with less time must not lose by that alone."""
        levels = [{at.concurrency for at in measurement.throughput_at} for measurement in measurements]
        return cls(objective, max(set.intersection(*levels), default=None) if levels else None)

    def cost(self, measurement: Measurement) -> float:
        """What the objective wants small, in seconds: the p50 of an inference, or the time for one in a full line.

        For text both objectives count the time for one generated token, so that an engine that answers a golden
        pattern at greater length is not taken for a slower one.
        """
        if self.objective is Objective.LATENCY and measurement.first_token_seconds is None:
            return measurement.p50_seconds
        throughput = self._throughput(measurement)
        return 1.0 / throughput if throughput > 0 else float("inf")

    def figure(self, measurement: Measurement) -> str:
        """The same as people read it."""
        if measurement.first_token_seconds is not None:
            return f"{_digits(measurement.throughput)} tokens/s"
        if self.objective is Objective.THROUGHPUT:
            at_once = "" if self.concurrency is None else f" with {self.concurrency} at once"
            return f"{_digits(self._throughput(measurement))} a second{at_once}"
        return f"{_digits(measurement.p50_seconds * 1e3)} ms"

    def _throughput(self, measurement: Measurement) -> float:
        at = (at.per_second for at in measurement.throughput_at if at.concurrency == self.concurrency)
        return next(at, measurement.throughput)


def _chosen(
    result: CandidateResult, own: Measurement, yardstick: Yardstick, measured: int
) -> CandidateResult:
    figure = yardstick.figure(own)
    reason = (
        f"fastest of {measured} with the right answers: {figure}"
        if measured > 1
        else (f"the only one measured with the right answers: {figure}")
    )
    return replace(result, verdict=Verdict.CHOSEN, code="plan.fastest", reason=reason)


def _slower(
    result: CandidateResult, own: Measurement, best: Measurement, yardstick: Yardstick
) -> CandidateResult:
    ratio = yardstick.cost(own) / yardstick.cost(best)
    how = f"{ratio:.1f}x slower" if ratio >= 1.1 else f"{(ratio - 1) * 100:.1f} % slower"
    reason = f"{how}: {yardstick.figure(own)} against {yardstick.figure(best)}"
    return replace(result, verdict=Verdict.SLOWER, code="plan.slower", reason=reason)


def _digits(value: float) -> str:
    """Three digits, and no exponent for what a person reads."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
