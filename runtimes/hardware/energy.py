"""Energy counters: what the processors, cards or the board have drawn since they were switched on.

RAPL below powercap (kernel documentation, power/powercap), hwmon's `energy*_input` (hwmon/sysfs-interface) and
NVML. Each joule counts once: of RAPL the packages only, and rails of the board only where no processor counts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtimes.hardware import pci
from runtimes.hardware.notes import Notes
from runtimes.hardware.profile import EnergyCounter
from runtimes.hardware.sysroot import Access, Sysroot

POWERCAP, HWMON = "/sys/class/powercap", "/sys/class/hwmon"
NVML = "NVML"
PCI_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
AMD_MODULE = "amd_energy"
REFUSALS = {
    Access.ABSENT: "hidden from this container",
    Access.DENIED: "only root may read it",
    Access.BLOCKED: "not allowed here",
    Access.BROKEN: "the driver does not answer",
}


@dataclass(frozen=True, slots=True)
class _Chip:
    """A hwmon chip that counts energy."""

    name: str
    device: str
    labels: dict[str, str]
    """File of a counter -> what it counts, in the order of their numbers."""

    @property
    def of_card(self) -> bool:
        return bool(PCI_ADDRESS.fullmatch(self.device))


def scan(root: Sysroot) -> Notes:
    """The counters that are files, with where each is read."""
    notes = Notes()
    _note(counters(root), notes)
    return notes


def note_nvml(answers: Sequence[Mapping[str, Any]], notes: Notes) -> None:
    """Those of NVIDIA's cards, from what NVML said of each."""
    counting = (answer for answer in answers if isinstance(answer.get("energy_j"), int | float))
    _note([EnergyCounter(pci.from_nvml(answer.get("pci")), NVML) for answer in counting], notes)


def counters(root: Sysroot) -> list[EnergyCounter]:
    """Those that are files; together with NVML's they add up to what the machine tells of its consumption."""
    chips = list(_hwmon(root))
    processor = _first_readable([_rapl(root), _amd_sockets(root, chips), _rails(root, chips)])
    return [*processor, *_cards(root, chips)]


def spent(
    before: Mapping[str, float], after: Mapping[str, float], ranges: Mapping[str, float]
) -> float | None:
    """Joules between two readings, summed over the counters; pure.

    `ranges` says after how many joules a counter starts again at zero. A second round cannot be told from the
    first: RAPL's 66 kJ (AMD) and 262 kJ (Intel) last five and twenty minutes at 200 W. None where the readings
    hold different counters, where one ran backwards without a range (its driver was loaded again), and where
    none moved.
    """
    if before.keys() != after.keys():
        return None
    total = 0.0
    for name, start in before.items():
        joules = after[name] - start
        if joules < 0:
            joules += ranges.get(name, 0.0)
        if joules < 0:
            return None
        total += joules
    return total or None


def _note(found: list[EnergyCounter], notes: Notes) -> None:
    notes.energy += found
    notes.sources |= {f"energy.{counter.name}": counter.source for counter in found if not counter.reason}


def _first_readable(groups: list[list[EnergyCounter]]) -> list[EnergyCounter]:
    """Ways to the same joules, the best first; where none can be read, the best that is there."""
    there = [group for group in groups if group]
    readable = (group for group in there if not any(counter.reason for counter in group))
    return next(readable, there[0] if there else [])


def _rapl(root: Sysroot) -> list[EnergyCounter]:
    """Packages by their name; parts of one (`intel-rapl:0:1`) and the same through MMIO are left out."""
    found: dict[str, EnergyCounter] = {}
    for zone, path in root.folders(POWERCAP):
        if not re.fullmatch(r"intel-rapl:\d+", zone):
            continue
        name = root.text(f"{path}/name") or zone
        if name == zone or name.startswith("package-"):
            range_uj = root.number(f"{path}/max_energy_range_uj")
            counter = _counter(root, name, f"{path}/energy_uj", range_uj)
            found.setdefault(name, counter)
    return list(found.values())


def _hwmon(root: Sysroot) -> Iterator[_Chip]:
    for _, path in root.folders(HWMON):
        labels = {
            f"{path}/{name}": root.text(f"{path}/{found[1]}_label") or found[1]
            for name in root.names(path)
            if (found := re.fullmatch(r"(energy\d+)_input", name))
        }
        if labels:
            device = root.link(f"{path}/device") or ""
            yield _Chip(root.text(f"{path}/name") or device, device, labels)


def _amd_sockets(root: Sysroot, chips: list[_Chip]) -> list[EnergyCounter]:
    """The amd_energy module, which counts each core and each socket."""
    labels = [item for chip in chips if chip.name == AMD_MODULE for item in chip.labels.items()]
    return [_counter(root, label, path) for path, label in labels if label.startswith("Esocket")]


def _rails(root: Sysroot, chips: list[_Chip]) -> list[EnergyCounter]:
    """Meters on the board, such as scmi's and vexpress's: each rail one counter."""
    return [
        _counter(root, f"{chip.name} {label}", path)
        for chip in chips
        if chip.name != AMD_MODULE and not chip.of_card
        for path, label in chip.labels.items()
    ]


def _cards(root: Sysroot, chips: list[_Chip]) -> list[EnergyCounter]:
    """i915 and xe: the lowest number is the widest (xe: the card before the package); tiles are parts."""
    cards = (chip for chip in chips if chip.of_card and not chip.name.startswith("i915_gt"))
    return [_counter(root, chip.device, next(iter(chip.labels))) for chip in cards]


def _counter(root: Sysroot, name: str, path: str, range_uj: int | None = None) -> EnergyCounter:
    access = root.readable(path)
    reason = "" if access is Access.GRANTED else REFUSALS[access]
    return EnergyCounter(name, path, None if range_uj is None else range_uj / 1e6, reason)
