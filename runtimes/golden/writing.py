"""Writing a golden set into a folder, so that people can read and correct it by hand."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtimes.datatypes import datatype_of
from runtimes.engine import Tensor
from runtimes.golden.document import (
    DOCUMENT,
    Document,
    InlineTensor,
    MessageEntry,
    TensorSampleEntry,
    TextSampleEntry,
    ToleranceEntry,
    invalid,
)
from runtimes.golden.samples import GoldenSet, TensorSample, TextSample, Tolerance
from runtimes.golden.tensors import to_inline

SPELLED_OUT = 16
"""Tensors of up to so many values stand in the document itself."""


def write_golden(folder: Path, golden: GoldenSet) -> None:
    """Write `golden.json` and the larger tensors as `.npy` beside it; the folder is made if need be.

    Raises EngineError `golden.invalid` for a tensor whose type has no name in the Open Inference Protocol; OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples: Sequence[TensorSample | TextSample] = golden.samples
    document = Document(
        schema="appliance-golden/1",
        samples=[_entry(folder, number, sample) for number, sample in enumerate(samples, start=1)],
        tolerance=_tolerance(golden.tolerance),
        tolerances={name: _tolerance(tolerance) for name, tolerance in golden.tolerances.items()},
    )
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    (folder / DOCUMENT).write_bytes(text + b"\n")


def _tolerance(tolerance: Tolerance) -> ToleranceEntry:
    if math.isinf(tolerance.absolute):
        return ToleranceEntry(top_k=tolerance.top_k, agreement=tolerance.agreement)
    return ToleranceEntry(tolerance.absolute, tolerance.relative, tolerance.top_k, tolerance.agreement)


def _entry(folder: Path, number: int, sample: TensorSample | TextSample) -> Any:
    if isinstance(sample, TextSample):
        return _text_entry(sample)
    stem = f"{number:03}-{_slug(sample.name)}"
    return TensorSampleEntry(
        name=sample.name,
        inputs=_tensors(folder, f"{stem}.in", sample, sample.inputs),
        outputs=_tensors(folder, f"{stem}.out", sample, sample.outputs),
    )


def _text_entry(sample: TextSample) -> TextSampleEntry:
    return TextSampleEntry(
        name=sample.name,
        prompt=sample.prompt,
        messages=[MessageEntry(role, content) for role, content in sample.messages],
        seed=sample.seed,
        max_tokens=sample.max_tokens,
        text=sample.text,
        pattern=sample.pattern,
    )


def _tensors(
    folder: Path, stem: str, sample: TensorSample, tensors: Mapping[str, Tensor]
) -> dict[str, str | InlineTensor]:
    entries: dict[str, str | InlineTensor] = {}
    for index, (name, tensor) in enumerate(tensors.items()):
        datatype = datatype_of(tensor)
        if datatype is None:
            raise invalid(f"{name!r}: elements of type {tensor.dtype} are not supported.", sample=sample.name)
        if datatype == "BYTES" or (tensor.size <= SPELLED_OUT and bool(np.isfinite(tensor).all())):
            entries[name] = to_inline(tensor)
        else:
            file = f"{stem}{index}-{_slug(name)}.npy"
            np.save(folder / file, np.ascontiguousarray(tensor), allow_pickle=False)
            entries[name] = file
    return entries


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:48].strip("-") or "unnamed"
