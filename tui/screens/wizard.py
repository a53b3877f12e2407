"""A wizard's form, whatever it is about."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Input, Static

from appliance.console.wizards.form import Choice, Form
from tui import paint
from tui.skin import STYLES

if TYPE_CHECKING:
    from tui.app import ConsoleApp

MOST_CHOICES = 3
LABEL = 14
NARROW = 76


class WizardScreen(Screen[None]):
    """Draws the desk's open form. Enter is the default choice, Escape closes, a letter presses its button."""

    AUTO_FOCUS: ClassVar[str | None] = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "press('close')", "Close"),
        ("pagedown", "scroll('down')", ""),
        ("pageup", "scroll('up')", ""),
        ("left", "app.focus_previous", ""),
        ("right", "app.focus_next", ""),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._form: Form | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield Static(id="heading")
        yield Static(id="notice")
        with VerticalScroll(id="page", can_focus=False):
            yield Static(id="told")
            yield Static(id="label")
            yield Input(id="field")
            yield Static(id="bar")
            yield Static(id="table")
        with Horizontal(id="choices"):
            for index in range(MOST_CHOICES):
                yield Button("", id=f"choice-{index}")
        yield Static(id="keys")

    def show(self, form: Form) -> None:
        """Show a form; what it does not change stays untouched, what was typed too."""
        before, self._form = self._form, form
        if form == before:
            return
        same_step = before is not None and (before.step, before.heading) == (form.step, form.heading)
        self._write(
            "title",
            paint.spread(
                paint.text(f" {form.title}", "bold"), paint.text(f"{form.step} ", "$faint"), self.size.width
            ),
        )
        self._write("heading", Content.assemble(" ", paint.chip(form.heading, bold=True)))
        self._show_notice(form)
        told = [
            *(Content(t) for t in form.text),
            *([Content("")] if form.text and form.facts else []),
            *_facts(form),
        ]
        self._write("told", Content("\n").join(told))
        self.query_one("#told").display = bool(told)
        self._show_field(form, fresh=not same_step)
        self._show_bar()
        self._show_table()
        if before is None or before.choices != form.choices or not same_step:
            self._show_choices(form)

    def on_resize(self) -> None:
        self.set_class(self.size.width < NARROW, "-narrow")
        if self._form is not None:
            form, self._form = self._form, None
            typed = self.query_one(Input).value
            self.show(form)
            self.query_one(Input).value = typed

    def on_key(self, event: events.Key) -> None:
        form = self._form
        if form is None:
            return
        if isinstance(self.focused, Input):
            if form.field and event.key in {"up", "down"}:
                self._suggest(form.field.suggestions, 1 if event.key == "down" else -1)
            return
        pressed = next((c for c in form.choices if c.key == event.key.lower()), None)
        if pressed is not None:
            event.stop()
            self.action_press(pressed.id)

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one("#page"), f"scroll_page_{where}")(animate=False)

    def _suggest(self, suggestions: tuple[str, ...], step: int) -> None:
        box = self.query_one(Input)
        if suggestions:
            at = suggestions.index(box.value) + step if box.value in suggestions else 0
            box.value = suggestions[at % len(suggestions)]
            box.cursor_position = len(box.value)

    def action_press(self, choice: str) -> None:
        cast("ConsoleApp", self.app).desk.choose(choice, self.query_one(Input).value)

    @on(Button.Pressed)
    def _button(self, event: Button.Pressed) -> None:
        index = int((event.button.id or "choice-0").removeprefix("choice-"))
        if self._form is not None and index < len(self._form.choices):
            self.action_press(self._form.choices[index].id)

    @on(Input.Submitted)
    def _entered(self) -> None:
        default = next((c for c in self._form.choices if c.default), None) if self._form else None
        if default is not None:
            self.action_press(default.id)

    def _show_notice(self, form: Form) -> None:
        notice = self.query_one("#notice", Static)
        notice.display = form.notice is not None
        if form.notice is not None:
            style = f"$ink on {STYLES[form.notice.severity]} bold"
            said = paint.text(f" {form.notice.severity.glyph} {form.notice.word}")
            notice.update(paint.fit(said, self.size.width).stylize(style))

    def _show_field(self, form: Form, *, fresh: bool) -> None:
        field, box = form.field, self.query_one(Input)
        box.display = self.query_one("#label").display = field is not None
        if field is None:
            return
        choices = (
            [f"  {suggestion}" for suggestion in field.suggestions] if len(field.suggestions) > 1 else []
        )
        self._write("label", Content("\n").join([Content(field.label), *(Content(c) for c in choices)]))
        box.placeholder = field.hint
        box.password = field.secret
        if fresh or not box.value:
            box.value = field.value
            box.cursor_position = len(field.value)

    def _show_bar(self) -> None:
        bar, widget = self._form and self._form.bar, self.query_one("#bar", Static)
        widget.display = bool(bar)
        if bar:
            width = max(10, self.size.width - 10)
            drawn = paint.text("working …", "$faint")
            if bar.fraction is not None:
                drawn = Content.assemble(paint.bar(bar.fraction, width), f" {bar.fraction * 100:3.0f} %")
            widget.update(Content("\n").join([drawn, Content(bar.text)]))

    def _show_table(self) -> None:
        table, widget = self._form and self._form.table, self.query_one("#table", Static)
        widget.display = bool(table)
        if table:
            lines = paint.table(table.columns, table.rows, table.right, max(20, self.size.width - 5))
            widget.update(Content("\n").join(lines))

    def _show_choices(self, form: Form) -> None:
        buttons = [self.query_one(f"#choice-{i}", Button) for i in range(MOST_CHOICES)]
        for button, choice in zip(buttons, [*form.choices, *[None] * MOST_CHOICES], strict=False):
            button.display = choice is not None
            if choice is not None:
                button.label = _label(choice, lettered=form.field is None)
                button.set_class(choice.changes, "-changes")
        if form.field is not None:
            self.query_one(Input).focus()
        else:
            default = next((i for i, c in enumerate(form.choices) if c.default), None)
            self.set_focus(None if default is None else buttons[default])
        self._write("keys", _hints(form))

    def _write(self, name: str, content: Content) -> None:
        self.query_one(f"#{name}", Static).update(content)


def _facts(form: Form) -> list[Content]:
    lines = []
    for fact in form.facts:
        parts: list[str | Content | tuple[str, str]] = [(f"{fact.label:<{LABEL}}", "$faint")]
        if fact.severity is not None:
            parts.append((f"{fact.severity.glyph} ", STYLES[fact.severity]))
        lines.append(Content.assemble(*parts, fact.value))
    return lines


def _label(choice: Choice, *, lettered: bool) -> Content:
    """The button's words; with its letter behind them, unless letters are for typing."""
    if not lettered:
        return Content(choice.label)
    return Content.assemble(choice.label, "  ", (choice.key.upper(), "underline"))


def _hints(form: Form) -> Content:
    default = next((c.label for c in form.choices if c.default), None)
    told = [f"Enter: {default}"] if default else []
    if len(form.choices) > 1 or form.field is not None:
        told.append("Tab: next")
    if form.field is not None and len(form.field.suggestions) > 1:
        told.append("Up, Down: suggestions")
    return paint.text(" " + "   ".join([*told, "Esc: close"]), "$faint")
