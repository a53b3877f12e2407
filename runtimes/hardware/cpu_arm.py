"""Arm processors, which name themselves by numbers and their features by other words than engines do."""

from collections import Counter

FEATURES = {
    "asimd": "neon",
    "neon": "neon",
    "asimddp": "dotprod",
    "asimdhp": "fp16",
    "bf16": "bf16",
    "i8mm": "i8mm",
    "sve": "sve",
    "sve2": "sve2",
    "svei8mm": "svei8mm",
    "svebf16": "svebf16",
    "sme": "sme",
    "sme2": "sme2",
}
"""Linux hwcap names (Documentation/arch/arm64/elf_hwcaps) -> the names that engines use."""

ARM, BROADCOM, CAVIUM, FUJITSU, HISILICON, NVIDIA, QUALCOMM, APPLE, MICROSOFT, AMPERE = (
    0x41,
    0x42,
    0x43,
    0x46,
    0x48,
    0x4E,
    0x51,
    0x61,
    0x6D,
    0xC0,
)
PARTS = {
    (ARM, 0xC07): "Cortex-A7",
    (ARM, 0xD03): "Cortex-A53",
    (ARM, 0xD04): "Cortex-A35",
    (ARM, 0xD05): "Cortex-A55",
    (ARM, 0xD07): "Cortex-A57",
    (ARM, 0xD08): "Cortex-A72",
    (ARM, 0xD09): "Cortex-A73",
    (ARM, 0xD0A): "Cortex-A75",
    (ARM, 0xD0B): "Cortex-A76",
    (ARM, 0xD0C): "Neoverse-N1",
    (ARM, 0xD0D): "Cortex-A77",
    (ARM, 0xD40): "Neoverse-V1",
    (ARM, 0xD41): "Cortex-A78",
    (ARM, 0xD42): "Cortex-A78AE",
    (ARM, 0xD44): "Cortex-X1",
    (ARM, 0xD46): "Cortex-A510",
    (ARM, 0xD47): "Cortex-A710",
    (ARM, 0xD48): "Cortex-X2",
    (ARM, 0xD49): "Neoverse-N2",
    (ARM, 0xD4B): "Cortex-A78C",
    (ARM, 0xD4D): "Cortex-A715",
    (ARM, 0xD4E): "Cortex-X3",
    (ARM, 0xD4F): "Neoverse-V2",
    (ARM, 0xD80): "Cortex-A520",
    (ARM, 0xD81): "Cortex-A720",
    (ARM, 0xD82): "Cortex-X4",
    (ARM, 0xD83): "Neoverse-V3AE",
    (ARM, 0xD84): "Neoverse-V3",
    (ARM, 0xD85): "Cortex-X925",
    (ARM, 0xD87): "Cortex-A725",
    (ARM, 0xD8E): "Neoverse-N3",
    (CAVIUM, 0x0AF): "ThunderX2",
    (FUJITSU, 0x001): "A64FX",
    (HISILICON, 0xD01): "Kunpeng-920",
    (NVIDIA, 0x003): "Denver 2",
    (NVIDIA, 0x004): "Carmel",
    (QUALCOMM, 0x001): "Oryon",
    (MICROSOFT, 0xD49): "Cobalt-100",
    (AMPERE, 0xAC3): "Ampere-1",
    (AMPERE, 0xAC4): "Ampere-1a",
}
"""`CPU implementer` and `CPU part` of /proc/cpuinfo (MIDR_EL1), as in util-linux's and the Linux kernel's tables."""


def features(blocks: list[dict[str, str]]) -> tuple[str, ...]:
    """Those that every processor has: a program may be moved from a big core to a small one."""
    sets = [set(block["Features"].split()) for block in blocks if block.get("Features")]
    common = set.intersection(*sets) if sets else set()
    return tuple(sorted({name for flag, name in FEATURES.items() if flag in common}))


def model(blocks: list[dict[str, str]]) -> str | None:
    """`4x Cortex-A76 + 4x Cortex-A55`, the newer part number first; a `model name` line where there is one."""
    parts: Counter[tuple[int, int]] = Counter()
    for block in blocks:
        try:
            parts[int(block["CPU implementer"], 16), int(block["CPU part"], 16)] += 1
        except (KeyError, ValueError):
            continue
    if not parts:
        return next((block["model name"] for block in blocks if block.get("model name")), None)
    names = [(PARTS.get(part, f"implementer {part[0]:#x} part {part[1]:#x}"), parts[part]) for part in parts]
    if len(names) == 1:
        return names[0][0]
    ordered = sorted(parts, reverse=True)
    return " + ".join(f"{parts[part]}x {PARTS.get(part, f'part {part[1]:#x}')}" for part in ordered)
