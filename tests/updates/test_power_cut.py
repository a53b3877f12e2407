"""Whenever the power goes, what is left is old or new, and the same thing done again succeeds."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.updates.conftest import NOW
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot


@pytest.fixture
def small(tmp_path: Path, gguf: Path) -> tuple[Path, Path]:
    """A depot with one tiny model, and a medium published from it."""
    depot = Depot.create(tmp_path / "small", now=NOW)
    add_model(depot, ModelArtifact("story", "0.9.0", gguf))
    stick = tmp_path / "older"
    stick.mkdir()
    publish(depot, stick, now=NOW)
    return depot.path, stick


@pytest.mark.parametrize(("story", "least"), [("import", 25), ("publish", 60)])
def test_a_power_cut_at_any_point_breaks_nothing(
    small: tuple[Path, Path], tmp_path: Path, story: str, least: int
) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.updates.power_cut", story, *small, tmp_path / "work"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout) >= least, answer.stdout
