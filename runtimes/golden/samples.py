"""Golden samples: inputs with the outputs a model must give, whatever engine runs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtimes.engine import Tensor

USUAL = 1e-3
"""How far an output may be off where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an output may be from the expected one: |got - want| <= absolute + relative * |want|."""

    absolute: float = USUAL
    """Infinite where only the order counts."""
    relative: float = USUAL
    top_k: int = 0
    """How many of the largest along the last axis must be the same, in any order; 0 for no such demand."""
    agreement: float = 1.0
    """Which share of them, over the whole output."""


@dataclass(frozen=True, slots=True)
class TensorSample:
    name: str
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class TextSample:
    """A prompt and what must come back: exactly `text`, or something that `pattern` (a regular expression) finds.

    Generated greedily (temperature 0), so that the seed decides nothing on most engines; it is kept all the same.
    """

    name: str
    prompt: str | None
    messages: tuple[tuple[str, str], ...]
    """(role, content) pairs; empty where `prompt` is set."""
    seed: int
    max_tokens: int
    text: str | None
    pattern: str | None


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """The golden samples of one model: all tensors, or all text."""

    samples: tuple[TensorSample, ...] | tuple[TextSample, ...]
    tolerance: Tolerance = Tolerance()
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    """Output name -> its own tolerance, for those that `tolerance` does not fit."""

    def tolerance_of(self, output: str) -> Tolerance:
        return self.tolerances.get(output, self.tolerance)
