"""Writes every fake machine as a capture, so that the doctor can be tried on it:

python -m tests.hardware.captures /tmp/machines
appliance doctor --sysroot /tmp/machines/jetson-agx-orin.tar.gz
"""

import sys
from pathlib import Path

from runtimes.hardware.recording import write_archive
from tests.hardware.conftest import MACHINES, load


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for told in sorted(MACHINES.glob("*.toml")):
        with (folder / f"{told.stem}.tar.gz").open("wb") as archive:
            write_archive(load(told.stem).recording, archive)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
