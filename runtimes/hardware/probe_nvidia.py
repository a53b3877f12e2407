"""Child process: what NVML says of every NVIDIA device, as JSON.

`null` stands for what the driver refuses to tell; memory that it calls NOT_SUPPORTED is marked as such,
because that is how boards with unified memory answer.
"""

import ctypes
import json
import sys
from collections.abc import Callable
from typing import Any

import pynvml

CU_DEVICE_ATTRIBUTE_INTEGRATED = 18


def main() -> dict[str, Any]:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return {"error": "nvml", "detail": str(error)}
    try:
        return {
            "driver": value(pynvml.nvmlSystemGetDriverVersion),
            "nvml": value(pynvml.nvmlSystemGetNVMLVersion),
            "cuda": value(pynvml.nvmlSystemGetCudaDriverVersion_v2),
            "devices": [device(index) for index in range(value(pynvml.nvmlDeviceGetCount) or 0)],
        }
    finally:
        value(pynvml.nvmlShutdown)


def device(index: int) -> dict[str, Any]:
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as error:
        return {"index": index, "error": str(error)}
    ecc = value(pynvml.nvmlDeviceGetEccMode, handle)
    mig = value(pynvml.nvmlDeviceGetMigMode, handle)
    power = value(pynvml.nvmlDeviceGetPowerUsage, handle)
    limit = value(pynvml.nvmlDeviceGetEnforcedPowerLimit, handle)
    energy = value(pynvml.nvmlDeviceGetTotalEnergyConsumption, handle)
    pci = value(pynvml.nvmlDeviceGetPciInfo, handle)
    found = {
        "index": index,
        "name": value(pynvml.nvmlDeviceGetName, handle),
        "uuid": value(pynvml.nvmlDeviceGetUUID, handle),
        "minor": value(pynvml.nvmlDeviceGetMinorNumber, handle),
        "pci": pci.busId if pci else None,
        "compute": value(pynvml.nvmlDeviceGetCudaComputeCapability, handle),
        "memory": memory(handle),
        "temperature_c": value(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU),
        "power_w": None if power is None else power / 1000,
        "power_limit_w": None if limit is None else limit / 1000,
        "energy_j": None if energy is None else energy / 1000,
        "ecc": None if ecc is None else bool(ecc[0]),
        "mig": None if mig is None else bool(mig[0]),
        "partitions": partitions(handle) if mig and mig[0] else [],
    }
    if found["memory"] == "not-supported":
        found["integrated"] = integrated(index)
    return found


def memory(handle: Any) -> dict[str, int] | str | None:
    try:
        told = pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError_NotSupported:
        return "not-supported"
    except pynvml.NVMLError:
        return None
    return {"total": told.total, "used": told.used}


def partitions(handle: Any) -> list[dict[str, Any]]:
    found = []
    for index in range(value(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        part = value(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
        if part is not None:
            found.append(
                {
                    "uuid": value(pynvml.nvmlDeviceGetUUID, part),
                    "name": value(pynvml.nvmlDeviceGetName, part),
                    "memory": memory(part),
                }
            )
    return found


def integrated(index: int) -> bool | None:
    """Whether the GPU shares the processor's memory, as the CUDA driver sees it."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    handle, answer = ctypes.c_int(), ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(handle), index):
        return None
    if cuda.cuDeviceGetAttribute(ctypes.byref(answer), CU_DEVICE_ATTRIBUTE_INTEGRATED, handle):
        return None
    return bool(answer.value)


def value(call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        answer = call(*arguments)
    except pynvml.NVMLError:
        return None
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
