"""The connected side: pack a policy."""

from pathlib import Path

from appliance.control.messages import Progress
from appliance.depot_results import ArtifactAdded
from appliance.errors import ApplianceError
from appliance.operations.context import LocalContext
from appliance.operations.depot import open_depot
from appliance.policy_parsing import parse
from updates.depot.policies import PolicyArtifact
from updates.depot.policies import add_policy as pack_policy


def add_policy(
    context: LocalContext,
    *,
    depot: str,
    name: str,
    version: str,
    file: str,
    summary: str,
    passphrase_file: str | None,
) -> ArtifactAdded:
    """Only what a box of this release understands is packed."""
    context.progress(Progress("pack", f"{name} {version}"))
    path = Path(file)
    try:
        parse(path.read_bytes())
    except OSError as error:
        raise ApplianceError(
            "policy.unreadable-file",
            f"{file} cannot be read: {error.strerror}.",
            kept="The depot was left as it is.",
        ) from error
    artifact = pack_policy(open_depot(depot, passphrase_file), PolicyArtifact(name, version, path, summary))
    identity = artifact.identity
    return ArtifactAdded(identity.kind, identity.name, identity.version, artifact.digest.hex, artifact.size)
