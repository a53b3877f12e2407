"""Measure what the gateway adds to the router's own call, over the Unix socket, one client.

The router here answers at once, so that the time of a request is the time of HTTP, JSON and copying; its
call is measured too and taken off. Run it with `.venv/bin/python -m benchmarks.gateway_overhead`.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import numpy as np

from appliance.gateway.app import build_app
from appliance.gateway.router import Answered, ModelInfo
from appliance.gateway.server import GatewayServer
from benchmarks.http_client import drive, exchange_once, post
from runtimes.engine import GenerationChunk, GenerationRequest, Tensor, Tensors, TensorSpec

GOALS_MS = {"4 kB": 0.3, "600 kB": 0.8}
"""For binary tensors, p50."""
SIZES = {"4 kB": 4_000, "600 kB": 600_000}
"""Bytes of the tensor's data in the body."""
BYTES_PER_NUMBER = {"binary": 4, "JSON": 20}
"""FP32 values; Python writes the nearest double of most of them with 18 digits."""


class InstantRouter:
    """Answers with two scores, or with its input."""

    def __init__(self) -> None:
        spec = (TensorSpec("x", "FP32", (1, -1)),)
        self._models = {
            name: ModelInfo(name, "1", "tensor", "numpy", ready=True, created=0, inputs=spec, outputs=spec)
            for name in ("scores", "same")
        }
        self._scores = np.array([[0.25, 0.75]], np.float32)

    def models(self) -> Sequence[ModelInfo]:
        return tuple(self._models.values())

    def model(self, name: str, version: str | None = None) -> ModelInfo:  # noqa: ARG002 - the protocol's
        return self._models[name]

    async def infer(
        self,
        name: str,
        inputs: Tensors,
        outputs: Sequence[str] = (),  # noqa: ARG002
        version: str | None = None,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        return {"x": self._scores if name == "scores" else inputs["x"]}

    async def generate(self, name: str, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        for word in request.prompt or "":
            yield GenerationChunk(word + name)

    def answered(self, answered: Answered) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the gateway adds to a request.")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each row is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s")
        child = multiprocessing.get_context("spawn").Process(target=_serve, args=(path,), daemon=True)
        child.start()
        _wait_until_it_answers(path)
        own = asyncio.run(_router_call_ms())
        print(f"the router's own call: {own:.4f} ms; Unix socket, 1 client, time added to it:\n")
        print(f"{'body':<8} {'form':<8} {'answer':<8} {'p50 ms':>8} {'p99 ms':>8} {'goal p50':>9}")
        for size, length in SIZES.items():
            for form, bytes_per_number in BYTES_PER_NUMBER.items():
                for answer in ("scores", "same"):
                    request = _request(answer, length // bytes_per_number, form)
                    took = drive(str(path), request, 1, options.seconds)
                    goal = f"{GOALS_MS[size]}" if form == "binary" and answer == "scores" else ""
                    p50, p99 = took.p50_ms - own, took.p99_ms - own
                    print(f"{size:<8} {form:<8} {answer:<8} {p50:>8.3f} {p99:>8.3f} {goal:>9}")
        child.terminate()
        child.join()


def _serve(path: Path) -> None:
    async def serve() -> None:
        await GatewayServer().start(build_app(InstantRouter()), unix_path=path, host=None)
        await asyncio.Event().wait()

    asyncio.run(serve())


def _wait_until_it_answers(path: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            exchange_once(str(path), post("/v2/models/scores/infer", b"{}"))
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


async def _router_call_ms() -> float:
    router, x = InstantRouter(), {"x": np.zeros((1, 1000), np.float32)}
    times = []
    for _ in range(1000):
        began = time.perf_counter()
        await router.infer("same", x)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3


def _request(model: str, count: int, form: str) -> bytes:
    values = np.linspace(0, 1, count, dtype=np.float32)
    one: dict[str, object] = {"name": "x", "shape": [1, count], "datatype": "FP32"}
    path = f"/v2/models/{model}/infer"
    if form == "JSON":
        return post(path, json.dumps({"inputs": [{**one, "data": values.tolist()}]}).encode())
    one["parameters"] = {"binary_data_size": values.nbytes}
    head = json.dumps({"inputs": [one], "parameters": {"binary_data_output": True}}).encode()
    return post(path, head + values.tobytes(), f"Inference-Header-Content-Length: {len(head)}\r\n")


if __name__ == "__main__":
    main()
