"""The connected side: pack runtimes, releases and system images."""

from pathlib import Path

from appliance.control.messages import Progress
from appliance.depot_results import ArtifactAdded
from appliance.operations.context import LocalContext
from appliance.operations.depot import open_depot
from updates.artifacts import Artifact
from updates.depot.images import ImageArtifact, add_image
from updates.depot.wheels import RuntimeArtifact, SoftwareArtifact
from updates.depot.wheels import add_runtime as pack_runtime
from updates.depot.wheels import add_software as pack_software


def add_runtime(
    context: LocalContext,
    *,
    depot: str,
    name: str,
    version: str,
    wheels: str,
    engine: str,
    adapter: str | None,
    needs: str,
    licence: str | None,
    licence_file: str | None,
    summary: str,
    passphrase_file: str | None,
) -> ArtifactAdded:
    context.progress(Progress("pack", f"{name} {version}"))
    runtime = RuntimeArtifact(
        name, version, Path(wheels), engine, adapter or "", needs, licence or "", _path(licence_file), summary
    )
    return _added(pack_runtime(open_depot(depot, passphrase_file), runtime))


def add_software(
    context: LocalContext,
    *,
    depot: str,
    wheels: str,
    licence: str | None,
    licence_file: str | None,
    summary: str,
    passphrase_file: str | None,
) -> ArtifactAdded:
    context.progress(Progress("pack", wheels))
    software = SoftwareArtifact(Path(wheels), licence or "", _path(licence_file), summary)
    return _added(pack_software(open_depot(depot, passphrase_file), software))


def add_system(
    context: LocalContext,
    *,
    depot: str,
    name: str,
    version: str,
    bundle: str,
    licence: str | None,
    licence_file: str | None,
    summary: str,
    passphrase_file: str | None,
) -> ArtifactAdded:
    context.progress(Progress("pack", f"{name} {version}"))
    image = ImageArtifact(name, version, Path(bundle), licence or "", _path(licence_file), summary)
    return _added(add_image(open_depot(depot, passphrase_file), image))


def _added(artifact: Artifact) -> ArtifactAdded:
    identity = artifact.identity
    return ArtifactAdded(identity.kind, identity.name, identity.version, artifact.digest.hex, artifact.size)


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None
