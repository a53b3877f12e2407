"""Reading a GGUF header with bounds: every count and length is checked against the file before it is believed.

Format: ggml's docs/gguf.md, versions 2 and 3, little-endian. No tensor data is read.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from runtimes.errors import EngineError
from runtimes.modelfile.facts import GgufFacts

MAGIC = b"GGUF"

_VERSIONS = (2, 3)
_KEYS = 10_000
_TENSORS = 100_000
_ARRAY = 4 * 2**20
_STRING = 64 * 2**20
_STRING_KEPT = 4096
_KEY_LENGTH = 65_535
_DIMENSIONS = 4
_ALIGNMENT = 32
_LARGEST_ALIGNMENT = 2**20

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING_TYPE = 8
_ARRAY_TYPE = 9

TENSOR_TYPES: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 36),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
    42: ("Q2_0", 64, 18),
}
"""Type number -> (name, weights a block, bytes a block), as llama.cpp 0.3.36's ggml has them."""


@dataclass(frozen=True, slots=True)
class _TensorInfo:
    name: str
    type: int
    weights: int
    offset: int


def read_facts(file: BinaryIO, size: int, called: str) -> GgufFacts:
    """Read and check the header of an open GGUF file.

    Args:
        file: at its start, seekable.
        size: bytes in the whole file.
        called: what to call the file in messages.

    Raises:
        EngineError: `model.truncated`, `model.malformed` or `model.unsupported`.
    """
    reader = _Reader(file, size, called)
    if reader.take(4) != MAGIC:
        raise reader.malformed("it does not begin with GGUF")
    version = reader.scalar("I")
    if version not in _VERSIONS:
        raise reader.unsupported(f"it is GGUF version {version}; versions 2 and 3 are known")
    tensors, keys = reader.count(_TENSORS, "tensors"), reader.count(_KEYS, "keys")
    values = _metadata(reader, keys)
    infos = [_tensor_info(reader) for _ in range(tensors)]
    _check_extent(reader, infos, values)
    return _facts(reader, infos, values)


class _Reader:
    """Takes little-endian values from a file and never past its end."""

    def __init__(self, file: BinaryIO, size: int, called: str) -> None:
        self._file = file
        self.size = size
        self.called = called

    @property
    def position(self) -> int:
        return self._file.tell()

    def take(self, length: int) -> bytes:
        data = self._file.read(length) if self._fits(length) else b""
        if len(data) != length:
            raise self.truncated("its header ends in the middle")
        return data

    def skip(self, length: int) -> None:
        if not self._fits(length):
            raise self.truncated("its header ends in the middle")
        self._file.seek(length, 1)

    def _fits(self, length: int) -> bool:
        return length <= self.size - self.position

    def scalar(self, code: str) -> int | float | bool:
        (value,) = struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))
        return value  # type: ignore[no-any-return]

    def integer(self, code: str) -> int:
        return int(self.scalar(code))

    def count(self, limit: int, of: str) -> int:
        count = self.integer("Q")
        if count > limit:
            raise self.malformed(f"it claims {count} {of}; more than {limit} cannot be")
        return count

    def string(self, limit: int = _STRING) -> str:
        length = self.integer("Q")
        if length > limit:
            raise self.malformed(f"it claims a text of {length} bytes")
        return self.take(length)[:_STRING_KEPT].decode("utf-8", errors="replace")

    def truncated(self, what: str) -> EngineError:
        return EngineError(
            "model.truncated",
            f"{self.called} is an incomplete GGUF file: {what}; the file has {self.size} bytes.",
            remedy="Copy or download the file again.",
        )

    def malformed(self, what: str) -> EngineError:
        return EngineError(
            "model.malformed",
            f"{self.called} is a damaged GGUF file: {what}.",
            remedy="Copy or convert the file again.",
        )

    def unsupported(self, what: str) -> EngineError:
        return EngineError(
            "model.unsupported",
            f"{self.called} cannot be used: {what}.",
            remedy="Convert the model again with a current llama.cpp.",
        )


