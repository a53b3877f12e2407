"""The desktop console, clicked as a person would."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from appliance.console.live import Pace
from appliance.console.table import TABLE
from gui.display import why_no_display
from gui.theme import DAY, NIGHT, Theme
from gui.window import Window
from tests.consoles import reports
from tests.consoles.results import PREVIEW, REPORT, as_json
from tests.consoles.scripted_session import ScriptedSession

QUICK = Pace(first_retry=0.05, longest_retry=0.1, gather=0.01, settle=0.05)


def opened(qtbot: QtBot, session: ScriptedSession, theme: Theme = DAY) -> Window:
    window = Window(session, table=TABLE, theme=theme, pace=QUICK, find_media=lambda: ("/media/usb0",))
    qtbot.addWidget(window)
    window.resize(1280, 800)
    window.show()
    window.start()
    return window


def button(window: Window, name: str) -> QAbstractButton:
    return next(
        b for b in window.findChildren(QAbstractButton) if b.isVisible() and b.accessibleName() == name
    )


def texts(window: Window) -> str:
    return "\n".join(label.text() for label in window.findChildren(QLabel) if label.isVisible())


def test_an_import_is_clicked_through_to_its_result(qtbot: QtBot) -> None:
    session = ScriptedSession(
        reports.FULL,
        **{"update.inspect": lambda *_: as_json(PREVIEW), "update.import": lambda *_: as_json(REPORT)},
    )
    window = opened(qtbot, session)
    qtbot.waitUntil(lambda: "WELL" in texts(window))
    QTest.mouseClick(button(window, "Import an update"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Medium found" in texts(window))
    QTest.mouseClick(button(window, "Look at it"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "newer, replaces 1.4.0" in texts(window))
    assert button(window, "No, change nothing").hasFocus()
    QTest.mouseClick(button(window, "Yes, import"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Imported in part" in texts(window))
    assert "The medium may be pulled now" in texts(window)
    QTest.mouseClick(button(window, "Close"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "WELL" in texts(window))
    window.close()


@pytest.mark.parametrize("theme", [DAY, NIGHT], ids=lambda t: t.name)
def test_an_away_daemon_is_told_and_every_control_has_a_name(qtbot: QtBot, theme: Theme) -> None:
    session = ScriptedSession(reports.DEGRADED)
    window = opened(qtbot, session, theme)
    qtbot.waitUntil(lambda: "DEGRADED" in texts(window))
    session.becomes(None)
    qtbot.waitUntil(lambda: "NO ANSWER" in texts(window))
    controls = [*window.findChildren(QAbstractButton), *window.findChildren(QLineEdit)]
    assert [c for c in controls if c.isVisible() and not c.accessibleName()] == []
    assert [c for c in controls if c.isVisible() and c.height() < 48] == []
    window.close()


def test_without_a_display_the_reason_is_told_instead_of_aborting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "DISPLAY" in why_no_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert why_no_display() == ""


def contrast(ink: str, ground: str) -> float:
    """WCAG 2.2, success criterion 1.4.3."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [DAY, NIGHT], ids=lambda t: t.name)
def test_every_text_has_the_contrast_of_wcag_aa(theme: Theme) -> None:
    pairs = [(t.ink, t.ground) for t in theme.tones.values()] + [
        (t.ink, theme.card) for t in theme.tones.values()
    ]
    pairs += [(theme.text, theme.card), (theme.faint, theme.card), (theme.faint, theme.window)]
    pairs += [(theme.on_accent, theme.accent), (theme.text, theme.window)]
    assert {pair: contrast(*pair) for pair in pairs if contrast(*pair) < 4.5} == {}
