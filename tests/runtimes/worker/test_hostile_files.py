"""Files made to harm cost one worker and nothing else: beside each of them another deployment goes on answering."""

import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtimes.engine import GenerationRequest
from runtimes.errors import EngineError
from runtimes.supervisor import RestartPolicy, Supervisor
from runtimes.worker.spec import WorkerSpec
from tests.runtimes import gguf_files, onnx_files

MakeSpec = Callable[..., WorkerSpec]

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
HUNDRED_GB = 25 << 30
"""Elements of float32."""
ROW = {"x": np.ones((1, 4), np.float32)}
TEXT = GenerationRequest(prompt="a", max_tokens=5)


@dataclass(frozen=True)
class Hostile:
    """A file, what is asked of it where it loads, and the causes that may be told."""

    make: Callable[[Path], Path]
    causes: tuple[str, ...]
    engines: tuple[str, ...] = ("onnxruntime", "openvino")
    ask: Any = field(default_factory=lambda: {"x": np.array(1, np.float32)})
    suffix: str = ".onnx"


def huge_dimensions(path: Path, *dimensions: int) -> Path:
    """The embedding's dimensions are others than its bytes can hold."""
    data = gguf_files.tiny_llama(path).read_bytes()
    name = b"token_embd.weight"
    at = data.index(name) + len(name) + 4
    path.write_bytes(data[:at] + struct.pack("<2Q", *dimensions) + data[at + 16 :])
    return path


def truncated(path: Path) -> Path:
    whole = gguf_files.tiny_llama(path) if path.suffix == ".gguf" else onnx_files.linear(path)
    path.write_bytes(path.read_bytes()[: whole.stat().st_size * 2 // 3])
    return path


def written(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


NO_MODEL = ("model.invalid", "model.unsupported")
LLAMA = ("llamacpp",)
HOSTILE = {
    "aborts at load": Hostile(
        lambda path: gguf_files.tiny_llama(path, **{"llama.block_count": 4_000_000_000}),
        ("worker.died", "model.invalid"),
        LLAMA,
        TEXT,
        ".gguf",
    ),
    "aborts at the first token": Hostile(
        lambda path: gguf_files.tiny_llama(path, **{"llama.attention.layer_norm_rms_epsilon": float("nan")}),
        ("worker.died",),
        LLAMA,
        TEXT,
        ".gguf",
    ),
    "huge dimensions": Hostile(
        lambda path: huge_dimensions(path, 1 << 40, 1 << 10), ("model.invalid",), LLAMA, TEXT, ".gguf"
    ),
    "dimensions whose product overflows": Hostile(
        lambda path: huge_dimensions(path, 1 << 62, 1 << 62), ("model.invalid",), LLAMA, TEXT, ".gguf"
    ),
    "a truncated GGUF": Hostile(truncated, ("model.invalid",), LLAMA, TEXT, ".gguf"),
    "no bytes, called GGUF": Hostile(written(b""), ("model.invalid",), LLAMA, TEXT, ".gguf"),
    "an endless loop": Hostile(
        onnx_files.countdown, ("request.timeout",), ask={"trips": np.array(2**31 - 1, np.int64)}
    ),
    "an endless loop of constants": Hostile(
        onnx_files.endless_constant,
        ("worker.load-timeout", "request.timeout", *NO_MODEL),
        ask={"x": np.array(1, np.int64)},
    ),
    "100 GB": Hostile(
        onnx_files.glutton,
        ("worker.out-of-memory", "request.failed"),
        ("onnxruntime",),  # OpenVINO sums zeros without making them
        ask={"length": np.array([HUNDRED_GB], np.int64)},
    ),
    "100 GB of constants": Hostile(
        lambda path: onnx_files.gluttonous_constant(path, HUNDRED_GB),
        ("worker.out-of-memory", "request.failed", "worker.died", *NO_MODEL),
    ),
    "unknown operators": Hostile(onnx_files.unknown_operator, NO_MODEL),
    "a git-LFS pointer": Hostile(written(POINTER), NO_MODEL),
    "no bytes": Hostile(written(b""), NO_MODEL),
    "a truncated ONNX": Hostile(truncated, NO_MODEL),
}


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(lambda _: None, RestartPolicy(attempts=2, first_pause=0.01, wait_seconds=10.0))
    yield supervisor
    await supervisor.close()


async def deploy_and_ask(supervisor: Supervisor, spec: WorkerSpec, ask: Any) -> None:
    await supervisor.deploy("hostile", spec)
    if isinstance(ask, GenerationRequest):
        await anext(supervisor.generate("hostile", ask))
    else:
        await supervisor.infer("hostile", ask)


@pytest.mark.parametrize(
    ("engine", "hostile"),
    [
        pytest.param(engine, hostile, id=f"{what} - {engine}")
        for what, hostile in HOSTILE.items()
        for engine in hostile.engines
    ],
)
async def test_a_hostile_file_costs_one_worker(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path, engine: str, hostile: Hostile
) -> None:
    await supervisor.deploy("other", spec(onnx_files.linear(tmp_path / "other.onnx")))
    before = supervisor.state("other")
    path = hostile.make(tmp_path / f"hostile{hostile.suffix}")
    limits = {"load_timeout": 5, "request_timeout": 0.5, "memory_limit": 2 << 30}

    with pytest.raises(EngineError) as told:
        await deploy_and_ask(supervisor, spec(path, engine, **limits), hostile.ask)

    assert told.value.code in hostile.causes, told.value
    assert told.value.what
    assert "y" in await supervisor.infer("other", ROW)
    after = supervisor.state("other")
    assert (after.pid, after.restarts) == (before.pid, 0)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("way", ["upwards", "absolute", "a link to a file", "a link to a folder"])
async def test_weights_beyond_the_models_folder_are_not_read(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path, engine: str, way: str
) -> None:
    """They would fit: within the folder the same bytes are read."""
    folder = tmp_path / "model"
    folder.mkdir()
    beyond = tmp_path / "beyond.bin"
    for place in (beyond, folder / "weights.bin"):
        place.write_bytes(onnx_files.WEIGHT.tobytes())
    (folder / "file").symlink_to(beyond)
    (folder / "folder").symlink_to(tmp_path)
    locations = {
        "upwards": "../beyond.bin",
        "absolute": str(beyond),
        "a link to a file": "file",
        "a link to a folder": "folder/beyond.bin",
    }
    await supervisor.deploy(
        "sound", spec(onnx_files.external_data(folder / "sound.onnx", "weights.bin"), engine)
    )

    with pytest.raises(EngineError) as refused:
        await supervisor.deploy(
            "hostile", spec(onnx_files.external_data(folder / "hostile.onnx", locations[way]), engine)
        )

    assert refused.value.code in NO_MODEL
    assert "y" in await supervisor.infer("sound", ROW)


async def test_a_hostile_file_that_is_restored_ends_in_failed_while_others_answer(
    supervisor: Supervisor, spec: MakeSpec, tmp_path: Path
) -> None:
    crashing = HOSTILE["aborts at load"].make(tmp_path / "hostile.gguf")
    await supervisor.deploy("other", spec(onnx_files.linear(tmp_path / "other.onnx")))
    await supervisor.restore("hostile", spec(crashing))

    await supervisor.settled()

    with pytest.raises(EngineError) as failed:
        await anext(supervisor.generate("hostile", TEXT))
    assert failed.value.code == "deployment.failed"
    assert "y" in await supervisor.infer("other", ROW)
