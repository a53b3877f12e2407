"""One engine, one model, in a process of its own: by the engine's own defaults, or as a candidate says.

    python -m benchmarks.engine_child JOB.json

Writes the answers to the golden inputs as `.npy` files and prints one JSON object; then, for every line with a
number of seconds on standard input, runs for so long and prints the seconds of each run; for text those of each token.
"""

import ctypes
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
    Message,
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


Run = Callable[[int], int]
"""Takes the number of the turn; gives how many answers or tokens it made."""


def _timed(run: Run, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        made = run(len(times))
        times.append((time.perf_counter() - began) / made)
    return times


def _is_tensor(golden: GoldenSet) -> bool:
    return isinstance(golden.samples[0], TensorSample)


def _tensor_runner(job: Job, golden: GoldenSet) -> tuple[Run, dict[str, Any]]:
    infer = _candidate_infer(job) if job.candidate else _DEFAULT_INFER[job.engine](job.model.path)
    samples = [sample for sample in golden.samples if isinstance(sample, TensorSample)]
    for number, sample in enumerate(samples):
        for name, tensor in infer(sample.inputs).items():
            np.save(job.answers / f"{number}-{name}.npy", tensor)

    def run(turn: int) -> int:
        infer(samples[turn % len(samples)].inputs)
        return 1

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


def _text_runner(job: Job, golden: GoldenSet) -> tuple[Run, dict[str, Any]]:
    generate = _candidate_generate(job) if job.candidate else _llamacpp_default(job.model.path)
    samples = [sample for sample in golden.samples if isinstance(sample, TextSample)]
    answers = [generate(sample) for sample in samples]

    def run(_: int) -> int:
        return sum(generate(sample)[1] for sample in samples)

    return run, {"texts": [text for text, _ in answers]}


def _candidate_generate(job: Job) -> Generate:
    model: TextModel = _adapter(job).load(job.model, job.candidate, None)

    def generate(sample: TextSample) -> tuple[str, int]:
        request = GenerationRequest(
            prompt=sample.prompt,
            messages=tuple(Message(role, content) for role, content in sample.messages),
            max_tokens=sample.max_tokens,
            temperature=0.0,
            top_p=1.0,
            seed=sample.seed,
        )
        chunks = list(model.generate(request))
        return "".join(chunk.text for chunk in chunks), chunks[-1].completion_tokens

    return generate


def _llamacpp_default(path: Path) -> Generate:
    import llama_cpp  # noqa: PLC0415

    _load_backends(Path(llama_cpp.__file__).with_name("lib"))
    llama = llama_cpp.Llama(str(path), verbose=False)

    def generate(sample: TextSample) -> tuple[str, int]:
        settings: Any = {"max_tokens": sample.max_tokens, "temperature": 0.0, "seed": sample.seed}
        if sample.messages:
            said: Any = [{"role": role, "content": content} for role, content in sample.messages]
            done: Any = llama.create_chat_completion(said, **settings)
            return done["choices"][0]["message"]["content"], done["usage"]["completion_tokens"]
        done = llama.create_completion(sample.prompt or "", **settings)
        return done["choices"][0]["text"], done["usage"]["completion_tokens"]

    return generate


def _load_backends(folder: Path) -> None:
    """llama.cpp's own choice among the variants of its build."""
    ctypes.CDLL(str(folder / "libggml.so")).ggml_backend_load_all_from_path(str(folder).encode())


def _adapter(job: Job) -> Any:
    (found,) = entry_points(group=ENTRY_POINT_GROUP, name=job.engine)
    return found.load()()


if __name__ == "__main__":
    main()
