"""Renders both consoles on a box's real state, for the README: `./dev screenshots STATE_DIR [FOLDER]`."""

import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from appliance.console.session import Session

FOLDER = Path("docs/pictures")
MONOSPACE = "DejaVu Sans Mono"
"""A font of this machine: Textual's pictures would fetch theirs from the network. Debian has it in `fonts-dejavu-core`."""


def take(connect: Callable[[], Session], folder: Path) -> tuple[Path, ...]:
    """Draw `gui.png` (1280x800) and `tui.png` (80x24) into `folder`; `connect` opens a session for each."""
    from gui.render import render_png  # noqa: PLC0415 - Qt reads QT_QPA_PLATFORM when it is first used
    from tui.render import render_svg  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    gui, tui = folder / "gui.png", folder / "tui.png"
    render_png(connect(), gui)
    with tempfile.TemporaryDirectory() as scratch:
        svg = Path(scratch) / "tui.svg"
        render_svg(connect(), svg)
        _paint(svg.read_text(), tui)
    return gui, tui


def _paint(svg: str, file: Path) -> None:
    """Draw an SVG of Textual's with a font of this machine, twice as large."""
    from PySide6.QtCore import QByteArray  # noqa: PLC0415
    from PySide6.QtGui import QImage, QPainter  # noqa: PLC0415
    from PySide6.QtSvg import QSvgRenderer  # noqa: PLC0415

    local = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    local = local.replace("Fira Code, monospace", MONOSPACE).replace("Fira Code", MONOSPACE)
    local = local.replace("<text ", '<text xml:space="preserve" ')
    renderer = QSvgRenderer(QByteArray(local.encode()))
    image = QImage(renderer.defaultSize() * 2, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    image.save(str(file))


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
