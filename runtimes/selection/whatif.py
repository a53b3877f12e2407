"""What if a vendor, an engine, a device or a precision were gone? Answered from a plan's evidence; measures nothing.

Whose a candidate is, `devices` tells: better one way too few than one that is gone on the day.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runtimes.errors import EngineError
from runtimes.selection.devices import OF_DEVICE, VENDORS, family, vendors_of
from runtimes.selection.plan import CandidateResult, Plan, Verdict
from runtimes.selection.ranking import rank
from runtimes.selection.yardstick import Yardstick


@dataclass(frozen=True, slots=True)
class WhatIf:
    """How the model would run here without something."""

    without: tuple[str, ...]
    excluded: tuple[str, ...]
    """Labels of what would be gone, in the plan's order."""
    results: tuple[CandidateResult, ...]
    """What would remain, ranked anew; the chosen one first."""
    slower: float | None
    """Cost of the one that would be chosen over that of today's (1.0: as today); None where one of them is none."""

    @property
    def chosen(self) -> CandidateResult | None:
        """None where nothing that was measured and right would remain."""
        return next((r for r in self.results if r.verdict is Verdict.CHOSEN), None)

    @property
    def unanswered(self) -> tuple[CandidateResult, ...]:
        """What remains but was never measured, for want of time: it might be better than the chosen one."""
        return tuple(r for r in self.results if r.verdict is Verdict.SKIPPED)


def what_if(plan: Plan, without: Sequence[str]) -> WhatIf:
    """Rank a plan's results again without some of them.

    Args:
        without: vendors, engines, packs, devices (`cuda:0`, or `cuda` for all of them) or precisions, in any case.

    Raises:
        EngineError: `plan.what-if-unknown`, one of the words is none of these.
    """
    words = tuple(dict.fromkeys(word.strip().lower() for word in without))
    _refuse_unknown(plan, words)
    excluded = [result for result in plan.results if _traits(result) & set(words)]
    remaining = rank(
        [result for result in plan.results if result not in excluded], plan.objective, plan.limits
    )
    then = replace(plan, results=remaining).chosen
    return WhatIf(words, tuple(result.label for result in excluded), remaining, _slower(plan, then))


def _traits(result: CandidateResult) -> set[str]:
    """Every word that takes a result away."""
    pack_or_engine = result.label.partition(" ")[0].lower()
    traits = {pack_or_engine, result.engine.lower(), result.device.lower(), family(result.device)}
    if result.candidate is not None:
        traits.add(result.candidate.precision.lower())
    return (traits | vendors_of(result.engine, result.device)) - {""}


def _refuse_unknown(plan: Plan, words: Sequence[str]) -> None:
    known = set(VENDORS) | set(OF_DEVICE) | {engine.lower() for engine in plan.engines}
    known = known.union(*map(_traits, plan.results))
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        raise EngineError(
            "plan.what-if-unknown",
            f"{unknown[0]!r} is no vendor, and no engine, pack, device or precision of this plan."
            if unknown
            else "It is not said what would be gone.",
            kept="Nothing was changed.",
            remedy=f"Ask for the plan without one of: {', '.join(sorted(known))}.",
        )


def _slower(plan: Plan, then: CandidateResult | None) -> float | None:
    now = plan.chosen
    if now is None or now.measurement is None or then is None or then.measurement is None:
        return None
    yardstick = Yardstick.common_to([now.measurement, then.measurement], plan.objective)
    return yardstick.cost(then.measurement) / yardstick.cost(now.measurement)
