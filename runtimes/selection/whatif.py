"""What if a vendor, an engine, a device or a precision were gone? Answered from a plan's evidence; measures nothing.

Whose a candidate is, goes by its device and its engine:

- OpenVINO is Intel's software: every candidate of it is Intel's, also one that computes on another maker's processor.
- CUDA and TensorRT devices are NVIDIA's; ROCm, HIP and MIGraphX ones AMD's; SYCL ones Intel's.
- A Vulkan device does not say whose card it is, so it counts as every vendor's: better one way too few than one
  that is gone on the day.
- A card that no engine here can use stands in the plan by its name, such as `NVIDIA L4`, which says whose it is.
- The processor itself stays: a CPU is nobody's that could be taken away without the whole machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runtimes.errors import EngineError
from runtimes.selection.plan import CandidateResult, Plan, Verdict
from runtimes.selection.ranking import rank
from runtimes.selection.yardstick import Yardstick

VENDORS = frozenset({"nvidia", "amd", "intel"})

_OF_ENGINE = {"openvino": frozenset({"intel"})}
_OF_DEVICE = {
    "cuda": frozenset({"nvidia"}),
    "tensorrt": frozenset({"nvidia"}),
    "rocm": frozenset({"amd"}),
    "hip": frozenset({"amd"}),
    "migraphx": frozenset({"amd"}),
    "sycl": frozenset({"intel"}),
    "vulkan": VENDORS,
}
"""Device without its number -> whose it may be."""


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


def vendors_of(engine: str, device: str) -> frozenset[str]:
    """Whose software or hardware a candidate needs; see the module's text for the rule."""
    by_name = VENDORS & set(device.lower().split())
    return (
        by_name | _OF_ENGINE.get(engine.lower(), frozenset()) | _OF_DEVICE.get(_family(device), frozenset())
    )


def _traits(result: CandidateResult) -> set[str]:
    """Every word that takes a result away."""
    pack_or_engine = result.label.partition(" ")[0].lower()
    traits = {pack_or_engine, result.engine.lower(), result.device.lower(), _family(result.device)}
    if result.candidate is not None:
        traits.add(result.candidate.precision.lower())
    return (traits | vendors_of(result.engine, result.device)) - {""}


def _family(device: str) -> str:
    """`cuda:0`, `GPU.1` and `Vulkan0` without their numbers."""
    return re.sub(r"[:.]?\d+$", "", device).lower()


def _refuse_unknown(plan: Plan, words: Sequence[str]) -> None:
    known = set(VENDORS) | set(_OF_DEVICE) | {engine.lower() for engine in plan.engines}
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
