"""What travels with a model besides the model, read and judged by what this box trusts."""

from collections.abc import Callable
from typing import TypeVar

from appliance.evidence_results import ModelEvidence, SourceFile
from appliance.operations.context import BoxContext
from appliance.registry import Artifact
from updates.blobs import BlobStore
from updates.digest import Digest
from updates.evidence import (
    BOM,
    LIMIT,
    MODEL_SIGNATURE,
    PROVENANCE,
    read_bill,
    read_model_signature,
    read_provenance,
)
from updates.layout import WEIGHT_TYPES
from updates.trust.state import TrustState

T = TypeVar("T")


async def evidence(context: BoxContext, *, name: str, version: str | None) -> ModelEvidence:
    artifact = context.box.registry.artifact("model", name, version)
    trusted = TrustState(context.box.registry.trusted_metadata()).artifact_keys
    problems: list[str] = []

    def read(path: str, parse: Callable[[bytes], T]) -> T | None:
        try:
            data = _content(context.box.blobs, artifact, path)
            return None if data is None else parse(data)
        except (OSError, ValueError) as error:
            problems.append(f"{path}: {error}")
            return None

    bill = read(BOM, read_bill)
    provenance = read(PROVENANCE, lambda data: read_provenance(data, trusted))
    signature = read(MODEL_SIGNATURE, read_model_signature)
    weights = {file.digest for file in artifact.files if file.media_type in WEIGHT_TYPES}
    return ModelEvidence(
        artifact.name,
        artifact.version,
        ", ".join(bill.licences) if bill else artifact.licence,
        bill.components if bill else None,
        provenance.builder if provenance else None,
        provenance.tool if provenance else None,
        tuple(SourceFile(source.name, source.sha256) for source in provenance.sources) if provenance else (),
        tuple(signer.name or signer.keyid[:16] for signer in provenance.signers) if provenance else (),
        signature.model if signature else None,
        bool(weights & set(signature.files.values())) if signature else None,
        (provenance.model_signer or None) if signature and provenance else None,
        tuple(problems),
    )


def _content(blobs: BlobStore, artifact: Artifact, path: str) -> bytes | None:
    found = next((file for file in artifact.files if file.path == path), None)
    if found is None:
        return None
    if found.size > LIMIT:
        raise ValueError("it is too large")
    return blobs.path(Digest(found.digest)).read_bytes()
