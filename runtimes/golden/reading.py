"""Reading a golden set, from a folder or from blobs, into values that need no further checks."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runtimes.engine import Tensor
from runtimes.golden.document import (
    DOCUMENT,
    LIMITS,
    Document,
    InlineTensor,
    TensorSampleEntry,
    TextSampleEntry,
    ToleranceEntry,
    invalid,
)
from runtimes.golden.samples import USUAL, GoldenSet, TensorSample, TextSample, Tolerance
from runtimes.golden.tensors import from_inline, read_npy

Entry = TypeVar("Entry", TensorSampleEntry, TextSampleEntry)


def load_golden_folder(folder: Path) -> GoldenSet:
    """Read the golden set in a folder; links are not followed. Raises EngineError `golden.invalid`, OSError."""
    files = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return load_golden(files)


def load_golden(files: Mapping[str, Path]) -> GoldenSet:
    """Read a golden set from its files, keyed by the names that `golden.json` calls them.

    No other file is ever opened. Raises EngineError `golden.invalid`, naming file and sample; OSError.
    """
    document = _document(files)
    kinds = {_is_tensor_entry(entry) for entry in document.samples}
    if len(kinds) != 1:
        mixed = "it mixes tensor and text samples" if kinds else "it has no samples"
        raise invalid(f"{mixed}.", file=DOCUMENT)
    if len(document.samples) > LIMITS.samples:
        raise invalid(f"{len(document.samples)} samples; at most {LIMITS.samples}.", file=DOCUMENT)
    samples = _tensor_samples(document, files) if kinds.pop() else _text_samples(document)
    _refuse_repeated_names([sample.name for sample in samples])
    tolerances = {name: _tolerance(entry, name) for name, entry in document.tolerances.items()}
    _refuse_idle_tolerances(tolerances, samples)
    return GoldenSet(samples, _tolerance(document.tolerance), tolerances)


def _document(files: Mapping[str, Path]) -> Document:
    path = files.get(DOCUMENT)
    if path is None:
        raise invalid(f"there is no {DOCUMENT} among them.")
    if path.stat().st_size > LIMITS.document:
        raise invalid(f"it is larger than {LIMITS.document} bytes.", file=DOCUMENT)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"{error}.", file=DOCUMENT) from error


def _is_tensor_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and "inputs" in entry


def _tensor_samples(document: Document, files: Mapping[str, Path]) -> tuple[TensorSample, ...]:
    entries = [_convert(entry, TensorSampleEntry, index) for index, entry in enumerate(document.samples)]
    samples, total = [], 0
    for entry in entries:
        if not entry.outputs:
            raise invalid("it expects no output.", sample=entry.name)
        if len(entry.inputs) + len(entry.outputs) > LIMITS.tensors_per_sample:
            raise invalid(f"more than {LIMITS.tensors_per_sample} tensors.", sample=entry.name)
        sample = TensorSample(
            entry.name,
            {
                name: _tensor(entry.name, f"input {name!r}", value, files)
                for name, value in entry.inputs.items()
            },
            {
                name: _tensor(entry.name, f"output {name!r}", value, files)
                for name, value in entry.outputs.items()
            },
        )
        total += sum(tensor.nbytes for tensor in (*sample.inputs.values(), *sample.outputs.values()))
        if total > LIMITS.set:
            raise invalid(f"together the tensors are larger than {LIMITS.set} bytes.", sample=entry.name)
        samples.append(sample)
    return tuple(samples)


def _tensor(sample: str, role: str, value: str | InlineTensor, files: Mapping[str, Path]) -> Tensor:
    try:
        if isinstance(value, InlineTensor):
            return from_inline(value)
        if value == DOCUMENT or value not in files:
            raise ValueError("that file is not in the set")
        return read_npy(files[value])
    except (ValueError, msgspec.ValidationError) as error:
        named = f" ({value})" if isinstance(value, str) else ""
        raise invalid(f"{role}{named}: {error}.", sample=sample) from error


def _text_samples(document: Document) -> tuple[TextSample, ...]:
    entries = [_convert(entry, TextSampleEntry, index) for index, entry in enumerate(document.samples)]
    return tuple(_text_sample(entry) for entry in entries)


def _text_sample(entry: TextSampleEntry) -> TextSample:
    if (entry.prompt is None) == (not entry.messages):
        raise invalid("exactly one of 'prompt' and 'messages' is needed.", sample=entry.name)
    if (entry.text is None) == (entry.pattern is None):
        raise invalid("exactly one of 'text' and 'pattern' is needed.", sample=entry.name)
    if len(entry.prompt or "") + sum(len(m.content) for m in entry.messages) > LIMITS.prompt:
        raise invalid(f"the prompt is longer than {LIMITS.prompt} characters.", sample=entry.name)
    if not 1 <= entry.max_tokens <= LIMITS.max_tokens:
        raise invalid(f"'max_tokens' is not between 1 and {LIMITS.max_tokens}.", sample=entry.name)
    if entry.pattern is not None:
        _refuse_broken_pattern(entry.pattern, entry.name)
    return TextSample(
        name=entry.name,
        prompt=entry.prompt,
        messages=tuple((message.role, message.content) for message in entry.messages),
        seed=entry.seed,
        max_tokens=entry.max_tokens,
        text=entry.text,
        pattern=entry.pattern,
    )


def _refuse_broken_pattern(pattern: str, sample: str) -> None:
    """A pattern that compiles may still take for ever; `selection.patterns` matches with a time limit."""
    if len(pattern) > LIMITS.pattern:
        raise invalid(f"the pattern is longer than {LIMITS.pattern} characters.", sample=sample)
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(f"the pattern is not a regular expression: {error}.", sample=sample) from error


def _convert(raw: Any, kind: type[Entry], index: int) -> Entry:
    name = raw.get("name") if isinstance(raw, dict) else None
    called = name if isinstance(name, str) and name else f"#{index + 1}"
    try:
        entry = msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise invalid(f"{error}.", sample=called[: LIMITS.name], file=DOCUMENT) from error
    if not entry.name or len(entry.name) > LIMITS.name or not entry.name.isprintable():
        raise invalid(f"a name has 1 to {LIMITS.name} printable characters.", sample=called[: LIMITS.name])
    return entry


def _refuse_repeated_names(names: list[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise invalid("there are two samples of this name.", sample=repeated)


def _tolerance(entry: ToleranceEntry, output: str | None = None) -> Tolerance:
    place = f"the tolerance of output {output!r}" if output else "the tolerance"
    values = (entry.absolute, entry.relative)
    if any(value is not None and (value < 0 or not math.isfinite(value)) for value in values):
        raise invalid(f"{place} is not a pair of numbers from 0 up.", file=DOCUMENT)
    if entry.top_k < 0 or not 0 < entry.agreement <= 1:
        raise invalid(f"{place} has no 'top_k' from 0 up with an 'agreement' up to 1.", file=DOCUMENT)
    if entry.top_k and values == (None, None):
        return Tolerance(math.inf, 0.0, entry.top_k, entry.agreement)
    absolute, relative = (USUAL if value is None else value for value in values)
    return Tolerance(absolute, relative, entry.top_k, entry.agreement)


def _refuse_idle_tolerances(
    tolerances: Mapping[str, Tolerance], samples: tuple[TensorSample, ...] | tuple[TextSample, ...]
) -> None:
    known = {name for sample in samples if isinstance(sample, TensorSample) for name in sample.outputs}
    unknown = sorted(set(tolerances) - known)
    if unknown:
        raise invalid(
            f"there is a tolerance for {unknown[0]!r}, which no sample has as output.", file=DOCUMENT
        )
