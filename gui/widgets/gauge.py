"""A labelled value with a bar below it."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from appliance.console.hardware_view import Gauge
from appliance.console.severity import Severity
from gui.theme import Theme, font
from gui.widgets.labels import colour


class GaugeBar(QWidget):
    """Label at the left, value at the right, the share of the whole below."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self._gauge = Gauge("", "")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_gauge(self, gauge: Gauge) -> None:
        if gauge == self._gauge:
            return
        self._gauge = gauge
        self.setAccessibleName(f"{gauge.label}: {gauge.value}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(200, 24 if self._gauge.fraction is None else 40)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        gauge, theme = self._gauge, self.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QRectF(0, 0, self.width(), 24)
        painter.setFont(font(15))
        painter.setPen(QColor(theme.faint))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, gauge.label)
        painter.setPen(QColor(colour(theme, gauge.severity)))
        value = gauge.value if gauge.severity is Severity.OK else f"{gauge.severity.glyph} {gauge.value}"
        room = self.width() - QFontMetrics(painter.font()).horizontalAdvance(gauge.label) - 16
        value = QFontMetrics(painter.font()).elidedText(value, Qt.TextElideMode.ElideRight, room)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, value)
        if gauge.fraction is not None:
            self._bar(painter, gauge.fraction, gauge.severity)
        painter.end()

    def _bar(self, painter: QPainter, fraction: float, severity: Severity) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.theme.track))
        painter.drawRoundedRect(QRectF(0, 27, self.width(), 8), 4, 4)
        full = self.theme.accent if severity is Severity.OK else self.theme.tones[severity].ink
        painter.setBrush(QColor(full))
        painter.drawRoundedRect(QRectF(0, 27, max(8.0, self.width() * fraction), 8), 4, 4)
