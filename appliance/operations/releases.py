"""`appliance release`: set up a box that updates itself, say which release runs, go back to the one before."""

import hashlib
from pathlib import Path

from packaging.tags import sys_tags

from appliance.control.messages import Progress
from appliance.errors import ApplianceError
from appliance.kinds.software import serving
from appliance.kinds.wheels import check_fit
from appliance.operations.context import BoxContext, LocalContext
from appliance.release import VERSION
from appliance.release_results import ReleaseInstalled, ReleaseOnTrial, ReleaseReport, ReleaseUndone
from appliance.releases import launch
from appliance.releases.folder import LAUNCHER, Releases
from appliance.releases.installing import install as make
from appliance.releases.trial import Trial, begin
from appliance.store.database import SCHEMA_VERSION
from runtimes.packs.wheels import Wheel
from updates.names import Identity, Kind
from updates.wheels import SOFTWARE, WheelName, fitting

UNDO = "release.undo"


def install(context: LocalContext, *, wheels: str) -> ReleaseInstalled:
    releases = Releases(context.state.releases)
    if releases.current is not None:
        raise ApplianceError(
            "release.exists",
            f"There are releases in {releases.root} already; {releases.current} is current.",
            kept="They were left as they are.",
            remedy="Bring a newer one in by an update.",
        )
    files = sorted(Path(wheels).glob("*.whl"))
    version = _version_of(Path(wheels), files)
    context.progress(Progress("install", version))
    check_fit(
        Identity(Kind.SOFTWARE, SOFTWARE, version), [file.name for file in files], "release.other-platform"
    )
    fits = fitting([file.name for file in files], tuple(sys_tags()))[0].values()
    found = (Wheel(file.name, file, _sha256(file)) for file in files if file.name in fits)
    database = context.state.database if context.state.database.is_file() else None
    make(releases, version, tuple(found), database)
    releases.put_launcher()
    launch.link(releases.root, version)
    return ReleaseInstalled(version, str(releases.folder(version)), str(releases.root / LAUNCHER))


async def status(context: BoxContext) -> ReleaseReport:
    releases = Releases(context.box.state.releases)
    trial = Trial.of(releases)
    return ReleaseReport(
        VERSION,
        releases.running is not None,
        releases.current,
        releases.versions,
        None if trial is None else ReleaseOnTrial(trial.to, trial.before, trial.state, trial.reason),
    )


async def undo(context: BoxContext) -> ReleaseUndone:
    """The one way to an older release; it is put on trial like a newer one."""
    box = context.box
    releases = Releases(box.state.releases)
    running = releases.running
    others = [found for version in releases.versions if (found := releases.release(version)) is not None]
    before = next((one for one in others if one.version != running), None)
    if running is None or before is None or Trial.of(releases) is not None:
        raise _no_way_back("No release before this one is kept here, or one is on trial.")
    if before.schema != SCHEMA_VERSION:
        raise _no_way_back(
            f"Release {before.version} cannot read the database as it is now (schema {before.schema}, now {SCHEMA_VERSION})."
        )
    with box.change(context.actor, UNDO) as change:
        for artifact in box.registry.artifacts():
            if artifact.kind == Kind.SOFTWARE and artifact.version == running:
                box.registry.retire(change.tx, artifact.digest, change.time)
        change.note(f"{SOFTWARE} {running}", details={"back_to": before.version})
    begin(releases, before.version, serving(box, context.services))
    if context.services is not None:
        context.services.restart()
    return ReleaseUndone(running, before.version, context.services is not None)


def _version_of(folder: Path, files: list[Path]) -> str:
    names = (WheelName.parse(file.name) for file in files)
    versions = {str(name.version) for name in names if name.project == SOFTWARE}
    if len(versions) != 1:
        raise ApplianceError(
            "release.not-what-it-says",
            f"{folder} does not hold the wheels of one release of the appliance.",
            kept="Nothing was made.",
            remedy="Name the folder with the appliance's own wheel and those of all that it needs.",
        )
    return versions.pop()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _no_way_back(why: str) -> ApplianceError:
    return ApplianceError(
        "release.no-way-back",
        why,
        kept="The release that runs goes on.",
        remedy="Bring in a newer release that mends what is wrong.",
    )
