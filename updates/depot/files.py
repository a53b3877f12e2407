"""Adding an artifact to the depot that is files and a few texts: what runtime packs, releases and images have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from updates.artifacts import Artifact
from updates.depot.evidence import Subject, evidence_layers
from updates.depot.packing import layers_of
from updates.depot.repository import Depot
from updates.errors import DepotError
from updates.facts import to_annotations
from updates.layout import DOC_TYPE, PART_SIZE
from updates.manifest import Descriptor, Manifest
from updates.models import LICENCE
from updates.names import Identity, Kind

EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
"""The configuration of an artifact that needs none (OCI Image Format 1.1, guidelines for artifact usage)."""


@dataclass(frozen=True, slots=True)
class AddedFile:
    path: str
    """Inside the artifact."""
    file: Path
    media_type: str


@dataclass(frozen=True, slots=True)
class FilesArtifact:
    """What is to be added; `texts` stand in its manifest, and for the preview in the signed target."""

    identity: Identity
    artifact_type: str
    files: Sequence[AddedFile]
    texts: Mapping[str, str]
    licence: str = ""
    licence_file: Path | None = None
    description: str = ""


def identity_of(kind: Kind, name: str, version: str) -> Identity:
    """Raises: DepotError: `depot.bad-name`."""
    try:
        return Identity(kind, name, version)
    except ValueError as error:
        raise DepotError(
            "depot.bad-name", f"{error}.", kept="The depot was left as it is.", remedy="Choose another."
        ) from error


def add_files(depot: Depot, added: FilesArtifact, *, part_size: int = PART_SIZE) -> Artifact:
    """Pack the files and add them to the depot; they are signed at the next publication.

    Raises:
        DepotError: `depot.bad-text`, `depot.same-version-other-bytes`, `file.unreadable`, `depot.key-…`.
        StoreError: `disk.full`, `disk.unwritable`.
    """
    texts = {**added.texts, "licence": added.licence, "description": added.description}
    _check_texts(added.identity, texts)
    layers: list[Descriptor] = []
    documents = [] if added.licence_file is None else [AddedFile(LICENCE, added.licence_file, DOC_TYPE)]
    for one in (*added.files, *documents):
        layers += layers_of(depot.blobs, one.file, one.media_type, one.path, part_size)
    sources = {one.path: one.file.name for one in added.files}
    files = Manifest(layers[0], tuple(layers)).files
    subject = Subject(added.identity, files, sources, added.licence, added.description)
    layers += evidence_layers(depot, subject)
    config = Descriptor(EMPTY_TYPE, depot.blobs.put_bytes(EMPTY), len(EMPTY))
    manifest = Manifest(config, tuple(layers), added.artifact_type, to_annotations(texts))
    data = manifest.to_bytes()
    artifact = Artifact(
        added.identity,
        depot.blobs.put_bytes(data),
        len(data),
        added.artifact_type,
        manifest.size,
        summary=added.description or f"{added.identity.name} {added.identity.version}",
        facts={key: text for key, text in texts.items() if text},
    )
    depot.add(artifact)
    return artifact


def _check_texts(identity: Identity, texts: Mapping[str, str]) -> None:
    for what, text in texts.items():
        if len(text) > 500 or not text.isprintable():
            raise DepotError(
                "depot.bad-text",
                f"The {what} of {identity.name} is no single line of at most 500 printable characters.",
                kept="The depot was left as it is.",
                remedy="Shorten it, and leave line breaks out.",
            )
