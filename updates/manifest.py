"""OCI manifests with CNCF ModelPack types: what an artifact is made of, bound by digest and size.

Sources: OCI Image Format 1.1 (manifest, index, layout); CNCF ModelPack model-spec v1. What the appliance wants to
know beyond ModelPack (the model's objective) stands in the manifest's annotations, where other tools ignore it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from updates import canonical
from updates.digest import Digest
from updates.layout import CHUNK_INDEX_TYPE, FILEPATH, INDEX_TYPE, LIMITS, MANIFEST_TYPE, MODEL_TYPE
from updates.names import check_file_path

_MAX_BLOB = 2**50
WHOLE_DIGEST = "internal.appliance.whole.digest"
PART = "internal.appliance.part"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One blob: its media type, digest, size in bytes, and its place in the artifact where it has one."""

    media_type: str
    digest: Digest
    size: int
    path: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    """All annotations but the path."""

    def to_json(self) -> dict[str, Any]:
        annotations = dict(self.annotations)
        if self.path is not None:
            annotations[FILEPATH] = self.path
        found: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        return found | ({"annotations": annotations} if annotations else {})

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises: ValueError, with what is wrong."""
        if not isinstance(value, dict):
            raise ValueError("a descriptor is not an object")
        if value.keys() - {"mediaType", "digest", "size", "annotations", "artifactType"}:
            raise ValueError("a descriptor has fields that are not understood")
        size = value.get("size")
        if type(size) is not int or not 0 <= size <= _MAX_BLOB:
            raise ValueError("a descriptor has no usable size")
        annotations = _strings(value.get("annotations", {}), "annotations")
        path = annotations.pop(FILEPATH, None)
        return cls(
            media_type=_text(value, "mediaType"),
            digest=Digest.parse(_text(value, "digest")),
            size=size,
            path=None if path is None else check_file_path(path),
            annotations=MappingProxyType(annotations),
        )


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file of an artifact: one blob, or, where FAT32 could not hold it, several in a row."""

    path: str | None
    media_type: str
    digest: Digest
    """Of the whole file."""
    size: int
    parts: tuple[Descriptor, ...]
    """The blobs that a medium carries, in order; the only one has the file's own digest."""
    index: Descriptor | None = None
    """Of its chunks; None where it was not cut into any."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """An artifact's manifest; its own digest is what the signed targets name."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = MODEL_TYPE
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Every blob that the artifact needs, each digest once: the configuration first."""
        return tuple({part.digest: part for part in (*self.layers, self.config)[::-1]}.values())

    @property
    def size(self) -> int:
        """Bytes of all its blobs, each counted once, without the manifest itself."""
        return sum(blob.size for blob in self.blobs)

    @property
    def files(self) -> tuple[PackedFile, ...]:
        """The artifact's files, each made of one layer or of several; chunk indexes and the configuration are not among them."""
        indexes = {_whole(layer): layer for layer in self.layers if layer.media_type == CHUNK_INDEX_TYPE}
        files = _files(layer for layer in self.layers if layer.media_type != CHUNK_INDEX_TYPE)
        return tuple(replace(file, index=indexes.get(file.digest)) for file in files)

    def file(self, path: str) -> PackedFile | None:
        """The file at `path` inside the artifact."""
        return next((file for file in self.files if file.path == path), None)

    def to_bytes(self) -> bytes:
        return canonical.to_bytes(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "artifactType": self.artifact_type,
                "config": self.config.to_json(),
                "layers": [layer.to_json() for layer in self.layers],
            }
            | ({"annotations": dict(self.annotations)} if self.annotations else {})
        )


def parse_manifest(data: bytes, file: str) -> Manifest:
    """Read a manifest that came from `file`.

    Raises:
        MediumError: `medium.malformed`: not JSON, a field missing or unknown, a path that climbs or stands twice.
    """
    value = canonical.parse_object(data, file)
    try:
        return _manifest(value)
    except ValueError as error:
        raise canonical.malformed(file, str(error)) from error


