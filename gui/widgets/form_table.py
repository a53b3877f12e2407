"""A form's table: as tall as its rows, every cell wrapped, nothing cut off."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from appliance.console.wizards.form import Table
from gui.widgets.labels import label


class FormTable(QWidget):
    """Built anew when the table differs, which is once a step."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Table | None = None
        self._holder = QVBoxLayout(self)
        self._holder.setContentsMargins(0, 8, 0, 0)
        self._sheet: QWidget | None = None

    def show_table(self, table: Table | None) -> None:
        self.setVisible(table is not None)
        if table == self._shown:
            return
        self._shown = table
        if self._sheet is not None:
            self._sheet.setParent(None)
            self._sheet.deleteLater()
            self._sheet = None
        if table is not None:
            self._sheet = self._made(table)
            self._holder.addWidget(self._sheet)

    def _made(self, table: Table) -> QWidget:
        sheet = QWidget()
        grid = QGridLayout(sheet)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(10)
        last = len(table.columns) - 1
        grid.setColumnStretch(last, 1)
        for row, cells in enumerate((table.columns, *table.rows)):
            for number, cell in enumerate(cells):
                right = table.columns[number] in table.right
                name = "faint" if row == 0 else "strong" if number == 0 else ""
                wrap = bool(row) and number == last
                _put(grid, cell, row, number, name=name, right=right, wrap=wrap)
        return sheet


def _put(grid: QGridLayout, text: str, row: int, column: int, *, name: str, right: bool, wrap: bool) -> None:
    made = label(text, name, wrap=wrap)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    if wrap:
        made.setAlignment(side | Qt.AlignmentFlag.AlignTop)
        grid.addWidget(made, row, column)
    else:
        grid.addWidget(made, row, column, side | Qt.AlignmentFlag.AlignTop)
