"""Tables: a model that changes by difference, and a delegate that paints chips, pairs and sparklines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from appliance.console.severity import Chip, Severity
from gui.theme import Theme, font

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex
CELL = Qt.ItemDataRole.UserRole
NOWHERE = QModelIndex()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two lines in one cell: what it is, and what else there is to say."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Value:
    """A value that may be worse than well."""

    text: str
    severity: Severity = Severity.OK


Cell = str | Chip | Pair | Value | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """`width` in pixels; None takes what is left."""

    title: str
    cell: Callable[[Row], Cell]
    width: int | None = None
    right: bool = False


class RowsModel(QAbstractTableModel, Generic[Row]):
    """Rows of a view; `show` tells the table only of what changed."""

    def __init__(self, columns: Sequence[Column[Row]]) -> None:
        super().__init__()
        self.columns = columns
        self._rows: tuple[Row, ...] = ()

    def show(self, rows: tuple[Row, ...]) -> None:
        before, common = self._rows, min(len(rows), len(self._rows))
        if len(rows) > common:
            self.beginInsertRows(NOWHERE, common, len(rows) - 1)
            self._rows = (*before[:common], *rows[common:])
            self.endInsertRows()
        elif len(before) > common:
            self.beginRemoveRows(NOWHERE, common, len(before) - 1)
            self._rows = before[:common]
            self.endRemoveRows()
        self._rows = rows
        last = len(self.columns) - 1
        for number in range(common):
            if rows[number] != before[number]:
                self.dataChanged.emit(self.index(number, 0), self.index(number, last))

    def rowCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = NOWHERE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = self.columns[index.column()].cell(self._rows[index.row()])
        if role == CELL:
            return cell
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return _said(cell)
        if role == Qt.ItemDataRole.TextAlignmentRole and self.columns[index.column()].right:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section].title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if self.columns[section].right else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None


class CellDelegate(QStyledItemDelegate):
    """Paints a cell by what it holds."""

    def __init__(self, theme: Theme, height: int) -> None:
        super().__init__()
        self.theme = theme
        self._height = height

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002, N802 - Qt's name
        return QSize(60, self._height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = index.data(CELL)
        box = QRectF(option.rect).adjusted(8, 0, -8, 0)
        right = bool(index.data(Qt.ItemDataRole.TextAlignmentRole))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        match cell:
            case Chip():
                self._chip(painter, box, cell)
            case Pair():
                self._pair(painter, box, cell)
            case Value():
                self._text(painter, box, cell.text, right=right, severity=cell.severity)
            case tuple():
                sparkline(painter, box.adjusted(0, 9, 0, -9), cell, self.theme)
            case _:
                self._text(painter, box, str(cell), right=right)
        painter.setPen(QPen(QColor(self.theme.line), 1))
        rect = option.rect
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.restore()

    def _chip(self, painter: QPainter, box: QRectF, chip: Chip) -> None:
        tone = self.theme.tones[chip.severity]
        painter.setFont(font(14, bold=True))
        said = f"{chip.severity.glyph}  {chip.word}"
        width = min(box.width(), QFontMetrics(painter.font()).horizontalAdvance(said) + 24)
        pill = QRectF(box.left() - 4, box.center().y() - 14, width, 28)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tone.ground))
        painter.drawRoundedRect(pill, 14, 14)
        painter.setPen(QColor(tone.ink))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, said)

    def _pair(self, painter: QPainter, box: QRectF, pair: Pair) -> None:
        painter.setFont(font(15, bold=True))
        painter.setPen(QColor(self.theme.text))
        upper = QRectF(box.left(), box.center().y() - 22, box.width(), 22)
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, _elide(painter, pair.first, box.width()))
        painter.setFont(font(13))
        painter.setPen(QColor(self.theme.faint))
        lower = QRectF(box.left(), box.center().y() + 1, box.width(), 20)
        painter.drawText(lower, Qt.AlignmentFlag.AlignVCenter, _elide(painter, pair.second, box.width()))

    def _text(
        self,
        painter: QPainter,
        box: QRectF,
        text: str,
        *,
        right: bool = False,
        severity: Severity = Severity.OK,
    ) -> None:
        painter.setFont(font(15, bold=severity is not Severity.OK))
        painter.setPen(QColor(self.theme.text if severity is Severity.OK else self.theme.tones[severity].ink))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, _elide(painter, text, box.width()))


def table(model: RowsModel[Any], theme: Theme, *, name: str, row_height: int) -> QTableView:
    """A read-only table without a grid; its delegate paints `theme`."""
    view = QTableView()
    view.setModel(model)
    delegate = CellDelegate(theme, row_height)
    delegate.setParent(view)
    view.setItemDelegate(delegate)
    view.setAccessibleName(name)
    view.setShowGrid(False)
    view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setTabKeyNavigation(False)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.verticalHeader().hide()
    view.verticalHeader().setDefaultSectionSize(row_height)
    header = view.horizontalHeader()
    header.setHighlightSections(False)
    header.setMinimumSectionSize(40)
    for section, column in enumerate(model.columns):
        if column.width is None:
            header.setSectionResizeMode(section, QHeaderView.ResizeMode.Stretch)
        else:
            header.setSectionResizeMode(section, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(section, column.width)
    return view


def sparkline(painter: QPainter, box: QRectF, values: Sequence[float], theme: Theme) -> None:
    """The values as a filled line, scaled to the largest; nothing where there is none."""
    if len(values) < 2 or box.width() < 4:
        return
    top = max(*values, 1e-9)
    step = box.width() / (len(values) - 1)
    points = [
        QPointF(box.left() + i * step, box.bottom() - value / top * box.height())
        for i, value in enumerate(values)
    ]
    line = QPainterPath(points[0])
    for point in points[1:]:
        line.lineTo(point)
    area = QPainterPath(line)
    area.lineTo(box.bottomRight())
    area.lineTo(box.bottomLeft())
    area.closeSubpath()
    painter.fillPath(area, QColor(theme.accent_ground))
    painter.setPen(QPen(QColor(theme.accent), 1.6))
    painter.drawPath(line)


def _elide(painter: QPainter, text: str, width: float) -> str:
    return QFontMetrics(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, int(width))


def _said(cell: Cell) -> str:
    match cell:
        case Chip(severity=severity, word=word):
            return f"{severity.glyph} {word}"
        case Pair(first=first, second=second):
            return f"{first}, {second}"
        case Value(text=text):
            return text
        case tuple():
            return f"chart of {len(cell)} values" if cell else "no chart"
        case _:
            return cell
