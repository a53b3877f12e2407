"""Making a release's environment from wheels, and letting it rehearse on a copy of the box's database."""

import os
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.errors import ApplianceError
from appliance.releases.folder import Release, Releases
from appliance.releases.rehearse import Rehearsed
from runtimes.packs import offline
from runtimes.packs.environment import NotDoneError
from runtimes.packs.wheels import Wheel, environment_of

REHEARSAL_SECONDS = 300.0


def install(releases: Releases, version: str, wheels: Sequence[Wheel], database: Path | None) -> Rehearsed:
    """Make a release's folder; nobody starts it before it is made current.

    Args:
        database: of the box, for the rehearsal; None where there is no box yet.

    Raises ApplianceError `release.not-made`; then nothing of it is left.
    """
    folder = releases.folder(version)
    try:
        releases.remove(version)
        folder.parent.mkdir(parents=True, exist_ok=True)
        environment_of(folder, wheels)
        rehearsed = _rehearse(folder, database)
        if rehearsed.version != version:
            raise NotDoneError(f"what the wheels install calls itself {rehearsed.version}")
        os.sync()  # thousands of small files, of use all together or not at all
        releases.describe(Release(version, rehearsed.schema))
    except BaseException as error:
        releases.remove(version)
        if isinstance(error, NotDoneError):
            raise _not_made(version, str(error)) from error
        raise
    return rehearsed


def _rehearse(folder: Path, database: Path | None) -> Rehearsed:
    with tempfile.TemporaryDirectory(prefix=".rehearsal-", dir=folder.parent) as place:
        copy = Path(place) / "appliance.sqlite3"
        if database is not None:
            _copy(database, copy)
        command = [
            *offline.COMMAND,
            str(folder / "bin" / "python"),
            "-I",
            "-m",
            "appliance.releases.rehearse",
        ]
        try:
            done = subprocess.run(
                [*command, str(copy)], capture_output=True, text=True, timeout=REHEARSAL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise NotDoneError("it does not come to an end when it is started") from error
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "nothing")
        raise NotDoneError(f"it does not start; it says: {last.strip()[:400]}")
    try:
        return msgspec.json.decode(done.stdout, type=Rehearsed)
    except msgspec.DecodeError as error:
        raise NotDoneError("it does not say what it is when it is started") from error


def _copy(database: Path, copy: Path) -> None:
    source = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    target = sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        target.close()
        source.close()


def _not_made(version: str, why: str) -> ApplianceError:
    return ApplianceError(
        "release.not-made",
        f"The release {version} cannot run here: {why}.",
        kept="The release that runs goes on; nothing of the other is left.",
        remedy="Tell whoever built the release.",
    )
