"""Lines of styled text: chips, columns, bars and sparklines, each cut to the width that it is given."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from appliance.console.severity import Chip, Severity
from tui.skin import STYLES

_LEVELS = "▁▂▃▄▅▆▇█"
_LEAST_LAST_COLUMN = 24


def text(value: str, style: str = "") -> Content:
    """`value` as it stands: nothing in it is markup."""
    return Content.styled(value, style) if style else Content(value)


def chip(state: Chip, *, bold: bool = False) -> Content:
    """`✔ serving` in its severity's colour."""
    style = STYLES[state.severity] + (" bold" if bold else "")
    return text(f"{state.severity.glyph} {state.word}", style)


def fit(content: Content, width: int, *, right: bool = False) -> Content:
    """Cut to `width` cells with an ellipsis, or fill up with blanks."""
    if width <= 0:
        return Content("")
    cut = content.truncate(width, ellipsis=True) if content.cell_length > width else content
    missing = max(0, width - cut.cell_length)
    return cut.pad_left(missing) if right else cut.pad_right(missing)


def fit_middle(value: str, width: int) -> str:
    """A path cut in its middle, where it says least."""
    if cell_len(value) <= width or width < 5:
        return value
    head = (width - 1) // 3
    return f"{value[:head]}…{value[head - width + 1 :]}"


def join_fitting(parts: Sequence[str], width: int, between: str = ", ") -> str:
    """As many of the parts, from the first, as fit into `width` cells."""
    said = ""
    for part in parts:
        longer = f"{said}{between}{part}" if said else part
        if cell_len(longer) > width:
            break
        said = longer
    return said


def spread(left: Content, right: Content, width: int) -> Content:
    """`left` at the left, `right` at the right; what does not fit is cut from the left one."""
    room = width - right.cell_length
    if room < 1:
        return fit(left, width)
    return Content.assemble(fit(left, room), right)


def rule(title: str, width: int, hint: str = "") -> Content:
    """A panel's heading: `─ Title ─────── hint ─`."""
    head = Content.assemble(("─ ", "$rule"), (title, "bold"), " ")
    tail = Content.assemble(" ", (hint, "$faint"), (" ─", "$rule")) if hint else Content("")
    if head.cell_length + tail.cell_length + 2 > width:
        tail = Content("")
    dashes = max(0, width - head.cell_length - tail.cell_length)
    return fit(Content.assemble(head, ("─" * dashes, "$rule"), tail), width)


def bar(fraction: float, width: int, severity: Severity = Severity.OK) -> Content:
    """A gauge of `width` cells."""
    full = round(min(1.0, max(0.0, fraction)) * width)
    style = "$chart" if severity is Severity.OK else STYLES[severity]
    return Content.assemble(("█" * full, style), ("░" * (width - full), "$rule"))


def sparkline(values: Sequence[float], width: int) -> Content:
    """The newest values at the right, the largest of each bucket, scaled to the largest of all."""
    if width < 1 or not values:
        return Content("")
    size = max(1, -(-len(values) // width))
    recent = list(values[-size * width :])
    buckets = [max(recent[max(0, end - size) : end]) for end in range(len(recent), 0, -size)][::-1]
    top = max(buckets)
    if top <= 0:
        return text(_LEVELS[0] * len(buckets), "$rule")
    return text("".join(_LEVELS[min(7, int(v / top * 7.999))] for v in buckets), "$chart")


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    width: int
    right: bool = False


def row(columns: Sequence[Column], cells: Sequence[Content]) -> Content:
    """Cells side by side, one blank between."""
    parts = [fit(cell, c.width, right=c.right) for c, cell in zip(columns, cells, strict=True) if c.width > 0]
    return Content(" ").join(parts)


def heading(columns: Sequence[Column]) -> Content:
    return row(columns, [text(c.title, "$faint") for c in columns])


def table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str], width: int
) -> list[Content]:
    """A table as lines; the last column wraps, or stands below its row where the others leave it no room."""
    widths = [max(cell_len(r[i]) for r in [titles, *rows]) for i in range(len(titles) - 1)]
    left = width - sum(widths) - len(widths)
    below = left < min(_LEAST_LAST_COLUMN, max(cell_len(r[-1]) for r in [titles, *rows]))
    if below:
        widths = _squeeze(widths, width)
    columns = [Column(t, w, t in right) for t, w in zip(titles, widths, strict=False)]
    indent = 2 if below else width - left
    lines = [heading(columns) if below else heading([*columns, Column(titles[-1], left)])]
    for cells in rows:
        first = row(columns, [text(c) for c in cells[:-1]])
        rest = text(cells[-1], "$faint").wrap(max(8, width - indent)) if cells[-1] else []
        if not below and rest:
            first = Content.assemble(first, " ", rest.pop(0))
        lines.append(first)
        lines += [line.pad_left(indent) for line in rest]
    return lines


def _squeeze(widths: list[int], width: int) -> list[int]:
    """Take from the widest until the columns fit."""
    widths = list(widths)
    while sum(widths) + len(widths) - 1 > width and max(widths) > 4:
        widths[widths.index(max(widths))] -= 1
    return widths
