"""Adding a policy to the depot: one JSON document for every box that trusts it."""

from dataclasses import dataclass
from pathlib import Path

from updates.artifacts import Artifact
from updates.depot.files import AddedFile, FilesArtifact, add_files, identity_of
from updates.depot.repository import Depot
from updates.names import Kind
from updates.policies import DOCUMENT, DOCUMENT_TYPE, POLICY_TYPE


@dataclass(frozen=True, slots=True)
class PolicyArtifact:
    """A policy as somebody hands it to the depot. Nothing is read before `add_policy`."""

    name: str
    version: str
    file: Path
    description: str = ""


def add_policy(depot: Depot, policy: PolicyArtifact) -> Artifact:
    """Pack a policy and add it to the depot; it is signed at the next publication.

    Raises:
        DepotError: `depot.bad-name`, `depot.bad-text`, `depot.same-version-other-bytes`, `file.unreadable`.
        StoreError: `disk.full`, `disk.unwritable`.
    """
    added = FilesArtifact(
        identity_of(Kind.POLICY, policy.name, policy.version),
        POLICY_TYPE,
        [AddedFile(DOCUMENT, policy.file, DOCUMENT_TYPE)],
        {},
        description=policy.description,
    )
    return add_files(depot, added)
