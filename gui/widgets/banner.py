"""Is it well? The first thing that anybody sees."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from appliance.console.views import HomeView, ProblemView
from gui.theme import Theme
from gui.widgets.labels import label

MARGIN = 22
LINE = 22
TALLEST = 180
"""Pixels that the problems may take before they scroll."""


class Banner(QFrame):
    """The headline in its severity's colours, and each problem with what to do about it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: tuple[object, ...] = ()
        self._word = label()
        self._summary = label(wrap=True)
        self._problems = QWidget()
        self._list = QVBoxLayout(self._problems)
        self._list.setContentsMargins(0, 6, 0, 0)
        self._list.setSpacing(4)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self._problems)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setAccessibleName("Problems")
        line = QHBoxLayout()
        line.setSpacing(20)
        line.addWidget(self._word)
        line.addWidget(self._summary, 1)
        body = QVBoxLayout(self)
        body.setContentsMargins(MARGIN, 10, MARGIN, 10)
        body.addLayout(line)
        body.addWidget(self._scroll)

    def show_view(self, view: HomeView) -> None:
        shown = (view.headline, view.summary, view.problems)
        if shown == self._shown:
            return
        if self._shown[:1] != shown[:1]:
            self._colour(view)
        if self._shown[2:] != shown[2:]:
            self._show_problems(view.problems)
        self._summary.setText(view.summary)
        self._shown = shown

    def _colour(self, view: HomeView) -> None:
        severity = view.headline.severity
        tone = self._theme.tones[severity]
        self.setStyleSheet(
            f"Banner {{ background: {tone.ground}; border: 1px solid {tone.ink}; border-radius: 10px; }}"
        )
        self._word.setText(f"{severity.glyph}  {view.headline.word}")
        self._word.setAccessibleName(f"Health: {view.headline.word}")
        self._word.setStyleSheet(f"color: {tone.ink}; font-size: 28px; font-weight: 700;")
        self._summary.setStyleSheet("font-size: 18px;")

    def _show_problems(self, problems: tuple[ProblemView, ...]) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if widget := item.widget():
                widget.setParent(None)
                widget.deleteLater()
        for problem in problems:
            self._list.addWidget(self._problem(problem))
        self._scroll.setVisible(bool(problems))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As tall as the problems need at this width, up to TALLEST."""
        width = max(400, self.width() - 2 * MARGIN)
        height = self._list.contentsMargins().top()
        for told in self._problems.findChildren(QLabel):
            told.ensurePolished()
            height += max(told.heightForWidth(width), LINE) + self._list.spacing()
        self._scroll.setFixedHeight(min(TALLEST, height))

    def _problem(self, problem: ProblemView) -> QLabel:
        made = label(f"{problem.severity.glyph}  {problem.text}  {problem.remedy}".rstrip(), wrap=True)
        made.setStyleSheet("font-size: 16px;")
        made.setAccessibleName(f"{problem.severity.word}: {problem.text} {problem.remedy}")
        return made
