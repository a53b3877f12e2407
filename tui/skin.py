"""Colours and characters: the themes, and the skin for terminals that show ASCII only."""

from collections.abc import Mapping
from dataclasses import replace

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import BUILTIN_THEMES, Theme

from appliance.console.severity import Severity
from appliance.console.text import to_ascii

COLOURS = Theme(
    name="appliance",
    primary="#5aa9c4",
    secondary="#7c93a3",
    accent="#5aa9c4",
    success="#5fbf77",
    warning="#e6b450",
    error="#f07167",
    foreground="#d7dee3",
    background="#12171b",
    surface="#12171b",
    panel="#1d262c",
    boost="#26323a",
    dark=True,
    variables={
        "good": "#6fce86",
        "notice": "#7cc0e8",
        "unknown": "#c3a6e8",
        "warn": "#f0c05a",
        "bad": "#ff8a80",
        "faint": "#93a3ae",
        "rule": "#3a4a54",
        "ink": "#10161a",
        "chart": "#5aa9c4",
    },
)

_ANSI = BUILTIN_THEMES["ansi-dark"]
SIXTEEN = replace(
    _ANSI,
    name="appliance-16",
    primary="ansi_cyan",
    accent="ansi_cyan",
    variables={
        **_ANSI.variables,
        "good": "ansi_bright_green",
        "notice": "ansi_bright_cyan",
        "unknown": "ansi_bright_magenta",
        "warn": "ansi_bright_yellow",
        "bad": "ansi_bright_red",
        "faint": "ansi_default",
        "rule": "ansi_default",
        "ink": "ansi_black",
        "chart": "ansi_bright_cyan",
    },
)
"""For terminals with sixteen colours: theirs, so that each is two bytes and fits the terminal's own palette."""

STYLES = {
    Severity.OK: "$good",
    Severity.NOTICE: "$notice",
    Severity.UNKNOWN: "$unknown",
    Severity.WARNING: "$warn",
    Severity.CRITICAL: "$bad",
}


def few_colours(environ: Mapping[str, str]) -> bool:
    """True where the terminal is not known to have more than sixteen colours."""
    if environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return False
    return not environ.get("TERM", "").endswith(("256color", "kitty", "direct"))


def no_colours(environ: Mapping[str, str]) -> bool:
    """True where colour is not wanted (no-color.org) or the terminal is one of DEC's."""
    return bool(environ.get("NO_COLOR")) or environ.get("TERM", "").startswith("vt")


def wants_mouse(environ: Mapping[str, str]) -> bool:
    """A mouse on a terminal that may have one; reporting it costs a serial line dearly."""
    term = environ.get("TERM", "")
    return term not in {"", "linux", "dumb", "ansi"} and not term.startswith("vt")


class AsciiFilter(LineFilter):
    """The last word on every line: what leaves for the terminal is ASCII, whoever drew it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - its protocol
        return [Segment(to_ascii(s.text), s.style, s.control) if s.text else s for s in segments]
