"""The accelerators, each with its state and what it says of itself."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from appliance.console.formats import NA
from appliance.console.hardware_view import AcceleratorView, HardwareView
from gui.theme import Theme
from gui.widgets.labels import ChipLabel, Elided, colour


class Accelerators(QWidget):
    """As many rows as there are cards."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: list[_Card] = []
        self._hint = Elided("faint")
        self._list = QVBoxLayout(self)
        self._list.setContentsMargins(0, 4, 0, 0)
        self._list.setSpacing(10)
        self._list.addWidget(self._hint)

    def show_view(self, view: HardwareView) -> None:
        self._hint.show_text(f"Accelerators: {view.accelerators_hint}")
        self._hint.setVisible(not view.accelerators)
        while len(self._rows) < len(view.accelerators):
            self._rows.append(_Card(self._theme))
            self._list.addWidget(self._rows[-1])
        for number, row in enumerate(self._rows):
            known = number < len(view.accelerators)
            row.setVisible(known)
            if known:
                row.show_view(view.accelerators[number])


class _Card(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: AcceleratorView | None = None
        self._name, self._state, self._values = Elided("strong"), ChipLabel(pixels=14), Elided("faint")
        line = QHBoxLayout()
        line.setSpacing(10)
        line.addWidget(self._state)
        line.addWidget(self._values, 1)
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(4)
        body.addWidget(self._name)
        body.addLayout(line)

    def show_view(self, view: AcceleratorView) -> None:
        if view == self._shown:
            return
        self._shown = view
        self._name.show_text(f"{view.kind}  {view.name}")
        self._state.show_chip(view.state, self._theme)
        values = [view.temperature, view.memory.value, view.power]
        told = " · ".join(v for v in values if v != NA)
        self._values.show_text(told or f"driver {view.driver}")
        self._values.setStyleSheet(f"color: {self._tint(view)};")

    def _tint(self, view: AcceleratorView) -> str:
        return (
            colour(self._theme, view.temperature_severity) if view.temperature_severity else self._theme.faint
        )
