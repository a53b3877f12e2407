"""What an ONNX file says of itself, read without any engine."""

from collections import Counter
from pathlib import Path

import onnx

from runtimes.adapters.weightsfile import refuse_what_is_no_model
from runtimes.errors import EngineError

_PRECISIONS = {
    onnx.TensorProto.FLOAT: "f32",
    onnx.TensorProto.FLOAT16: "f16",
    onnx.TensorProto.BFLOAT16: "bf16",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT8: "int8",
}


def stored_precision(path: Path) -> str:
    """The precision that most of the weights are stored in: `f32`, `f16`, `bf16` or `int8`.

    Raises EngineError `model.invalid` where the file is no ONNX model.
    """
    elements: Counter[str] = Counter()
    for weight in _read(path).graph.initializer:
        count = 1
        for length in weight.dims:
            count *= length
        if weight.data_type in _PRECISIONS:
            elements[_PRECISIONS[weight.data_type]] += count
    return elements.most_common(1)[0][0] if elements else "f32"


def _read(path: Path) -> onnx.ModelProto:
    refuse_what_is_no_model(path)
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's DecodeError lies in a private module
        raise EngineError(
            "model.invalid",
            f"{path.name} is not an ONNX model: {error}",
            remedy="Get the file again; it is damaged or of another format.",
        ) from error
    if not model.graph.node:
        raise EngineError("model.invalid", f"{path.name} is not an ONNX model: its graph has no operator.")
    return model
