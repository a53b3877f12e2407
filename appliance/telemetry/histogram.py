"""Latencies as a mergeable histogram with logarithmic buckets, after DDSketch (Masson, Rim, Lee: VLDB 2019)."""

import math
from collections.abc import Mapping

RELATIVE_ERROR = 0.02
"""A quantile is told within two percent of the value that stands there."""

_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_SCALE = 1 / math.log(_GAMMA)
_SMALLEST = 1e-7
"""Seconds; whatever is shorter counts as this."""
_LARGEST = 1e5


def bucket(seconds: float) -> int:
    """The bucket that holds `seconds`: gamma**(bucket - 1) < seconds <= gamma**bucket."""
    if not seconds > _SMALLEST:  # so that a NaN counts too
        seconds = _SMALLEST
    return math.ceil(math.log(min(seconds, _LARGEST)) * _SCALE)


def merge(into: dict[int, int], counts: Mapping[int, int]) -> None:
    """Add the counts of one histogram to another; no accuracy is lost."""
    for index, count in counts.items():
        into[index] = into.get(index, 0) + count


def quantile(counts: Mapping[int, int], fraction: float) -> float | None:
    """The value in seconds below which `fraction` of all lie; None of an empty histogram."""
    rank = fraction * (sum(counts.values()) - 1)
    if rank < 0:
        return None
    seen = 0
    for index in sorted(counts):
        seen += counts[index]
        if seen > rank:
            break
    return 2 * math.exp(index / _SCALE) / (1 + _GAMMA)
