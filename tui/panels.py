"""The home screen's panels: each turns its part of the view into lines for the room that it has."""

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from appliance.console.formats import NA
from appliance.console.hardware_view import AcceleratorView, Gauge
from appliance.console.severity import Severity
from appliance.console.views import AuditLineView, DeploymentView, HomeView
from tui.paint import (
    Column,
    bar,
    chip,
    fit,
    fit_middle,
    heading,
    join_fitting,
    row,
    rule,
    sparkline,
    spread,
    text,
)
from tui.skin import STYLES


class Panel(Widget):
    """Shows lines; repaints only when they differ from those on the screen."""

    DEFAULT_CSS = "Panel { height: auto; }"
    can_focus = False

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._view: HomeView | None = None
        self._lines: list[Content] = []

    def show(self, view: HomeView) -> None:
        self._view = view
        self._redraw()

    def on_resize(self) -> None:
        self._redraw()

    def lines(self, view: HomeView, room: Size) -> list[Content]:
        """The panel's lines, as many as there is room for."""
        raise NotImplementedError

    def render(self) -> Content:
        return Content("\n").join(self._lines)

    def _redraw(self) -> None:
        if self._view is None or not self.size:
            return
        lines = self.lines(self._view, self.size)[: self.size.height]
        if len(lines) != len(self._lines) or any(
            not new.is_same(old) for new, old in zip(lines, self._lines, strict=True)
        ):
            self._lines = lines
            self.refresh()


class TitleBar(Panel):
    """Who this is, whether the line is live, and what time it is."""

    def lines(self, view: HomeView, room: Size) -> list[Content]:
        width = room.width
        link = chip(view.link)
        version = f"  appliance {view.version}" if view.version else ""
        left = Content.assemble(" ", (view.box, "bold"), (version, "$faint"))
        right = Content.assemble(link, "  ", (view.clock, "$faint"), " ")
        if left.cell_length + right.cell_length > width:
            left = text(f" {view.box}", "bold")
        if left.cell_length + right.cell_length > width:
            right = Content.assemble(" ", link, " ")
        return [spread(left, right, width)]


class Headline(Panel):
    """Is it well? One bar in the severity's colour, then the problems with what to do about them."""

    def lines(self, view: HomeView, room: Size) -> list[Content]:
        width, height = room
        state = view.headline
        style = f"$ink on {STYLES[state.severity]}"
        said = Content.assemble(f" {state.severity.glyph} {state.word} ", "  ", view.summary)
        told = [line.stylize(style) for line in (fit(part, width) for part in said.wrap(max(10, width)))]
        told[0] = told[0].stylize("bold", 0, len(state.word) + 4)
        problems = [
            line for p in view.problems for line in self._problem(p.severity, p.text, p.remedy, width)
        ]
        return told + _cut(problems, height - len(told), width, "see the full report (F3)")

    @staticmethod
    def _problem(severity: Severity, what: str, remedy: str, width: int) -> list[Content]:
        lines = text(what).wrap(max(10, width - 3))
        lines[0] = Content.assemble((f" {severity.glyph} ", STYLES[severity]), lines[0])
        hint = text(remedy, "$faint").wrap(max(10, width - 3)) if remedy else []
        return [lines[0], *(line.pad_left(3) for line in lines[1:]), *(line.pad_left(3) for line in hint)]

    def wanted(self, view: HomeView, width: int) -> int:
        return len(self.lines(view, Size(width, 1000)))


class Deployments(Panel):
    """What runs, how busy it is and how fast it answers."""

    def lines(self, view: HomeView, room: Size) -> list[Content]:
        width, height = room
        told = [rule("Deployments", width, "last minute" if view.deployments else "")]
        if not view.deployments:
            return [
                *told,
                *(line.pad_left(1) for line in text(view.deployments_hint).wrap(max(10, width - 2))),
            ]
        columns = self._columns(view, width)
        rows = [row(columns, self._cells(d, columns)) for d in view.deployments]
        told.append(heading(columns))
        return told + _cut(rows, height - len(told), width, "see the full report (F3)")

    def wanted(self, view: HomeView, width: int) -> int:
        return len(self.lines(view, Size(width, 1000)))

    @staticmethod
    def _columns(view: HomeView, width: int) -> list[Column]:
        longest = max(cell_len(d.name) for d in view.deployments)
        version = max(7, *(min(12, len(d.version)) for d in view.deployments)) if width >= 72 else 0
        engine = max(6, *(min(24, len(d.engine)) for d in view.deployments)) if width >= 96 else 0
        memory = 8 if width >= 120 else 0
        errors = 6 if width >= 64 else 0
        p99 = 7 if width >= 56 else 0
        fixed = [13, version, engine, memory, 6, 7, p99, errors]
        left = width - 1 - sum(fixed) - sum(1 for f in fixed if f)
        name = min(longest, left)
        chart = min(60, left - name - 1)
        return [
            Column(" State", 13),
            Column("Name", name),
            Column("Version", version),
            Column("Engine", engine),
            Column("Memory", memory, right=True),
            Column("req/s", 6, right=True),
            Column("p50", 7, right=True),
            Column("p99", p99, right=True),
            Column("errors", errors, right=True),
            Column("60 s", chart if chart >= 6 else 0),
        ]

    @staticmethod
    def _cells(d: DeploymentView, columns: list[Column]) -> list[Content]:
        errors = "" if d.error_severity is Severity.OK else STYLES[d.error_severity]
        return [
            Content.assemble(" ", chip(d.state)),
            text(d.name, "bold"),
            text(d.version, "$faint"),
            text(d.engine),
            text(d.memory),
            text(d.rate),
            text(d.p50),
            text(d.p99),
            text(d.errors, errors),
            sparkline(d.history, columns[-1].width),
        ]


