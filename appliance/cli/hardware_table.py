"""How a machine's hardware reads on a terminal: a block for each part, every value with where it was read."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from appliance.console.formats import NA
from appliance.console.text import plain
from runtimes.hardware.describe import Row, remarks, rows
from runtimes.hardware.profile import HardwareProfile

WHAT = 20
"""Columns of a quantity's name, so that the values of all parts stand below each other."""


def hardware(profile: HardwareProfile) -> Iterator[RenderableType]:
    """The parts, then what the reader should know about them."""
    for component, block in groupby(rows(profile), key=lambda row: row.component):
        yield Text(component, "bold")
        yield _block(list(block))
    for remark in remarks(profile):
        yield ""
        yield Text(
            f"! {remark.component}: {plain(remark.finding.text, 2000)} [{remark.finding.code}]", "yellow"
        )
        if remark.finding.remedy:
            yield Padding(Text(plain(remark.finding.remedy, 2000)), (0, 0, 0, 2))


def _block(block: Sequence[Row]) -> Table:
    """The known values; what is not known in one line, so that nobody takes it for forgotten."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=WHAT)
    table.add_column(overflow="fold")
    for row in block:
        if row.value != NA:
            value = Text.assemble(plain(row.value, 2000), "  ", (plain(row.source, 2000), "dim"))
            table.add_row(Text(f"  {row.quantity}"), value)
    missing = ", ".join(row.quantity for row in block if row.value == NA)
    if missing:
        table.add_row(Text(f"  {NA}", "dim"), Text(missing, "dim"))
    return table
