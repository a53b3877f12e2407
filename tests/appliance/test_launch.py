"""The launcher starts the release on trial once a boot and three times at most, then the one before it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from appliance.releases import launch
from appliance.releases.launch import CONFIRMED, FAILED, TRYING


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    for version in ("1.0", "2.0"):
        program = tmp_path / version / "bin" / "appliance"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\necho {version} "$@"\n')
        program.chmod(0o755)
    (tmp_path / "launch").write_text(Path(launch.__file__).read_text())
    launch.link(tmp_path, "1.0")
    return tmp_path


def put(releases: Path, **changed: Any) -> None:
    trial = {"state": TRYING, "from": "1.0", "to": "2.0", "reason": "", "boots": [], "serving": ["a"]}
    launch.write(releases, trial | changed)


def current(releases: Path) -> str:
    return str((releases / "current").readlink())


def start(releases: Path, boot: str) -> str:
    launch.choose(releases, boot)
    return current(releases)


def test_without_a_trial_the_current_release_is_started_with_its_arguments(releases: Path) -> None:
    command = [sys.executable, "-I", str(releases / "launch"), "serve", "--port", "0"]
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1.0 serve --port 0\n"
    )
    put(releases)
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2.0 serve --port 0\n"
    )
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1.0 serve --port 0\n"
    )


def test_a_second_start_in_the_same_boot_is_a_failure_and_the_reason_given_is_kept(releases: Path) -> None:
    put(releases)
    assert (start(releases, "boot-1"), start(releases, "boot-1")) == ("2.0", "1.0")
    trial = launch.read(releases)
    assert trial is not None
    assert trial["state"] == FAILED
    assert "before it had confirmed itself" in trial["reason"]
    assert trial["serving"] == ["a"]
    put(releases, state=FAILED, reason="linear does not serve")
    assert start(releases, "boot-1") == "1.0"
    assert json.loads((releases / "trial.json").read_text())["reason"] == "linear does not serve"


def test_a_power_cut_is_no_failure_of_the_release_but_the_third_is(releases: Path) -> None:
    put(releases)
    assert [start(releases, f"boot-{n}") for n in range(4)] == ["2.0", "2.0", "2.0", "1.0"]


def test_a_confirmed_release_stays_whatever_happens_next(releases: Path) -> None:
    put(releases, state=CONFIRMED, boots=["boot-1"])
    assert [start(releases, "boot-1") for _ in range(3)] == ["2.0"] * 3


def test_a_trial_that_says_nothing_leaves_the_current_release(
    releases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ("", "{", "[]", '{"state": "trying"}', "\0" * 64):
        (releases / "trial.json").write_text(text)
        assert start(releases, "boot-1") == "1.0"
    assert "of no use" in capsys.readouterr().err


def test_where_no_release_can_be_started_the_launcher_says_which(releases: Path) -> None:
    (releases / "1.0" / "bin" / "appliance").unlink()
    command = [sys.executable, "-I", str(releases / "launch"), "serve"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 78
    assert f"no release in {releases} can be started" in done.stderr
