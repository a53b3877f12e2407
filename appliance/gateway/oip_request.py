"""An inference request of the Open Inference Protocol: read, checked against the model, as numpy tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, UnsetType

from appliance.gateway import tensors
from appliance.gateway.decoding import decode
from appliance.gateway.limits import Limits
from appliance.gateway.refusals import bad_request, too_large
from appliance.gateway.router import ModelInfo
from runtimes.engine import Tensor

Parameters = dict[str, str | int | float | bool | None]


class Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = {}
    data: Raw | UnsetType = UNSET


class Output(msgspec.Struct):
    name: str
    parameters: Parameters = {}


class InferRequest(msgspec.Struct):
    inputs: list[Input]
    id: str | None = None
    parameters: Parameters = {}
    outputs: list[Output] = []


@dataclass(frozen=True, slots=True)
class Inference:
    """What a client asked for, ready to be run."""

    id: str | None
    inputs: dict[str, Tensor]
    outputs: dict[str, bool]
    """The requested outputs in their order, and whether each goes out raw; empty for all."""
    raw_by_default: bool
    """How outputs go out that were not requested by name."""
    deadline: float
    """Seconds the client is ready to wait; infinite where it did not say."""


_decoder = msgspec.json.Decoder(InferRequest)


def read(body: memoryview, head: int | None, model: ModelInfo, limits: Limits) -> Inference:
    """Read a body whose first `head` bytes are JSON (all of it where `head` is None).

    Raises RefusalError: 400 for what is malformed or not this model's, 413 for what is beyond the limits.
    """
    if head is not None and head > len(body):
        raise bad_request("Inference-Header-Content-Length is larger than the body.")
    split = len(body) if head is None else head
    request = decode(_decoder, body[:split])
    _check_sizes(request, limits)
    inputs = _inputs(request.inputs, body[split:], limits)
    _match(inputs, model)
    raw_by_default = _flag(request.parameters, "binary_data_output", default=False)
    return Inference(
        id=request.id,
        inputs=inputs,
        outputs=_outputs(request.outputs, model, raw_by_default=raw_by_default),
        raw_by_default=raw_by_default,
        deadline=_deadline(request.parameters),
    )


def _check_sizes(request: InferRequest, limits: Limits) -> None:
    if max(len(request.inputs), len(request.outputs)) > limits.tensors:
        raise too_large(f"More than {limits.tensors} inputs or outputs.")
    names = [one.name for one in request.inputs] + [one.name for one in request.outputs]
    if max(map(len, [request.id or "", *names])) > limits.name:
        raise too_large(f"An id or a tensor's name is longer than {limits.name} characters.")


# --- inputs ---------------------------------------------------------------------


def _inputs(given: Sequence[Input], raw: memoryview, limits: Limits) -> dict[str, Tensor]:
    inputs: dict[str, Tensor] = {}
    for one in given:
        if one.name in inputs:
            raise bad_request(f"Input {one.name!r} is given twice.", code="tensor.twice")
        tensors.check_shape(one.shape, one.datatype, limits, tensor=one.name)
        size = _raw_size(one)
        if size > len(raw):
            raise bad_request(
                f"Input {one.name!r} needs {size} bytes, but {len(raw)} are left in the body.",
                code="tensor.size",
            )
        if isinstance(one.data, Raw):
            inputs[one.name] = tensors.from_json(one.data, one.datatype, one.shape, tensor=one.name)
        else:
            inputs[one.name] = tensors.from_bytes(raw[:size], one.datatype, one.shape, tensor=one.name)
            raw = raw[size:]
    if len(raw):
        raise bad_request(f"{len(raw)} bytes of the body belong to no input.", code="tensor.size")
    return inputs


def _raw_size(one: Input) -> int:
    """Bytes that the input has after the JSON; 0 for one whose data is in the JSON."""
    size = one.parameters.get("binary_data_size")
    if (size is None) == isinstance(one.data, UnsetType):
        raise bad_request(f"Input {one.name!r} needs either data or the parameter binary_data_size.")
    if size is None:
        return 0
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise bad_request(f"Input {one.name!r}: binary_data_size must be a number of bytes.")
    return size


def _match(inputs: Mapping[str, Tensor], model: ModelInfo) -> None:
    """Hold the inputs against what the model declares; while its worker restarts, that is nothing."""
    if not model.inputs:
        return
    specs = {spec.name: spec for spec in model.inputs}
    for name in inputs:
        if name not in specs:
            raise bad_request(
                f"Model {model.name!r} has no input {name!r}; its inputs are {', '.join(specs)}.",
                code="tensor.unknown",
            )
    for name, spec in specs.items():
        if name not in inputs:
            raise bad_request(f"Input {name!r} is missing.", code="tensor.missing")
        datatype, shape = tensors.datatype_of(inputs[name]), inputs[name].shape
        if datatype != spec.datatype:
            raise bad_request(
                f"Input {name!r} is {datatype}, but the model takes {spec.datatype}.", code="tensor.datatype"
            )
        if not _fits(shape, spec.shape):
            raise bad_request(
                f"Input {name!r} has the shape {list(shape)}, but the model takes {list(spec.shape)}.",
                code="tensor.shape",
            )


def _fits(shape: Sequence[int], declared: Sequence[int]) -> bool:
    """An empty declared shape is a scalar or a model that leaves the rank open: the engine decides then."""
    if not declared:
        return True
    return len(shape) == len(declared) and all(
        want in (-1, have) for have, want in zip(shape, declared, strict=True)
    )


# --- outputs and parameters -----------------------------------------------------


def _outputs(requested: Sequence[Output], model: ModelInfo, *, raw_by_default: bool) -> dict[str, bool]:
    declared = [spec.name for spec in model.outputs]
    outputs: dict[str, bool] = {}
    for one in requested:
        if declared and one.name not in declared:
            raise bad_request(
                f"Model {model.name!r} has no output {one.name!r}; its outputs are {', '.join(declared)}.",
                code="tensor.unknown",
            )
        if one.parameters.get("classification"):
            raise bad_request("The classification extension is not supported.", code="request.unsupported")
        outputs[one.name] = _flag(one.parameters, "binary_data", default=raw_by_default)
    return outputs


def _flag(parameters: Parameters, name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise bad_request(f"Parameter {name!r} must be true or false.", parameter=name)
    return value


def _deadline(parameters: Parameters) -> float:
    """From the parameter `timeout`, which counts microseconds as with Triton; 0 sets none."""
    timeout = parameters.get("timeout") or 0
    if isinstance(timeout, bool) or not isinstance(timeout, int) or timeout < 0:
        raise bad_request("Parameter 'timeout' must be a number of microseconds.", parameter="timeout")
    return timeout / 1e6 if timeout else float("inf")
