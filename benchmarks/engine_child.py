"""One engine, one model, in a process of its own: by the engine's own defaults, or as a candidate says.

    python -m benchmarks.engine_child JOB.json

Writes the answers to the golden inputs as `.npy` files and prints one JSON object; then, for every line with a
number of seconds on standard input, runs for so long and prints the seconds of each run.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runtimes.engine import (
    ENTRY_POINT_GROUP,
    Candidate,
    GenerationRequest,
    ModelFile,
    TensorModel,
    Tensors,
    TextModel,
)
from runtimes.golden import GoldenSet, TensorSample, TextSample, load_golden_folder


class Job(msgspec.Struct, frozen=True):
    engine: str
    model: ModelFile
    golden: Path
    """Folder of the golden set."""
    answers: Path
    """Folder for the answers, one for each sample and output."""
    candidate: Candidate | None = None
    """None for the engine's own defaults."""


Infer = Callable[[Tensors], Tensors]
Generate = Callable[[TextSample], tuple[str, int]]
"""Gives the text and the number of generated tokens."""


def main() -> None:
    job = msgspec.json.decode(
        Path(sys.argv[1]).read_bytes(), type=Job, dec_hook=lambda kind, value: kind(value)
    )
    golden = load_golden_folder(job.golden)
    run, ready = _tensor_runner(job, golden) if _is_tensor(golden) else _text_runner(job, golden)
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(_timed(run, float(line))), flush=True)


def _timed(run: Callable[[int], None], seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        run(len(times))
        times.append(time.perf_counter() - began)
    return times


def _is_tensor(golden: GoldenSet) -> bool:
    return isinstance(golden.samples[0], TensorSample)


def _tensor_runner(job: Job, golden: GoldenSet) -> tuple[Callable[[int], None], dict[str, Any]]:
    infer = _candidate_infer(job) if job.candidate else _DEFAULT_INFER[job.engine](job.model.path)
    samples = [sample for sample in golden.samples if isinstance(sample, TensorSample)]
    for number, sample in enumerate(samples):
        for name, tensor in infer(sample.inputs).items():
            np.save(job.answers / f"{number}-{name}.npy", tensor)

    def run(turn: int) -> None:
        infer(samples[turn % len(samples)].inputs)

    return run, {}


def _candidate_infer(job: Job) -> Infer:
    model: TensorModel = _adapter(job).load(job.model, job.candidate, None)
    return model.infer


def _onnxruntime_default(path: Path) -> Infer:
    import onnxruntime  # noqa: PLC0415 - one engine a process

    session = onnxruntime.InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def _openvino_default(path: Path) -> Infer:
    import openvino  # noqa: PLC0415

    compiled = openvino.Core().compile_model(str(path))
    names = [port.get_any_name() for port in compiled.outputs]
    request = compiled.create_infer_request()

    def infer(inputs: Tensors) -> Tensors:
        results = request.infer(dict(inputs))
        return {name: results[index] for index, name in enumerate(names)}

    return infer


_DEFAULT_INFER: dict[str, Callable[[Path], Infer]] = {
    "onnxruntime": _onnxruntime_default,
    "openvino": _openvino_default,
}


def _text_runner(job: Job, golden: GoldenSet) -> tuple[Callable[[int], None], dict[str, Any]]:
    generate = _candidate_generate(job) if job.candidate else _llamacpp_default(job.model.path)
    samples = [sample for sample in golden.samples if isinstance(sample, TextSample)]
    answers = [generate(sample) for sample in samples]

    def run(_: int) -> None:
        for sample in samples:
            generate(sample)

    return run, {"texts": [text for text, _ in answers], "tokens": sum(tokens for _, tokens in answers)}


def _candidate_generate(job: Job) -> Generate:
    model: TextModel = _adapter(job).load(job.model, job.candidate, None)

    def generate(sample: TextSample) -> tuple[str, int]:
        request = GenerationRequest(
            prompt=sample.prompt, max_tokens=sample.max_tokens, temperature=0.0, top_p=1.0, seed=sample.seed
        )
        chunks = list(model.generate(request))
        return "".join(chunk.text for chunk in chunks), chunks[-1].completion_tokens

    return generate


def _llamacpp_default(path: Path) -> Generate:
    import llama_cpp  # noqa: PLC0415

    llama = llama_cpp.Llama(str(path), verbose=False)

    def generate(sample: TextSample) -> tuple[str, int]:
        done: Any = llama.create_completion(
            sample.prompt or "", max_tokens=sample.max_tokens, temperature=0.0, seed=sample.seed
        )
        return done["choices"][0]["text"], done["usage"]["completion_tokens"]

    return generate


def _adapter(job: Job) -> Any:
    (found,) = entry_points(group=ENTRY_POINT_GROUP, name=job.engine)
    return found.load()()


if __name__ == "__main__":
    main()
