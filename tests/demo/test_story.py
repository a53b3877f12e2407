"""The README's first command plays to its end."""

import subprocess
import sys
from pathlib import Path

import pytest

STEPS = 16


@pytest.mark.timeout(600)
def test_the_story_plays_to_its_table_and_names_the_consoles(tmp_path: Path) -> None:
    played = subprocess.run(
        [sys.executable, "-m", "demo.story", "--folder", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    table, _, after = played.stdout.rpartition("what happened")[2].partition("The box stays in")
    assert all(f"{number}  " in table for number in range(1, STEPS + 1))
    assert str(tmp_path / "box") in "".join(after.split())
    for console in ("serve", "tui", "gui"):
        assert f"./dev run {console}" in after
