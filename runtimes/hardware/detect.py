"""One scan of one machine. Nothing here raises because of what the machine is or lacks."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtimes.hardware import (
    amd,
    amd_faults,
    cpu,
    devicetree,
    drm,
    energy,
    intel,
    limits,
    nvidia,
    nvidia_soc,
    pci,
    probe,
    visibility,
)
from runtimes.hardware.errors import HardwareError
from runtimes.hardware.notes import Notes, Value
from runtimes.hardware.pci import PciDevice
from runtimes.hardware.profile import Cpu, Finding, HardwareProfile, Memory
from runtimes.hardware.sysroot import Sysroot

MACHINE = Path("/")
NO_CPU = Cpu("unknown", None, (), None, None, None, None, None, None)


def detect(
    root: Sysroot | Path | str = MACHINE, *, environ: Mapping[str, str] | None = None, live: bool = True
) -> HardwareProfile:
    """Scan this machine, a folder with another's files, or a recording.

    Drivers are asked only about this machine, and only with `live`; each call runs in a child process
    with a time limit. `environ` is this process's own for this machine, and the recorded one elsewhere.
    A path with nothing at it, or with a damaged capture, raises HardwareError; nothing else is raised.
    """
    system = root if isinstance(root, Sysroot) else at(root, live=live)
    if environ is None:
        environ = os.environ if not isinstance(root, Sysroot) and Path(root) == MACHINE else system.environ
    return _Scan(system, environ).run()


def at(root: Path | str = MACHINE, *, live: bool = True) -> Sysroot:
    """This machine with its drivers, the files below a folder, or the archive that the path names.

    Raises HardwareError where there is nothing, or a damaged capture.
    """
    path = Path(root)
    if not path.exists():
        raise HardwareError(
            "hardware.sysroot-absent",
            f"There is nothing at {path}.",
            remedy="Name a folder with a machine's files, or an archive made with: appliance doctor --capture FILE",
        )
    if path.is_file():
        return Sysroot.from_archive(path)
    return Sysroot.at(path, asker=probe.ask if live and path == MACHINE else None)


class _Scan:
    """The parts of one scan, each fenced: one that fails leaves a finding and hides no other."""

    def __init__(self, root: Sysroot, environ: Mapping[str, str]) -> None:
        self.root = root
        self.environ = environ
        self.notes = Notes()

    def run(self) -> HardwareProfile:
        root, environ, notes = self.root, self.environ, self.notes
        nothing: list[PciDevice] = []
        devices = self._fenced("pci", lambda: pci.devices(root), nothing)
        self._fenced("device files", lambda: self._ask_drivers(devices), None)
        memory = self._fenced("memory", lambda: limits.memory(root, notes), Memory(None, None, None))
        processor = self._fenced("cpu", lambda: cpu.scan(root, notes), NO_CPU)
        self._add("energy", lambda: energy.scan(root), [])
        self._add("nvidia", lambda: nvidia.scan(root, devices, environ, memory), devices)
        self._add("amd", lambda: amd.scan(root, devices, environ), devices)
        self._add("intel", lambda: intel.scan(root, devices, environ, memory), devices)
        self._add("devicetree", lambda: devicetree.scan(root), [])
        self._add("drm", lambda: drm.scan(root), [])
        self._add("pci", lambda: pci.others(self._unclaimed(devices)), [])
        return HardwareProfile(
            machine=self._fenced("machine", lambda: devicetree.machine(root, notes), None),
            system=self._fenced("system", self._system, None),
            cpu=processor,
            memory=memory,
            accelerators=tuple(notes.accelerators),
            findings=tuple(notes.findings),
            sources=dict(sorted(notes.sources.items())),
            libraries=tuple(notes.libraries),
            environment=visibility.in_force(environ),
            energy=tuple(notes.energy),
        )

    def _fenced(self, part: str, read: Callable[[], Value], otherwise: Value) -> Value:
        try:
            return read()
        except Exception as error:  # noqa: BLE001 - whatever one card does, the scan goes on
            self.notes.findings.append(
                Finding(
                    "hardware.scan-failed",
                    f"The scan of {part} failed: {type(error).__name__}: {error}",
                    "The rest of the scan is complete. Please report it with: appliance doctor --capture FILE",
                )
            )
            return otherwise

    def _add(self, vendor: str, scan: Callable[[], Notes], devices: list[PciDevice]) -> None:
        """Take over what a vendor's file found; where it failed, its cards as PCI shows them."""
        nothing = Notes()
        found = self._fenced(vendor, scan, nothing)
        if found is nothing:
            reason = self.notes.findings[-1]
            mine = [device for device in devices if pci.VENDORS.get(device.vendor) == vendor]
            found = Notes(accelerators=[pci.plain(device, reason) for device in mine])
        self.notes.accelerators += found.accelerators
        self.notes.findings += found.findings
        self.notes.libraries += found.libraries
        self.notes.energy += found.energy
        self.notes.sources |= found.sources

    def _unclaimed(self, devices: list[PciDevice]) -> list[PciDevice]:
        claimed = {accelerator.id for accelerator in self.notes.accelerators}
        return [device for device in devices if device.address not in claimed]

    def _ask_drivers(self, devices: list[PciDevice]) -> None:
        """Open and read in child processes whatever a driver may hang on; NVML opens NVIDIA's devices itself."""
        nodes, files = [], nvidia_soc.driver_files(self.root)
        for device in devices:
            if device.vendor == nvidia.VENDOR:
                files += nvidia.driver_files(device)
            elif device.vendor in (amd.GPU_VENDOR, amd.NPU_VENDOR):
                files += amd.driver_files(self.root, device)
            elif device.vendor == intel.VENDOR:
                files += intel.driver_files(self.root, device)
            if device.vendor in (amd.GPU_VENDOR, amd.NPU_VENDOR, intel.VENDOR):
                nodes += [node for node in (device.render_node, device.accel_node) if node]
        if any(device.vendor == amd.GPU_VENDOR for device in devices):
            nodes.append(amd_faults.KFD)
        self._note_failure("open", f"Opening {', '.join(nodes)}", self.root.open_devices(nodes))
        self._note_failure(
            "read", "Reading the drivers' sensors and memory sizes", self.root.read_apart(files)
        )

    def _note_failure(self, what: str, doing: str, answer: Mapping[str, Any] | None) -> None:
        if answer is None:
            return
        self.notes.findings.append(
            Finding(
                f"device.{what}-timeout" if answer["error"] == "timeout" else f"device.{what}-failed",
                f"{doing} did not end well: {answer.get('detail')}.",
                "A driver hangs. See `dmesg`; restarting the machine usually helps.",
            )
        )

    def _system(self) -> str | None:
        release = self.root.text("/proc/sys/kernel/osrelease")
        told = self.root.pairs("/etc/os-release", "=").get("PRETTY_NAME", "").strip("\"'")
        kernel = self.notes.take(
            "system", f"Linux {release}" if release else None, "/proc/sys/kernel/osrelease"
        )
        return ", ".join(filter(None, (told, kernel))) or None
