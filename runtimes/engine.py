"""What an engine is to the rest of the house: the types and the two protocols an adapter fulfils.

An adapter is a class found through the entry-point group `appliance.runtimes`. It is only ever
constructed inside a worker process, never in the daemon.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from runtimes.hardware.profile import HardwareProfile

ENTRY_POINT_GROUP = "appliance.runtimes"

Tensor = NDArray[Any]
Tensors = Mapping[str, Tensor]


class ModelFormat(StrEnum):
    ONNX = "onnx"
    GGUF = "gguf"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model's weights on this machine: where they lie and what they are."""

    path: Path
    format: ModelFormat
    digest: str
    """SHA-256 of the file, lower-case hexadecimal without a prefix."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output; `datatype` in the words of the Open Inference Protocol (FP32, INT64, BYTES …)."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """-1 stands for a dimension that may change from request to request."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run a model here. Equal candidates run the same way."""

    engine: str
    """The adapter's entry-point name, such as `onnxruntime`."""
    device: str
    """The engine's own name of the device, such as `CPU`, `cuda:0` or `GPU.1`."""
    precision: str
    """`f32`, `bf16`, `f16`, `int8`, or `stored` where the file decides (GGUF quantisations)."""
    threads: int
    """That compute, of all streams together."""
    options: Mapping[str, str | int] = field(default_factory=dict)
    """Further engine settings, already decided; never left to the engine's defaults. `streams` is how many requests
    the model answers at once, 1 where it is not given."""
    pack: str = ""
    """Name of the runtime pack whose workers run it, empty for the core's own environment. Adapters leave it empty."""
    reserve: int = 0
    """Tried only where every candidate of the engine on the device with a smaller one failed or was wrong."""

    @property
    def label(self) -> str:
        """How people read it: `openvino CPU bf16 x2`, `onnxruntime-cuda cuda:0 f32 x1`, `llamacpp CPU stored x2 zen4`."""
        variant = f" {self.options['variant']}" if "variant" in self.options else ""
        streams = f" {self.streams} streams" if self.streams > 1 else ""
        return f"{self.pack or self.engine} {self.device} {self.precision} x{self.threads}{streams}{variant}"

    @property
    def streams(self) -> int:
        return int(self.options.get("streams", 1))


@dataclass(frozen=True, slots=True)
class Rejection:
    """A candidate, or a whole engine, that cannot run this model here, and why."""

    engine: str
    device: str
    code: str
    """A stable cause code such as `operator.unsupported`, `device.absent`, `format.unsupported`."""
    reason: str
    pack: str = ""
    """As `Candidate.pack`."""


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """What an engine says of itself on this machine."""

    name: str
    version: str
    formats: tuple[ModelFormat, ...]
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InForce:
    """What the engine really did after loading, read back from it, not what it was asked for."""

    device: str
    precision: str
    threads: int
    details: Mapping[str, str] = field(default_factory=dict)
    """Providers in force, node placement, CPU variant: whatever the engine tells."""


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Text to continue (`prompt`) or a conversation to answer (`messages`): exactly one of them is set."""

    prompt: str | None = None
    messages: tuple[Message, ...] = ()
    max_tokens: int = 256
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerationChunk:
    """A piece of generated text. Only the last chunk has a `finish_reason` and the token counts."""

    text: str
    finish_reason: str | None = None
    """`stop`, `length` or `cancelled`."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


@runtime_checkable
class TensorModel(Protocol):
    """A loaded model that maps tensors to tensors."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    in_force: InForce

    def infer(self, inputs: Tensors, outputs: Sequence[str] = ()) -> dict[str, Tensor]:
        """Run once; `outputs` names the wanted ones, empty for all. Raises EngineError.

        As many threads call it at once as the candidate has streams.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class TextModel(Protocol):
    """A loaded model that continues text."""

    context_tokens: int
    in_force: InForce

    def generate(self, request: GenerationRequest) -> Iterator[GenerationChunk]:
        """Yield text as it is made; closing the iterator cancels. Raises EngineError."""
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    """An adapter: one engine, as the worker sees it."""

    name: str

    def describe(self) -> EngineDescription: ...

    def candidates(self, model: ModelFile, hardware: HardwareProfile) -> Sequence[Candidate | Rejection]:
        """Every way this engine could run the model here, best guess first; nothing is loaded yet."""
        ...

    def load(self, model: ModelFile, candidate: Candidate, cache: Path | None) -> TensorModel | TextModel:
        """Load the model exactly as the candidate says, or raise EngineError; never fall back silently.

        `cache` is a folder for compiled models, None where the engine may keep none.
        """
        ...
