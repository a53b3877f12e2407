"""How a runtime pack is made: a recipe, one TOML file a pack, and beside it the locked requirements.

name = "onnxruntime-cuda"
engine = "onnxruntime"                                      # entry point in the group `appliance.runtimes`
adapter = "runtimes.adapters.onnxruntime:OnnxRuntime"       # empty where a requirement brings the entry point
distribution = "onnxruntime-gpu"                            # the Python package whose version is the pack's
needs = "Needs an NVIDIA GPU."
tried = "Made and probed on a machine without a GPU."       # what is known of the recipe itself
requirements = "onnxruntime-cuda.txt"                       # with hashes

[build]                                                     # only for an engine that no wheel is published of
source = "llama.txt"                                        # its locked source
cmake = ["-DGGML_CUDA=ON"]
tools = ["nvcc"]                                            # programs that the machine must have
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runtimes.errors import EngineError


class Build(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wheel that is built here."""

    source: str
    cmake: tuple[str, ...]
    tools: tuple[str, ...] = ()


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    engine: str
    distribution: str
    requirements: str
    tried: str
    needs: str = ""
    adapter: str = ""
    build: Build | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What goes into a pack. Paths are those of files beside the recipe."""

    name: str
    engine: str
    adapter: str
    distribution: str
    needs: str
    tried: str
    requirements: Path
    build: Build | None
    folder: Path


def read_recipe(file: Path) -> Recipe:
    """Raises EngineError `pack.recipe-unknown`, `pack.recipe-invalid`."""
    try:
        text = msgspec.convert(tomllib.loads(file.read_text()), _Text)
    except OSError as error:
        known = ", ".join(sorted(other.stem for other in file.parent.glob("*.toml"))) or "none"
        raise EngineError(
            "pack.recipe-unknown",
            f"There is no recipe {file}: {error.strerror}.",
            remedy=f"There are recipes for: {known}.",
        ) from error
    except ValueError as error:
        raise EngineError("pack.recipe-invalid", f"{file} is no recipe for a pack: {error}.") from error
    if text.name != file.stem:
        raise EngineError("pack.recipe-invalid", f"{file} names the pack {text.name!r}.")
    return Recipe(
        name=text.name,
        engine=text.engine,
        adapter=text.adapter,
        distribution=text.distribution,
        needs=text.needs,
        tried=text.tried,
        requirements=file.parent / text.requirements,
        build=text.build,
        folder=file.parent,
    )
