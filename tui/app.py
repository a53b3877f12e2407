"""The terminal console: `appliance tui`."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen

from appliance.console.commands import Command
from appliance.console.desk import Desk, utc_now
from appliance.console.live import Pace
from appliance.console.media import media_with_updates
from appliance.console.session import Session
from appliance.console.table import TABLE
from appliance.console.text import wants_ascii
from appliance.console.wizards.form import Form
from tui.screens.home import HomeScreen
from tui.screens.overlays import HelpScreen, PaletteScreen
from tui.screens.report import ReportScreen
from tui.screens.wizard import WizardScreen
from tui.skin import COLOURS, SIXTEEN, AsciiFilter, few_colours, no_colours, wants_mouse

OWN_KEYS = (
    ("F1 ?", "Help"),
    (":", "Commands"),
    ("F3 f", "Full report"),
    ("F5", "Ask again"),
    ("F10 q", "Quit"),
)
HOME = "status"
"""The command whose answer is the home screen."""


def run(session: Session, *, state_dir: str) -> int:  # noqa: ARG001 - the consoles' entry point
    """Show the console until somebody quits; the exit status."""
    if no_colours(os.environ):
        os.environ["NO_COLOR"] = "1"
    console = ConsoleApp(
        session,
        ascii_only=wants_ascii(os.environ, sys.stdout.encoding),
        few_colours=few_colours(os.environ),
    )
    console.run(mouse=wants_mouse(os.environ))
    return console.return_code or 0


class ConsoleApp(App[None]):
    """Shows what the desk says; a key press goes to the desk and nowhere else."""

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False
    TITLE = "appliance"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("f1,question_mark", "help", "Help"),
        ("colon", "palette", "Commands"),
        ("f2", "command('update.import')", "Import an update"),
        ("f3,f", "report", "Full report"),
        ("f4", "command('audit.verify')", "Verify the audit log"),
        ("f5", "again", "Ask again"),
        ("f10,q,ctrl+c", "quit", "Quit"),
    ]

    class Posted(Message):
        """A function from another thread, to be run by this one."""

        def __init__(self, function: Callable[[], None]) -> None:
            super().__init__()
            self.function = function

    def __init__(
        self,
        session: Session,
        *,
        table: Sequence[Command] = TABLE,
        ascii_only: bool = False,
        few_colours: bool = False,
        pace: Pace | None = None,
        find_media: Callable[[], tuple[str, ...]] = media_with_updates,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._ascii = [AsciiFilter()] if ascii_only else []
        super().__init__()
        self._table = {command.id: command for command in table}
        self._few_colours = few_colours
        self.desk = Desk(
            session, table, post=self._post, changed=self._show, pace=pace, find_media=find_media, now=now
        )
        for command in table:
            if command.key:
                self.bind(command.key, f"command('{command.id}')", description=command.title, show=False)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._ascii]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return COLOURS.variables

    async def on_mount(self) -> None:
        for theme in (COLOURS, SIXTEEN):
            self.register_theme(theme)
        self.theme = (SIXTEEN if self._few_colours else COLOURS).name
        await self.push_screen(HomeScreen(self._key_line()))
        self.set_interval(1.0, self._show)  # ages grow; what did not change is not painted again
        self.desk.start()
        self._show()

    def on_unmount(self) -> None:
        self.desk.stop()

    def on_console_app_posted(self, event: Posted) -> None:
        if self.is_running:  # while the app ends, its screens lose their widgets one by one
            event.function()

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self._keys(), self.desk.offers()))

    def action_palette(self) -> None:
        self.push_screen(PaletteScreen(self.desk.offers()), self._give)

    def action_report(self) -> None:
        if isinstance(self.screen, HomeScreen):
            self.push_screen(ReportScreen(), lambda _: self._show())
            self.call_after_refresh(self._show)

    def action_again(self) -> None:
        self.desk.retry()

    def action_command(self, command: str) -> None:
        if isinstance(self.screen, HomeScreen | ReportScreen):
            self._give(self._table.get(command))

    def _give(self, command: Command | None) -> None:
        if command is None:
            return
        if isinstance(self.screen, ReportScreen):
            self.pop_screen()
        refused = next((o.refused for o in self.desk.offers() if o.command.id == command.id), "")
        if refused:
            self.notify(f"{command.title}: {refused}.", severity="warning", markup=False)
        elif command.id != HOME:
            self.desk.open(command)
        else:
            self.desk.retry()

    def _post(self, function: Callable[[], None]) -> None:
        message = self.Posted(function)
        with contextlib.suppress(RuntimeError):  # the loop has ended, nobody looks any more
            self.post_message(message)

    def _show(self) -> None:
        if not self.is_running:
            return
        form = self.desk.form()
        if form is None and isinstance(self.screen, WizardScreen):
            self.pop_screen()
        elif form is not None and isinstance(self.screen, HomeScreen | ReportScreen):
            self.push_screen(WizardScreen())
        for screen in self.screen_stack:
            self._show_on(screen, form)

    def _show_on(self, screen: Screen[Any], form: Form | None) -> None:
        if not screen.is_mounted:
            self.call_after_refresh(self._show)
        elif isinstance(screen, HomeScreen):
            screen.show(self.desk.home(), self.desk.background())
        elif isinstance(screen, ReportScreen):
            screen.show(self.desk.home())
        elif isinstance(screen, WizardScreen) and form is not None:
            screen.show(form)

    def _keys(self) -> tuple[tuple[str, str], ...]:
        """Every key with what it does, as the help shows it."""
        function_keys = {"update.import": "F2 ", "audit.verify": "F4 "}
        of_table = [(f"{function_keys.get(c.id, '')}{c.key}", c.title) for c in self._table.values() if c.key]
        return (*OWN_KEYS, *of_table)

    def _key_line(self) -> tuple[tuple[str, str], ...]:
        """The few keys that the home screen names."""
        imports = [("F2", c.title) for c in self._table.values() if c.id == "update.import"]
        return (("F1", "Help"), *imports, ("F3", "Full report"), (":", "Commands"), ("F10", "Quit"))
