"""A device's own thermometer and power meter, as the kernel's hwmon files give them."""

from dataclasses import dataclass

from runtimes.hardware.notes import Notes
from runtimes.hardware.sysroot import Sysroot


@dataclass(frozen=True, slots=True)
class Readings:
    """Degrees Celsius and watts; None where there is no such sensor."""

    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None


def readings(root: Sysroot, device: str, key: str, notes: Notes) -> Readings:
    """Of the first sensor of each kind; a sleeping device is not woken for it."""
    if root.text(f"{device}/power/runtime_status") == "suspended":
        return Readings()
    chips = [path for _, path in root.folders(f"{device}/hwmon")]

    def first(name: str, files: tuple[str, ...], unit: float) -> float | None:
        for path in (f"{chip}/{file}" for chip in chips for file in files):
            number = root.number(path)
            if number is not None:
                return notes.take(f"{key}.{name}", number / unit, path)
        return None

    return Readings(
        temperature_c=first("temperature_c", ("temp1_input", "temp2_input"), 1e3),
        power_w=first("power_w", ("power1_average", "power1_input"), 1e6),
        power_limit_w=first("power_limit_w", ("power1_cap", "power1_max"), 1e6),
    )
