"""How soon a killed worker serves again, and how long `appliance doctor` takes: `python -m benchmarks.readiness`.

The worker is the supervisor's, with the daemon's policy; its model is a chain of additions that onnxruntime takes
about 0.2 s to load. From `kill -9` on, the next request is asked at once and waits.
"""

import argparse
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import uvloop
from onnx import TensorProto, helper

from runtimes.engine import Candidate
from runtimes.modelfile import identify
from runtimes.supervisor import Supervisor
from runtimes.worker.spec import WorkerSpec

ADDITIONS = 2500
X = {"x": np.ones(16, np.float32)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    print(f"{options.runs} runs each, seconds{'':<22}{'median':>10}{'fastest':>10}{'slowest':>10}")
    with tempfile.TemporaryDirectory() as folder:
        path = _slow_to_load(Path(folder) / "additions.onnx")
        _print("the engine loads the model", [_load(path) for _ in range(options.runs)])
        _print("kill -9 until the next answer", uvloop.run(_restarts(path, options.runs)))
    _print("appliance doctor", [_doctor() for _ in range(options.runs)])


def _load(path: Path) -> float:
    began = time.perf_counter()
    onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return time.perf_counter() - began


async def _restarts(path: Path, runs: int) -> list[float]:
    """Every run begins with a deployment that has not died yet: the pauses of a crash loop are no part of it."""
    spec = WorkerSpec(identify(path), Candidate("onnxruntime", "CPU", "f32", 1), Path(sys.executable))
    supervisor = Supervisor(lambda _: None)
    seconds = []
    for _ in range(runs):
        pid = (await supervisor.deploy("additions", spec)).pid
        assert pid is not None  # noqa: S101 - it was just deployed
        await supervisor.infer("additions", X)
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        await supervisor.infer("additions", X)
        seconds.append(time.perf_counter() - began)
        if supervisor.state("additions").pid == pid:
            raise SystemExit("the killed worker answered: this measured nothing")
    await supervisor.close()
    return seconds


def _doctor() -> float:
    command = [str(Path(sys.executable).with_name("appliance")), "doctor"]
    began = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if "processor" not in ended.stdout:
        raise SystemExit(f"{' '.join(command)} told nothing of this machine:\n{ended.stderr}")
    return seconds


def _print(label: str, seconds: list[float]) -> None:
    figures = (statistics.median(seconds), min(seconds), max(seconds))
    print(f"{label:<38}" + "".join(f"{figure:>10.3f}" for figure in figures))


def _slow_to_load(path: Path) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in "xy")
    sums = ["x", *(f"sum{n}" for n in range(ADDITIONS - 1)), "y"]
    nodes = [helper.make_node("Add", [before, "x"], [after]) for before, after in itertools.pairwise(sums)]
    graph = helper.make_graph(nodes, "additions", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


if __name__ == "__main__":
    main()
