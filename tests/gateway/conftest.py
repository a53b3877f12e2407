"""A real server on real sockets, in a thread of its own, in front of a router that computes with numpy."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from appliance.gateway.app import build_app
from appliance.gateway.limits import Limits
from appliance.gateway.router import Answered, ModelInfo
from appliance.gateway.server import GatewayServer
from runtimes.datatypes import DTYPES
from runtimes.engine import GenerationChunk, GenerationRequest, Tensor, Tensors, TensorSpec
from runtimes.errors import EngineError

LIMITS = Limits(body=1_000_000, tensor=500_000)
IMPATIENT = Limits(head_seconds=1.0, body_seconds=1.0, answer_seconds=1.0)
PATIENCE = 30
"""Seconds that a test waits for what must happen, on a machine that is busy with other things."""
WORDS = ("The ", "spindle ", "bearing ", "is ", "worn.")


def tensor_model(name: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> ModelInfo:
    return ModelInfo(
        name, "1.2.0", "tensor", "numpy", ready=True, created=1, inputs=tuple(inputs), outputs=tuple(outputs)
    )


def text_model(name: str, *, ready: bool = True) -> ModelInfo:
    return ModelInfo(name, "1.0.0", "text", "script", ready=ready, created=2, context_tokens=512)


class NumpyRouter:
    """Tensor models that numpy computes, and text models that say their lines."""

    def __init__(self) -> None:
        any_vector = [TensorSpec("x", "FP32", (-1,))]
        models = [
            tensor_model(f"same-{datatype}", [TensorSpec("x", datatype, ())], [TensorSpec("y", datatype, ())])
            for datatype in DTYPES
        ]
        models += [
            tensor_model(
                "add",
                [TensorSpec("a", "FP32", (-1, 2)), TensorSpec("b", "FP32", (-1, 2))],
                [TensorSpec("sum", "FP32", (-1, 2)), TensorSpec("difference", "FP32", (-1, 2))],
            ),
            tensor_model("not-a-number", any_vector, any_vector),
            tensor_model("slow", any_vector, any_vector),
            tensor_model("dying", any_vector, any_vector),
            tensor_model("faulty", any_vector, any_vector),
            text_model("words"),
            text_model("endless"),
            text_model("failing-late"),
            text_model("failing-early"),
            text_model("silent"),
        ]
        self._models = {model.name: model for model in models}
        self.told: list[Answered] = []
        self.asked: list[GenerationRequest] = []
        self.closed = threading.Event()
        self.cancelled = threading.Event()
        self.aligned: list[bool] = []
        self.inferring = threading.Event()
        self.generating = threading.Event()

    def models(self) -> Sequence[ModelInfo]:
        return tuple(self._models.values())

    def model(self, name: str, version: str | None = None) -> ModelInfo:
        model = self._models.get(name)
        if model is None or version not in {None, model.version}:
            raise EngineError(
                "deployment.unknown", f"No deployment is named {name}.", remedy="See /v1/models."
            )
        return model

    async def infer(
        self,
        name: str,
        inputs: Tensors,
        outputs: Sequence[str] = (),
        version: str | None = None,  # noqa: ARG002 - the protocol's
    ) -> dict[str, Tensor]:
        self.inferring.set()
        self.aligned = [tensor.flags.aligned for tensor in inputs.values()]
        match name:
            case "add":
                results: dict[str, Tensor] = {
                    "sum": inputs["a"] + inputs["b"],
                    "difference": inputs["a"] - inputs["b"],
                }
                return {output: results[output] for output in outputs or results}
            case "not-a-number":
                return {"x": inputs["x"] * np.float32("nan")}
            case "slow":
                try:
                    await asyncio.sleep(PATIENCE)
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise
            case "dying":
                raise EngineError("worker.died", "The worker died.", remedy="It is being started again.")
            case "faulty":
                raise ZeroDivisionError("a fault of our own")
        return {"y": inputs["x"]}

    async def generate(self, name: str, request: GenerationRequest) -> AsyncGenerator[GenerationChunk, None]:
        self.generating.set()
        self.asked.append(request)
        try:
            if name == "silent":
                await asyncio.sleep(PATIENCE)
            if name == "failing-early":
                raise EngineError("context.overflow", "The prompt has 600 tokens, the context 512.")
            for number, word in enumerate(WORDS):
                if name == "failing-late" and number == 2:
                    raise EngineError("worker.died", "The worker died.")
                yield GenerationChunk(word)
            while name == "endless":
                await asyncio.sleep(0.01)
                yield GenerationChunk("on and ")
            yield GenerationChunk("", "stop", prompt_tokens=7, completion_tokens=len(WORDS))
        finally:
            self.closed.set()

    def answered(self, answered: Answered) -> None:
        self.told.append(answered)

    @contextmanager
    def also(self, model: ModelInfo) -> Iterator[None]:
        self._models[model.name] = model
        try:
            yield
        finally:
            del self._models[model.name]

    def told_of(self, deployment: str) -> Answered:
        """The newest report about a deployment; waits, because it is made after the answer is out."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for answered in reversed(self.told):
                if answered.deployment == deployment:
                    return answered
            time.sleep(0.01)
        raise AssertionError(f"the router was never told of {deployment}")


class Serving:
    """A running gateway: its router, its sockets, and a client."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.router = NumpyRouter()
        self.socket = folder / "inference.sock"
        self.server = GatewayServer(limits)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="gateway under test")
        self._thread.start()
        app = build_app(self.router, limits=limits)
        self._run(self.server.start(app, unix_path=self.socket, host="127.0.0.1", port=0))
        self.url = self.server.endpoints[1]
        self.port = int(self.url.rpartition(":")[2])
        transport = httpx.HTTPTransport(uds=str(self.socket))
        self.http = httpx.Client(transport=transport, base_url="http://box", timeout=PATIENCE)

    def close(self) -> None:
        self.http.close()
        self._run(self.server.stop(1))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def _run(self, coroutine: object) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def shared_serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    serving = Serving(tmp_path_factory.mktemp("gateway"), LIMITS)
    yield serving
    serving.close()


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Serving]:
    """A gateway of its own that waits a second for anything, and no longer."""
    serving = Serving(tmp_path, IMPATIENT)
    yield serving
    serving.close()


@pytest.fixture
def serving(shared_serving: Serving) -> Serving:
    """The running gateway, with a router that remembers nothing of other tests."""
    router = shared_serving.router
    router.told.clear()
    router.asked.clear()
    router.closed.clear()
    router.cancelled.clear()
    return shared_serving
