"""Text that came from a model, a medium or a driver, made harmless for a screen; and the ASCII skin."""

import codecs
import unicodedata
from collections.abc import Mapping

REPLACEMENT = "�"
_HARMFUL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MAX_MARKS = 2


def plain(text: str, limit: int = 400) -> str:
    """Return `text` as one line that no terminal and no label can take for anything but text.

    Control characters (escape sequences among them), bidirectional overrides, invisible and unassigned
    characters each become U+FFFD; white space becomes one blank; of a pile of combining marks two stay.
    """
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text[: limit * 4]):
        if character in "\t\n\r\v\f ":
            if kept and kept[-1] != " ":
                kept.append(" ")
            continue
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > _MAX_MARKS:
            continue
        harmful = unicodedata.category(character) in _HARMFUL_CATEGORIES
        kept.append(REPLACEMENT if harmful else character)
    line = "".join(kept).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def to_ascii(text: str) -> str:
    """Return `text` in ASCII with the same width on a terminal; what has no likeness becomes `?`."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _likeness(c) for c in text)


def wants_ascii(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Whether a terminal shows ASCII only: asked for, known by its TERM, or unable to encode UTF-8.

    The Linux console knows at most 512 glyphs and the DEC terminals none of ours.
    """
    asked = environ.get("APPLIANCE_ASCII")
    if asked is not None:
        return asked not in {"", "0"}
    if environ.get("TERM", "") in {"linux", "dumb"} or environ.get("TERM", "").startswith("vt"):
        return True
    try:
        return codecs.lookup(encoding or "ascii").name != "utf-8"
    except LookupError:
        return True


def _likeness(character: str) -> str:
    if character in _LIKENESSES:
        return _LIKENESSES[character]
    if "─" <= character <= "╿":
        return _box_likeness(character)
    base = unicodedata.normalize("NFKD", character)[:1]
    if base.isascii() and base.isprintable():
        return base
    if unicodedata.combining(character):
        return ""
    return "??" if unicodedata.east_asian_width(character) in "WF" else "?"


def _box_likeness(character: str) -> str:
    name = unicodedata.name(character)
    horizontal = "HORIZONTAL" in name
    vertical = "VERTICAL" in name
    if horizontal and not vertical:
        return "=" if "DOUBLE" in name else "-"
    return "|" if vertical and not horizontal else "+"


_LIKENESSES = {
    "✔": "+",
    "✖": "X",
    "▲": "!",
    "●": "*",
    "·": "-",
    "\N{EN DASH}": "-",
    "—": "-",
    "…": "~",
    "→": ">",
    "←": "<",
    "↑": "^",
    "↓": "v",
    "°": " ",
    "\N{MULTIPLICATION SIGN}": "x",
    "µ": "u",
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "“": '"',
    "”": '"',
    "█": "#",
    "▉": "#",
    "▊": "|",
    "▋": "|",
    "▌": "|",
    "▍": "|",
    "▎": "|",
    "▏": "|",
    "▐": "|",
    "░": ".",
    "▒": ":",
    "▓": "#",
    "▁": "_",
    "▂": ".",
    "▃": "-",
    "▄": "=",
    "▅": "=",
    "▆": "+",
    "▇": "#",
    "▀": "=",
    "▔": "-",
    "▕": "|",
    "▶": ">",
    "◀": "<",
    "▼": "v",
    "○": "o",
    "•": "*",
}
