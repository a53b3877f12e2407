"""A folder of wheels as a depot gets it: the toy engine, and what makes this machine's numpy and msgspec importable."""

import zipfile
from pathlib import Path

import numpy

from tests.runtimes.packs import toy_engine

ENTRY_POINT = "[appliance.runtimes]\ntoy = toy_engine:Toy\n"


def toy_wheels(folder: Path, *, source: str = toy_engine.ADAPTER, entry_points: str = ENTRY_POINT) -> Path:
    """Fill `folder`; the engine's module has the text `source`."""
    folder.mkdir(parents=True, exist_ok=True)
    toy_engine.wheel(folder, source, entry_points)
    linked = folder.parent / f"{folder.name}-linked"
    linked.mkdir()
    for package in toy_engine.numpy_and_msgspec(Path(numpy.__file__).parents[1]):
        (linked / package.name).symlink_to(package)
    info = "links-1.dist-info"
    with zipfile.ZipFile(folder / "links-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("links.pth", f"{linked}\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: links\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"links.pth,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return folder
