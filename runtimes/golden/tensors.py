"""Reading one tensor of a golden set without believing what its file says of its size."""

import math
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from runtimes.datatypes import DTYPES, FLOATS, datatype_of
from runtimes.engine import Tensor
from runtimes.golden.document import LIMITS, InlineTensor

_RAW_PAIR = np.dtype("V2")
"""What numpy writes into a `.npy` file for BF16, which it has no word for."""


def read_npy(path: Path) -> Tensor:
    """Read a `.npy` file of a numeric or boolean type; elements that are two raw bytes are BF16.

    The header is checked against the file's real size before anything is allocated, and pickled objects are
    never loaded. Raises ValueError with what is wrong, OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        shape, dtype = _npy_header(file)
        native = DTYPES.get("BF16", dtype) if dtype == _RAW_PAIR else dtype.newbyteorder("=")
        if native.hasobject or native not in DTYPES.values():
            raise ValueError(f"elements of type {dtype} are not supported")
        promised = math.prod(shape) * dtype.itemsize
        present = path.stat().st_size - file.tell()
        if promised != present:
            raise ValueError(f"shape {list(shape)} of {dtype} takes {promised} bytes, the file has {present}")
        if promised > LIMITS.tensor:
            raise ValueError(f"{promised} bytes; at most {LIMITS.tensor} are allowed in one tensor")
        file.seek(0)
        tensor: Tensor = np.load(file, allow_pickle=False)
    tensor = tensor.view(native) if dtype == _RAW_PAIR else tensor
    return np.ascontiguousarray(tensor, dtype=native).reshape(shape)


def _npy_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"version {version[0]}.{version[1]} of the .npy format is not supported")
    shape, _, dtype = readers[version](file)
    if len(shape) > LIMITS.dimensions or any(size < 0 for size in shape):
        raise ValueError(f"shape {list(shape)} is not possible")
    return shape, dtype


def from_inline(entry: InlineTensor) -> Tensor:
    """The tensor that the document spells out. Raises ValueError with what is wrong."""
    if len(entry.shape) > LIMITS.dimensions or any(size < 0 for size in entry.shape):
        raise ValueError(f"shape {entry.shape} is not possible")
    if math.prod(entry.shape) != len(entry.data):
        raise ValueError(
            f"shape {entry.shape} takes {math.prod(entry.shape)} values, there are {len(entry.data)}"
        )
    if entry.datatype == "BYTES":
        return _strings(entry)
    dtype = DTYPES.get(entry.datatype)
    if dtype is None:
        raise ValueError(f"datatype {entry.datatype!r} is not one of {', '.join(DTYPES)}")
    kind: Any = list[float] if entry.datatype in FLOATS else list[bool] if dtype.kind == "b" else list[int]
    values = msgspec.convert(entry.data, kind)
    try:
        with np.errstate(over="raise"):
            tensor = np.array(values, dtype=dtype).reshape(entry.shape)
    except (OverflowError, FloatingPointError):
        raise ValueError(f"a value does not fit {entry.datatype}") from None
    if entry.datatype in FLOATS and not np.isfinite(tensor).all():
        raise ValueError(f"a value does not fit {entry.datatype}")
    return tensor


def _strings(entry: InlineTensor) -> Tensor:
    tensor = np.empty(len(entry.data), dtype=np.object_)
    tensor[:] = [text.encode() for text in msgspec.convert(entry.data, list[str])]
    return tensor.reshape(entry.shape)


def to_inline(tensor: Tensor) -> InlineTensor:
    """Spell a tensor out for the document. Raises ValueError where its type has no name in the protocol."""
    datatype = datatype_of(tensor)
    if datatype is None:
        raise ValueError(f"elements of type {tensor.dtype} are not supported")
    if datatype == "BYTES":
        values = [value.decode() for value in tensor.flat]
    else:
        values = (tensor.astype(np.float32) if datatype == "BF16" else tensor).ravel().tolist()
    return InlineTensor(datatype, list(tensor.shape), values)
