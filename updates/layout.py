"""Where things lie on a medium, what they are called, and how large they may be.

MEDIUM/appliance-receipts/   what boxes wrote: `updates.receipt`
MEDIUM/appliance-update/
    metadata/        TUF: every N.root.json, timestamp.json, N.snapshot.json, N.targets.json
    oci-layout       the OCI image layout's marker
    index.json       the OCI index: a hint for other tools, derived from the signed targets
    blobs/sha256/    manifests, configurations and layers, each named by its digest
    cosignatures.json  checkpoints of boxes, cosigned by the depot
    medium.json      only where the medium is not all of the update, or more: `updates.carried`
"""

from dataclasses import dataclass

UPDATE_FOLDER = "appliance-update"
UNFINISHED_FOLDER = "appliance-update.partial"
REPLACED_FOLDER = "appliance-update.old"
METADATA_FOLDER = "metadata"
BLOB_FOLDER = "blobs/sha256"
OCI_LAYOUT = "oci-layout"
INDEX = "index.json"
TIMESTAMP = "timestamp.json"
CARRIED = "medium.json"
COSIGNATURES = "cosignatures.json"
RECEIPT_FOLDER = "appliance-receipts"

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MODEL_TYPE = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"
WEIGHT_TYPE = "application/vnd.cncf.model.weight.v1.raw"
DATASET_TYPE = "application/vnd.cncf.model.dataset.v1.raw"
DOC_TYPE = "application/vnd.cncf.model.doc.v1.raw"
CHUNK_INDEX_TYPE = "application/vnd.internal.appliance.chunks.v1"

WEIGHT_TYPES = frozenset(
    {WEIGHT_TYPE, "application/vnd.cncf.model.weight.v1.gguf", "application/vnd.docker.ai.gguf.v3"}
)
"""What the weights of a model may be called; we write the first, other tools write the rest."""

PART_SIZE = 1 << 30
"""Bytes of a part of a file that is too large to travel as one blob."""

FILEPATH = "org.cncf.model.filepath"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is read of a medium before anything on it is believed; sizes in bytes."""

    root: int = 512 * 1024
    timestamp: int = 32 * 1024
    snapshot: int = 2 * 1024 * 1024
    targets: int = 32 * 1024 * 1024
    """About 60,000 artifacts."""
    manifest: int = 4 * 1024 * 1024
    index: int = 32 * 1024 * 1024
    chunk_index: int = 12 * 1024 * 1024
    """About 350,000 chunks of one file."""
    carried: int = 16 * 1024 * 1024
    layers: int = 8192
    """Files of one artifact."""
    root_rotations: int = 256
    delegations: int = 64
    files: int = 200_000
    """Names in one folder of the medium."""
    fat_file: int = 2**32 - 1
    """The largest file that FAT32 holds."""


LIMITS = Limits()


def metadata_file(name: str) -> str:
    """The path of a metadata file, relative to the update's folder."""
    return f"{METADATA_FOLDER}/{name}"


def blob_file(hex_digest: str) -> str:
    """The path of a blob, relative to the update's folder."""
    return f"{BLOB_FOLDER}/{hex_digest}"
