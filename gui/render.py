"""Pictures of the desktop console, for the README and for looking at."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from PySide6.QtCore import QEventLoop, QTimer

from appliance.console.session import Session
from appliance.console.table import TABLE
from gui.app import make_application
from gui.theme import DAY, Theme
from gui.window import Window

PATIENCE = 20.0


def render_png(
    session: Session,
    path: Path,
    size: tuple[int, int] = (1280, 800),
    *,
    theme: Theme = DAY,
    act: Callable[[Window], None] | None = None,
    until: Callable[[Window], bool] | None = None,
) -> None:
    """Draw the console on `session`'s box to a PNG file of `size` pixels.

    Args:
        act: what somebody does once the box was heard, such as opening a wizard.
        until: what must hold before the picture is taken; default: the box was heard.

    Raises TimeoutError where it does not hold within 20 s.
    """
    make_application()
    window = Window(session, table=TABLE, theme=theme)
    window.resize(*size)
    window.show()
    window.start()
    try:
        _wait(lambda: window.desk.heard)
        if act is not None:
            act(window)
        if until is not None:
            _wait(lambda: until(window))
        if not window.grab().save(str(path)):
            raise OSError(f"cannot write {path}")
    finally:
        window.close()
        window.deleteLater()
        _let_run(10)


def _wait(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not holds():
        if monotonic() > deadline:
            raise TimeoutError(f"the console did not come to what was waited for within {PATIENCE:.0f} s")
        _let_run(20)
    _let_run(1200)  # past the next tick, so that texts and layouts have settled


def _let_run(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