class Hardware(Panel):
    """Processor, memory, disk and accelerators."""

    def lines(self, view: HomeView, room: Size) -> list[Content]:
        width, height = room
        hardware = view.hardware
        told = [rule("Hardware", width, hardware.machine)]
        told.append(_fact("CPU", text(hardware.cpu), width))
        told.append(_gauge(hardware.memory, width))
        told.append(_gauge(hardware.disk, width))
        cards = [line for a in hardware.accelerators for line in self._accelerator(a, width)]
        if not cards:
            cards = [_fact("GPU/NPU", text(hardware.accelerators_hint, "$faint"), width)]
        told += _cut(cards, height - len(told), width, "")
        if len(told) < height:
            told.insert(2, _fact("", text(join_fitting(hardware.cpu_details, width - 10), "$faint"), width))
        return told

    @staticmethod
    def _accelerator(card: AcceleratorView, width: int) -> list[Content]:
        glyph = (f"{card.state.severity.glyph} ", STYLES[card.state.severity])
        name = _fact(card.kind, Content.assemble(glyph, card.name), width)
        if card.state.severity is not Severity.OK:
            return [name, _fact("", text(f"  {card.state.word}", STYLES[card.state.severity]), width)]
        parts = [p for p in (card.temperature, card.memory.value, card.power) if p != NA]
        heat = STYLES[card.temperature_severity] if card.temperature_severity > Severity.OK else ""
        said = text("  " + join_fitting(parts, width - 12, "  "))
        return [name, _fact("", said.stylize(heat, 2, 2 + len(card.temperature)), width)]


class Update(Panel):
    """The last import, and where requests are answered."""

    def lines(self, view: HomeView, room: Size) -> list[Content]:
        width = room.width
        update = view.update
        told = [rule("Last update", width)]
        if not update.imported:
            told.append(_fact("Imported", text("none yet"), width))
        else:
            age = Content(update.metadata_age)
            if update.metadata_severity > Severity.OK:
                age = Content.assemble(age, " ", chip_glyph(update.metadata_severity))
            told += [
                _fact("Imported", text(f"{update.time}, {update.age}"), width),
                _fact("Medium", text(update.medium), width),
                _fact("Carried", text(", ".join(update.artifacts) or "nothing"), width),
                _fact("Metadata", Content.assemble(update.metadata_version, ", age ", age), width),
            ]
        for index, endpoint in enumerate(view.endpoints[::-1]):
            told.append(_fact("Answers" if index == 0 else "", text(fit_middle(endpoint, width - 10)), width))
        return told


class Audit(Panel):
    """The newest entries of the log."""

    def lines(self, view: HomeView, room: Size) -> list[Content]:
        width = room.width
        audit = view.audit
        hint = f"{audit.size}, checkpoint {audit.checkpoint}"
        told = [rule("Audit log", width, hint if width >= 60 else audit.size)]
        when = max((len(line.time) for line in audit.recent), default=8)
        who = min(14, max((len(line.actor) for line in audit.recent), default=6))
        what = min(22, max((len(line.action) for line in audit.recent), default=10))
        outcome = 11
        left = width - 1 - when - who - what - outcome - 4
        if left < 12:
            left, who = left + who + 1, 0
        columns = [
            Column("", when),
            Column("", who),
            Column("", what),
            Column("", max(0, left)),
            Column("", outcome),
        ]
        return told + [Content.assemble(" ", row(columns, self._cells(line))) for line in audit.recent]

    @staticmethod
    def _cells(line: AuditLineView) -> list[Content]:
        return [
            text(line.time, "$faint"),
            text(line.actor),
            text(line.action),
            text(line.subject),
            chip(line.outcome),
        ]


def chip_glyph(severity: Severity) -> Content:
    return text(severity.glyph, STYLES[severity])


def _fact(label: str, value: Content, width: int) -> Content:
    return fit(Content.assemble(" ", (f"{label:<9}", "$faint"), value), width)


def _gauge(gauge: Gauge, width: int) -> Content:
    style = STYLES[gauge.severity] if gauge.severity > Severity.OK else ""
    value = text(gauge.value, style)
    if gauge.severity > Severity.OK:
        value = Content.assemble(chip_glyph(gauge.severity), " ", value)
    room = width - 10 - value.cell_length - 2
    if gauge.fraction is None or room < 5:
        return _fact(gauge.label, value, width)
    return _fact(
        gauge.label, Content.assemble(bar(gauge.fraction, min(12, room), gauge.severity), " ", value), width
    )


def _cut(lines: list[Content], room: int, width: int, where: str) -> list[Content]:
    """The lines that fit, the last one saying how many do not."""
    if len(lines) <= room:
        return lines
    if room < 1:
        return []
    more = len(lines) - room + 1
    said = f" … {more} more" + (f", {where}" if where else "")
    return [*lines[: room - 1], fit(text(said, "$warn"), width)]
