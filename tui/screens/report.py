"""The full report: everything that is known of the box, to scroll through."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from appliance.console.severity import Severity
from appliance.console.views import HomeView
from tui import paint
from tui.skin import STYLES

LABEL = 18


class ReportScreen(Screen[None]):
    """A page of lines as long as it needs to be."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,f3,f", "app.pop_screen", "Back"),
        ("down,j", "scroll('down')", ""),
        ("up,k", "scroll('up')", ""),
        ("pagedown,space", "scroll('page_down')", ""),
        ("pageup,b", "scroll('page_up')", ""),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown: HomeView | None = None

    def compose(self) -> ComposeResult:
        yield Static(paint.text(" Full report", "bold"), id="title")
        with VerticalScroll(id="page", can_focus=True):
            yield Static(id="lines")
        yield Static(paint.text(" Arrows, PgUp, PgDn: move   Esc: back", "$faint"), id="keys")

    def show(self, view: HomeView) -> None:
        if view != self._shown:
            self._shown = view
            self.query_one("#lines", Static).update(Content("\n").join(_report(view)))

    def action_scroll(self, where: str) -> None:
        getattr(self.query_one("#page"), f"scroll_{where}")(animate=False)


def _report(view: HomeView) -> list[Content]:
    lines = [Content.assemble(paint.chip(view.headline, bold=True), "  ", view.summary)]
    lines += _section("Box")
    lines += [
        _fact("Name", view.box),
        _fact("Version", view.version),
        _fact("Time", view.clock),
        *(_fact("Answers on", e) for e in view.endpoints),
    ]
    if view.problems:
        lines += _section("Problems")
    for problem in view.problems:
        lines.append(Content.assemble((f"{problem.severity.glyph} ", STYLES[problem.severity]), problem.text))
        lines += [paint.text(f"  {told}", "$faint") for told in (problem.remedy, problem.code) if told]
    lines += _section("Deployments")
    if not view.deployments:
        lines.append(paint.text(view.deployments_hint))
    for d in view.deployments:
        lines.append(
            Content.assemble((f"{d.name} {d.version}  ", "bold"), paint.chip(d.state), f"  {d.detail}")
        )
        lines += [
            _fact("  Runs as", f"{d.kind}, {d.engine}, worker {d.worker}, {d.memory}"),
            _fact("  Last minute", f"{d.rate} requests/s, p50 {d.p50}, p99 {d.p99}, {d.errors} errors"),
            _fact("  Planned p50", f"{d.planned_p50}; restarts {d.restarts}"),
        ]
    lines += _hardware(view)
    update = view.update
    lines += _section("Last update")
    lines += [
        _fact("Imported", f"{update.time}, {update.age}" if update.imported else "none yet"),
        _fact("Medium", update.medium),
        *(_fact("Carried", a) for a in update.artifacts),
        _fact("Metadata", update.metadata_version),
        _fact("Metadata age", update.metadata_age, update.metadata_severity),
    ]
    audit = view.audit
    lines += _section("Audit log")
    lines += [
        _fact("Entries", audit.size),
        _fact("Root hash", audit.root),
        _fact("Checkpoint", audit.checkpoint),
    ]
    for line in audit.recent:
        told = f"{line.index}  {line.time}  {line.actor}  {line.action}  {line.subject}  "
        lines.append(Content.assemble(told, paint.chip(line.outcome)))
    return lines


def _hardware(view: HomeView) -> list[Content]:
    hardware = view.hardware
    lines = _section("Hardware")
    lines += [
        _fact("Machine", hardware.machine),
        _fact("System", hardware.system),
        _fact("CPU", hardware.cpu),
        _fact("", ", ".join(hardware.cpu_details)),
        _fact("Memory", hardware.memory.value, hardware.memory.severity),
        _fact("Disk", hardware.disk.value, hardware.disk.severity),
    ]
    if not hardware.accelerators:
        lines.append(_fact("Accelerators", hardware.accelerators_hint))
    for card in hardware.accelerators:
        lines.append(Content.assemble(_fact(card.kind, f"{card.name}  "), paint.chip(card.state)))
        lines.append(_fact("", f"driver {card.driver}, memory {card.memory.value}"))
        lines.append(_fact("", f"{card.temperature}, {card.power}", card.temperature_severity))
    for finding in hardware.findings:
        lines.append(_fact("Finding", finding.text))
        lines += [_fact("", told) for told in (finding.remedy, finding.code) if told]
    return lines


def _section(title: str) -> list[Content]:
    return [Content(""), paint.text(title, "bold $notice")]


def _fact(label: str, value: str, severity: Severity = Severity.OK) -> Content:
    parts: list[tuple[str, str]] = [(f"{label:<{LABEL}}", "$faint")]
    if severity > Severity.OK:
        parts.append((f"{severity.glyph} ", STYLES[severity]))
    return Content.assemble(*parts, value)
