"""Reading an ONNX graph: what it needs and gives, and whether it is sound.

Protobuf and the ONNX checker are C++ code that meets a stranger's bytes here, so the daemon runs this as
`python -m runtimes.modelfile.onnxgraph PATH` with limits on memory and time. It prints one JSON object:
`{"facts": …}` or `{"error": {"code": …, "what": …}}`.
"""

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runtimes.engine import TensorSpec
from runtimes.errors import EngineError
from runtimes.modelfile.facts import OnnxFacts

if TYPE_CHECKING:
    import onnx

TIME_LIMIT = 60.0
"""Seconds; a 100 MB graph takes under two."""

LARGEST = 2**31 - 1
"""Bytes: protobuf's own limit for one message."""

_MEMORY_BASE = 2 * 2**30
_MEMORY_FACTOR = 6
"""Parsed, serialised again for the checker, and parsed there: several times the file."""


class _Failure(msgspec.Struct, frozen=True):
    code: str
    what: str


class _Finding(msgspec.Struct, frozen=True):
    facts: OnnxFacts | None = None
    error: _Failure | None = None


def read_facts(path: Path, size: int, called: str) -> OnnxFacts:
    """Parse and check an ONNX file in a process of its own.

    Raises:
        EngineError: `model.not-what-it-says` where it is no ONNX file at all, `model.malformed` where its graph
            is not sound, `model.external-data` where weights lie in other files, `model.unsupported` where it
            is too large for protobuf.
    """
    if size > LARGEST:
        raise EngineError(
            "model.unsupported",
            f"{called} has {size} bytes; an ONNX file cannot be larger than {LARGEST}.",
            remedy="Quantise or split the model.",
        )
    finding = _inspect_in_child(path, called)
    if finding.facts is not None:
        return finding.facts
    assert finding.error is not None  # noqa: S101 - one of the two is always set
    raise EngineError(
        finding.error.code, f"{called} {finding.error.what}", remedy=_REMEDIES.get(finding.error.code, "")
    )


_REMEDIES = {
    "model.not-what-it-says": "Pack the file that the training tool exported.",
    "model.malformed": "Export the model again and check it with onnx.checker.",
    "model.external-data": "Save the model as one file (save_as_external_data=False).",
}


def _inspect_in_child(path: Path, called: str) -> _Finding:
    command = [sys.executable, "-I", "-m", "runtimes.modelfile.onnxgraph", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIME_LIMIT, check=False, env={})
        return msgspec.json.decode(done.stdout, type=_Finding)
    except subprocess.TimeoutExpired:
        reason = f"took longer than {TIME_LIMIT:.0f} s to read"
    except msgspec.DecodeError:
        reason = f"broke the process that read it (exit code {done.returncode})"
    raise EngineError(
        "model.malformed",
        f"{called} {reason}.",
        kept="Nothing else was touched.",
        remedy=_REMEDIES["model.malformed"],
    )


def main() -> None:
    path = Path(sys.argv[1])
    limit = _MEMORY_BASE + _MEMORY_FACTOR * path.stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        finding = _Finding(facts=inspect(path))
    except EngineError as error:
        finding = _Finding(error=_Failure(error.code, error.what))
    except MemoryError:
        finding = _Finding(error=_Failure("model.malformed", f"needs more than {limit} bytes to read."))
    sys.stdout.buffer.write(msgspec.json.encode(finding))


def inspect(path: Path) -> OnnxFacts:
    """Parse and check in this process. The error's sentence lacks its subject, the file's name."""
    import onnx  # noqa: PLC0415 - 150 ms and a C++ library, wanted in the child only
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415 - no stubs

    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise EngineError(
            "model.not-what-it-says",
            "is no ONNX or GGUF file; it is something else, or it was cut short on its way.",
        ) from error
    if not model.ir_version or not model.opset_import or not model.graph.output:
        raise EngineError(
            "model.not-what-it-says",
            "is no ONNX or GGUF file; it has no graph with outputs and operator sets.",
        )
    _refuse_external_data(model)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
        raise EngineError(
            "model.malformed", f"is an ONNX file with an unsound graph: {first[:300]}"
        ) from error
    return _facts(model)


def _refuse_external_data(model: "onnx.ModelProto") -> None:
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location == tensor.EXTERNAL:
            place = next((entry.value for entry in tensor.external_data if entry.key == "location"), "?")
            raise EngineError(
                "model.external-data",
                f"keeps the weights of {tensor.name!r} in another file ({place!r}); a model must be one file.",
            )


def _tensors(message: Any) -> Iterator[Any]:
    """Every TensorProto below a message, wherever graphs nest: initializers, attributes, branches, functions."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                yield from _tensors(part)


def _facts(model: "onnx.ModelProto") -> OnnxFacts:
    opsets = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    weights = {tensor.name for tensor in model.graph.initializer}
    return OnnxFacts(
        opset=opsets.pop("ai.onnx", None),
        operator_domains=tuple(sorted(opsets)),
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        inputs=tuple(_spec(value) for value in model.graph.input if value.name not in weights),
        outputs=tuple(_spec(value) for value in model.graph.output),
    )


def _spec(value: "onnx.ValueInfoProto") -> TensorSpec:
    import onnx  # noqa: PLC0415 - as above

    tensor = value.type.tensor_type
    datatype = _DATATYPES.get(onnx.TensorProto.DataType.Name(tensor.elem_type), "")
    shape = tuple(
        dimension.dim_value if dimension.WhichOneof("value") == "dim_value" else -1
        for dimension in tensor.shape.dim
    )
    return TensorSpec(value.name, datatype, shape)


_DATATYPES = {
    "BOOL": "BOOL",
    "UINT8": "UINT8",
    "UINT16": "UINT16",
    "UINT32": "UINT32",
    "UINT64": "UINT64",
    "INT8": "INT8",
    "INT16": "INT16",
    "INT32": "INT32",
    "INT64": "INT64",
    "FLOAT16": "FP16",
    "BFLOAT16": "BF16",
    "FLOAT": "FP32",
    "DOUBLE": "FP64",
    "STRING": "BYTES",
}


if __name__ == "__main__":
    main()
