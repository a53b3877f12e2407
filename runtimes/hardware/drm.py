"""Displays of the Direct Rendering Manager, whatever bus they are on."""

import re

from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import Finding
from runtimes.hardware.sysroot import Sysroot

CARDS = "/sys/class/drm"
FIRMWARE_FRAMEBUFFERS = frozenset(
    {
        "simple-framebuffer",
        "simpledrm",
        "efi-framebuffer",
        "efidrm",
        "vesa-framebuffer",
        "vesadrm",
        "of-display",
    }
)
"""Drivers that show what the firmware has set up and know nothing of the GPU behind it."""


def scan(root: Sysroot) -> Notes:
    """A finding where firmware framebuffers are all there is; `card0-HDMI-A-1` and the like are connectors."""
    notes = Notes()
    cards = [path for name, path in root.folders(CARDS) if re.fullmatch(r"card\d+", name)]
    drivers = {path: root.pairs(f"{path}/device/uevent", "=").get("DRIVER") for path in cards}
    if drivers and all(driver in FIRMWARE_FRAMEBUFFERS for driver in drivers.values()):
        path, driver = next(iter(drivers.items()))
        notes.sources["drm.framebuffer"] = f"{path}/device/uevent"
        notes.findings.append(
            Finding(
                "display.framebuffer-only",
                f"The only display is the firmware's ({driver}); no driver runs a GPU.",
                "The processor is used. Load the GPU's driver, or pass one into the virtual machine, if there is one.",
            )
        )
    return notes
