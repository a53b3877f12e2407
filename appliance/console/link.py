"""How the line to the daemon is, as values and words."""

from dataclasses import dataclass

from appliance.console import formats
from appliance.console.severity import Chip, Severity
from appliance.errors import Explanation


@dataclass(frozen=True, slots=True)
class Link:
    """Whether the daemon answers; where it does not, since when, why, and when it is asked again. Seconds."""

    live: bool
    last_seen: float | None = None
    """How long ago the last report came; None where there never was one."""
    retry_in: float | None = None
    why: Explanation | None = None

    @property
    def chip(self) -> Chip:
        return Chip(Severity.OK, "live") if self.live else Chip(Severity.UNKNOWN, "away")

    @property
    def detail(self) -> str:
        """`last seen 12 s ago, next try in 4 s`; empty while it answers."""
        if self.live:
            return ""
        seen = "never seen" if self.last_seen is None else f"last seen {formats.ago(self.last_seen)}"
        if self.retry_in is None or self.retry_in < 0.5:
            return f"{seen}, trying again now"
        return f"{seen}, next try in {formats.duration(self.retry_in)}"


LIVE = Link(live=True)
