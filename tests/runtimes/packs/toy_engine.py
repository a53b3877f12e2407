"""A runtime pack made on the spot from nothing of the project's: an engine in a wheel, in a fresh environment.

The engine answers ONNX files of one Identity node over float32 [n, 4] with numpy. The environment is offline, so
numpy and msgspec, which a pack installs, are linked from where the tests run; nothing else of it can be imported.
"""

import base64
import hashlib
import subprocess
import venv
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy
import uv

ADAPTER = """
import sys
from importlib.util import find_spec

from runtimes.engine import Candidate, EngineDescription, InForce, ModelFormat, Rejection, TensorSpec
from runtimes.errors import EngineError


class Toy:
    name = "toy"

    def describe(self):
        return EngineDescription("toy", "7.1", (ModelFormat.ONNX,), ("CPU",))

    def candidates(self, model, hardware):
        if b"Identity" not in model.path.read_bytes():
            return [Rejection("toy", "CPU", "operator.unsupported", "toy knows Identity only")]
        return [Candidate("toy", "CPU", "f32", threads) for threads in (1, 2)]

    def load(self, model, candidate, cache):
        return Identity(candidate)


class Identity:
    inputs = (TensorSpec("x", "FP32", (-1, 4)),)
    outputs = (TensorSpec("y", "FP32", (-1, 4)),)

    def __init__(self, candidate):
        seen = [m for m in ("appliance", "onnx", "onnxruntime", "psutil", "updates") if find_spec(m)]
        details = {"environment": sys.prefix, "seen": " ".join(seen), "runtimes": sys.modules["runtimes"].__file__}
        self.in_force = InForce("CPU", candidate.precision, candidate.threads, details)

    def infer(self, inputs, outputs=()):
        return {"y": inputs["x"].copy()}

    def close(self):
        pass
"""


def install_toy(
    folder: Path,
    *,
    engine: str = "toy",
    adapter: str = "toy_engine:Toy",
    source: str = ADAPTER,
    also: Sequence[str] = (),
) -> Path:
    """Make `folder` a runtime pack of that name; its engine is `adapter` under the entry point `engine`.

    `source` is the text of the module `toy_engine`; `also` names further entries of the site-packages where numpy lies
    that are linked.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    home = Path(numpy.__file__).parents[1]
    for package in (*numpy_and_msgspec(home), *(home / name for name in also)):
        (site_packages / package.name).symlink_to(package)
    made = wheel(folder.parent, source, f"[appliance.runtimes]\n{engine} = {adapter}\n")
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--offline", "--no-cache", "--no-deps"]
    subprocess.run([*install, "--python", str(folder / "bin" / "python"), str(made)], check=True)
    made.unlink()
    describe(folder, engine=engine)
    return folder


def describe(folder: Path, **changed: str) -> None:
    """Write the pack's description."""
    told = {"name": folder.name, "version": "7.1", "engine": "toy", "needs": "Needs patience."} | changed
    (folder / "pack.toml").write_text("".join(f'{key} = "{value}"\n' for key, value in told.items()))


def numpy_and_msgspec(home: Path) -> list[Path]:
    msgspec = find_spec("msgspec")
    assert msgspec is not None
    assert msgspec.origin is not None
    return [home / "numpy", home / "numpy.libs", Path(msgspec.origin).parent]


def wheel(folder: Path, source: str, entry_points: str) -> Path:
    """A wheel as the packaging specification describes it (binary distribution format)."""
    info = "toy_engine-7.1.dist-info"
    files = {
        "toy_engine.py": source,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: toy-engine\nVersion: 7.1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    record = [f"{name},sha256={_digest(text)},{len(text.encode())}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    path = folder / "toy_engine-7.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
