"""What the gateway asks of the rest of the box: who serves a name, and somebody to tell afterwards."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from runtimes.engine import GenerationChunk, GenerationRequest, Tensor, Tensors, TensorSpec


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A deployment as clients see it."""

    name: str
    version: str
    kind: str
    """`tensor` or `text`."""
    platform: str
    """Engine and format, such as `openvino_onnx`."""
    ready: bool
    created: int
    """Unix time of the deployment."""
    inputs: tuple[TensorSpec, ...] = ()
    """Empty where it is not known now, because the worker is being started."""
    outputs: tuple[TensorSpec, ...] = ()
    context_tokens: int | None = None
    degraded: str = ""
    """Cause code of why it is served by another candidate than planned; empty where it is not."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One finished request, told to telemetry after the answer went out."""

    deployment: str
    seconds: float
    cause: str | None
    """None where it went well, else the cause code."""
    tokens: int = 0


class Router(Protocol):
    """Finds who answers. Every call raises EngineError; code `deployment.unknown` for an unknown name."""

    def models(self) -> Sequence[ModelInfo]: ...

    def model(self, name: str, version: str | None = None) -> ModelInfo: ...

    async def infer(
        self, name: str, inputs: Tensors, outputs: Sequence[str] = (), version: str | None = None
    ) -> dict[str, Tensor]: ...

    def generate(self, name: str, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        """Text as it is made; the last chunk has the finish reason. Closing the generator cancels."""
        ...

    def answered(self, answered: Answered) -> None: ...
