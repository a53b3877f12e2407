"""The terminal console, driven as a person would."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from textual.pilot import Pilot

from appliance.console.live import Pace
from appliance.control.messages import Progress
from appliance.status import StatusReport
from tests.consoles import reports
from tests.consoles.results import PREVIEW, REPORT, as_json
from tests.consoles.scripted_session import ScriptedSession
from tui.app import ConsoleApp

QUICK = Pace(first_retry=0.05, longest_retry=0.1, gather=0.01, settle=0.05)
SIZES = [(80, 24), (100, 30), (132, 43), (60, 20)]


def console(session: ScriptedSession, **options: Any) -> ConsoleApp:
    return ConsoleApp(
        session,
        pace=QUICK,
        now=lambda: datetime(2026, 11, 21, 14, 2, 40, tzinfo=UTC),
        find_media=lambda: ("/media/usb0",),
        **options,
    )


def dump(app: ConsoleApp) -> list[str]:
    """The screen as plain text, a line a row."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


async def until(pilot: Pilot[None], holds: Callable[[str], bool]) -> str:
    for _ in range(200):
        await pilot.pause(0.02)
        app = pilot.app
        assert isinstance(app, ConsoleApp)
        if holds(screen := "\n".join(dump(app))):
            return screen
    raise AssertionError(f"never came:\n{screen}")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "report", [reports.FULL, reports.DEGRADED, reports.MANY, reports.EMPTY, reports.HOSTILE]
)
async def test_every_size_answers_is_it_well_without_scrolling(
    size: tuple[int, int], report: StatusReport
) -> None:
    app = console(ScriptedSession(report))
    async with app.run_test(size=size) as pilot:
        word = "WELL" if report in (reports.FULL, reports.EMPTY) else "DEGRADED"
        screen = await until(pilot, lambda s: word in s and "Audit log" in s)
        for title in ("Deployments", "Hardware", "Last update", "Audit log", "F1"):
            assert title in screen
        assert "\x1b" not in screen
        assert [w for w in app.screen.query("*") if w.show_vertical_scrollbar] == []


@pytest.mark.parametrize("size", SIZES)
async def test_ascii_mode_leaves_no_other_character_on_any_screen(size: tuple[int, int]) -> None:
    app = console(ScriptedSession(reports.HOSTILE), ascii_only=True, few_colours=True)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda s: "DEGRADED" in s)
        for key in ("f1", "escape", "colon", "escape", "f3", "escape", "f2"):
            await pilot.press(key)
            await pilot.pause()
            assert "\n".join(dump(app)).isascii()


async def test_an_import_is_previewed_approved_watched_and_told() -> None:
    go_on = threading.Event()

    def import_update(_: object, progress: Callable[[Progress], None]) -> object:
        progress(Progress("copy", "Copying", 5 << 20, 10 << 20, "bytes", medium_needed=True))
        go_on.wait(10)
        progress(Progress("certify", "Certifying", medium_needed=False))
        return as_json(REPORT)

    session = ScriptedSession(
        reports.FULL, **{"update.inspect": lambda *_: as_json(PREVIEW), "update.import": import_update}
    )
    async with console(session).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda s: "WELL" in s)
        await pilot.press("f2")
        await until(pilot, lambda s: "Medium found" in s)
        await pilot.press("enter")
        await until(pilot, lambda s: "newer, replaces 1.4.0" in s)
        await pilot.press("y")
        await until(pilot, lambda s: "5.00 MiB of 10.0 MiB" in s and "Leave the medium in" in s)
        go_on.set()
        await until(pilot, lambda s: "Imported in part" in s and "The medium may be pulled now" in s)
        await pilot.press("enter")
        await until(pilot, lambda s: "WELL" in s)
    assert [c for c, _ in session.calls] == ["update.inspect", "update.import"]


async def test_enter_on_the_preview_changes_nothing() -> None:
    session = ScriptedSession(reports.FULL, **{"update.inspect": lambda *_: as_json(PREVIEW)})
    async with console(session).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda s: "WELL" in s)
        await pilot.press("i")
        await until(pilot, lambda s: "Medium found" in s)
        await pilot.press("enter")
        await until(pilot, lambda s: "Step 2 of 4" in s)
        await pilot.press("enter")
        await until(pilot, lambda s: "WELL" in s)
    assert [c for c, _ in session.calls] == ["update.inspect"]


async def test_a_daemon_that_goes_away_is_told_and_comes_back_by_itself() -> None:
    session = ScriptedSession(reports.FULL)
    async with console(session).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda s: "WELL" in s)
        session.becomes(None)
        await until(pilot, lambda s: "NO ANSWER" in s and "last seen" in s)
        session.report = reports.DEGRADED
        await until(pilot, lambda s: "DEGRADED" in s)


async def test_quitting_ends_every_thread() -> None:
    async with console(ScriptedSession(reports.FULL)).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda s: "WELL" in s)
    assert [t.name for t in threading.enumerate() if t.name.startswith("console-")] == []
