"""BF16 tensors in onnxruntime, whose Python binding has no numpy type for them.

They go in as 16-bit integers with ONNX's own number for the type, and come out by their address.
"""

import ctypes
import math
from collections.abc import Sequence, Set

import numpy as np
import onnxruntime

from runtimes.datatypes import DTYPES
from runtimes.engine import Tensor, Tensors

ONNX_BFLOAT16 = 16
"""TensorProto.DataType.BFLOAT16."""
ORT_BFLOAT16 = "tensor(bfloat16)"


def run(
    session: onnxruntime.InferenceSession, names: Sequence[str], inputs: Tensors, bf16: Set[str]
) -> list[Tensor]:
    """As `session.run`; the inputs named in `bf16` are BF16. Raises whatever onnxruntime raises."""
    given = {name: _value(tensor, is_bf16=name in bf16) for name, tensor in inputs.items()}
    return [_tensor(value) for value in session.run_with_ort_values(list(names), given)]


def _value(tensor: Tensor, *, is_bf16: bool) -> onnxruntime.OrtValue:
    if not is_bf16:
        return onnxruntime.OrtValue.ortvalue_from_numpy(tensor)
    bits = np.ascontiguousarray(tensor).view(np.uint16)
    return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, ONNX_BFLOAT16)


def _tensor(value: onnxruntime.OrtValue) -> Tensor:
    if value.data_type() != ORT_BFLOAT16:
        tensor: Tensor = value.numpy()
        return tensor
    if value.device_name() != "cpu":
        raise RuntimeError(f"a BF16 output lies in the memory of {value.device_name()}")
    shape = tuple(value.shape())
    raw = ctypes.string_at(value.data_ptr(), 2 * math.prod(shape)) if math.prod(shape) else b""
    return np.frombuffer(raw, DTYPES["BF16"]).reshape(shape)
