"""Releases of the appliance: made beside the one that runs, rehearsed on a copy of the database, then put on trial."""

import asyncio

from appliance.box import Box, timestamp
from appliance.errors import ApplianceError
from appliance.kinds.kind import Arrival, Prepared, record
from appliance.kinds.wheels import check_fit, wheels_of
from appliance.operations.context import Services
from appliance.registry import Artifact
from appliance.releases.folder import Releases
from appliance.releases.installing import install
from appliance.releases.trial import abandon, begin
from appliance.status import DeploymentState
from updates.names import Identity, version_order
from updates.transfer import Received
from updates.wheels import SOFTWARE, SOFTWARE_TYPE, WheelContents, WheelName, wheel_contents


class Software:
    """The kind `software`."""

    def check(self, arrival: Arrival, received: Received) -> Artifact:
        identity = received.artifact.identity
        contents = wheel_contents(received.manifest, SOFTWARE_TYPE, received.artifact.manifest_file)
        _check_named(identity, contents)
        check_fit(identity, contents.wheels, "release.other-platform")
        _check_place(identity.version, Releases(arrival.context.box.state.releases))
        return record(received, timestamp(), licence=contents.texts.get("licence", ""), format="wheels")

    async def certify(self, arrival: Arrival, artifact: Artifact) -> Prepared:
        box = arrival.context.box
        arrival.report("install", f"{artifact.name} {artifact.version}")
        releases = Releases(box.state.releases)
        wheels = wheels_of(box.blobs, artifact)
        rehearsed = await asyncio.to_thread(install, releases, artifact.version, wheels, box.state.database)
        evidence = (
            f"starts on this machine and reads a copy of the database ({rehearsed.audit_entries} audit entries, "
            f"{len(rehearsed.deployments)} deployments); it takes over on trial"
        )
        return PreparedRelease(artifact, evidence, box, arrival.context.services)


class PreparedRelease(Prepared):
    """A release whose folder stands, beside the one that runs."""

    def __init__(self, artifact: Artifact, evidence: str, box: Box, services: Services | None) -> None:
        super().__init__(artifact, evidence)
        self._box = box
        self._services = services
        self._releases = Releases(box.state.releases)

    async def settle(self) -> None:
        begin(self._releases, self.artifact.version, serving(self._box, self._services))
        if self._services is not None:
            self._services.restart()

    async def undo(self) -> None:
        abandon(self._releases, self.artifact.version)


def serving(box: Box, services: Services | None) -> tuple[str, ...]:
    """What must serve under another release as well: what serves now, or all where nothing runs."""
    if services is None:
        return tuple(deployment.name for deployment in box.registry.deployments())
    well = (DeploymentState.SERVING, DeploymentState.DEGRADED)
    return tuple(status.name for status in services.statuses() if status.state in well)


def _check_named(identity: Identity, contents: WheelContents) -> None:
    own = {str(name.version) for name in map(WheelName.parse, contents.wheels) if name.project == SOFTWARE}
    if identity.name != SOFTWARE or own != {identity.version}:
        raise ApplianceError(
            "release.not-what-it-says",
            f"{identity} holds {SOFTWARE} {', '.join(sorted(own)) or 'in no version'}.",
            kept="The box is as it was.",
            remedy="Add the release again at the depot.",
        )


def _check_place(version: str, releases: Releases) -> None:
    running = releases.running
    if running is None:
        raise ApplianceError(
            "release.not-managed",
            "The appliance does not run from a folder of releases here, so it cannot replace itself.",
            kept="The box is as it was.",
            remedy="Update it the way it was installed; `appliance release install` sets up a box that updates itself.",
        )
    if version_order(version) <= version_order(running):
        raise ApplianceError(
            "release.downgrade",
            f"Release {version} is not newer than {running}, which runs here.",
            kept="The box is as it was.",
            remedy="To go back to the release before, use `appliance release undo`.",
        )


SOFTWARE_KIND = Software()
