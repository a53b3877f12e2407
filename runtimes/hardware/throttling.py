"""Whether heat or a weak supply holds the processor's clock down."""

import re

from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Finding
from runtimes.hardware.sysroot import Sysroot, parse_number

PI_FIRMWARE = (
    "/sys/devices/platform/soc/soc:firmware/get_throttled",
    "/sys/devices/platform/soc:firmware/get_throttled",
)
"""The Raspberry Pi firmware's flags: 1 under-voltage, 2 capped, 4 throttled, 8 soft limit; << 16 for earlier."""


def now(root: Sysroot, logical: tuple[int, ...] | None, notes: Notes) -> bool | None:
    """Held down now: a processor cooling device that is on, or the Raspberry Pi firmware's word."""
    firmware = next((path for path in PI_FIRMWARE if root.text(path)), None)
    if firmware:
        bits = parse_number(f"0x{(root.text(firmware) or '').removeprefix('0x')}")
        if bits is None:
            return None
        if bits & 0x10001:
            notes.findings.append(
                Finding(
                    "cpu.under-voltage",
                    "The board's supply voltage is or was too low.",
                    "Use the supply that the board's maker names; the clock is held down until then.",
                )
            )
        return notes.take("cpu.throttled", bool(bits & 0b1110), firmware)
    _note_past(root, logical, notes)
    states = []
    for _, path in root.folders("/sys/class/thermal"):
        if re.match(r"Processor|cpufreq|cpu-|.*-cpufreq", root.text(f"{path}/type") or ""):
            states.append(root.number(f"{path}/cur_state"))
    known = [state > 0 for state in states if state is not None]
    return notes.take(
        "cpu.throttled", any(known) if known else None, "/sys/class/thermal/cooling_device*/cur_state"
    )


def _note_past(root: Sysroot, logical: tuple[int, ...] | None, notes: Notes) -> None:
    path = (
        f"/sys/devices/system/cpu/cpu{logical[0] if logical else 0}/thermal_throttle/package_throttle_count"
    )
    times = root.number(path)
    if times:
        notes.sources["cpu.throttle_count"] = path
        notes.findings.append(
            Finding(
                "cpu.throttled-before",
                f"The processor was throttled by heat {times} times since it was started.",
                "Look at cooling and dust; measured plans may be slower than they could be.",
            )
        )
