"""What was seen of one version in service."""

import msgspec

from appliance.telemetry.histogram import merge, quantile


class Observed(msgspec.Struct, frozen=True):
    """Counts since it began to serve; those of two stretches of time can be added."""

    seconds: float = 0.0
    """Of service: while it was down, or no daemon ran, none pass."""
    requests: int = 0
    """Answered, whatever came of them, but for those that were wrong themselves."""
    errors: int = 0
    """Those that failed by the model's or its worker's fault."""
    crashes: int = 0
    """Deaths of its worker."""
    latencies: dict[int, int] = {}
    """Requests that went well, by bucket of `appliance.telemetry.histogram`."""

    def __add__(self, other: "Observed") -> "Observed":
        latencies = dict(self.latencies)
        merge(latencies, other.latencies)
        return Observed(
            self.seconds + other.seconds,
            self.requests + other.requests,
            self.errors + other.errors,
            self.crashes + other.crashes,
            latencies,
        )

    @property
    def error_rate(self) -> float:
        return self.errors / self.requests if self.requests else 0.0

    @property
    def p50_seconds(self) -> float | None:
        return quantile(self.latencies, 0.5)


NOTHING_SEEN = Observed()
