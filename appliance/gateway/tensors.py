"""Tensors as the Open Inference Protocol writes them: as JSON numbers and as raw bytes.

Tensor data types and the JSON form: Open Inference Protocol, `inference_rest.md`; the raw form: the binary
tensor data extension (little-endian, row-major, no padding; BYTES elements behind their u32 length).
"""

import functools
import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from appliance.gateway.limits import Limits
from appliance.gateway.refusals import bad_request, too_large
from runtimes.datatypes import DTYPES, FLOATS
from runtimes.datatypes import datatype_of as known_datatype_of
from runtimes.engine import Tensor

_JSON_ELEMENTS: dict[str, type] = {"BOOL": bool, "BYTES": str} | dict.fromkeys(FLOATS, float)
_LENGTH = struct.Struct("<I")
_SPACE = b" \t\r\n"


def datatype_of(tensor: Tensor) -> str:
    """The protocol's word for an output's element type. Raises TypeError where there is none."""
    datatype = "BYTES" if tensor.dtype.kind in "SU" else known_datatype_of(tensor)
    if datatype is None:
        raise TypeError(f"the Open Inference Protocol has no datatype for {tensor.dtype}")
    return datatype


def check_shape(shape: Sequence[int], datatype: str, limits: Limits, *, tensor: str) -> None:
    """Make sure, before anything is allocated, that a declared tensor is possible and allowed.

    Raises RefusalError: 400 for an unknown datatype or a negative dimension, 413 beyond the limits.
    """
    size = _dtype(datatype, tensor=tensor).itemsize
    if len(shape) > limits.rank:
        raise too_large(f"Input {tensor!r} has {len(shape)} dimensions; {limits.rank} are allowed.")
    if any(dimension < 0 for dimension in shape):
        raise bad_request(f"Input {tensor!r} has a negative dimension.", code="tensor.shape")
    if max(math.prod(shape), *shape, 0) * size > limits.tensor:
        raise too_large(f"Input {tensor!r} declares more than {limits.tensor} bytes.")


def _dtype(datatype: str, *, tensor: str) -> np.dtype[Any]:
    dtype = DTYPES.get(datatype)
    if dtype is None:
        known = ", ".join(DTYPES)
        raise bad_request(
            f"Input {tensor!r} has the unknown datatype {datatype[:32]!r}; known are {known}.",
            code="tensor.datatype",
        )
    return dtype


# --- JSON -----------------------------------------------------------------------


def from_json(data: msgspec.Raw, datatype: str, shape: Sequence[int], *, tensor: str) -> Tensor:
    """An input from JSON data, flat or nested as its shape.

    Nothing is converted that would not come back the same: no 1.5 to INT64, no "1" to FP32, no 300 to
    UINT8, nothing that overflows to infinity. Raises RefusalError (400).
    """
    depth = len(shape) if _is_nested(data) else 1
    try:
        values = _decoder(_JSON_ELEMENTS.get(datatype, int), depth).decode(data)
        array = _array(values, datatype)
    except msgspec.ValidationError as error:
        raise bad_request(f"Input {tensor!r}: {error}.", code="tensor.data") from None
    except (ValueError, OverflowError) as error:
        raise bad_request(
            f"Input {tensor!r} does not fit {datatype} {list(shape)}: {error}", code="tensor.data"
        ) from None
    if depth > 1 and array.shape != tuple(shape):
        raise bad_request(
            f"Input {tensor!r} declares the shape {list(shape)}, but its data nests as {list(array.shape)}.",
            code="tensor.shape",
        )
    if array.size != math.prod(shape):
        raise bad_request(
            f"Input {tensor!r} declares the shape {list(shape)}, but has {array.size} values.",
            code="tensor.shape",
        )
    return array.reshape(shape)


def to_json(tensor: Tensor, datatype: str, *, name: str) -> list[Any]:
    """An output's elements in a flat list. Raises RefusalError (400) for what JSON has no word for."""
    flat = tensor.reshape(-1)
    if datatype == "BYTES":
        return [_text(element, name) for element in flat.tolist()]
    if datatype in FLOATS:
        if not np.isfinite(flat).all():
            raise bad_request(
                f"Output {name!r} has values that are not finite, and JSON has no word for them; "
                "ask for it with binary_data.",
                code="tensor.not-json",
            )
        if datatype == "BF16":
            flat = flat.astype(np.float32)
    return flat.tolist()


