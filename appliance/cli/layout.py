"""Tables and lists of facts, as every result is laid out on a terminal."""

from typing import Literal

from rich.table import Table
from rich.text import Text

from appliance.console.text import plain


def facts(*pairs: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for label, value in pairs:
        table.add_row(Text(label, "dim"), Text(plain(value, 2000)))
    return table


def table_of(*columns: str, right: tuple[str, ...] = (), wide: tuple[str, ...] = ()) -> Table:
    """Columns as wide as what is in them; those in `wide` give way on a narrow screen."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column not in wide)
    return table


def add_row(table: Table, *cells: str, style: str = "") -> None:
    table.add_row(*(Text(plain(cell, 2000), style) for cell in cells))
