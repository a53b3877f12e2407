"""Policies: understood as a whole, or not taken in; in force with the transaction that records them."""

import asyncio

from appliance import policy
from appliance.box import Box, Change, timestamp
from appliance.errors import ApplianceError
from appliance.kinds.kind import Arrival, Prepared, record
from appliance.policing import check_reachable, told
from appliance.policy import Policy
from appliance.policy_parsing import parse
from appliance.policy_paths import differences
from appliance.registry import Artifact
from updates.digest import Digest
from updates.policies import DOCUMENT_TYPE, policy_document
from updates.transfer import Received


class Policies:
    """The kind `policy`."""

    def check(self, arrival: Arrival, received: Received) -> Artifact:  # noqa: ARG002 - understood in `certify`
        policy_document(received.manifest, received.artifact.manifest_file)
        return record(received, timestamp(), licence="", format="policy")

    async def certify(self, arrival: Arrival, artifact: Artifact) -> Prepared:
        box = arrival.context.box
        document = parse(await asyncio.to_thread(_read, box, artifact))
        check_reachable(box, policy.read(box.database), document)
        return PreparedPolicy(artifact, box, document)


class PreparedPolicy(Prepared):
    """A policy that this box understands and that locks nobody out."""

    def __init__(self, artifact: Artifact, box: Box, document: Policy) -> None:
        self._changed = differences(policy.read(box.database), document)
        super().__init__(artifact, f"understood; it changes {told(self._changed)}")
        self._document = document

    def activate(self, change: Change) -> None:
        policy.write(change.tx, self._document)
        change.note(
            "policy",
            digest=self.artifact.digest,
            details={"changed": [difference.told for difference in self._changed]},
        )


def _read(box: Box, artifact: Artifact) -> bytes:
    documents = [file for file in artifact.files if file.media_type == DOCUMENT_TYPE]
    try:
        return box.blobs.path(Digest(documents[0].digest)).read_bytes()
    except (IndexError, OSError) as error:
        raise ApplianceError(
            "policy.value",
            f"The document of {artifact.name} {artifact.version} is not here.",
            kept="The policy was not changed.",
            remedy="Import the update again.",
        ) from error


POLICY = Policies()
