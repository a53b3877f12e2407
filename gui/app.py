"""The desktop console: `appliance gui`."""

import sys

from PySide6.QtWidgets import QApplication

from appliance.console.session import Session
from appliance.console.table import TABLE
from appliance.errors import ApplianceError
from gui.display import why_no_display
from gui.window import Window


def run(session: Session, *, state_dir: str) -> int:  # noqa: ARG001 - the consoles' entry point
    """Show the console until somebody closes it; the exit status.

    Raises ApplianceError `display.absent` where no window can be opened.
    """
    if why := why_no_display():
        raise ApplianceError(
            "display.absent",
            f"No window can be opened here: {why}.",
            kept="Nothing was changed.",
            remedy="Use the terminal console: `appliance tui`.",
        )
    application = make_application()
    window = Window(session, table=TABLE)
    window.resize(1280, 800)
    window.show()
    window.start()
    return application.exec()


def make_application() -> QApplication:
    """The process's QApplication, in the one style that looks the same on every platform."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(sys.argv[:1])
    application.setApplicationName("appliance")
    application.setStyle("Fusion")
    return application
