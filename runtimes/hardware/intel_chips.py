"""Intel's graphics generations and NPUs by PCI device number (pci.ids, the kernel's i915 and xe tables)."""

GENERATIONS = (
    (0x0BD0, 0x0BDF, "Ponte Vecchio"),
    (0x1900, 0x193F, "Skylake"),
    (0x3180, 0x318F, "Gemini Lake"),
    (0x3E90, 0x3EAF, "Coffee Lake"),
    (0x4540, 0x457F, "Elkhart Lake"),
    (0x4600, 0x46CF, "Alder Lake"),
    (0x46D0, 0x46DF, "Alder Lake-N"),
    (0x4900, 0x490F, "DG1"),
    (0x4C80, 0x4C9F, "Rocket Lake"),
    (0x4E50, 0x4E7F, "Jasper Lake"),
    (0x5690, 0x56CF, "Alchemist"),
    (0x5900, 0x593F, "Kaby Lake"),
    (0x5A80, 0x5A8F, "Apollo Lake"),
    (0x6420, 0x64BF, "Lunar Lake"),
    (0x7D40, 0x7D40, "Meteor Lake"),
    (0x7D41, 0x7D41, "Arrow Lake"),
    (0x7D45, 0x7D45, "Meteor Lake"),
    (0x7D51, 0x7D51, "Arrow Lake"),
    (0x7D55, 0x7D60, "Meteor Lake"),
    (0x7D67, 0x7DD1, "Arrow Lake"),
    (0x7DD5, 0x7DD5, "Meteor Lake"),
    (0x8A50, 0x8A5F, "Ice Lake"),
    (0x9A40, 0x9AFF, "Tiger Lake"),
    (0x9B20, 0x9BFF, "Comet Lake"),
    (0xA720, 0xA7AF, "Raptor Lake"),
    (0xB080, 0xB0FF, "Panther Lake"),
    (0xB640, 0xB640, "Arrow Lake"),
    (0xE200, 0xE22F, "Battlemage"),
    (0xFD80, 0xFD8F, "Wildcat Lake"),
)
CARDS = frozenset({"Alchemist", "Battlemage", "DG1", "Ponte Vecchio"})
NPU_NAMES = {
    "7d1d": "Intel NPU (Meteor Lake)",
    "ad1d": "Intel NPU (Arrow Lake)",
    "643e": "Intel NPU (Lunar Lake)",
    "b03e": "Intel NPU (Panther Lake)",
}


def generation_of(device: int) -> str | None:
    return next((name for low, high, name in GENERATIONS if low <= device <= high), None)


def is_integrated(device: int, address: str) -> bool:
    """Intel's own graphics always sit at 00:02.0 of the first bus; an unknown chip goes by that."""
    generation = generation_of(device)
    return generation not in CARDS if generation else address == "0000:00:02.0"
