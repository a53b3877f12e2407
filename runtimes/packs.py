"""Runtime packs: an engine with the interpreter that its workers run under, and what is not here.

The three CPU packs live in the core's own environment. Nothing here imports an engine: names and versions come
from the packages' metadata.
"""

import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path

from runtimes.engine import ENTRY_POINT_GROUP, Candidate
from runtimes.errors import EngineError


@dataclass(frozen=True, slots=True)
class RuntimePack:
    """An engine that is installed and could be asked."""

    name: str
    engine: str
    """The adapter's entry-point name."""
    version: str
    """Of the engine's own package, not of the adapter."""
    interpreter: Path
    """Python that workers of this pack run under."""


@dataclass(frozen=True, slots=True)
class AbsentPack:
    """A pack that is known and not installed here."""

    name: str
    engine: str
    vendor: str
    """Whose accelerator it is for: `nvidia`, `amd`, `intel`, or `any`."""
    needs: str
    """What the machine must have for it, one sentence."""


@dataclass(frozen=True, slots=True)
class _CpuPack:
    name: str
    distribution: str


_CPU_PACKS = {
    "onnxruntime": _CpuPack("onnxruntime-cpu", "onnxruntime"),
    "openvino": _CpuPack("openvino", "openvino"),
    "llamacpp": _CpuPack("llamacpp-cpu", "llama-cpp-python"),
}

_ACCELERATED = (
    AbsentPack(
        "onnxruntime-cuda",
        "onnxruntime",
        "nvidia",
        "Needs an NVIDIA GPU of compute capability 7.5 or newer, its driver 580 or newer, and CUDA 13 with cuDNN 9.",
    ),
    AbsentPack(
        "onnxruntime-migraphx",
        "onnxruntime",
        "amd",
        "Needs an AMD GPU that ROCm 7 supports, the amdgpu driver, /dev/kfd for this user, and MIGraphX.",
    ),
    AbsentPack(
        "llamacpp-cuda",
        "llamacpp",
        "nvidia",
        "Needs an NVIDIA GPU, its driver 550 or newer for CUDA 12.4, or 580 or newer for CUDA 13.",
    ),
    AbsentPack(
        "llamacpp-rocm",
        "llamacpp",
        "amd",
        "Needs an AMD GPU whose gfx target the installed rocBLAS covers, the amdgpu driver, and /dev/kfd for this user.",
    ),
    AbsentPack(
        "llamacpp-vulkan",
        "llamacpp",
        "any",
        "Needs a GPU with a Vulkan 1.2 driver and the loader libvulkan.so.1.",
    ),
)


def installed_packs() -> tuple[RuntimePack, ...]:
    """Every engine that is installed, by name. Adapters without their engine are left out."""
    packs = (_pack(adapter) for adapter in entry_points(group=ENTRY_POINT_GROUP))
    return tuple(sorted((pack for pack in packs if pack is not None), key=lambda pack: pack.engine))


def absent_packs() -> tuple[AbsentPack, ...]:
    """Packs that are known and not installed, with what each needs."""
    here = {pack.name for pack in installed_packs()}
    cpu = (
        AbsentPack(known.name, engine, "any", f"Needs the Python package {known.distribution}.")
        for engine, known in _CPU_PACKS.items()
    )
    return tuple(pack for pack in (*cpu, *_ACCELERATED) if pack.name not in here)


def interpreter_of(candidate: Candidate) -> Path:
    """Python that a candidate's worker runs under. Raises EngineError `pack.missing`."""
    pack = next((pack for pack in installed_packs() if pack.engine == candidate.engine), None)
    if pack is None:
        raise EngineError(
            "pack.missing",
            f"The engine {candidate.engine} is not installed here.",
            kept="Nothing was changed.",
            remedy="Install its runtime pack, or deploy again to choose among the engines that are here.",
        )
    return pack.interpreter


def _pack(adapter: EntryPoint) -> RuntimePack | None:
    known = _CPU_PACKS.get(adapter.name)
    if known is not None:
        found = _version(known.distribution)
        name = known.name
    else:
        found = adapter.dist.version if adapter.dist is not None else None
        name = adapter.name
    return None if found is None else RuntimePack(name, adapter.name, found, Path(sys.executable))


@cache
def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
