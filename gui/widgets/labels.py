"""Text, chips and cards. Every label shows plain text: a name from a medium is never taken for markup."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from appliance.console.severity import Chip, Severity
from gui.theme import Theme


def label(text: str = "", name: str = "", *, wrap: bool = False) -> QLabel:
    made = QLabel()
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setText(text)
    made.setObjectName(name)
    made.setWordWrap(wrap)
    return made


class Elided(QLabel):
    """One line that ends in an ellipsis where it is too long; screen readers get all of it."""

    def __init__(self, name: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setObjectName(name)
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(40)

    def show_text(self, text: str) -> None:
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802 - Qt's name
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = QFontMetrics(self.font()).elidedText(self.text(), self._mode, self.width())
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()


class ChipLabel(QLabel):
    """Glyph and word in the severity's colours."""

    def __init__(self, *, pixels: int = 15) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._pixels = pixels
        self._shown: tuple[Chip, str] | None = None

    def show_chip(self, chip: Chip, theme: Theme) -> None:
        if (chip, theme.name) == self._shown:
            return
        self._shown = (chip, theme.name)
        tone = theme.tones[chip.severity]
        self.setText(f"{chip.severity.glyph}  {chip.word}")
        self.setAccessibleName(f"{chip.severity.word}: {chip.word}")
        self.setStyleSheet(
            f"color: {tone.ink}; background: {tone.ground}; font-size: {self._pixels}px; font-weight: 600;"
            f" border-radius: {self._pixels * 4 // 5}px; padding: {self._pixels // 3}px {self._pixels - 2}px;"
        )


class Card(QFrame):
    """A group, with a title where it has one."""

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAccessibleName(title)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(18, 14, 18, 14)
        self.body.setSpacing(8)
        self.hint = Elided("faint")
        self.hint.setAlignment(Qt.AlignmentFlag.AlignRight)
        if title:
            row = QHBoxLayout()
            row.setSpacing(12)
            row.addWidget(label(title, "cardTitle"))
            row.addWidget(self.hint, 1)
            self.body.addLayout(row)


def colour(theme: Theme, severity: Severity) -> str:
    """Of a value: plain while all is well."""
    return theme.text if severity is Severity.OK else theme.tones[severity].ink
