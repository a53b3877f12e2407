"""Ranking what was measured, and saying in figures why each one won or lost."""

from collections.abc import Sequence
from dataclasses import replace

from runtimes.selection.plan import CandidateResult, Limits, Measurement, Objective, Verdict
from runtimes.selection.yardstick import Yardstick, broken_limits

_ORDER = (Verdict.CHOSEN, Verdict.SLOWER, Verdict.WRONG, Verdict.FAILED, Verdict.SKIPPED, Verdict.INFEASIBLE)
_NO_LIMITS = Limits()


def rank(
    results: Sequence[CandidateResult], objective: Objective, limits: Limits = _NO_LIMITS
) -> tuple[CandidateResult, ...]:
    """Give the measured ones, all of them right, their verdicts; best first, then those that were not measured."""
    found = [(result, result.measurement) for result in results if result.measurement is not None]
    yardstick = Yardstick.common_to([own for _, own in found], objective)
    measured = sorted(found, key=lambda pair: (bool(broken_limits(pair[1], limits)), yardstick.cost(pair[1])))
    ranked = [_chosen(*measured[0], yardstick, limits, len(measured))] if measured else []
    ranked += [_behind(result, own, measured[0][1], yardstick, limits) for result, own in measured[1:]]
    others = [result for result in results if result.measurement is None]
    return tuple(ranked + sorted(others, key=lambda result: _ORDER.index(result.verdict)))


def _chosen(
    result: CandidateResult, own: Measurement, yardstick: Yardstick, limits: Limits, measured: int
) -> CandidateResult:
    words = yardstick.words
    broken = broken_limits(own, limits)
    among = f"{words.best} of {measured}" if measured > 1 else "the only one measured"
    reason = f"{yardstick.remark}{among} with the right answers: {yardstick.figure(own)}"
    if broken:
        reason += f"; none keeps the limits: {broken}"
    return replace(result, verdict=Verdict.CHOSEN, code=words.best_code, reason=reason)


def _behind(
    result: CandidateResult, own: Measurement, best: Measurement, yardstick: Yardstick, limits: Limits
) -> CandidateResult:
    broken = broken_limits(own, limits)
    if broken and not broken_limits(best, limits):
        return replace(
            result, verdict=Verdict.SLOWER, code="plan.outside-limits", reason=f"outside the limits: {broken}"
        )
    ratio = yardstick.cost(own) / yardstick.cost(best)
    words = yardstick.words
    how = f"{ratio:.1f}x {words.ratio}" if ratio >= 1.1 else f"{(ratio - 1) * 100:.1f} % {words.ratio}"
    reason = f"{how}: {yardstick.figure(own)} against {yardstick.figure(best)}"
    return replace(result, verdict=Verdict.SLOWER, code=words.others_code, reason=reason)
