"""What comes up over a screen: the help, and the palette of commands."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from appliance.console.commands import Command
from appliance.console.desk import Offer
from appliance.console.severity import Severity
from tui import paint


class HelpScreen(ModalScreen[None]):
    """Every key and every command, from the table."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,f1,question_mark,enter", "app.pop_screen", "Back")]

    def __init__(self, keys: Sequence[tuple[str, str]], offers: Sequence[Offer]) -> None:
        super().__init__()
        self._keys = keys
        self._offers = offers

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay"):
            yield Static(paint.text("Help", "bold"))
            with VerticalScroll(id="page"):
                yield Static(Content("\n").join(self._lines()))
            yield Static(paint.text("Esc: back", "$faint"))

    def _lines(self) -> list[Content]:
        lines = [Content.assemble((f"{key:<10}", "bold $notice"), label) for key, label in self._keys]
        lines += [Content(""), paint.text("What each sign means", "bold")]
        lines += [Content.assemble("  ", paint.text(f"{s.glyph} {s.word}")) for s in Severity]
        lines += [Content(""), paint.text("Commands, also on the command line", "bold")]
        for offer in self._offers:
            command = offer.command
            lines.append(
                Content.assemble((command.title, "bold"), (f"  appliance {verbs(command)}", "$faint"))
            )
            lines.append(paint.text(f"  {command.help}"))
        return lines


class PaletteScreen(ModalScreen[Command | None]):
    """Type to find a command, Enter to give it. One that is not possible now says why."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss", "Back"),
        ("down", "move('down')", ""),
        ("up", "move('up')", ""),
    ]

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__()
        self._offers = sorted(offers, key=lambda o: bool(o.refused))

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay"):
            yield Input(placeholder="Type a command", id="search")
            yield OptionList(id="found")
            yield Static(paint.text("Enter: go   Esc: back", "$faint"))

    def on_mount(self) -> None:
        self._search("")

    def action_move(self, where: str) -> None:
        getattr(self.query_one(OptionList), f"action_cursor_{where}")()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._search(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(next(o.command for o in self._offers if o.command.id == event.option_id))

    def _search(self, typed: str) -> None:
        words = typed.lower().split()
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options(
            Option(_option(o), id=o.command.id, disabled=bool(o.refused))
            for o in self._offers
            if all(w in f"{o.command.title} {o.command.id}".lower() for w in words)
        )
        found.action_first()


def verbs(command: Command) -> str:
    return command.id.replace(".", " ")


def _option(offer: Offer) -> Content:
    if offer.refused:
        return Content.assemble((offer.command.title, "$faint"), (f"  ({offer.refused})", "$faint"))
    return Content.assemble(offer.command.title, (f"  {verbs(offer.command)}", "$faint"))
