"""What llama.cpp computes with: libraries that it loads, one for each generation of processors and each kind of card.

A build with `GGML_BACKEND_DL` and `GGML_CPU_ALL_VARIANTS` has a `libggml-cpu-VARIANT.so` for each set of instructions;
`ggml_backend_score` in it says how well it fits this processor, 0 for not at all (ggml/src/ggml-backend-impl.h). A build
without has its one CPU backend linked in, and no variants.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path

import llama_cpp

from runtimes.errors import EngineError

_FOLDER = Path(llama_cpp.__file__).with_name("lib")
_CPU_VARIANT = "libggml-cpu-"


def _registry() -> ctypes.CDLL:
    """The library that libllama itself uses: a wheel keeps no links, and a second copy would have its own registry."""
    names = ("libggml.so.0", "libggml.so")
    library = ctypes.CDLL(str(next(_FOLDER / name for name in names if (_FOLDER / name).exists())))
    library.ggml_backend_load.restype = ctypes.c_void_p
    library.ggml_backend_load.argtypes = [ctypes.c_char_p]
    library.ggml_backend_dev_count.restype = ctypes.c_size_t
    library.ggml_backend_dev_get.restype = ctypes.c_void_p
    library.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    library.ggml_backend_dev_memory.argtypes = [
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_size_t),
        ctypes.POINTER(ctypes.c_size_t),
    ]
    library.ggml_backend_dev_name.restype = ctypes.c_char_p
    library.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    return library


_ggml = _registry()


@dataclass(frozen=True, slots=True)
class CpuVariant:
    """One build of the CPU backend that this processor can run."""

    name: str
    """`haswell`, `zen4`, `armv8.2_2` …: the processors whose instructions it uses."""
    score: int
    """llama.cpp's own; the highest fits best."""
    library: Path


def cpu_variants() -> tuple[CpuVariant, ...]:
    """Those that this processor can run, the best first; none where the CPU backend is linked in.

    Every variant is loaded into this process to be asked, so ask in a process that computes nothing.
    """
    found = (_scored(library) for library in sorted(_FOLDER.glob(f"{_CPU_VARIANT}*.so")))
    return tuple(sorted((v for v in found if v.score > 0), key=lambda v: v.score, reverse=True))


def load_cpu_variant(name: str) -> None:
    """Let llama.cpp compute with one variant. Raises EngineError `cpu-variant.absent`, `cpu-variant.unsupported`."""
    library = _FOLDER / f"{_CPU_VARIANT}{name}.so"
    if not library.exists():
        raise EngineError(
            "cpu-variant.absent",
            f"This llama.cpp has no CPU variant {name!r}.",
            remedy="Measure again: `appliance deploy` chooses among those that are here.",
        )
    if not _ggml.ggml_backend_load(str(library).encode()):
        raise EngineError(
            "cpu-variant.unsupported",
            f"This processor cannot run llama.cpp's CPU variant {name!r}.",
            remedy="Measure again: `appliance deploy` chooses one that fits.",
        )


def load_accelerators() -> None:
    """Let llama.cpp find its devices other than processors, each through the library of its kind."""
    for library in sorted(_FOLDER.glob("libggml-*.so")):
        if not library.name.startswith(("libggml-base.", "libggml-cpu")):
            _ggml.ggml_backend_load(str(library).encode())


def devices() -> dict[str, int]:
    """llama.cpp's name of each device that is loaded or linked in -> its handle."""
    handles = [_ggml.ggml_backend_dev_get(i) for i in range(_ggml.ggml_backend_dev_count())]
    return {_ggml.ggml_backend_dev_name(handle).decode(): handle for handle in handles}


def free_memory(device: int) -> int:
    """Bytes that a device says are free."""
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    _ggml.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
    return free.value


def _scored(library: Path) -> CpuVariant:
    name = library.name.removeprefix(_CPU_VARIANT).removesuffix(".so")
    try:
        score = int(ctypes.CDLL(str(library)).ggml_backend_score())
    except (OSError, AttributeError):
        score = 0
    return CpuVariant(name, score, library)
