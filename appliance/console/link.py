"""How the line to the daemon is, as values and words."""

from dataclasses import dataclass

from appliance.console import formats
from appliance.console.severity import Chip, Severity
from appliance.console.text import plain
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
        """`The daemon does not answer, last seen 12 s ago, trying again in 4 s`; empty while it answers."""
        if self.live:
            return ""
        parts = [
            self._cause(),
            "never seen" if self.last_seen is None else f"last seen {formats.ago(self.last_seen)}",
        ]
        if self.retry_in is not None and self.retry_in >= 0.5:
            parts.append(f"trying again in {formats.duration(self.retry_in)}")
        else:
            parts.append("trying again now")
        return ", ".join(parts)

    def _cause(self) -> str:
        if self.why is None or self.why.code == "daemon.away":
            return "The daemon does not answer"
        return plain(self.why.what).rstrip(".")


LIVE = Link(live=True)
