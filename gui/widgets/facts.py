"""Label and value, row by row."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from appliance.console.severity import Severity
from appliance.console.wizards.form import Fact
from gui.theme import Theme
from gui.widgets.labels import colour, label


class Facts(QWidget):
    """Shows facts; rows come and go, and only what differs is set anew."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: tuple[Fact, ...] = ()
        self._rows: list[tuple[QLabel, QLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)

    def show_facts(self, facts: tuple[Fact, ...]) -> None:
        if facts == self._shown:
            return
        while len(self._rows) < len(facts):
            self._add_row()
        for number, (name, value) in enumerate(self._rows):
            known = number < len(facts)
            name.setVisible(known)
            value.setVisible(known)
            if known and (number >= len(self._shown) or self._shown[number] != facts[number]):
                self._set(name, value, facts[number])
        self._shown = facts

    def _add_row(self) -> None:
        name, value = label("", "factLabel"), label(wrap=True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        value.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        row = len(self._rows)
        self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
        self._grid.addWidget(value, row, 1)
        self._rows.append((name, value))

    def _set(self, name: QLabel, value: QLabel, fact: Fact) -> None:
        severity = fact.severity or Severity.OK
        name.setText(fact.label)
        shown = f"{severity.glyph} {fact.value}" if fact.severity is not None else fact.value
        value.setText(_breakable(shown))
        value.setAccessibleName(f"{fact.label}: {fact.value}")
        value.setStyleSheet(f"color: {colour(self._theme, severity)};")


def _breakable(text: str) -> str:
    """Let a long path or hash break at the end of a line: Qt breaks only at blanks and at U+200B."""
    return text.replace("/", "/\u200b") if len(text) > 32 else text
