"""llama.cpp: GGUF language models, through llama-cpp-python's low-level bindings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import llama_cpp

from runtimes.adapters.llamabackends import cpu_variants, devices, load_accelerators, load_cpu_variant
from runtimes.adapters.llamalog import engine_log
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


class LlamaCpp:
    """The adapter. The file decides the precision: `stored`."""

    name = "llamacpp"

    def __init__(self) -> None:
        self._log = engine_log()
        llama_cpp.llama_backend_init()
        load_accelerators()

    def describe(self) -> EngineDescription:
        found = tuple(dict.fromkeys((*devices(), CPU)))
        return EngineDescription(self.name, llama_cpp.__version__, (ModelFormat.GGUF,), found)

    def candidates(self, model: ModelFile, hardware: HardwareProfile) -> Sequence[Candidate | Rejection]:
        if model.format is not ModelFormat.GGUF:
            reason = f"llama.cpp does not read {model.format.upper()} files."
            return [Rejection(self.name, "", "format.unsupported", reason)]
        refuse_what_is_no_model(model.path)
        ways: list[Candidate | Rejection] = [
            Candidate(self.name, device, "stored", threads, options, reserve=reserve)
            for reserve, options in enumerate(_settings())
            for device, threads in self._places(hardware)
        ]
        return ways + [_out_of_reach(card) for card in hardware.accelerators if _needs_a_pack(card)]

    def _places(self, hardware: HardwareProfile) -> Iterator[tuple[str, int]]:
        """Device and threads."""
        yield from ((device, 1) for device in devices() if device != CPU)
        yield from ((CPU, threads) for threads in thread_choices(hardware.cpu))

    def load(
        self,
        model: ModelFile,
        candidate: Candidate,
        cache: Path | None,  # noqa: ARG002 - the protocol's
    ) -> LlamaModel:
        """Map the file and make a context of the candidate's size; nothing is compiled, `cache` stays unused.

        Raises EngineError: `model.invalid`, `device.absent`, `cpu-variant.absent`, `cpu-variant.unsupported`,
        `precision.unsupported`, `worker.out-of-memory`.
        """
        refuse_what_is_no_model(model.path)
        variant = _cpu_backend(candidate)
        here = devices()
        if candidate.device not in here:
            raise EngineError(
                "device.absent",
                f"This llama.cpp has no device {candidate.device!r}, only {', '.join(here)}.",
                remedy="Install the runtime pack that has it, or choose another device.",
            )
        if candidate.precision != "stored":
            raise EngineError(
                "precision.unsupported", "llama.cpp computes in the precision that the file stores."
            )
        offload = () if candidate.device == CPU else (here[candidate.device],)
        return LlamaModel(model, candidate, offload, self._log, variant)


def _cpu_backend(candidate: Candidate) -> str:
    """Have a CPU backend, which llama.cpp needs for every device; which one it is."""
    variant = candidate.options.get("variant")
    if variant is None:
        best = next(iter(cpu_variants()), None)
        if best is None:
            return "linked in"
        variant = best.name
    load_cpu_variant(str(variant))
    return str(variant)


def _settings() -> Iterator[dict[str, str | int]]:
    """For each variant of the CPU backend that runs here, the best first; once where the backend is linked in."""
    common: dict[str, str | int] = {"context": CONTEXT, "batch": BATCH}
    variants = cpu_variants()
    yield from ({**common, "variant": variant.name} for variant in variants)
    if not variants:
        yield common


def _needs_a_pack(card: Accelerator) -> bool:
    backends = _BACKENDS.get(card.vendor)
    return card.kind == "gpu" and backends is not None and not any(d.startswith(backends) for d in devices())


def _out_of_reach(card: Accelerator) -> Rejection:
    pack = _PACKS[card.vendor]
    reason = f"This llama.cpp cannot use {card.name}: it needs the pack {pack}."
    return Rejection("llamacpp", card.name, "pack.missing", reason)
