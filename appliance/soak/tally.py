"""Counts what each deployment does since its version last changed, off the request's path."""

import time
from collections.abc import Callable

from appliance.gateway.router import Answered
from appliance.soak.observed import Observed
from appliance.telemetry.histogram import bucket

_FAMILIES = frozenset({"worker", "model", "device", "internal"})
_CODES = frozenset({"request.failed", "request.timeout", "deployment.failed", "deployment.restarting"})


def by_the_models_fault(cause: str) -> bool:
    """Whether a cause code says something against the version; what a client did wrong, or a busy box, does not."""
    return cause in _CODES or cause.partition(".")[0] in _FAMILIES


class Tallies:
    """Of every deployment, what was seen since it changed its version. Lives in one event loop."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._counting: dict[str, _Counting] = {}

    def answered(self, answered: Answered) -> None:
        """Count a request, unless it was asked before the version changed."""
        now = self._monotonic()
        counting = self._of(answered.deployment)
        if now - answered.seconds < counting.since:
            return
        if answered.cause is None:
            counting.requests += 1
            index = bucket(answered.seconds)
            counting.latencies[index] = counting.latencies.get(index, 0) + 1
        elif by_the_models_fault(answered.cause):
            counting.requests += 1
            counting.errors += 1

    def died(self, name: str) -> None:
        """Its worker did."""
        self._of(name).crashes += 1

    def serves(self, name: str, serves: bool) -> None:  # noqa: FBT001 - says what its name asks
        """Its time of service passes, or stands still."""
        self._of(name).run(self._monotonic(), serves)

    def begin(self, name: str) -> None:
        """Another version serves from now on."""
        self._counting[name] = _Counting(self._monotonic())

    def seen(self, name: str) -> Observed:
        """All since its version changed."""
        return self._of(name).total(self._monotonic())

    def forget(self, name: str) -> None:
        self._counting.pop(name, None)

    def _of(self, name: str) -> "_Counting":
        return self._counting.setdefault(name, _Counting(self._monotonic()))


class _Counting:
    __slots__ = ("crashes", "errors", "latencies", "requests", "seconds", "serving_since", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.serving_since: float | None = since
        self.seconds = 0.0
        self.requests = self.errors = self.crashes = 0
        self.latencies: dict[int, int] = {}

    def run(self, now: float, serves: bool) -> None:  # noqa: FBT001 - as `Tallies.serves`
        self.seconds += 0.0 if self.serving_since is None else now - self.serving_since
        self.serving_since = now if serves else None

    def total(self, now: float) -> Observed:
        running = 0.0 if self.serving_since is None else now - self.serving_since
        return Observed(
            self.seconds + running, self.requests, self.errors, self.crashes, dict(self.latencies)
        )