_Value = int | float | bool | str


def _metadata(reader: _Reader, keys: int) -> dict[str, _Value]:
    """Scalars and texts by key; arrays are passed over."""
    values: dict[str, _Value] = {}
    for _ in range(keys):
        key = reader.string(_KEY_LENGTH)
        if key in values:
            raise reader.malformed(f"the key {key!r} is there twice")
        value = _value(reader, key)
        if value is not None:
            values[key] = value
    return values


def _value(reader: _Reader, key: str) -> _Value | None:
    kind = reader.integer("I")
    if kind == _STRING_TYPE:
        return reader.string()
    if kind == _ARRAY_TYPE:
        _skip_array(reader, key)
        return None
    if kind not in _SCALARS:
        raise reader.malformed(f"the key {key!r} has the unknown type {kind}")
    return reader.scalar(_SCALARS[kind])


def _skip_array(reader: _Reader, key: str) -> None:
    kind, length = reader.integer("I"), reader.integer("Q")
    if kind in _SCALARS:
        reader.skip(length * struct.calcsize("<" + _SCALARS[kind]))
    elif length > _ARRAY:
        raise reader.malformed(f"the key {key!r} has an array of {length} elements")
    elif kind == _STRING_TYPE:
        for _ in range(length):
            reader.skip(reader.integer("Q"))
    else:
        raise reader.malformed(f"the key {key!r} has an array of the unknown type {kind}")


def _tensor_info(reader: _Reader) -> _TensorInfo:
    name = reader.string(_KEY_LENGTH)
    dimensions = reader.integer("I")
    if not 1 <= dimensions <= _DIMENSIONS:
        raise reader.malformed(f"the tensor {name!r} has {dimensions} dimensions")
    weights = math.prod(reader.integer("Q") for _ in range(dimensions))
    return _TensorInfo(name, reader.integer("I"), weights, reader.integer("Q"))


def _check_extent(reader: _Reader, infos: list[_TensorInfo], values: Mapping[str, _Value]) -> None:
    """Every tensor must lie inside the file."""
    alignment = values.get("general.alignment", _ALIGNMENT)
    if (
        not isinstance(alignment, int)
        or not 0 < alignment <= _LARGEST_ALIGNMENT
        or alignment & (alignment - 1)
    ):
        raise reader.malformed(f"an alignment of {alignment!r} cannot be")
    if not infos:
        raise reader.malformed("it has no tensors")
    start = -(-reader.position // alignment) * alignment
    end = max(start + info.offset + _bytes(reader, info) for info in infos)
    if end > reader.size:
        raise reader.truncated(f"its header tells of {end} bytes")


def _bytes(reader: _Reader, info: _TensorInfo) -> int:
    if info.type not in TENSOR_TYPES:
        raise reader.unsupported(f"the tensor {info.name!r} has the unknown type {info.type}")
    _, per_block, block_bytes = TENSOR_TYPES[info.type]
    return -(-info.weights // per_block) * block_bytes


def _facts(reader: _Reader, infos: list[_TensorInfo], values: Mapping[str, _Value]) -> GgufFacts:
    architecture = values.get("general.architecture")
    if not isinstance(architecture, str) or not architecture:
        raise reader.malformed("it does not say its architecture")
    parts = values.get("split.count", 1)
    if isinstance(parts, int) and parts > 1:
        raise reader.unsupported(f"it is one part of {parts}; merge the parts with llama-gguf-split first")
    context = values.get(f"{architecture}.context_length")
    name = values.get("general.name")
    weights: dict[int, int] = {}
    for info in infos:
        weights[info.type] = weights.get(info.type, 0) + info.weights
    return GgufFacts(
        architecture=architecture,
        name=name if isinstance(name, str) else None,
        context_tokens=context if isinstance(context, int) else None,
        quantisation=TENSOR_TYPES[max(weights, key=lambda kind: weights[kind])][0],
        parameters=sum(weights.values()),
        chat_template="tokenizer.chat_template" in values,
    )
