"""Reading the energy counters, again and again, at little cost and without ever hanging on a driver."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runtimes.hardware import energy, libraries, nvidia, pci
from runtimes.hardware.detect import at
from runtimes.hardware.notes import Notes
from runtimes.hardware.probe import SECONDS
from runtimes.hardware.session import Session
from runtimes.hardware.sysroot import Sysroot, parse_decimal

PROBE = Path(__file__).with_name("probe_energy.py")


class EnergyMeter:
    """The machine's energy in joules, absolute, by counter.

    On this machine one child process stays to read the files and to ask NVML; a reading costs a round trip
    to it. A child that does not answer in time is left alone, and the meter reads nothing from then on.
    """

    def __init__(self, root: Sysroot | None = None, *, seconds: float = SECONDS) -> None:
        """Of this machine, or of another's files below `root`. Starts the child process; never raises."""
        self._root = root or at(live=False)
        self._counters = energy.counters(self._root)
        self._paths = [counter.source for counter in self._counters if not counter.reason]
        self._session = self._started(seconds) if root is None else None
        self.refusals = {counter.name: counter.reason for counter in self._counters if counter.reason}
        """Counter -> why it cannot be read, in words."""
        self.ranges = {c.name: c.range_j for c in self._counters if c.range_j is not None}
        """Counter -> joules after which it starts again at zero; see `spent`."""
        self.sources = self._sources(self.read())
        """Counter -> where it is read; empty where the machine tells nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self) -> dict[str, float]:
        """Counter -> joules; without those that cannot be read, and empty where none can."""
        texts, nvml = self._told()
        found = {}
        for counter in self._counters:
            microjoules = parse_decimal((texts.get(counter.source) or "").strip())
            if microjoules is not None:
                found[counter.name] = microjoules / 1e6
        for device in nvml:
            joules = device.get("energy_j")
            if isinstance(joules, int | float):
                found[pci.from_nvml(device.get("pci"))] = float(joules)
        return found

    def close(self) -> None:
        """End the child process."""
        if self._session:
            self._session.close()

    def _started(self, seconds: float) -> Session | None:
        nvml = libraries.find(self._root, "libnvidia-ml.so.1", Notes()) is not None
        if not (self._paths or nvml):
            return None
        arguments = ["--nvml", *self._paths] if nvml else self._paths
        return Session(PROBE, arguments, seconds=seconds, packages=nvml)

    def _told(self) -> tuple[Mapping[str, str | None], list[dict[str, Any]]]:
        if self._session:
            answer = self._session.ask()
            return answer.get("files", {}), answer.get("nvml", [])
        return {path: self._root.text(path) for path in self._paths}, _recorded(self._root)

    def _sources(self, reading: Mapping[str, float]) -> dict[str, str]:
        files = {counter.name: counter.source for counter in self._counters}
        return {name: files.get(name, energy.NVML) for name in reading}


def _recorded(root: Sysroot) -> list[dict[str, Any]]:
    """NVML's devices as a recording of another machine holds them."""
    return nvidia.devices_told(root.answer("nvidia") or {})
