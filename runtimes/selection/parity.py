"""Are a candidate's answers those of the golden samples? Pure arithmetic, nothing is run here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runtimes.datatypes import FLOATS, datatype_of
from runtimes.engine import Tensor, Tensors
from runtimes.golden import GoldenSet, TensorSample, TextSample, Tolerance
from runtimes.selection.plan import Parity

_QUOTED = 60
"""Characters of a wrong answer that a reason repeats."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One output of one sample against what was expected."""

    place: str
    """`sample/output`, or the sample's name for text."""
    within: bool
    excess: float
    """Largest error as a multiple of what is allowed there; infinite where no tolerance could excuse it."""
    error: float | None = None
    """Largest |got - want|; None where the two cannot be subtracted."""
    reason: str = ""
    """What is wrong, one clause; empty where nothing is."""


def compare_tensors(sample: TensorSample, got: Tensors, golden: GoldenSet) -> list[Comparison]:
    """Compare every output that the sample expects."""
    return [
        _compare_output(f"{sample.name}/{name}", want, got.get(name), golden.tolerance_of(name))
        for name, want in sample.outputs.items()
    ]


def compare_text(sample: TextSample, got: str, *, matches: bool) -> Comparison:
    """Compare a generated text; `matches` says whether the sample's pattern, if it has one, finds something."""
    if sample.text is not None:
        if got == sample.text:
            return Comparison(sample.name, within=True, excess=0.0)
        return _wrong(sample.name, f"the text of sample {sample.name} {_difference(got, sample.text)}")
    if matches:
        return Comparison(sample.name, within=True, excess=0.0)
    return _wrong(
        sample.name,
        f"nothing in the text of sample {sample.name} matches {sample.pattern!r}; it says {_quote(got)}",
    )


def conclude(comparisons: Sequence[Comparison]) -> tuple[Parity, str]:
    """The verdict over all samples, and the reason of the worst one (empty where all are within)."""
    worst = max(comparisons, key=lambda comparison: (not comparison.within, comparison.excess))
    errors = [c.error for c in comparisons if c.error is not None and math.isfinite(c.error)]
    parity = Parity(
        within=worst.within,
        worst_error=max(errors, default=None),
        worst_sample=None if worst.within and worst.excess == 0.0 else worst.place,
    )
    return parity, worst.reason


def _compare_output(place: str, want: Tensor, got: Tensor | None, tolerance: Tolerance) -> Comparison:
    if got is None:
        return _wrong(place, f"there is no output {place}")
    if datatype_of(got) != datatype_of(want):
        return _wrong(place, f"{place} is {_type(got)}, expected {_type(want)}")
    if got.shape != want.shape:
        return _wrong(place, f"{place} has shape {list(got.shape)}, expected {list(want.shape)}")
    if datatype_of(want) not in FLOATS and want.dtype.kind not in "iu":
        return _compare_exactly(place, want, got)
    numbers = _compare_numbers(place, want, got, tolerance)
    return (
        numbers
        if not tolerance.top_k or not numbers.within
        else _compare_order(place, want, got, tolerance, numbers)
    )


def _compare_order(
    place: str, want: Tensor, got: Tensor, tolerance: Tolerance, numbers: Comparison
) -> Comparison:
    """The largest of each row along the last axis; one that equals the smallest of the wanted ones is as good."""
    k = min(tolerance.top_k, want.shape[-1]) if want.ndim else 0
    if k == 0 or want.size == 0:
        return numbers
    rows, answers = (tensor.reshape(-1, want.shape[-1]).astype(np.float64) for tensor in (want, got))
    least = np.partition(rows, -k, axis=-1)[:, -k]
    picked = np.argpartition(answers, -k, axis=-1)[:, -k:]
    agreed = np.take_along_axis(rows, picked, axis=-1) >= least[:, None]
    share = float(agreed.mean())
    if share >= tolerance.agreement:
        return numbers
    asked = f"{share:.0%} of the {k} largest of {place} are the expected ones"
    return _wrong(place, f"{asked} where {tolerance.agreement:.0%} are asked for")


def _compare_exactly(place: str, want: Tensor, got: Tensor) -> Comparison:
    different = np.flatnonzero(want != got)
    if different.size == 0:
        return Comparison(place, within=True, excess=0.0)
    first = int(different[0])
    return _wrong(
        place,
        f"{place} differs in {different.size} of {want.size} elements, "
        f"first {_quote(got.flat[first])} instead of {_quote(want.flat[first])}",
    )


def _compare_numbers(place: str, want: Tensor, got: Tensor, tolerance: Tolerance) -> Comparison:
    """|got - want| <= absolute + relative * |want|; NaN and infinity only where they are expected."""
    if want.size == 0:
        return Comparison(place, within=True, excess=0.0, error=0.0)
    nan = np.isnan(got) != np.isnan(want)
    if nan.any():
        return _wrong(place, _nan_reason(place, want, got, nan))
    same = (got == want) | (np.isnan(want) & np.isnan(got))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        expected, actual = want.astype(np.float64), got.astype(np.float64)
        difference = np.where(same, 0.0, np.abs(actual - expected))
        if want.dtype.kind in "iu":
            difference = np.where(same, 0.0, np.maximum(difference, 1.0))
        finite = np.where(np.isfinite(expected), np.abs(expected), 0.0)
        allowed = tolerance.absolute + tolerance.relative * finite
        excess = np.where(same, 0.0, difference / allowed)
    worst = int(np.argmax(excess))
    largest = float(difference.max())
    within = bool((difference <= allowed).all())
    reason = "" if within else _moved(place, difference.flat[worst], allowed.flat[worst])
    return Comparison(place, within, float(excess.flat[worst]), largest, reason)


def _moved(place: str, by: float, allowed: float) -> str:
    amount = f"by {by:.2g}" if math.isfinite(by) else "infinitely far"
    return f"{place} moved {amount} where {allowed:.2g} is tolerated"


def _nan_reason(place: str, want: Tensor, got: Tensor, nan: Tensor) -> str:
    if np.isnan(got)[nan].any():
        return f"{int((np.isnan(got) & nan).sum())} of {want.size} values of {place} are NaN"
    return f"{place} has numbers where NaN is expected"


def _type(tensor: Tensor) -> str:
    return datatype_of(tensor) or str(tensor.dtype)


def _difference(got: str, want: str) -> str:
    at = next(
        (i for i, (a, b) in enumerate(zip(got, want, strict=False)) if a != b), min(len(got), len(want))
    )
    if at == len(got):
        return f"ends after {at} characters, expected to go on with {_quote(want[at:])}"
    if at == len(want):
        return f"goes on after {at} characters with {_quote(got[at:])}, expected to end there"
    return f"differs from character {at + 1} on: {_quote(got[at:])} instead of {_quote(want[at:])}"


def _quote(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return repr(text if len(text) <= _QUOTED else text[:_QUOTED] + "…")


def _wrong(place: str, reason: str) -> Comparison:
    return Comparison(place, within=False, excess=math.inf, reason=reason)
