"""onnxruntime's execution providers for accelerators: whose they are, how one is woken, and why one does not wake."""

import ctypes
from pathlib import Path

import onnxruntime

ACCELERATED = {
    "nvidia": (("cuda", "CUDAExecutionProvider", "onnxruntime-cuda"),),
    "amd": (("migraphx", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),),
}
"""Vendor -> (device prefix, execution provider, the runtime pack that has it)."""
PROVIDERS = {device: provider for ways in ACCELERATED.values() for device, provider, _ in ways}
_DRIVERS = {"CUDAExecutionProvider": "libcuda.so.1", "MIGraphXExecutionProvider": "libamdhip64.so"}


def find_libraries(provider: str) -> None:
    """Load what a provider links to from where its pack has it; what the pack has not is left to the system's loader."""
    if provider == "CUDAExecutionProvider":
        onnxruntime.preload_dlls(directory="")


def has_driver(provider: str) -> bool:
    """Whether the vendor's own library is here; without it the provider computes nothing."""
    return not _why_not_loaded(_DRIVERS[provider])


def why_asleep(provider: str) -> str:
    """The library that keeps a provider from waking, in the loader's words; empty where none does.

    onnxruntime itself says it in its log only.
    """
    name = provider.removesuffix("ExecutionProvider").lower()
    own = Path(onnxruntime.__file__).parent / "capi" / f"libonnxruntime_providers_{name}.so"
    driver = _DRIVERS.get(provider)
    return _why_not_loaded(str(own)) or (_why_not_loaded(driver) if driver else "")


def _why_not_loaded(library: str) -> str:
    try:
        ctypes.CDLL(library)
    except OSError as error:
        return str(error)
    return ""
