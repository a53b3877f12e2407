"""Telling what a model file is."""

import hashlib
from pathlib import Path

from runtimes.engine import ModelFile, ModelFormat
from runtimes.errors import EngineError
from runtimes.modelfile import gguf, onnxgraph
from runtimes.modelfile.facts import GgufFacts, ModelFacts
from runtimes.modelfile.lookalikes import lookalike

_HEAD = 4096
_SUFFIXES = {".onnx": ModelFormat.ONNX, ".gguf": ModelFormat.GGUF}


def identify(path: Path, *, called: str | None = None, digest: str | None = None) -> ModelFile:
    """Say what a file is, having looked at what is in it.

    Args:
        path: the file; never mapped into memory, so it may lie on a medium that is pulled.
        called: its name to people, where `path` is a blob; an `.onnx` or `.gguf` in it must be true.
        digest: SHA-256 in hexadecimal where it is known already, which spares reading the file for it.

    Raises:
        EngineError: `model.not-what-it-says`, `model.truncated`, `model.malformed`, `model.external-data` or
            `model.unsupported`.
        OSError: the file cannot be read.
    """
    facts = describe(path, called=called)
    format = ModelFormat.GGUF if isinstance(facts, GgufFacts) else ModelFormat.ONNX  # noqa: A001 - the field's name
    return ModelFile(path, format, digest or _digest(path), path.stat().st_size)


def describe(path: Path, *, called: str | None = None) -> ModelFacts:
    """Read what a preview shows of a model file. Raises like `identify`."""
    called = called or path.name
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head.startswith(gguf.MAGIC):
            _refuse_other_suffix(called, ModelFormat.GGUF)
            file.seek(0)
            return gguf.read_facts(file, size, called)
    if seen := lookalike(head, size):
        raise EngineError(
            "model.not-what-it-says",
            f"{called} is not a model: it looks like {seen}.",
            remedy="Pack the model file itself, in ONNX or GGUF format.",
        )
    facts = onnxgraph.read_facts(path, size, called)
    _refuse_other_suffix(called, ModelFormat.ONNX)
    return facts


def _refuse_other_suffix(called: str, found: ModelFormat) -> None:
    claimed = _SUFFIXES.get(Path(called).suffix.lower())
    if claimed not in (None, found):
        raise EngineError(
            "model.not-what-it-says",
            f"{called} is named .{claimed} but holds a model in {found.upper()} format.",
            remedy=f"Name the file .{found} if that is the model you mean.",
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
