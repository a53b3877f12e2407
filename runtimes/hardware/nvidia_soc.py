"""NVIDIA's boards with processor and GPU on one chip (Jetson), which are on no PCI bus."""

import re

from runtimes.hardware.notes import Notes
from runtimes.hardware.nvidia_chips import COMPUTE_BY_SOC
from runtimes.hardware.profile import Accelerator
from runtimes.hardware.sysroot import Sysroot

COMPATIBLE = "/proc/device-tree/compatible"
RELEASE = "/etc/nv_tegra_release"
SOC = "/sys/devices/soc0"
SOC_IDS = {
    "33": "nvidia,tegra210",
    "24": "nvidia,tegra186",
    "25": "nvidia,tegra194",
    "35": "nvidia,tegra234",
    "38": "nvidia,tegra264",
}
"""`soc_id` on kernels that tell it, where a container hides the device tree."""
DRIVERS = ("nvgpu", "gk20a")
CUDA = {"R35": "11.4", "R36.2": "12.2", "R36.3": "12.2", "R36": "12.6", "R38": "13.0"}
"""Jetson Linux release -> CUDA that came with it (JetPack 5, 6.0, 6.1 and newer, 7)."""
GB10_SOC_ID = "jep106:0426:8901"
"""What GB10's firmware calls the chip: MediaTek's number, since the processor's half is theirs (SMCCC SOC_ID)."""


def compatible(root: Sysroot) -> str | None:
    """The chip's device tree name, such as `nvidia,tegra234`; None on any other machine."""
    names = (root.text(COMPATIBLE) or "").split("\0")
    chip = next((name for name in names if name in COMPUTE_BY_SOC), None)
    if chip or (root.text(f"{SOC}/family") or "").lower() != "tegra":
        return chip
    return SOC_IDS.get(root.text(f"{SOC}/soc_id") or "", "nvidia,tegra")


def gpu(root: Sysroot, chip: str, notes: Notes) -> Accelerator:
    """The one GPU of the chip; its memory is the machine's."""
    id_ = next(
        (
            name
            for name in root.names("/sys/devices/platform")
            if re.fullmatch(r"[0-9a-f]+\.(gpu|g[avmp]\d+b?)", name)
        ),
        "gpu",
    )
    key = f"accelerators.{id_}"
    source = COMPATIBLE if root.text(COMPATIBLE) else f"{SOC}/soc_id"
    notes.sources[key] = source
    board = root.text("/proc/device-tree/model")
    installed = notes.take(f"{key}.driver_version", release(root), RELEASE)
    cuda = next((cuda for name, cuda in CUDA.items() if f"{installed}.".startswith(f"{name}.")), None)
    temperature, zone = _temperature(root)
    power, rail = _power(root)
    return Accelerator(
        id=id_,
        vendor="nvidia",
        kind="gpu",
        name=notes.take(f"{key}.name", f"{board} GPU" if board else None, "/proc/device-tree/model")
        or "NVIDIA Tegra GPU",
        driver=root.link(f"/sys/devices/platform/{id_}/driver") or "nvgpu",
        driver_version=installed,
        architecture=notes.take(f"{key}.architecture", COMPUTE_BY_SOC.get(chip), source),
        integrated=True,
        newest_runtime=f"cuda-{cuda}" if cuda else None,
        temperature_c=notes.take(f"{key}.temperature_c", temperature, zone),
        power_w=notes.take(f"{key}.power_w", power, rail),
    )


def driver_files(root: Sysroot) -> list[str]:
    """Files that firmware and drivers answer by asking the sensors; none on any other machine."""
    if not compatible(root):
        return []
    rail = _rail(root)
    return [path for path in (_zone(root), *(rail or ())) if path]


def is_gb10(root: Sysroot) -> bool:
    """The chip of DGX Spark, whose GPU shares the processor's memory and yet is on the PCI bus."""
    return root.text(f"{SOC}/soc_id") == GB10_SOC_ID


def _temperature(root: Sysroot) -> tuple[float | None, str]:
    """Of the GPU's thermal zone; it does not answer while the GPU is off."""
    zone = _zone(root)
    millidegrees = root.number(zone) if zone else None
    return (None if millidegrees is None else millidegrees / 1000), zone or ""


def _power(root: Sysroot) -> tuple[float | None, str]:
    """Of the rail that feeds the GPU, and on some boards more."""
    rail = _rail(root)
    if rail is None:
        return None, ""
    millivolts, milliamperes = (root.number(path) for path in rail)
    if millivolts is None or milliamperes is None:
        return None, ""
    return millivolts * milliamperes / 1e6, ", ".join(rail)


def _zone(root: Sysroot) -> str | None:
    """`gpu-thermal`, or `GPU-therm` on older kernels."""
    for name, path in root.folders("/sys/class/thermal"):
        kind = root.text(f"{path}/type") if name.startswith("thermal_zone") else None
        if (kind or "").lower().startswith("gpu-therm"):
            return f"{path}/temp"
    return None


def _rail(root: Sysroot) -> tuple[str, str] | None:
    """Voltage and current of `VDD_GPU_SOC`, `VDD_CPU_GPU_CV` or the like on an INA3221 power monitor."""
    for _, path in root.folders("/sys/class/hwmon"):
        for label in root.names(path) if root.text(f"{path}/name") == "ina3221" else ():
            number = re.fullmatch(r"in(\d)_label", label)
            if number and "GPU" in (root.text(f"{path}/{label}") or ""):
                return f"{path}/in{number[1]}_input", f"{path}/curr{number[1]}_input"
    return None


def release(root: Sysroot) -> str | None:
    """Jetson Linux as `R36.3.0`, from `# R36 (release), REVISION: 3.0, …`."""
    found = re.search(r"#\s*(R\d+) \(release\), REVISION: ([\d.]+)", root.text(RELEASE) or "")
    return f"{found[1]}.{found[2]}" if found else None
