"""An ONNX model loaded by onnxruntime."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime

from runtimes.adapters import onnxbfloat16
from runtimes.adapters.onnxplacement import Placement
from runtimes.adapters.onnxprecision import precision_in_force
from runtimes.adapters.onnxsession import one_line
from runtimes.adapters.outofmemory import memory_ran_out
from runtimes.datatypes import DTYPES
from runtimes.engine import Candidate, InForce, Tensor, Tensors, TensorSpec
from runtimes.errors import EngineError

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    onnxbfloat16.ORT_BFLOAT16: "BF16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}


class OnnxModel:
    """A loaded model; fulfils TensorModel."""

    def __init__(
        self, session: onnxruntime.InferenceSession, placed: Placement, candidate: Candidate, stored: str
    ) -> None:
        precision = precision_in_force(session, candidate.device, stored)
        if precision != candidate.precision:
            raise EngineError(
                "precision.unsupported",
                f"onnxruntime computes in {precision} here, not in {candidate.precision}.",
            )
        self._session = session
        self.inputs = tuple(_spec(argument) for argument in session.get_inputs())
        self.outputs = tuple(_spec(argument) for argument in session.get_outputs())
        self._names = [spec.name for spec in self.outputs]
        self._bf16_inputs = {spec.name for spec in self.inputs if spec.datatype == "BF16"}
        self._carries_bf16 = any(spec.datatype == "BF16" for spec in (*self.inputs, *self.outputs))
        self._text_inputs = {spec.name for spec in self.inputs if spec.datatype == "BYTES"}
        self._text_outputs = {spec.name for spec in self.outputs if spec.datatype == "BYTES"}
        self.in_force = InForce(
            device=candidate.device,
            precision=precision,
            threads=session.get_session_options().intra_op_num_threads * candidate.streams,
            details={
                "providers": ", ".join(session.get_providers()),
                "nodes": placed.text,
                **_arithmetic(stored),
            },
        )

    def infer(self, inputs: Tensors, outputs: Sequence[str] = ()) -> dict[str, Tensor]:
        names = list(outputs) or self._names
        if self._text_inputs:
            inputs = {n: _decoded(n, t) if n in self._text_inputs else t for n, t in inputs.items()}
        try:
            values = self._run(names, inputs)
        except Exception as error:
            if memory_ran_out(error):
                raise MemoryError from error
            raise EngineError("request.failed", f"onnxruntime: {one_line(error)}") from error
        results = dict(zip(names, values, strict=True))
        for name in self._text_outputs.intersection(names):
            results[name] = _encoded(results[name])
        return results

    def close(self) -> None:
        del self._session

    def _run(self, names: Sequence[str], inputs: Tensors) -> list[Tensor]:
        if self._carries_bf16:
            return onnxbfloat16.run(self._session, names, inputs, self._bf16_inputs)
        answers: list[Tensor] = self._session.run(names, dict(inputs))
        return answers


def _arithmetic(stored: str) -> dict[str, str]:
    if stored == "f32":
        return {}
    return {"arithmetic": f"operators without a {stored} kernel compute in f32 between casts"}


def _spec(argument: onnxruntime.NodeArg) -> TensorSpec:
    datatype = _DATATYPES.get(argument.type)
    if datatype not in DTYPES:
        raise EngineError(
            "model.unsupported", f"{argument.name!r} is a {argument.type}, which no request can carry."
        )
    shape = tuple(n if isinstance(n, int) and n >= 0 else -1 for n in argument.shape)
    return TensorSpec(argument.name, datatype, shape)


def _decoded(name: str, tensor: Tensor) -> Tensor:
    try:
        return _elementwise(bytes.decode, tensor)
    except UnicodeDecodeError as error:
        raise EngineError("request.datatype", f"Input {name!r} is not UTF-8: {error.reason}.") from error


def _encoded(tensor: Tensor) -> Tensor:
    return _elementwise(str.encode, tensor)


def _elementwise(convert: Callable[[Any], Any], tensor: Tensor) -> Tensor:
    converted = np.empty(tensor.shape, np.object_)
    converted.reshape(-1)[:] = [convert(element) for element in tensor.flat]
    return converted
