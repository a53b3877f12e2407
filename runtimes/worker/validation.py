"""Does a request fit the model? Asked before the worker hears of it, so that a bad one costs nothing."""

from collections.abc import Mapping, Sequence

from runtimes.datatypes import datatype_of
from runtimes.engine import Tensor, Tensors, TensorSpec
from runtimes.errors import EngineError


def check_inputs(specs: Mapping[str, TensorSpec], inputs: Tensors) -> None:
    """Raise EngineError `request.input-unknown`, `request.input-missing`, `request.datatype` or `request.shape`."""
    for name, tensor in inputs.items():
        spec = specs.get(name)
        if spec is None:
            raise EngineError(
                "request.input-unknown",
                f"The model has no input {name!r}.",
                remedy=f"Its inputs are: {', '.join(specs)}.",
            )
        _check_tensor(spec, tensor)
    if len(inputs) < len(specs):
        missing = [name for name in specs if name not in inputs]
        raise EngineError(
            "request.input-missing",
            f"Input {', '.join(map(repr, missing))} is missing.",
            remedy=f"Its inputs are: {', '.join(specs)}.",
        )


def check_outputs(specs: Sequence[TensorSpec], wanted: Sequence[str]) -> None:
    """Raise EngineError `request.output-unknown`."""
    if not wanted:
        return
    names = [spec.name for spec in specs]
    for name in wanted:
        if name not in names:
            raise EngineError(
                "request.output-unknown",
                f"The model has no output {name!r}.",
                remedy=f"Its outputs are: {', '.join(names)}.",
            )


def _check_tensor(spec: TensorSpec, tensor: Tensor) -> None:
    datatype = datatype_of(tensor)
    if datatype != spec.datatype:
        raise EngineError(
            "request.datatype",
            f"Input {spec.name!r} is {datatype or tensor.dtype}, the model takes {spec.datatype}.",
            remedy=f"Send {spec.name!r} as {spec.datatype}.",
        )
    fits = len(tensor.shape) == len(spec.shape) and all(
        want in (-1, got) for want, got in zip(spec.shape, tensor.shape, strict=True)
    )
    if not fits:
        raise EngineError(
            "request.shape",
            f"Input {spec.name!r} has shape {list(tensor.shape)}, the model takes {list(spec.shape)}.",
            remedy="-1 stands for any length.",
        )