def part_of(whole: Digest, number: int, count: int) -> dict[str, str]:
    """The annotations of the `number`-th (from 1) of `count` parts of a file."""
    return {WHOLE_DIGEST: str(whole), PART: f"{number}/{count}"}


def index_of_file(whole: Digest) -> dict[str, str]:
    """The annotations of the chunk index of a file."""
    return {WHOLE_DIGEST: str(whole)}


def index_bytes(manifests: list[tuple[Descriptor, str, str]]) -> bytes:
    """The OCI index of (manifest descriptor, artifact type, reference name) entries, in the order given."""
    return canonical.to_bytes(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [
                descriptor.to_json()
                | {
                    "artifactType": artifact_type,
                    "annotations": {"org.opencontainers.image.ref.name": reference},
                }
                for descriptor, artifact_type, reference in manifests
            ],
        }
    )


def layout_bytes() -> bytes:
    """The content of `oci-layout`."""
    return canonical.to_bytes({"imageLayoutVersion": "1.0.0"})


def _manifest(value: dict[str, Any]) -> Manifest:
    if value.get("schemaVersion") != 2 or value.get("mediaType", MANIFEST_TYPE) != MANIFEST_TYPE:
        raise ValueError("it is no OCI image manifest of schema 2")
    if value.keys() - {"schemaVersion", "mediaType", "artifactType", "config", "layers", "annotations"}:
        raise ValueError("it has fields that are not understood")
    layers = value.get("layers")
    if not isinstance(layers, list) or not 1 <= len(layers) <= LIMITS.layers:
        raise ValueError(f"it has no layers, or more than {LIMITS.layers}")
    manifest = Manifest(
        config=Descriptor.from_json(value.get("config")),
        layers=tuple(Descriptor.from_json(layer) for layer in layers),
        artifact_type=_text(value, "artifactType"),
        annotations=MappingProxyType(_strings(value.get("annotations", {}), "annotations")),
    )
    indexed = {_whole(layer) for layer in manifest.layers if layer.media_type == CHUNK_INDEX_TYPE}
    if not indexed <= {file.digest for file in manifest.files}:
        raise ValueError("a chunk index stands for no file")
    paths = [file.path.lower() for file in manifest.files if file.path is not None]
    if len(set(paths)) != len(paths):
        raise ValueError("two of its files have the same path")
    sizes: dict[Digest, int] = {}
    for part in (manifest.config, *manifest.layers):
        if sizes.setdefault(part.digest, part.size) != part.size:
            raise ValueError(f"{part.digest} has two sizes")
    return manifest


def _whole(layer: Descriptor) -> Digest:
    return Digest.parse(layer.annotations.get(WHOLE_DIGEST, ""))


def _files(layers: Iterable[Descriptor]) -> Iterator[PackedFile]:
    rest = list(layers)
    while rest:
        first = rest[0]
        if PART not in first.annotations:
            yield PackedFile(first.path, first.media_type, first.digest, first.size, (first,))
            del rest[0]
            continue
        count_text = first.annotations[PART].removeprefix("1/")
        if not count_text.isdecimal() or not 2 <= int(count_text[:5]) <= len(rest):
            raise ValueError(f"the parts of {first.path} are not all there")
        parts = tuple(rest[: int(count_text[:5])])
        del rest[: len(parts)]
        whole = _whole(first)
        for number, part in enumerate(parts, 1):
            expected = part_of(whole, number, len(parts))
            told = {key: part.annotations.get(key) for key in expected}
            if told != expected or (part.path, part.media_type) != (first.path, first.media_type):
                raise ValueError(f"the parts of {first.path} do not belong together")
        yield PackedFile(first.path, first.media_type, whole, sum(part.size for part in parts), parts)


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not 1 <= len(text) <= 255:
        raise ValueError(f"{key} is missing or no text")
    return text


def _strings(value: Any, what: str) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 64:
        raise ValueError(f"{what} is not a small mapping")
    if not all(isinstance(text, str) and len(text) <= 4096 for text in value.values()):
        raise ValueError(f"{what} holds something other than short texts")
    return dict(value)
