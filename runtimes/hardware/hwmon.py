"""A device's own thermometer and power meter, as the kernel's hwmon files give them."""

from dataclasses import dataclass

from runtimes.hardware.notes import Notes
from runtimes.hardware.sysroot import Sysroot

TEMPERATURE = ("temp1_input", "temp2_input")
POWER = ("power1_average", "power1_input")
POWER_LIMIT = ("power1_cap", "power1_max")


@dataclass(frozen=True, slots=True)
class Readings:
    """Degrees Celsius and watts; None where there is no such sensor."""

    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None


def files(root: Sysroot, device: str) -> list[str]:
    """Every file that may be read; none of a sleeping device, which reading would wake."""
    if root.text(f"{device}/power/runtime_status") == "suspended":
        return []
    chips = [path for _, path in root.folders(f"{device}/hwmon")]
    return [f"{chip}/{name}" for chip in chips for name in (*TEMPERATURE, *POWER, *POWER_LIMIT)]


def readings(root: Sysroot, device: str, key: str, notes: Notes) -> Readings:
    """Of the first sensor of each kind; the kernel counts in thousandths of degrees and millionths of watts."""
    known = files(root, device)

    def first(value: str, names: tuple[str, ...], unit: float) -> float | None:
        for path in known:
            number = root.number(path) if path.endswith(names) else None
            if number is not None:
                return notes.take(f"{key}.{value}", number / unit, path)
        return None

    return Readings(
        temperature_c=first("temperature_c", TEMPERATURE, 1e3),
        power_w=first("power_w", POWER, 1e6),
        power_limit_w=first("power_limit_w", POWER_LIMIT, 1e6),
    )
