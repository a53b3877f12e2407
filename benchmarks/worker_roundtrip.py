"""What a worker process costs over the same session in process: `python -m benchmarks.worker_roundtrip`.

One ONNX model that negates its input, run by onnxruntime with one thread, so that nearly all of the time
is the way there and back. Both are asked in turn, so that a busy machine slows both alike.
"""

import argparse
import asyncio
import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import uvloop
from onnx import TensorProto, helper

from runtimes.engine import Candidate, ModelFile, ModelFormat
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

SIZES = {"4 kB": 1_024, "600 kB": 150_000}
"""Elements of float32; `in only` answers with one number, `in and out` with as much as was asked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    options = parser.parse_args()
    run = uvloop.run if options.loop == "uvloop" else asyncio.run
    print(f"{options.runs} requests each, milliseconds, {options.loop}")
    print(f"{'tensor':<22}{'in process':>20}{'worker':>20}{'difference':>20}")
    print(f"{'':<22}" + f"{'p50':>10}{'p99':>10}" * 3)
    run(measure(options.runs))


async def measure(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for label, operator in {"in and out": "Neg", "in only": "ReduceMax"}.items():
            path = _model(Path(folder) / f"{operator}.onnx", operator)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            worker = await Worker.start(_spec(path))
            for size, elements in SIZES.items():
                x = np.random.default_rng(0).random(elements, np.float32)
                here, there = [], []
                for _ in range(runs + 50):
                    start = time.perf_counter()
                    session.run(["y"], {"x": x})
                    middle = time.perf_counter()
                    await worker.infer({"x": x})
                    there.append(time.perf_counter() - middle)
                    here.append(middle - start)
                _print(f"{size} {label}", here[50:], there[50:])
            await worker.stop()


def _print(label: str, here: list[float], there: list[float]) -> None:
    figures = [_percentiles(here), _percentiles(there)]
    figures.append([b - a for a, b in zip(*figures, strict=True)])
    print(f"{label:<22}" + "".join(f"{value * 1000:>10.3f}" for pair in figures for value in pair))


def _percentiles(seconds: list[float]) -> list[float]:
    hundredths = statistics.quantiles(seconds, n=100)
    return [hundredths[49], hundredths[98]]


def _spec(path: Path) -> WorkerSpec:
    data = path.read_bytes()
    model = ModelFile(path, ModelFormat.ONNX, hashlib.sha256(data).hexdigest(), len(data))
    return WorkerSpec(model, Candidate("onnxruntime", "CPU", "f32", 1), Path(sys.executable))


def _model(path: Path, operator: str) -> Path:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["m"])
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "round trip", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


if __name__ == "__main__":
    main()
