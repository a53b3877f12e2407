"""What `golden.json` may say: its schema, its limits, and the error that names what is wrong with it."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from runtimes.errors import EngineError

DOCUMENT = "golden.json"


@dataclass(frozen=True, slots=True)
class Limits:
    """Far above what certifying needs, far below what could exhaust a small box. Sizes in bytes."""

    document: int = 8 * 2**20
    samples: int = 1000
    tensors_per_sample: int = 64
    tensor: int = 256 * 2**20
    set: int = 512 * 2**20
    dimensions: int = 16
    name: int = 128
    """Characters, as are the next two."""
    prompt: int = 100_000
    pattern: int = 500
    max_tokens: int = 4096


LIMITS = Limits()


class InlineTensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A small tensor in the document itself; `data` is flat and row-major, as in the Open Inference Protocol."""

    datatype: str
    shape: list[int]
    data: list[bool | int | float | str]


class TensorSampleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    inputs: dict[str, str | InlineTensor]
    outputs: dict[str, str | InlineTensor]


class MessageEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: str
    content: str


class TextSampleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    prompt: str | None = None
    messages: list[MessageEntry] = []
    seed: int = 0
    max_tokens: int = 64
    text: str | None = None
    pattern: str | None = None


class ToleranceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    absolute: float | None = None
    """As `USUAL` where nothing is said; where `top_k` stands alone, only the order counts."""
    relative: float | None = None
    top_k: int = 0
    agreement: float = 1.0


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal["appliance-golden/1"]
    samples: list[Any]
    """`TensorSampleEntry` or `TextSampleEntry`, converted one by one so that an error can name the sample."""
    tolerance: ToleranceEntry = ToleranceEntry()
    tolerances: dict[str, ToleranceEntry] = {}


def invalid(what: str, *, sample: str | None = None, file: str | None = None) -> EngineError:
    """The one error of golden sets, `golden.invalid`."""
    place = " ".join(
        part for part in (f"{file}:" if file else "", f"sample {sample!r}:" if sample else "") if part
    )
    return EngineError(
        "golden.invalid",
        f"The golden samples are not valid: {place + ' ' if place else ''}{what}",
        remedy="Correct the golden samples at the depot and pack the model again.",
    )
