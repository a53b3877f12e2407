"""The first page: health, deployments, hardware, last update, last audit entries."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from appliance.console.severity import Severity
from appliance.console.views import AuditLineView, DeploymentView, HomeView, UpdateView
from appliance.console.wizards.form import Fact, Form
from gui.theme import Theme
from gui.widgets.accelerators import Accelerators
from gui.widgets.banner import Banner
from gui.widgets.facts import Facts
from gui.widgets.gauge import GaugeBar
from gui.widgets.labels import Card, ChipLabel, Elided, label
from gui.widgets.rows import Column, Pair, RowsModel, Value, table

DEPLOYMENTS: Sequence[Column[DeploymentView]] = (
    Column("State", lambda d: d.state, 132),
    Column("Deployment", lambda d: Pair(d.name, d.detail or f"{d.version}  ·  {d.engine}")),
    Column("req/s", lambda d: d.rate, 66, right=True),
    Column("p50", lambda d: d.p50, 80, right=True),
    Column("p99", lambda d: d.p99, 84, right=True),
    Column("Errors", lambda d: Value(d.errors, d.error_severity), 68, right=True),
    Column("Last minute", lambda d: d.history, 136),
)
AUDIT: Sequence[Column[AuditLineView]] = (
    Column("Time", lambda line: line.time, 110),
    Column("Who", lambda line: line.actor, 110),
    Column("What", lambda line: line.action, 200),
    Column("Subject", lambda line: line.subject),
    Column("Outcome", lambda line: line.outcome, 120),
)


class Action(QPushButton):
    """A button that a glove can hit, with its key told on it."""

    def __init__(self, title: str, key: str, press: Callable[[], None], *, primary: bool = False) -> None:
        super().__init__(f"{title}   {key}")
        self.setObjectName("primary" if primary else "action")
        self.setAccessibleName(title)
        self.setAccessibleDescription(f"Key {key}")
        self.clicked.connect(press)


class HomePage(QWidget):
    def __init__(self, theme: Theme, actions: Sequence[Action]) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._theme = theme
        self._box, self._version, self._clock = label("", "boxName"), label("", "faint"), label("", "faint")
        self._link, self._banner = ChipLabel(), Banner(theme)
        self._deployments, self._audit = RowsModel(DEPLOYMENTS), RowsModel(AUDIT)
        self._no_deployments = label("", "hint", wrap=True)
        self._cpu, self._cpu_details = Elided("strong"), Elided("faint")
        self._memory, self._disk = GaugeBar(theme), GaugeBar(theme)
        self._accelerators = Accelerators(theme)
        self._update = Facts(theme)
        self._background = label("", "strong")
        self._background_chip = ChipLabel()
        self._lay_out(actions)

    def show_view(self, view: HomeView, background: Form | None) -> None:
        """Show a new view; every part sets only what differs."""
        self._box.setText(view.box)
        self._version.setText(f"appliance {view.version}" if view.version else "")
        self._clock.setText(view.clock)
        self._link.show_chip(view.link, self._theme)
        self._banner.show_view(view)
        self._deployments.show(view.deployments)
        self._no_deployments.setText(view.deployments_hint)
        self._no_deployments.setVisible(not view.deployments)
        self._deployment_table.setVisible(bool(view.deployments))
        self._show_hardware(view)
        self._update.show_facts(_update_facts(view.update, view.endpoints))
        self._audit.show(view.audit.recent)
        self._audit_card.hint.show_text(f"{view.audit.size}  ·  checkpoint {view.audit.checkpoint}")
        self._show_background(background)

    def _show_hardware(self, view: HomeView) -> None:
        hardware = view.hardware
        self._hardware_card.hint.show_text(hardware.machine)
        self._cpu.show_text(hardware.cpu)
        self._cpu_details.show_text("  ·  ".join(hardware.cpu_details))
        self._memory.show_gauge(hardware.memory)
        self._disk.show_gauge(hardware.disk)
        self._accelerators.show_view(hardware)

    def _show_background(self, form: Form | None) -> None:
        self._background.setVisible(form is not None)
        self._background_chip.setVisible(form is not None and form.notice is not None)
        if form is None:
            return
        self._background.setText(f"{form.title}: {form.bar.text if form.bar else form.heading.word}")
        if form.notice is not None:
            self._background_chip.show_chip(form.notice, self._theme)

    def _lay_out(self, actions: Sequence[Action]) -> None:
        top = QHBoxLayout()
        top.setSpacing(14)
        for widget in (self._box, self._version):
            top.addWidget(widget, 0, Qt.AlignmentFlag.AlignBottom)
        top.addStretch(1)
        top.addWidget(self._link)
        top.addWidget(self._clock)
        columns = QHBoxLayout()
        columns.setSpacing(16)
        columns.addLayout(self._left(), 68)
        columns.addLayout(self._right(), 32)
        content = QWidget()
        body = QVBoxLayout(content)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(14)
        body.addWidget(self._banner)
        body.addLayout(columns, 1)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setAccessibleName("State of the box")
        page = QVBoxLayout(self)
        page.setContentsMargins(24, 16, 24, 16)
        page.setSpacing(14)
        page.addLayout(top)
        page.addWidget(scroll, 1)
        page.addLayout(self._bottom(actions))

    def _left(self) -> QVBoxLayout:
        card = Card("Deployments")
        self._deployment_table = table(self._deployments, self._theme, name="Deployments", row_height=54)
        self._deployment_table.setMinimumHeight(110)
        card.body.addWidget(self._no_deployments)
        card.body.addWidget(self._deployment_table, 1)
        card.body.addStretch(0)
        self._audit_card = Card("Audit log")
        audit = table(self._audit, self._theme, name="Audit log", row_height=38)
        audit.setMinimumHeight(110)
        self._audit_card.body.addWidget(audit, 1)
        column = QVBoxLayout()
        column.setSpacing(14)
        column.addWidget(card, 1)
        column.addWidget(self._audit_card, 1)
        return column

    def _right(self) -> QVBoxLayout:
        self._hardware_card = Card("Hardware")
        for widget in (self._cpu, self._cpu_details, self._memory, self._disk, self._accelerators):
            self._hardware_card.body.addWidget(widget)
        self._hardware_card.body.addStretch(1)
        update = Card("Last update")
        update.body.addWidget(self._update)
        update.body.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(14)
        column.addWidget(self._hardware_card, 1)
        column.addWidget(update, 0)
        return column

    def _bottom(self, actions: Sequence[Action]) -> QVBoxLayout:
        running = QHBoxLayout()
        running.addWidget(self._background_chip)
        running.addWidget(self._background, 1)
        bar = QHBoxLayout()
        bar.setSpacing(12)
        for action in actions[:-1]:
            bar.addWidget(action)
        bar.addStretch(1)
        bar.addWidget(actions[-1])
        both = QVBoxLayout()
        both.addLayout(running)
        both.addLayout(bar)
        return both


def _update_facts(update: UpdateView, endpoints: tuple[str, ...]) -> tuple[Fact, ...]:
    answers = tuple(Fact("Answers" if n == 0 else "", e) for n, e in enumerate(endpoints[::-1]))
    if not update.imported:
        return (Fact("Imported", "none yet"), *answers)
    notice = update.metadata_severity if update.metadata_severity > Severity.OK else None
    return (
        Fact("Imported", f"{update.time}, {update.age}"),
        Fact("Medium", update.medium),
        Fact("Carried", ", ".join(update.artifacts) or "nothing"),
        Fact("Metadata", f"{update.metadata_version}, age {update.metadata_age}", notice),
        *answers,
    )
