"""A model as an artifact: which of its files is what, and what its makers say of it.

Inside a model's artifact lie the weights (`model.onnx` or `model.gguf`), golden samples under `golden/`,
`labels.txt` and `LICENSE`. The facts stand in the manifest's annotations and, for the preview, in the signed target.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from updates import canonical
from updates.layout import DATASET_TYPE, DOC_TYPE, MODEL_TYPE, WEIGHT_TYPES
from updates.manifest import Manifest, PackedFile

GOLDEN_FOLDER = "golden"
LABELS = "labels.txt"
LICENCE = "LICENSE"
_ANNOTATION = "internal.appliance."


class Format(StrEnum):
    ONNX = "onnx"
    GGUF = "gguf"

    @property
    def file_name(self) -> str:
        return f"model.{self}"


class Objective(StrEnum):
    LATENCY = "latency"
    THROUGHPUT = "throughput"
    MEMORY = "memory"
    ENERGY = "energy"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What the depot says of a model beyond its bytes."""

    format: Format
    objective: Objective = Objective.LATENCY
    latency_objective_ms: float | None = None
    """The latency that one request is to stay below, in milliseconds."""
    memory_limit_mib: float | None = None
    """What the process that hosts it may use, in MiB."""
    licence: str = ""
    """An SPDX expression."""
    description: str = ""

    def to_texts(self) -> dict[str, str]:
        texts = {
            "format": str(self.format),
            "objective": str(self.objective),
            "latency-objective-ms": _number(self.latency_objective_ms),
            "memory-limit-mib": _number(self.memory_limit_mib),
            "licence": self.licence,
            "description": self.description,
        }
        return {key: text for key, text in texts.items() if text}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Self:
        """Raises: ValueError, KeyError: a text is missing or says nothing we know."""
        return cls(
            Format(texts["format"]),
            Objective(texts.get("objective", Objective.LATENCY)),
            _positive(texts.get("latency-objective-ms"), "the latency objective is no duration"),
            _positive(texts.get("memory-limit-mib"), "the memory limit is no size"),
            texts.get("licence", ""),
            texts.get("description", ""),
        )

    def to_annotations(self) -> dict[str, str]:
        return {_ANNOTATION + key: text for key, text in self.to_texts().items()}


def _number(value: float | None) -> str:
    return "" if value is None else repr(value)


def _positive(text: str | None, otherwise: str) -> float | None:
    value = None if text is None else float(text)
    if value is not None and not 0 < value < 1e9:
        raise ValueError(otherwise)
    return value


@dataclass(frozen=True, slots=True)
class ModelContents:
    """The files of a model's artifact, by what they are for."""

    facts: ModelFacts
    weights: PackedFile
    golden: Mapping[str, PackedFile]
    """By path below `golden/`; `golden.json` is among them. Empty for a model that came without."""
    labels: PackedFile | None
    licence: PackedFile | None


def model_contents(manifest: Manifest, file: str) -> ModelContents:
    """Tell the files of a model apart.

    Args:
        manifest: the artifact's manifest.
        file: where the manifest came from, for the error.

    Raises:
        MediumError: `medium.malformed`: it is no model, or not one file of weights.
    """
    try:
        if manifest.artifact_type != MODEL_TYPE:
            raise ValueError(f"its type {manifest.artifact_type} is not a model's")
        weights = [packed for packed in manifest.files if packed.media_type in WEIGHT_TYPES]
        if len(weights) != 1:
            raise ValueError(f"it has {len(weights)} files of weights, not one")
        texts = {
            key.removeprefix(_ANNOTATION): text
            for key, text in manifest.annotations.items()
            if key.startswith(_ANNOTATION)
        }
        facts = ModelFacts.from_texts(texts)
    except (ValueError, KeyError) as error:
        raise canonical.malformed(file, str(error)) from error
    golden = {
        packed.path.removeprefix(f"{GOLDEN_FOLDER}/"): packed
        for packed in manifest.files
        if packed.media_type == DATASET_TYPE and packed.path and packed.path.startswith(f"{GOLDEN_FOLDER}/")
    }
    return ModelContents(
        facts,
        weights[0],
        MappingProxyType(golden),
        labels=_document(manifest, LABELS),
        licence=_document(manifest, LICENCE),
    )


def _document(manifest: Manifest, path: str) -> PackedFile | None:
    found = manifest.file(path)
    return found if found is not None and found.media_type == DOC_TYPE else None
