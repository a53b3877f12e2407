"""What time it is on a box whose clock may have been wrong for years.

Effective time is the latest of three: when the software was built, what the real-time clock says, and the newest
time that a trusted key has signed. No floor is ever kept from the real-time clock: a clock that was once set to
2038 by mistake must not lock updates out for good.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self


class TimeSource(StrEnum):
    BUILD = "build"
    CLOCK = "clock"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class EffectiveTime:
    """A moment in UTC and who vouches for it."""

    at: datetime
    source: TimeSource

    def at_least(self, signed: datetime | None) -> Self:
        """The same, or `signed` where a trusted key has signed a later moment."""
        if signed is None or signed <= self.at:
            return self
        return type(self)(signed, TimeSource.SIGNED)


def effective_time(
    *, build: datetime, clock: datetime | None = None, signed: datetime | None = None
) -> EffectiveTime:
    """The latest of the software's build time, the box's clock and the newest signed time.

    Args:
        build: when this software was built.
        clock: what the real-time clock says; None reads it now.
        signed: `TrustState.signed_time` of what the box trusts.
    """
    reading = datetime.now(UTC) if clock is None else clock.astimezone(UTC)
    built = build.astimezone(UTC)
    if reading >= built:
        return EffectiveTime(reading, TimeSource.CLOCK).at_least(signed)
    return EffectiveTime(built, TimeSource.BUILD).at_least(signed)
