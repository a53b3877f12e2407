"""What a preview says of a model file before any engine has seen it."""

from dataclasses import dataclass

from runtimes.engine import TensorSpec


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    opset: int | None
    """Version of the default operator set; None where the graph uses only others."""
    operator_domains: tuple[str, ...]
    """Further operator sets the engines must know, such as `com.microsoft`."""
    producer: str
    inputs: tuple[TensorSpec, ...]
    """`datatype` is empty where the Open Inference Protocol has no word for it; `shape` too where the rank is open."""
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class GgufFacts:
    architecture: str
    name: str | None
    context_tokens: int | None
    quantisation: str
    """The type that most of the weights have, as llama.cpp calls it: `F32`, `Q8_0`, `Q4_K` …"""
    parameters: int
    """Number of weights."""
    chat_template: bool


ModelFacts = OnnxFacts | GgufFacts
