"""Precisions in which onnxruntime computes besides the one that the file stores, each asked for and read back.

| where | precision | setting |
|---|---|---|
| CUDA | `tf32` | provider option `use_tf32`, on by default since Ampere and here only where it is asked for |
| MIGraphX | `f16` | provider option `migraphx_fp16_enable` |
| Arm processors with BF16 | `bf16` | session entry `mlas.enable_gemm_fastmath_arm64_bfloat16` (matrix products of f32 weights) |
"""

import platform
from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from runtimes.hardware.profile import Cpu

_ARM_BF16 = "mlas.enable_gemm_fastmath_arm64_bfloat16"
_OF_DEVICE = {"cuda": ("tf32", "use_tf32"), "migraphx": ("f16", "migraphx_fp16_enable")}
"""Device without its number -> the other precision, and the provider's option that turns it on."""


def precisions(device: str, cpu: Cpu, stored: str) -> list[str]:
    """Those to try on a device, the fastest guess first; `cpu` is this machine's."""
    if stored != "f32":
        return [stored]
    prefix = device.partition(":")[0]
    if prefix in _OF_DEVICE:
        return [_OF_DEVICE[prefix][0], stored]
    able = prefix == "CPU" and cpu.architecture == "aarch64" and "bf16" in cpu.features
    return ["bf16", stored] if able else [stored]


def session_entries(device: str, precision: str, stored: str) -> Mapping[str, str]:
    """What a session's options must say."""
    return {_ARM_BF16: "1"} if device == "CPU" and (precision, stored) == ("bf16", "f32") else {}


def provider_options(device: str, precision: str, stored: str) -> Mapping[str, str]:
    """What the provider's options must say."""
    other, option = _OF_DEVICE.get(device.partition(":")[0], ("", ""))
    return {option: str(int(precision == other and stored == "f32"))} if option else {}


def precision_in_force(session: onnxruntime.InferenceSession, device: str, stored: str) -> str:
    """Read back from a loaded session."""
    if stored != "f32":
        return stored
    if device == "CPU":
        asked = _entry(session.get_session_options(), _ARM_BF16) == "1"
        return "bf16" if asked and _processor_has_bf16() else stored
    other, option = _OF_DEVICE.get(device.partition(":")[0], ("", ""))
    told = session.get_provider_options().get(session.get_providers()[0], {})
    return other if str(told.get(option, "0")).lower() in ("1", "true") else stored


def _processor_has_bf16() -> bool:
    """Whether this is an Arm processor with the instructions; onnxruntime takes the entry on any and ignores it."""
    words = Path("/proc/cpuinfo").read_text().split()
    return platform.machine() == "aarch64" and "bf16" in words


def _entry(options: onnxruntime.SessionOptions, key: str) -> str:
    try:
        return str(options.get_session_config_entry(key))
    except RuntimeError:
        return ""
