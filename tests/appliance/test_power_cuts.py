"""Wherever the power goes during an import, the old version serves or the new one is complete and logged."""

import shutil
from pathlib import Path

import pytest

from tests.appliance.power.cuts import Tally, cut_everywhere, fail_everywhere
from tests.appliance.power.story import NEW, OLD, Story

pytestmark = [
    pytest.mark.skipif(
        shutil.which("cc") is None, reason="the shim that records an import needs a C compiler"
    ),
    pytest.mark.timeout(600),
]


def test_every_disk_that_a_power_cut_may_leave_is_a_whole_box(tmp_path: Path) -> None:
    """The short version of `./dev power-cuts`: every disk is opened, on two of them the import is done again."""
    tally = Tally()
    story = Story.prepare(tmp_path)
    cut_everywhere(story, tally, most=2)
    assert tally.points > 80
    assert tally.tried == tally.disks > 80
    assert tally.served[OLD] > tally.served[NEW] > 0
    assert tally.again == 2
    fail_everywhere(story, tally, most=2)
    assert sum(tally.faults.values()) == 2
