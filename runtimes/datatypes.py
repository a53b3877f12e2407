"""The Open Inference Protocol's datatypes and what numpy calls them."""

from typing import Any

import numpy as np

from runtimes.engine import Tensor

try:
    import ml_dtypes
except ImportError:  # A runtime pack may do without, and then carries no BF16.
    _BF16: dict[str, np.dtype[Any]] = {}
else:
    _BF16 = {"BF16": np.dtype(ml_dtypes.bfloat16)}

DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    **_BF16,
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}
"""BYTES tensors are object arrays whose elements are `bytes`; BF16 is ml_dtypes' type, which numpy calls a void."""

FLOATS = frozenset({"FP16", "BF16", "FP32", "FP64"})

_DATATYPES = {dtype: datatype for datatype, dtype in DTYPES.items()}


def datatype_of(tensor: Tensor) -> str | None:
    """The protocol's word for a tensor's element type; None where it has none (complex, dates …)."""
    return _DATATYPES.get(tensor.dtype) or _DATATYPES.get(tensor.dtype.newbyteorder("="))
