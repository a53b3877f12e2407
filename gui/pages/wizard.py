"""A wizard's form, whatever it is about."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from appliance.console.wizards.form import Choice, Field, Form
from gui.theme import Theme
from gui.widgets.facts import Facts
from gui.widgets.form_table import FormTable
from gui.widgets.labels import Card, ChipLabel, label

MOST_CHOICES = 3
MOST_SUGGESTIONS = 4
WIDEST = 1000


class WizardPage(QWidget):
    """Draws the desk's open form. Enter is the default choice, Escape closes, a letter presses its button."""

    def __init__(self, theme: Theme, choose: Callable[[str, str], None]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self._choose = choose
        self._form: Form | None = None
        self._title, self._step = label("", "formTitle"), label("", "faint")
        self._heading, self._notice = ChipLabel(pixels=20), ChipLabel(pixels=18)
        self._text = label(wrap=True)
        self._facts, self._table = Facts(theme), FormTable()
        self._asked, self._field = label("", "strong"), QLineEdit()
        self._suggestions = [QPushButton() for _ in range(MOST_SUGGESTIONS)]
        self._bar, self._bar_text = QProgressBar(), label("", wrap=True)
        self._buttons = [QPushButton() for _ in range(MOST_CHOICES)]
        self._lay_out()

    def show_form(self, form: Form) -> None:
        """Show a form; what it does not change stays untouched, what was typed too."""
        before, self._form = self._form, form
        if form == before:
            return
        fresh = before is None or (before.step, before.heading) != (form.step, form.heading)
        self._title.setText(form.title)
        self._step.setText(form.step)
        self._heading.show_chip(form.heading, self._theme)
        self._notice.setVisible(form.notice is not None)
        if form.notice is not None:
            self._notice.show_chip(form.notice, self._theme)
        self._text.setText("\n".join(form.text))
        self._text.setVisible(bool(form.text))
        self._facts.show_facts(form.facts)
        self._facts.setVisible(bool(form.facts))
        self._show_field(form.field, fresh=fresh)
        self._table.show_table(form.table)
        self._show_bar(form)
        if fresh or before is None or before.choices != form.choices:
            self._show_choices(form)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        form = self._form
        if form is None:
            return
        if event.key() == Qt.Key.Key_Escape:
            self._press("close")
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._press_default()
        else:
            pressed = next((c for c in form.choices if event.text() and c.key == event.text().lower()), None)
            if pressed is not None and not self._field.hasFocus():
                self._press(pressed.id)
            else:
                super().keyPressEvent(event)

    def _press(self, choice: str) -> None:
        self._choose(choice, self._field.text())

    def _press_default(self) -> None:
        default = next((c for c in self._form.choices if c.default), None) if self._form else None
        if default is not None:
            self._press(default.id)

    def _press_button(self, number: int) -> None:
        if self._form is not None and number < len(self._form.choices):
            self._press(self._form.choices[number].id)

    def _show_field(self, field: Field | None, *, fresh: bool) -> None:
        for widget in (self._asked, self._field):
            widget.setVisible(field is not None)
        offered = field.suggestions if field and len(field.suggestions) > 1 else ()
        for number, button in enumerate(self._suggestions):
            button.setVisible(number < len(offered))
            if number < len(offered):
                button.setText(offered[number].replace("&", "&&"))
                button.setAccessibleName(f"Suggestion: {offered[number]}")
        if field is None:
            return
        self._asked.setText(field.label)
        self._field.setAccessibleName(field.label)
        self._field.setPlaceholderText(field.hint)
        echo = QLineEdit.EchoMode
        self._field.setEchoMode(echo.Password if field.secret else echo.Normal)
        if fresh or not self._field.text():
            self._field.setText(field.value)

    def _suggest(self, number: int) -> None:
        field = self._form.field if self._form else None
        if field is not None and number < len(field.suggestions):
            self._field.setText(field.suggestions[number])
            self._field.setFocus()

    def _show_bar(self, form: Form) -> None:
        for widget in (self._bar, self._bar_text):
            widget.setVisible(form.bar is not None)
        if form.bar is None:
            return
        self._bar_text.setText(form.bar.text)
        known = form.bar.fraction is not None
        self._bar.setMaximum(1000 if known else 0)
        if form.bar.fraction is not None:
            self._bar.setValue(round(form.bar.fraction * 1000))

    def _show_choices(self, form: Form) -> None:
        for number, button in enumerate(self._buttons):
            known = number < len(form.choices)
            button.setVisible(known)
            if known:
                self._dress(button, form.choices[number], lettered=form.field is None)
        if form.field is not None:
            self._field.setFocus()
            return
        for choice, button in zip(form.choices, self._buttons, strict=False):
            if choice.default:
                button.setFocus()

    @staticmethod
    def _dress(button: QPushButton, choice: Choice, *, lettered: bool) -> None:
        button.setText(f"{choice.label}   {choice.key.upper()}" if lettered else choice.label)
        button.setAccessibleName(choice.label)
        button.setObjectName("changes" if choice.changes else "primary" if choice.default else "action")
        button.style().unpolish(button)
        button.style().polish(button)

    def _lay_out(self) -> None:
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress")
        self._field.returnPressed.connect(self._press_default)
        for number, button in enumerate(self._suggestions):
            button.clicked.connect(lambda _=False, n=number: self._suggest(n))
        for number, button in enumerate(self._buttons):
            button.clicked.connect(lambda _=False, n=number: self._press_button(n))
        top = QHBoxLayout()
        top.addWidget(self._title)
        top.addStretch(1)
        top.addWidget(self._step)
        offered = QHBoxLayout()
        for button in self._suggestions:
            offered.addWidget(button)
        offered.addStretch(1)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(14)
        for widget in (self._text, self._facts, self._asked, self._field):
            inner.addWidget(widget)
        inner.addLayout(offered)
        inner.addWidget(self._bar)
        inner.addWidget(self._bar_text)
        inner.addWidget(self._table)
        inner.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setAccessibleName("Step")
        card = Card()
        card.body.setContentsMargins(28, 24, 28, 24)
        card.body.setSpacing(16)
        card.body.addWidget(self._heading)
        card.body.addWidget(self._notice)
        card.body.addWidget(scroll, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        for button in self._buttons:
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QWidget()
        column.setMaximumWidth(WIDEST)
        body = QVBoxLayout(column)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(16)
        body.addLayout(top)
        body.addWidget(card, 1)
        body.addLayout(buttons)
        page = QHBoxLayout(self)
        page.setContentsMargins(24, 20, 24, 20)
        page.addStretch(1)
        page.addWidget(column, 100)
        page.addStretch(1)
