"""Running one golden sample in a worker, by the clock of who waits for the answer."""

import time
from dataclasses import dataclass, field

from runtimes.engine import GenerationRequest, Message, Tensors
from runtimes.golden import TensorSample, TextSample
from runtimes.worker.handle import Worker


@dataclass(frozen=True, slots=True)
class Run:
    """One answer. Times in seconds, from the request on."""

    seconds: float
    outputs: Tensors = field(default_factory=dict)
    text: str = ""
    first_token_seconds: float = 0.0
    prompt_tokens: int = 0
    tokens: int = 0
    """Generated ones."""


async def run_sample(worker: Worker, sample: TensorSample | TextSample) -> Run:
    """Infer, or generate greedily. Raises EngineError."""
    if isinstance(sample, TextSample):
        return await _generate(worker, sample)
    began = time.perf_counter()
    outputs = await worker.infer(sample.inputs, tuple(sample.outputs))
    return Run(time.perf_counter() - began, outputs)


async def _generate(worker: Worker, sample: TextSample) -> Run:
    request = GenerationRequest(
        prompt=sample.prompt,
        messages=tuple(Message(role, content) for role, content in sample.messages),
        max_tokens=sample.max_tokens,
        temperature=0.0,
        top_p=1.0,
        seed=sample.seed,
    )
    began = time.perf_counter()
    first: float | None = None
    pieces: list[str] = []
    prompt_tokens = tokens = 0
    async for chunk in worker.generate(request):
        first = first or time.perf_counter()
        pieces.append(chunk.text)
        prompt_tokens, tokens = chunk.prompt_tokens, chunk.completion_tokens
    ended = time.perf_counter()
    return Run(
        seconds=ended - began,
        text="".join(pieces),
        first_token_seconds=(first or ended) - began,
        prompt_tokens=prompt_tokens,
        tokens=tokens,
    )
