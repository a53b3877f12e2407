"""Pictures of the terminal console, as SVG."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from appliance.console.session import Session
from tui.app import ConsoleApp

PATIENCE = 20.0


def render_svg(
    session: Session, path: Path, size: tuple[int, int] = (80, 24), *, keys: Sequence[str] = ()
) -> None:
    """Draw the console on `session`'s box, after somebody pressed `keys`, to an SVG file; `size` in characters.

    Raises TimeoutError where the box does not tell how it is within 20 s.
    """
    asyncio.run(_render(session, path, size, keys))


async def _render(session: Session, path: Path, size: tuple[int, int], keys: Sequence[str]) -> None:
    app = ConsoleApp(session)
    async with app.run_test(size=size) as pilot, asyncio.timeout(PATIENCE):
        while not app.desk.heard:
            await pilot.pause(0.05)
        await pilot.pause(0.3)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.3)
        await asyncio.to_thread(path.write_text, app.export_screenshot(title="appliance tui"), "utf-8")
