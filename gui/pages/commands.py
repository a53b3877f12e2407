"""Every command, with its key and what it does; what is not possible now says why."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from appliance.console.commands import Command
from appliance.console.desk import Offer
from gui.theme import TOUCH
from gui.widgets.labels import Card


class CommandsPage(QWidget):
    """Type to find, press Enter or touch to go. Help and palette in one."""

    def __init__(self, give: Callable[[Command], None], back: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._give, self._back = give, back
        self._offers: Sequence[Offer] = ()
        self._search, self._list = QLineEdit(), QListWidget()
        self._lay_out()

    def open(self, offers: Sequence[Offer]) -> None:
        self._offers = sorted(offers, key=lambda o: bool(o.refused))
        self._search.clear()
        self._show("")
        self._search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self._back()
        elif event.key() in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            self._list.setCurrentRow(max(0, min(self._list.count() - 1, self._list.currentRow() + step)))
        else:
            super().keyPressEvent(event)

    def _show(self, typed: str) -> None:
        words = typed.lower().split()
        self._list.clear()
        for offer in self._offers:
            command = offer.command
            if not all(w in f"{command.title} {command.id}".lower() for w in words):
                continue
            key = f"   [{command.key}]" if command.key else ""
            item = QListWidgetItem(f"{command.title}{key}\n{offer.refused or command.help}")
            item.setData(Qt.ItemDataRole.UserRole, command)
            item.setSizeHint(QSize(200, TOUCH + 12))
            item.setData(
                Qt.ItemDataRole.AccessibleTextRole, f"{command.title}. {offer.refused or command.help}"
            )
            if offer.refused:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self._list.addItem(item)
        self._list.setCurrentRow(0)

    def _go(self, item: QListWidgetItem | None) -> None:
        if item is not None and item.flags() & Qt.ItemFlag.ItemIsEnabled:
            self._give(item.data(Qt.ItemDataRole.UserRole))

    def _lay_out(self) -> None:
        self._search.setPlaceholderText("Type to find a command")
        self._search.setAccessibleName("Find a command")
        self._search.textChanged.connect(self._show)
        self._search.returnPressed.connect(lambda: self._go(self._list.currentItem()))
        self._list.setAccessibleName("Commands")
        self._list.itemClicked.connect(self._go)
        self._list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        back = QPushButton("Back   Esc")
        back.setAccessibleName("Back")
        back.clicked.connect(self._back)
        card = Card("Commands")
        card.hint.show_text("also on the command line: appliance --help")
        card.body.addWidget(self._search)
        card.body.addWidget(self._list, 1)
        column = QWidget()
        column.setMaximumWidth(1000)
        body = QVBoxLayout(column)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(16)
        body.addWidget(card, 1)
        body.addWidget(back, 0, Qt.AlignmentFlag.AlignLeft)
        page = QHBoxLayout(self)
        page.setContentsMargins(24, 20, 24, 20)
        page.addStretch(1)
        page.addWidget(column, 100)
        page.addStretch(1)
