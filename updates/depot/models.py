"""Packing a model for the depot: weights, golden samples, labels and licence as one ModelPack artifact."""

from dataclasses import dataclass, field
from pathlib import Path

from updates import canonical
from updates.artifacts import Artifact
from updates.depot.evidence import MakerSignature, Subject, evidence_layers
from updates.depot.packing import layers_of
from updates.depot.repository import Depot
from updates.digest import Digest
from updates.errors import DepotError
from updates.layout import DATASET_TYPE, DOC_TYPE, MODEL_CONFIG_TYPE, MODEL_TYPE, PART_SIZE, WEIGHT_TYPE
from updates.manifest import Descriptor, Manifest
from updates.media import is_stray
from updates.models import GOLDEN_FOLDER, LABELS, LICENCE, Format, ModelFacts, Objective
from updates.names import Identity, Kind, check_file_path


@dataclass(frozen=True, slots=True)
class ModelArtifact:
    """What somebody hands to the depot. Nothing is read before `add_model`."""

    name: str
    version: str
    file: Path
    """ONNX or GGUF, told apart by its name."""
    golden: Path | None = None
    """A folder with `golden.json` and what it names; carried as it is."""
    labels: Path | None = None
    """One class name a line."""
    licence: str = ""
    """An SPDX expression."""
    licence_file: Path | None = None
    objective: Objective = field(default=Objective.LATENCY)
    latency_objective_ms: float | None = None
    memory_limit_mib: float | None = None
    description: str = ""
    signature: MakerSignature | None = None
    """An OpenSSF model signature by whoever made the model."""
    origin: Digest | None = None
    """The OCI manifest that it was taken from, where other tools made one."""


def add_model(depot: Depot, model: ModelArtifact, *, part_size: int = PART_SIZE) -> Artifact:
    """Pack a model and add it to the depot; it is signed at the next publication.

    A file larger than `part_size` bytes travels in parts: FAT32 ends at 4 GiB.

    Raises:
        DepotError: `depot.bad-name`, `depot.bad-text`, `depot.bad-model`, `depot.same-version-other-bytes`, `file.unreadable`,
            `depot.model-signature`, `depot.key-…`.
        StoreError: `disk.full`, `disk.unwritable`.
    """
    identity = _identity(model)
    _check_texts(model)
    model_format = _format(model.file)
    facts = ModelFacts(
        model_format,
        model.objective,
        model.latency_objective_ms,
        model.memory_limit_mib,
        model.licence,
        model.description,
    )
    layers = layers_of(depot.blobs, model.file, WEIGHT_TYPE, model_format.file_name, part_size)
    for path, file in _golden_files(model.golden):
        layers += layers_of(depot.blobs, file, DATASET_TYPE, path, part_size)
    for document, path in ((model.labels, LABELS), (model.licence_file, LICENCE)):
        if document is not None:
            layers += layers_of(depot.blobs, document, DOC_TYPE, path, part_size)
    layers += _evidence(depot, identity, model, layers)
    config = _config(identity, facts, layers)
    manifest = Manifest(
        Descriptor(MODEL_CONFIG_TYPE, depot.blobs.put_bytes(config), len(config)),
        tuple(layers),
        annotations=facts.to_annotations(),
    )
    data = manifest.to_bytes()
    artifact = Artifact(
        identity,
        depot.blobs.put_bytes(data),
        len(data),
        MODEL_TYPE,
        manifest.size,
        summary=model.description or f"{identity.name} {identity.version}",
        facts=facts.to_texts(),
    )
    depot.add(artifact)
    return artifact


def _evidence(
    depot: Depot, identity: Identity, model: ModelArtifact, layers: list[Descriptor]
) -> list[Descriptor]:
    unfinished = Manifest(layers[0], tuple(layers))  # its configuration names the layers, so it comes last
    files = unfinished.files
    sources = {files[0].path or "": model.file.name}
    subject = Subject(identity, files, sources, model.licence, model.description, model.origin)
    return evidence_layers(depot, subject, model.signature)


def _identity(model: ModelArtifact) -> Identity:
    try:
        return Identity(Kind.MODEL, model.name, model.version)
    except ValueError as error:
        raise DepotError(
            "depot.bad-name", f"{error}.", kept="The depot was left as it is.", remedy="Choose another."
        ) from error


def _check_texts(model: ModelArtifact) -> None:
    for what, text in (("description", model.description), ("licence", model.licence)):
        if len(text) > 500 or not text.isprintable():
            raise DepotError(
                "depot.bad-text",
                f"The {what} of {model.name} is no single line of at most 500 printable characters.",
                kept="The depot was left as it is.",
                remedy="Shorten it, and leave line breaks out.",
            )
    limits = (
        (model.latency_objective_ms, "latency in milliseconds"),
        (model.memory_limit_mib, "size in MiB"),
    )
    for value, what in limits:
        if value is not None and not 0 < value < 1e9:
            raise DepotError(
                "depot.bad-text",
                f"{value} is no {what}.",
                kept="The depot was left as it is.",
                remedy="Name a positive number.",
            )


def _format(file: Path) -> Format:
    try:
        found = Format(file.suffix.lower().removeprefix("."))
        with file.open("rb") as stream:
            start = stream.read(4)
    except ValueError as error:
        raise _bad_model(file, "its name ends neither in .onnx nor in .gguf") from error
    except OSError as error:
        raise _bad_model(file, f"it cannot be read ({error.strerror})") from error
    if (found is Format.GGUF) != (start == b"GGUF") or not start:
        raise _bad_model(file, f"its first bytes are not those of a .{found} file")
    return found


def _golden_files(folder: Path | None) -> list[tuple[str, Path]]:
    if folder is None:
        return []
    if not (folder / "golden.json").is_file():
        raise DepotError(
            "depot.bad-model",
            f"The golden samples at {folder} have no golden.json.",
            kept="The depot was left as it is.",
            remedy="Name the folder that holds golden.json.",
        )
    found = []
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        if file.is_dir() or any(is_stray(part) for part in inside.parts):
            continue
        try:
            found.append((check_file_path(f"{GOLDEN_FOLDER}/{inside.as_posix()}"), file))
        except ValueError as error:
            raise _bad_model(file, str(error)) from error
    return found


def _config(identity: Identity, facts: ModelFacts, layers: list[Descriptor]) -> bytes:
    """The ModelPack configuration (model-spec v1, config.md)."""
    descriptor = {
        "name": identity.name,
        "version": identity.version,
        "description": facts.description,
        "licenses": [facts.licence] if facts.licence else [],
    }
    return canonical.to_bytes(
        {
            "descriptor": {key: value for key, value in descriptor.items() if value},
            "modelfs": {"type": "layers", "diffIds": [str(layer.digest) for layer in layers]},
            "config": {"format": str(facts.format)},
        }
    )


def _bad_model(file: Path, why: str) -> DepotError:
    return DepotError(
        "depot.bad-model",
        f"{file} cannot be added: {why}.",
        kept="The depot was left as it is.",
        remedy="Name the model's own file, and files with plain names.",
    )
