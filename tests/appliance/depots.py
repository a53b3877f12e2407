"""A depot with small models, and the media it writes."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from runtimes.golden import GoldenSet, TensorSample, Tolerance, write_golden
from tests.appliance.cli import Cli
from tests.runtimes import onnx_files


@dataclass
class TestDepot:
    """A depot below `folder`, driven by the command line."""

    __test__ = False

    folder: Path
    cli: Cli = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cli = Cli(self.folder / "no-box")
        self.cli.ok("depot", "init", str(self.depot))

    @property
    def depot(self) -> Path:
        return self.folder / "depot"

    @property
    def root(self) -> Path:
        return self.depot / "metadata" / "1.root.json"

    def add_linear(
        self, name: str = "linear", version: str = "1.0.0", *, wrong_by: float = 0.0, rows: int = 2
    ) -> None:
        """A model that multiplies by a small matrix; its golden sample of so many rows is off by `wrong_by`."""
        files = self.folder / f"{name}-{version}"
        files.mkdir()
        x = np.arange(4 * rows, dtype=np.float32).reshape(rows, 4) % 8 + int(version.replace(".", ""))
        y = x @ onnx_files.WEIGHT + np.float32(wrong_by)
        sample = TensorSample("rows", {"x": x}, {"y": y})
        write_golden(files / "golden", GoldenSet((sample,), Tolerance(1e-3, 1e-3)))
        model = onnx_files.linear(files / "linear.onnx")
        self.add(name, version, model, files / "golden")

    def add(self, name: str, version: str, file: Path, golden: Path) -> None:
        words = ["--name", name, "--version", version, "--file", str(file), "--golden", str(golden)]
        self.cli.ok("depot", "add-model", str(self.depot), *words, "--licence", "Apache-2.0")

    def copy(self, folder: Path) -> "TestDepot":
        """The same depot with the same keys, to go another way."""
        shutil.copytree(self.folder, folder)
        other = object.__new__(TestDepot)
        other.folder, other.cli = folder, Cli(folder / "no-box")
        return other

    def publish(self, name: str = "medium") -> Path:
        medium = self.folder / name
        medium.mkdir(exist_ok=True)
        self.cli.ok("depot", "publish", str(self.depot), str(medium))
        return medium


def copy_of(medium: Path, to: Path) -> Path:
    """The same medium again, to be damaged."""
    shutil.copytree(medium, to)
    return to
