"""By what candidates are compared: one number for each objective, small where it is good, and how people read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from runtimes.selection.plan import Limits, Measurement, Objective


@dataclass(frozen=True, slots=True)
class Words:
    """How a plan speaks of an objective."""

    best: str
    best_code: str
    others_code: str
    ratio: str
    """After `1.4x` or `2.0 %`, for one that is not the best."""


_WORDS = {
    Objective.LATENCY: Words("fastest", "plan.fastest", "plan.slower", "slower"),
    Objective.THROUGHPUT: Words("fastest", "plan.fastest", "plan.slower", "slower"),
    Objective.MEMORY: Words("smallest", "plan.smallest", "plan.larger", "more memory"),
    Objective.ENERGY: Words("most frugal", "plan.most-frugal", "plan.more-energy", "more energy"),
}


@dataclass(frozen=True, slots=True)
class Yardstick:
    """An objective, as far as what was measured allows it."""

    objective: Objective
    concurrency: int | None
    """At which throughput is compared; None where it was not measured at one."""
    remark: str = ""
    """Why it is not the objective that was asked for; empty where it is."""

    @classmethod
    def common_to(cls, measurements: Sequence[Measurement], objective: Objective) -> Self:
        """Throughput at the highest concurrency that all have: one with less time must not lose by that alone.

        Energy and memory only where all have them; else latency.
        """
        levels = [{at.concurrency for at in measurement.throughput_at} for measurement in measurements]
        concurrency = max(set.intersection(*levels), default=None) if levels else None
        if objective is Objective.ENERGY and any(m.joules is None for m in measurements):
            return cls(Objective.LATENCY, concurrency, "this machine does not count energy, so by latency: ")
        if objective is Objective.MEMORY and any(m.peak_memory is None for m in measurements):
            return cls(Objective.LATENCY, concurrency, "the workers' memory is not known, so by latency: ")
        return cls(objective, concurrency)

    @property
    def words(self) -> Words:
        return _WORDS[self.objective]

    def cost(self, measurement: Measurement) -> float:
        """What the objective wants small: seconds, bytes or joules.

        For text, latency and throughput both count the time for one generated token, so that an engine that answers
        a golden pattern at greater length is not taken for a slower one.
        """
        match self.objective:
            case Objective.MEMORY:
                return float("inf") if measurement.peak_memory is None else measurement.peak_memory
            case Objective.ENERGY:
                return float("inf") if measurement.joules is None else measurement.joules
            case Objective.LATENCY if measurement.first_token_seconds is None:
                return measurement.p50_seconds
        throughput = self._throughput(measurement)
        return 1.0 / throughput if throughput > 0 else float("inf")

    def figure(self, measurement: Measurement) -> str:
        """The same as people read it."""
        match self.objective:
            case Objective.MEMORY:
                return f"{(measurement.peak_memory or 0) / 2**20:,.0f} MiB"
            case Objective.ENERGY:
                each = "an answer" if measurement.first_token_seconds is None else "a token"
                return f"{_digits((measurement.joules or 0) * 1e3)} mJ {each}"
        if measurement.first_token_seconds is not None:
            return f"{_digits(measurement.throughput)} tokens/s"
        if self.objective is Objective.THROUGHPUT:
            at_once = "" if self.concurrency is None else f" with {self.concurrency} at once"
            return f"{_digits(self._throughput(measurement))} a second{at_once}"
        return f"{_digits(measurement.p50_seconds * 1e3)} ms"

    def _throughput(self, measurement: Measurement) -> float:
        at = (at.per_second for at in measurement.throughput_at if at.concurrency == self.concurrency)
        return next(at, measurement.throughput)


def broken_limits(measurement: Measurement, limits: Limits) -> str:
    """Which limits it does not keep, in figures; empty where it keeps them all."""
    broken = []
    if limits.latency_seconds is not None and measurement.p50_seconds > limits.latency_seconds:
        broken.append(
            f"{_milliseconds(measurement.p50_seconds)} where {_milliseconds(limits.latency_seconds)} are allowed"
        )
    if limits.memory is not None and (measurement.peak_memory or 0) > limits.memory:
        broken.append(
            f"{_mebibytes(measurement.peak_memory or 0)} where {_mebibytes(limits.memory)} are allowed"
        )
    return ", ".join(broken)


def _milliseconds(seconds: float) -> str:
    return f"{_digits(seconds * 1e3)} ms"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _digits(value: float) -> str:
    """Three digits, and no exponent for what a person reads."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
