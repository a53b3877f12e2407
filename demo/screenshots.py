"""Renders both consoles on a box's real state, for the README: `./dev screenshots STATE_DIR [FOLDER]`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.console.session import Session

FOLDER = Path("docs/pictures")


def take(connect: Callable[[], Session], folder: Path) -> tuple[Path, ...]:
    """Draw `gui.png` (1280x800) and `tui.svg` (80x24) into `folder`; `connect` opens a session for each."""
    from gui.render import render_png  # noqa: PLC0415 - Qt reads QT_QPA_PLATFORM when it is first used
    from tui.render import render_svg  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    gui, tui = folder / "gui.png", folder / "tui.svg"
    render_png(connect(), gui)
    render_svg(connect(), tui)
    return gui, tui


def main(arguments: list[str]) -> int:
    """Take the pictures from the daemon that runs on the state folder named first."""
    from appliance.control.client import ControlSession  # noqa: PLC0415
    from appliance.state import StateFolder  # noqa: PLC0415

    if not arguments:
        print("usage: ./dev screenshots STATE_DIR [FOLDER]", file=sys.stderr)
        return 2
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    state = StateFolder.choose(arguments[0])
    folder = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    for picture in take(lambda: ControlSession(state), folder):
        print(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
