"""The desktop console's colours and type: one palette by day, one by night, each with a contrast of WCAG AA."""

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette

from appliance.console.severity import Severity

FAMILIES = ("Inter", "IBM Plex Sans", "Noto Sans", "DejaVu Sans", "Liberation Sans")
"""The first that is installed."""
TOUCH = 52
"""Pixels: the least height of what a finger presses."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A severity's colours: of text and glyph, and of the ground behind them."""

    ink: str
    ground: str


@dataclass(frozen=True, slots=True)
class Theme:
    name: str
    window: str
    card: str
    line: str
    track: str
    text: str
    faint: str
    accent: str
    on_accent: str
    accent_ground: str
    tones: dict[Severity, Tone]


DAY = Theme(
    name="day",
    window="#e9edf0",
    card="#ffffff",
    line="#d3dade",
    track="#dfe5e9",
    text="#18212a",
    faint="#536069",
    accent="#0b6680",
    on_accent="#ffffff",
    accent_ground="#e2eff3",
    tones={
        Severity.OK: Tone("#176b36", "#e1f2e6"),
        Severity.NOTICE: Tone("#1c5b91", "#e2edf7"),
        Severity.UNKNOWN: Tone("#5f4490", "#ece6f6"),
        Severity.WARNING: Tone("#7d5000", "#fdf0d3"),
        Severity.CRITICAL: Tone("#a8201a", "#fbe3e1"),
    },
)
NIGHT = Theme(
    name="night",
    window="#11171b",
    card="#1a2228",
    line="#2c3840",
    track="#2c3840",
    text="#e4eaee",
    faint="#9aa9b3",
    accent="#63b9d2",
    on_accent="#0d1418",
    accent_ground="#1b3540",
    tones={
        Severity.OK: Tone("#7fd698", "#17301f"),
        Severity.NOTICE: Tone("#8cc4f0", "#182c3e"),
        Severity.UNKNOWN: Tone("#c9b0ee", "#2b2340"),
        Severity.WARNING: Tone("#f2c565", "#37290d"),
        Severity.CRITICAL: Tone("#ff9a92", "#401917"),
    },
)


@lru_cache(maxsize=1)
def family() -> str:
    installed = set(QFontDatabase.families())
    return next((name for name in FAMILIES if name in installed), QFont().defaultFamily())


def font(pixels: int, *, bold: bool = False) -> QFont:
    made = QFont(family())
    made.setPixelSize(pixels)
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return made


def palette(theme: Theme) -> QPalette:
    """For what the style paints by itself."""
    made = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.card,
        QPalette.ColorRole.AlternateBase: theme.window,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.faint,
        QPalette.ColorRole.Button: theme.card,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.on_accent,
    }
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    return made


def stylesheet(theme: Theme) -> str:
    warning = theme.tones[Severity.WARNING]
    return f"""
* {{ font-family: "{family()}"; font-size: 15px; color: {theme.text}; }}
QMainWindow, #page {{ background: {theme.window}; }}
QLabel {{ background: transparent; }}
#card {{ background: {theme.card}; border: 1px solid {theme.line}; border-radius: 10px; }}
#cardTitle {{ font-size: 17px; font-weight: 600; }}
#faint, #hint {{ color: {theme.faint}; font-size: 14px; }}
#factLabel {{ color: {theme.faint}; }}
#boxName {{ font-size: 24px; font-weight: 600; }}
#strong {{ font-weight: 600; }}
#formTitle {{ font-size: 24px; font-weight: 600; }}
QPushButton {{
    min-height: {TOUCH - 4}px; padding: 0 20px; border-radius: 8px; font-weight: 600;
    background: {theme.card}; border: 1px solid {theme.line};
}}
QPushButton:pressed {{ background: {theme.track}; }}
QPushButton:focus {{ border: 3px solid {theme.accent}; padding: 0 18px; }}
QPushButton:disabled {{ color: {theme.faint}; background: {theme.window}; }}
QPushButton#primary {{ background: {theme.accent}; color: {theme.on_accent}; border-color: {theme.accent}; }}
QPushButton#primary:focus {{ border: 3px solid {theme.text}; }}
QPushButton#changes {{ background: {warning.ground}; color: {warning.ink}; border-color: {warning.ink}; }}
QPushButton#changes:focus {{ border: 3px solid {theme.text}; }}
QLineEdit {{
    min-height: {TOUCH - 4}px; padding: 0 14px; border-radius: 8px; font-size: 17px;
    background: {theme.card}; border: 1px solid {theme.faint};
    selection-background-color: {theme.accent}; selection-color: {theme.on_accent};
}}
QLineEdit:focus {{ border: 3px solid {theme.accent}; padding: 0 12px; }}
QTableView, QListView {{ background: transparent; border: none; outline: none; }}
QTableView:focus, QListView:focus {{ border: 2px solid {theme.accent}; border-radius: 6px; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{
    background: transparent; border: none; border-bottom: 1px solid {theme.line};
    color: {theme.faint}; font-size: 14px; padding: 4px 8px;
}}
QProgressBar {{
    min-height: 18px; max-height: 18px; border: none; border-radius: 9px; background: {theme.track};
}}
QProgressBar::chunk {{ border-radius: 9px; background: {theme.accent}; }}
QScrollArea {{ background: transparent; border: none; }}
QScrollArea > QWidget > QWidget {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 22px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: {theme.faint}; border-radius: 8px; min-height: 48px; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{ background: none; height: 0; }}
"""