def _array(values: list[Any], datatype: str) -> Tensor:
    if datatype == "BYTES":
        strings = np.array(values, dtype=np.object_)
        encoded = np.empty(strings.size, dtype=np.object_)
        encoded[:] = [element.encode() for element in strings.reshape(-1).tolist()]
        return encoded.reshape(strings.shape)
    with np.errstate(over="ignore"):
        array = np.array(values, dtype=DTYPES[datatype])
    if datatype in FLOATS and not np.isfinite(array).all():
        raise OverflowError(f"a value is too large for {datatype}")
    return array


def _is_nested(data: msgspec.Raw) -> bool:
    """Whether the first thing inside the outer list is a list."""
    head = bytes(memoryview(data)[:256]).lstrip(_SPACE)
    return head.startswith(b"[") and head[1:].lstrip(_SPACE).startswith(b"[")


@functools.cache
def _decoder(element: type, depth: int) -> msgspec.json.Decoder[Any]:
    """Strict: msgspec takes neither a string nor a boolean for a number, nor 1.5 for an integer."""
    kind: Any = element
    for _ in range(depth):
        kind = list[kind]
    return msgspec.json.Decoder(kind)


def _text(element: bytes | str, name: str) -> str:
    if isinstance(element, str):
        return element
    try:
        return element.decode()
    except UnicodeDecodeError:
        raise bad_request(
            f"Output {name!r} has bytes that are no UTF-8 text; ask for it with binary_data.",
            code="tensor.not-json",
        ) from None


# --- raw bytes ------------------------------------------------------------------


def from_bytes(raw: memoryview, datatype: str, shape: Sequence[int], *, tensor: str) -> Tensor:
    """An input from its raw bytes: a view on them wherever they are aligned. Raises RefusalError (400)."""
    count = math.prod(shape)
    if datatype == "BYTES":
        elements = np.empty(count, dtype=np.object_)
        elements[:] = list(_split(raw, count, tensor))
        return elements.reshape(shape)
    dtype = DTYPES[datatype]
    if len(raw) != count * dtype.itemsize:
        raise bad_request(
            f"Input {tensor!r} declares {datatype} {list(shape)}, which is {count * dtype.itemsize} bytes, "
            f"but binary_data_size says {len(raw)}.",
            code="tensor.size",
        )
    if datatype == "BOOL" and (np.frombuffer(raw, np.uint8) > 1).any():
        raise bad_request(f"Input {tensor!r} is BOOL, but has bytes other than 0 and 1.", code="tensor.data")
    array = np.frombuffer(raw, dtype).reshape(shape)
    return array if array.flags.aligned else array.copy()


def to_bytes(tensor: Tensor, datatype: str) -> memoryview:
    """An output's raw bytes, without copying a contiguous one."""
    if datatype == "BYTES":
        return memoryview(b"".join(_prefixed(tensor)))
    flat = np.ascontiguousarray(tensor, DTYPES[datatype]).reshape(-1)
    return flat.view(np.uint8).data


def _split(raw: memoryview, count: int, tensor: str) -> Iterator[bytes]:
    offset = 0
    for _ in range(count):
        start = offset + _LENGTH.size
        if start > len(raw):
            raise bad_request(f"Input {tensor!r} ends before its {count} elements do.", code="tensor.data")
        offset = start + _LENGTH.unpack_from(raw, offset)[0]
        if offset > len(raw):
            raise bad_request(f"Input {tensor!r} has an element longer than the rest.", code="tensor.data")
        yield bytes(raw[start:offset])
    if offset != len(raw):
        raise bad_request(
            f"Input {tensor!r} has {len(raw) - offset} bytes after its {count} elements.", code="tensor.size"
        )


def _prefixed(tensor: Tensor) -> Iterator[bytes]:
    for element in tensor.reshape(-1).tolist():
        raw = element.encode() if isinstance(element, str) else element
        yield _LENGTH.pack(len(raw))
        yield raw
