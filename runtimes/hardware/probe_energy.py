"""Child process: read energy counters, once for every line on standard input, until that ends.

Arguments are files to read, and `--nvml` first where NVIDIA's library is to be asked. Each line printed is
`{"files": {path: text | null}, "nvml": [{"pci": …, "energy_j": …}]}`. It stays, because starting an interpreter
and NVML costs more time, and energy, than what is measured.
"""

import json
import sys
from pathlib import Path
from typing import Any

NVML_FLAG = "--nvml"


def content(path: str) -> str | None:
    try:
        with Path(path).open() as file:
            return file.read(64)
    except (OSError, ValueError):
        return None


class Nvml:
    """Handles of the devices that count energy (Volta and newer)."""

    def __init__(self) -> None:
        import pynvml  # noqa: PLC0415 - only machines with the library start with it

        self._pynvml = pynvml
        self._devices: list[tuple[str, Any]] = []
        try:
            pynvml.nvmlInit()
            for index in range(pynvml.nvmlDeviceGetCount()):
                self._add(index)
        except pynvml.NVMLError:
            return

    def read(self) -> list[dict[str, Any]]:
        found = []
        for address, handle in self._devices:
            try:
                millijoules = self._pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
            except self._pynvml.NVMLError:
                continue
            found.append({"pci": address, "energy_j": millijoules / 1000})
        return found

    def _add(self, index: int) -> None:
        try:
            handle = self._pynvml.nvmlDeviceGetHandleByIndex(index)
            address = self._pynvml.nvmlDeviceGetPciInfo(handle).busId
        except self._pynvml.NVMLError:
            return
        text = address.decode(errors="replace") if isinstance(address, bytes) else str(address)
        self._devices.append((text, handle))


def main(arguments: list[str]) -> None:
    nvml = Nvml() if arguments[:1] == [NVML_FLAG] else None
    paths = arguments[1:] if nvml else arguments
    for _ in sys.stdin:
        answer = {"files": {path: content(path) for path in paths}, "nvml": nvml.read() if nvml else []}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
