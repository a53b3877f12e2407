"""How bad something is, told by glyph and word, so that colour is never alone."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """Ordered: the larger, the sooner somebody should look."""

    OK = 0
    NOTICE = 1
    UNKNOWN = 2
    WARNING = 3
    CRITICAL = 4

    @property
    def glyph(self) -> str:
        return _GLYPHS[self][0]

    @property
    def ascii_glyph(self) -> str:
        return _GLYPHS[self][1]

    @property
    def word(self) -> str:
        return self.name


_GLYPHS = {
    Severity.OK: ("✔", "+"),
    Severity.NOTICE: ("●", "*"),
    Severity.UNKNOWN: ("?", "?"),
    Severity.WARNING: ("▲", "!"),
    Severity.CRITICAL: ("✖", "X"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A state as every screen shows it: the severity's glyph and colour, and a word of its own."""

    severity: Severity
    word: str
