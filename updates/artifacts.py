"""Artifacts as the signed targets announce them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from updates import canonical
from updates.digest import Digest
from updates.layout import LIMITS, MANIFEST_TYPE, blob_file
from updates.manifest import Descriptor, index_bytes
from updates.names import Identity
from updates.trust.delegations import Target

_MAX_SIZE = 2**50


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact of an update, from signed metadata alone."""

    identity: Identity
    digest: Digest
    """Of its OCI manifest, which binds everything else."""
    manifest_size: int
    artifact_type: str
    size: int
    """Bytes of all its blobs, the manifest left out."""
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the kind adds: for a model `format`, `objective`, `licence` …"""

    @property
    def manifest_file(self) -> str:
        return blob_file(self.digest.hex)

    @property
    def reference(self) -> str:
        """Its name in the OCI index, as `skopeo` and `oras` take it."""
        return f"{self.identity.kind}.{self.identity.name}-{self.identity.version}"

    def custom(self) -> dict[str, Any]:
        """What the TUF target says beyond length and digest."""
        return {
            "kind": str(self.identity.kind),
            "name": self.identity.name,
            "version": self.identity.version,
            "type": self.artifact_type,
            "size": self.size,
            "summary": self.summary,
            "facts": dict(self.facts),
        }


def from_target(target: Target) -> Artifact:
    """Understand a target.

    Raises:
        MediumError: `medium.malformed`: its path and what it says of itself do not agree, or are none of ours.
    """
    try:
        identity = Identity.from_target_path(target.path)
        custom = target.custom
        told = tuple(custom.get(key) for key in ("kind", "name", "version"))
        if told != (identity.kind.value, identity.name, identity.version):
            raise ValueError(f"{target.path} says of itself that it is {told!r}")
        size, facts = custom.get("size"), custom.get("facts", {})
        if type(size) is not int or not 0 <= size <= _MAX_SIZE or target.length > LIMITS.manifest:
            raise ValueError(f"{target.path} has no usable size")
        if not isinstance(facts, dict) or len(facts) > 64:
            raise ValueError(f"{target.path} has unusable facts")
        return Artifact(
            identity,
            target.digest,
            target.length,
            artifact_type=_text(custom, "type"),
            size=size,
            summary=_text(custom, "summary"),
            facts=MappingProxyType({str(key): _text(facts, key) for key in facts}),
        )
    except ValueError as error:
        raise canonical.malformed(target.file, str(error)) from error


def index_of(artifacts: tuple[Artifact, ...]) -> bytes:
    """The OCI index that a medium with these artifacts carries."""
    return index_bytes(
        [
            (
                Descriptor(MANIFEST_TYPE, artifact.digest, artifact.manifest_size),
                artifact.artifact_type,
                artifact.reference,
            )
            for artifact in sorted(artifacts, key=lambda artifact: artifact.identity)
        ]
    )


def _text(values: Mapping[str, Any], key: str) -> str:
    text = values.get(key)
    if not isinstance(text, str) or len(text) > 2000 or not text.isprintable():
        raise ValueError(f"{key} is missing or no plain line of text")
    return text
