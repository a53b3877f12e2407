"""llama.cpp: GGUF language models, through llama-cpp-python's low-level bindings."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import llama_cpp
from llama_cpp._ggml import libggml

from runtimes.adapters.llamalog import EngineLog
from runtimes.adapters.llamamodel import LlamaModel
from runtimes.adapters.threads import thread_choices
from runtimes.adapters.weightsfile import refuse_what_is_no_model
from runtimes.engine import Candidate, EngineDescription, ModelFile, ModelFormat, Rejection
from runtimes.errors import EngineError
from runtimes.hardware.profile import Accelerator, HardwareProfile

CPU = "CPU"
_PACKS = {"nvidia": "llamacpp-cuda", "amd": "llamacpp-rocm", "intel": "llamacpp-vulkan"}
_BACKENDS = {"nvidia": ("CUDA", "Vulkan"), "amd": ("ROCm", "Vulkan"), "intel": ("SYCL", "Vulkan")}
"""Vendor -> what llama.cpp calls the devices of a build that can use its cards, before the number."""

CONTEXT = 4096
"""Tokens that prompt and answer share, or fewer where the model was trained on fewer."""
BATCH = 512

libggml.ggml_backend_dev_count.restype = ctypes.c_size_t
libggml.ggml_backend_dev_get.restype = ctypes.c_void_p
libggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
libggml.ggml_backend_dev_name.restype = ctypes.c_char_p
libggml.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]


class LlamaCpp:
    """The adapter. The file decides the precision: `stored`."""

    name = "llamacpp"

    def __init__(self) -> None:
        self._log = EngineLog()
        llama_cpp.llama_backend_init()

    def describe(self) -> EngineDescription:
        return EngineDescription(self.name, llama_cpp.__version__, (ModelFormat.GGUF,), tuple(_devices()))

    def candidates(self, model: ModelFile, hardware: HardwareProfile) -> Sequence[Candidate | Rejection]:
        if model.format is not ModelFormat.GGUF:
            reason = f"llama.cpp does not read {model.format.upper()} files."
            return [Rejection(self.name, "", "format.unsupported", reason)]
        refuse_what_is_no_model(model.path)
        options = {"context": CONTEXT, "batch": BATCH}
        ways: list[Candidate | Rejection] = [
            Candidate(self.name, device, "stored", 1, options) for device in _devices() if device != CPU
        ]
        ways += [
            Candidate(self.name, CPU, "stored", threads, options) for threads in thread_choices(hardware.cpu)
        ]
        return ways + [_out_of_reach(card) for card in hardware.accelerators if _needs_a_pack(card)]

    def load(
        self,
        model: ModelFile,
        candidate: Candidate,
        cache: Path | None,  # noqa: ARG002 - the protocol's
    ) -> LlamaModel:
        """Map the file and make a context of the candidate's size; nothing is compiled, `cache` stays unused.

        Raises EngineError: `model.invalid`, `device.absent`, `precision.unsupported`, `worker.out-of-memory`.
        """
        refuse_what_is_no_model(model.path)
        devices = _devices()
        if candidate.device not in devices:
            raise EngineError(
                "device.absent",
                f"This llama.cpp has no device {candidate.device!r}, only {', '.join(devices)}.",
                remedy="Install the runtime pack that has it, or choose another device.",
            )
        if candidate.precision != "stored":
            raise EngineError(
                "precision.unsupported", "llama.cpp computes in the precision that the file stores."
            )
        offload = () if candidate.device == CPU else (devices[candidate.device],)
        return LlamaModel(model, candidate, offload, self._log)


def _devices() -> dict[str, int]:
    """llama.cpp's name of each device -> its handle."""
    handles = [libggml.ggml_backend_dev_get(i) for i in range(libggml.ggml_backend_dev_count())]
    return {libggml.ggml_backend_dev_name(handle).decode(): handle for handle in handles}


def _needs_a_pack(card: Accelerator) -> bool:
    backends = _BACKENDS.get(card.vendor)
    return card.kind == "gpu" and backends is not None and not any(d.startswith(backends) for d in _devices())


def _out_of_reach(card: Accelerator) -> Rejection:
    pack = _PACKS[card.vendor]
    reason = f"This llama.cpp cannot use {card.name}: it needs the pack {pack}."
    return Rejection("llamacpp", card.name, "pack.missing", reason)
