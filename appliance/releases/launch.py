"""Starts the current release: what the service manager runs, in the place of a release that it would have to know.

A copy of this file lies beside the releases; it changes only when a release has been confirmed. Standard library
only, and nothing of any release: a release that does not come up must not keep the old one from being started.

    releases/VERSION/       a release's environment
    releases/current        a link to the one that is started
    releases/trial.json     there while a release is on trial: which one, in whose place, and on which boots it was started

A release on trial is started once in each boot, and three times at most: it confirms itself, says why it cannot, or is
ended by the service manager. Then the release before it is started.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

TRIAL = "trial.json"
CURRENT = "current"
TRYING, CONFIRMED, FAILED = "trying", "confirmed", "failed"
MOST_STARTS = 3
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NOT_CONFIGURED = 78


def main() -> None:
    releases = Path(__file__).absolute().parent
    try:
        choose(releases, _boot_id())
        program = releases / CURRENT / "bin" / "appliance"
        os.execv(program, [str(program), *sys.argv[1:]])  # noqa: S606 - no shell
    except OSError as error:
        sys.stderr.write(f"no release in {releases} can be started: {error}\n")
        sys.exit(_NOT_CONFIGURED)


def choose(releases: Path, boot: str) -> None:
    """Let `current` be the release that is to be started now, and count the start of one on trial."""
    trial = read(releases)
    if trial is None:
        return
    if trial["state"] == TRYING and (boot in trial["boots"] or len(trial["boots"]) >= MOST_STARTS):
        trial["state"] = FAILED
        trial["reason"] = trial["reason"] or "It ended, or was ended, before it had confirmed itself."
        write(releases, trial)
    if trial["state"] == TRYING:
        trial["boots"].append(boot)
        write(releases, trial)
    link(releases, trial["from"] if trial["state"] == FAILED else trial["to"])


def read(releases: Path) -> dict[str, Any] | None:
    """The trial that goes on; None where there is none. One that says nothing is none."""
    try:
        trial = json.loads((releases / TRIAL).read_bytes())
        known = {key: str(trial[key]) for key in ("state", "from", "to", "reason")}
        return {**trial, **known, "boots": [str(boot) for boot in trial["boots"]]}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{releases / TRIAL} is of no use: {error!r}\n")
        return None


def write(releases: Path, trial: dict[str, Any]) -> None:
    """Replace the trial; a power cut leaves the one or the other."""
    fresh = releases / f"{TRIAL}.new"
    with fresh.open("w") as file:
        json.dump(trial, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(releases / TRIAL)
    sync(releases)


def link(releases: Path, version: str) -> None:
    """Let `current` name this version; a power cut leaves the one or the other."""
    current = releases / CURRENT
    if current.is_symlink() and str(current.readlink()) == version:
        return
    fresh = releases / f"{CURRENT}.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(version)
    fresh.replace(current)
    sync(releases)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


if __name__ == "__main__":
    main()
