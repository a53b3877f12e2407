"""The desktop console's one window: a stack of pages, and the keys that lead to them."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QMainWindow, QStackedWidget

from appliance.console.commands import Command
from appliance.console.desk import Desk
from appliance.console.live import Pace
from appliance.console.media import media_with_updates
from appliance.console.session import Session
from gui.pages.commands import CommandsPage
from gui.pages.home import Action, HomePage
from gui.pages.wizard import WizardPage
from gui.theme import DAY, NIGHT, Theme, palette, stylesheet

HOME = "status"
"""The command whose answer is the home page."""
FUNCTION_KEYS = {"update.import": "F2", "audit.verify": "F4"}


class Bridge(QObject):
    """Carries functions from other threads to the one that paints."""

    posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, function: Callable[[], None]) -> None:
        self.posted.emit(function)

    def _run(self, function: Callable[[], None]) -> None:
        function()


class Window(QMainWindow):
    """Shows what the desk says; a click goes to the desk and nowhere else."""

    def __init__(
        self,
        session: Session,
        *,
        table: Sequence[Command],
        theme: Theme | None = None,
        pace: Pace | None = None,
        find_media: Callable[[], tuple[str, ...]] = media_with_updates,
    ) -> None:
        super().__init__()
        self.setWindowTitle("appliance")
        self.setMinimumSize(800, 480)
        self._bridge = Bridge()
        self._commands = {command.id: command for command in table}
        self.desk = Desk(
            session, table, post=self._bridge.post, changed=self._show, pace=pace, find_media=find_media
        )
        self._pages = QStackedWidget()
        self.setCentralWidget(self._pages)
        self._dress(theme or _preferred_theme())
        QShortcut(QKeySequence("F10"), self).activated.connect(self._quit)
        self._ticks = QTimer(self)
        self._ticks.timeout.connect(self._show)  # ages grow; every part repaints only what differs

    def start(self) -> None:
        """Begin to listen to the box."""
        self._show()
        self._ticks.start(1000)
        self.desk.start()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        self._ticks.stop()
        self._bridge.posted.disconnect()
        self.desk.stop()
        super().closeEvent(event)

    def _dress(self, theme: Theme) -> None:
        """Build the pages in a theme."""
        self._theme = theme
        QGuiApplication.setPalette(palette(theme))
        self.setStyleSheet(stylesheet(theme))
        while (page := self._pages.widget(0)) is not None:
            self._pages.removeWidget(page)
            page.deleteLater()
        self._home = HomePage(theme, self._actions())
        self._wizard = WizardPage(theme, self.desk.choose)
        self._palette = CommandsPage(self._give, self._go_home)
        for page in (self._home, self._wizard, self._palette):
            self._pages.addWidget(page)
        self._bind_keys()

    def _actions(self) -> list[Action]:
        actions = [
            Action(
                self._commands[name].title,
                key,
                partial(self._give_by_id, name),
                primary=name == "update.import",
            )
            for name, key in FUNCTION_KEYS.items()
            if name in self._commands
        ]
        actions.append(Action("Commands and help", "F1", self._open_commands))
        actions.append(Action("Quit", "F10", self._quit))
        return actions

    def _bind_keys(self) -> None:
        keys: dict[str, Callable[[], None]] = {
            "F1": self._open_commands,
            "?": self._open_commands,
            ":": self._open_commands,
            "F5": self.desk.retry,
            "F9": self._other_theme,
        }
        for name, key in FUNCTION_KEYS.items():
            keys[key] = partial(self._give_by_id, name)
        for command in self._commands.values():
            if command.key:
                keys[command.key] = partial(self._give_by_id, command.id)
        for key, press in keys.items():
            context = Qt.ShortcutContext.WidgetWithChildrenShortcut  # elsewhere letters are for typing
            QShortcut(QKeySequence(key), self._home, context=context).activated.connect(press)

    def _open_commands(self) -> None:
        if self._pages.currentWidget() is self._home:
            self._palette.open(self.desk.offers())
            self._pages.setCurrentWidget(self._palette)

    def _go_home(self) -> None:
        self._pages.setCurrentWidget(self._home)
        self._home.setFocus()
        self._show()

    def _give_by_id(self, name: str) -> None:
        if self._pages.currentWidget() is self._home and name in self._commands:
            self._give(self._commands[name])

    def _give(self, command: Command) -> None:
        self._pages.setCurrentWidget(self._home)
        self._home.setFocus()
        if command.id == HOME:
            self.desk.retry()
        else:
            self.desk.open(command)

    def _other_theme(self) -> None:
        if self._pages.currentWidget() is self._home:
            self._dress(DAY if self._theme is NIGHT else NIGHT)
            self._show()

    def _quit(self) -> None:
        self.close()

    def _show(self) -> None:
        form = self.desk.form()
        if form is not None:
            self._pages.setCurrentWidget(self._wizard)
            self._wizard.show_form(form)
        elif self._pages.currentWidget() is self._wizard:
            self._pages.setCurrentWidget(self._home)
            self._home.setFocus()
        self._home.show_view(self.desk.home(), self.desk.background())


def _preferred_theme() -> Theme:
    scheme = QGuiApplication.styleHints().colorScheme()
    return NIGHT if scheme is Qt.ColorScheme.Dark else DAY
