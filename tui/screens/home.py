"""The first screen: is the box well?"""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from appliance.console.views import HomeView
from appliance.console.wizards.form import Form
from tui import paint
from tui.layout import Wish, share
from tui.panels import Audit, Deployments, Hardware, Headline, Panel, TitleBar, Update

SIDE_BY_SIDE = 76
"""Columns from which hardware and update stand beside each other."""

GAPS = 3
"""Rows to spare from which the panels stand apart."""


class HomeScreen(Screen[None]):
    """All panels on one page, without scrolling."""

    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, keys: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self._keys = keys
        self._view: HomeView | None = None
        self._background: Form | None = None
        self._ready = False
        """The panels are there; before that a view is only kept."""

    def compose(self) -> ComposeResult:
        yield TitleBar(id="title")
        yield Headline(id="headline")
        yield Deployments(id="deployments")
        with Horizontal(id="machine"):
            yield Hardware(id="hardware")
            yield Update(id="update")
        yield Audit(id="audit")
        yield Static(id="keys")

    def show(self, view: HomeView, background: Form | None) -> None:
        """Show a new view; panels that it does not change stay untouched."""
        self._view = view
        self._show_view()
        if background != self._background:
            self._background = background
            self._show_keys()

    def on_mount(self) -> None:
        self._ready = True
        self._show_view()
        self._show_keys()

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()
        self._show_keys(event.size.width)

    def _show_view(self) -> None:
        self._arrange()
        if self._ready and self._view is not None:
            for panel in self.query(Panel):
                panel.show(self._view)

    def _arrange(self) -> None:
        view, width, height = self._view, self.size.width, self.size.height
        if view is None or not width or not self._ready:
            return
        beside = width >= SIDE_BY_SIDE
        self.set_class(not beside, "-narrow")
        headline = self.query_one(Headline).wanted(view, width)
        deployments = self.query_one(Deployments).wanted(view, width)
        hardware = 5 + max(1, 2 * len(view.hardware.accelerators))
        update = 1 + (4 if view.update.imported else 1) + len(view.endpoints)
        wishes = [
            Wish("headline", 3, headline),
            Wish("deployments", 5, deployments),
            *(
                [Wish("machine", 5, max(hardware, update))]
                if beside
                else [Wish("hardware", 5, hardware), Wish("update", 3, update)]
            ),
            Wish("audit", 3, 1 + max(1, len(view.audit.recent))),
        ]
        given = share(height - 2, wishes)
        self.set_class(height - 2 - sum(given.values()) >= GAPS, "-roomy")
        if not beside:
            given["machine"] = given["hardware"] + given["update"]
        for name, rows in given.items():
            self.query_one(f"#{name}").styles.height = rows
        if beside:
            for name in ("hardware", "update"):
                self.query_one(f"#{name}").styles.height = given["machine"]

    def _show_keys(self, width: int | None = None) -> None:
        if not self._ready:
            return
        self.query_one("#keys", Static).update(self._key_line(width or self.size.width))

    def _key_line(self, width: int) -> Content:
        if self._background is not None:
            form = self._background
            said = f"{form.title}: {form.bar.text if form.bar else form.heading.word}"
            notice = Content.assemble(" ", paint.chip(form.notice)) if form.notice else Content("")
            return paint.fit(Content.assemble(notice, f" {said}"), width)
        line = Content("")
        for key, label in self._keys:
            part = Content.assemble(" ", (f" {key} ", "$ink on $chart bold"), f" {label} ")
            if line.cell_length + part.cell_length <= width:
                line = Content.assemble(line, part)
        return line
