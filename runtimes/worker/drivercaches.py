"""Where drivers keep what they compile for a card: in the worker's own folder, the only one it may write in.

CUDA: CUDA Programming Guide, environment variables. NVIDIA's Vulkan: its Linux driver's README. Mesa: docs.mesa3d.org/envvars.
Intel: compute-runtime, programmers-guide/COMPILER_CACHE.md. AMD: amd-comgr's README, MIOpen's cache documentation, and for
MIGraphX ROCm's guide to onnxruntime. XDG_CACHE_HOME is what most others go by (XDG Base Directory Specification).
"""

from pathlib import Path

_FOLDERS = (
    "CUDA_CACHE_PATH",
    "__GL_SHADER_DISK_CACHE_PATH",
    "MESA_SHADER_CACHE_DIR",
    "NEO_CACHE_DIR",
    "AMD_COMGR_CACHE_DIR",
    "MIOPEN_USER_DB_PATH",
    "MIOPEN_CUSTOM_CACHE_DIR",
    "ORT_MIGRAPHX_MODEL_CACHE_PATH",
    "XDG_CACHE_HOME",
)


def driver_caches(folder: Path) -> dict[str, str]:
    """Environment variable -> value."""
    return {**dict.fromkeys(_FOLDERS, str(folder)), "NEO_CACHE_PERSISTENT": "1"}
