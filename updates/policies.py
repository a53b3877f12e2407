"""Policies as artifacts: one JSON document each, which the box understands and this package does not."""

from updates import canonical
from updates.manifest import Manifest, PackedFile

POLICY_TYPE = "application/vnd.internal.appliance.policy.v1"
DOCUMENT_TYPE = "application/vnd.internal.appliance.policy.v1+json"
DOCUMENT = "policy.json"


def policy_document(manifest: Manifest, file: str) -> PackedFile:
    """The document; `file` is where the manifest came from, for the error.

    Raises:
        MediumError: `medium.malformed`: it is no policy, or not one document.
    """
    documents = [packed for packed in manifest.files if packed.media_type == DOCUMENT_TYPE]
    if manifest.artifact_type != POLICY_TYPE or len(documents) != 1:
        raise canonical.malformed(
            file, f"it is no policy of one document, but {manifest.artifact_type} of {len(documents)}"
        )
    return documents[0]
