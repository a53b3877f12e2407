"""What the tests of engines and workers share: specs for small models, and workers that are always stopped."""

import hashlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from runtimes.engine import Candidate, ModelFile, ModelFormat
from runtimes.hardware.profile import Cpu, HardwareProfile, Memory
from runtimes.worker.handle import Worker
from runtimes.worker.spec import WorkerSpec

DescribeFile = Callable[[Path], ModelFile]
MakeSpec = Callable[..., WorkerSpec]
StartWorker = Callable[..., Awaitable[Worker]]

_ENGINES = {ModelFormat.ONNX: ("onnxruntime", "f32"), ModelFormat.GGUF: ("llamacpp", "stored")}


def describe_file(path: Path) -> ModelFile:
    data = path.read_bytes()
    kind = ModelFormat.GGUF if path.suffix == ".gguf" else ModelFormat.ONNX
    return ModelFile(path, kind, hashlib.sha256(data).hexdigest(), len(data))


def exists(pid: int | None) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture(autouse=True)
def no_worker_left() -> Iterator[None]:
    """Every worker that a test started has ended, and was waited for."""
    yield
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    left = [pid for pid in children if b"runtimes/worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    zombies = [pid for pid in children if not Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert not left + zombies


@pytest.fixture(name="describe_file")
def _describe_file() -> DescribeFile:
    return describe_file


@pytest.fixture
def spec() -> MakeSpec:
    """Makes a WorkerSpec: `spec(path, engine="openvino", precision="bf16", request_timeout=1)`."""

    def make(
        path: Path,
        engine: str | None = None,
        precision: str | None = None,
        threads: int = 1,
        streams: int = 1,
        **limits: float,
    ) -> WorkerSpec:
        model = describe_file(path)
        usual_engine, usual_precision = _ENGINES[model.format]
        candidate = Candidate(
            engine or usual_engine, "CPU", precision or usual_precision, threads, {"streams": streams}
        )
        return WorkerSpec(model, candidate, Path(sys.executable), **limits)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def start(spec: MakeSpec) -> AsyncIterator[StartWorker]:
    """Starts a worker for a file, as `spec` describes it; all are stopped after the test."""
    started: list[Worker] = []

    async def start_one(path: Path, *arguments: str, **settings: float) -> Worker:
        worker = await Worker.start(spec(path, *arguments, **settings))
        started.append(worker)
        return worker

    yield start_one
    for worker in started:
        await worker.stop()


@pytest.fixture
def hardware() -> HardwareProfile:
    """Two plain cores and no accelerator."""
    cpu = Cpu("x86_64", "test", ("avx2",), 2, 2, None, None, 1, usable=2.0)
    return HardwareProfile(None, None, cpu, Memory(None, None, None))
