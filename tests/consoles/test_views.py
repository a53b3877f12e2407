from dataclasses import replace
from datetime import UTC, datetime

import pytest

from appliance.console.link import Link
from appliance.console.severity import Severity
from appliance.console.text import plain, to_ascii, wants_ascii
from appliance.console.views import home_view
from appliance.errors import Explanation
from appliance.status import Health
from tests.consoles import reports

NOW = datetime(2026, 11, 21, 14, 2, 40, tzinfo=UTC)


def test_a_box_without_problems_is_well() -> None:
    view = home_view(reports.FULL, NOW)
    assert (view.headline.severity, view.headline.word) == (Severity.OK, "WELL")
    assert view.summary == "3 of 3 deployments serving · no problems"
    assert view.update.metadata_age == "3 days"
    assert view.update.age == "4 min ago"


def test_what_needs_somebody_comes_first_and_makes_the_box_degraded() -> None:
    view = home_view(reports.DEGRADED, NOW)
    assert view.headline.word == "DEGRADED"
    assert [d.state.word for d in view.deployments] == ["failed", "restarting", "serving"]
    assert view.hardware.disk.severity is Severity.WARNING


def test_a_failed_deployment_never_leaves_the_headline_well() -> None:
    view = home_view(replace(reports.DEGRADED, health=Health.OK, problems=()), NOW)
    assert view.headline.severity is Severity.WARNING
    assert "no problems" not in view.summary


def test_nothing_counts_as_known_while_the_daemon_is_away() -> None:
    why = Explanation("daemon.away", "No daemon answers.", remedy="Start it.")
    view = home_view(reports.FULL, NOW, Link(live=False, last_seen=12.0, retry_in=4.0, why=why))
    assert view.headline.word == "NO ANSWER"
    assert view.summary == "last seen 12 s ago, next try in 4 s"
    assert {d.state.severity for d in view.deployments} == {Severity.UNKNOWN}
    assert {d.rate for d in view.deployments} == {"N/A"}


def test_missing_values_are_not_zero() -> None:
    hardware = home_view(reports.UNKNOWN, NOW).hardware
    assert (hardware.machine, hardware.memory.value, hardware.disk.value) == ("N/A", "N/A", "N/A")
    assert hardware.accelerators[0].temperature == "N/A"


@pytest.mark.parametrize("text", [reports.HOSTILE_NAME, "a\x00b\x7f\x85", "\u200bhid\u2066den", "\ud800"])
def test_control_characters_never_get_through(text: str) -> None:
    told = plain(text)
    assert told.isprintable()
    assert "\x1b" not in told


def test_ascii_keeps_the_width_and_leaves_nothing_else() -> None:
    assert to_ascii("✔ 61°C · 検 …─│┌") == "+ 61 C - ?? ~-|+"


@pytest.mark.parametrize(
    ("environ", "encoding", "ascii_only"),
    [
        ({"TERM": "xterm-256color"}, "utf-8", False),
        ({"TERM": "xterm-256color"}, "ANSI_X3.4-1968", True),
        ({"TERM": "linux"}, "utf-8", True),
        ({"TERM": "vt220"}, "utf-8", True),
        ({"APPLIANCE_ASCII": "1"}, "utf-8", True),
        ({"TERM": "linux", "APPLIANCE_ASCII": "0"}, "utf-8", False),
    ],
)
def test_a_terminal_that_cannot_show_our_glyphs_gets_ascii(
    environ: dict[str, str], encoding: str, *, ascii_only: bool
) -> None:
    assert wants_ascii(environ, encoding) is ascii_only
