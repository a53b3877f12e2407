"""A box with an older version serving, and the update that is cut short."""

import json
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.audit.verify import verify
from appliance.box import Box
from appliance.state import StateFolder
from tests.appliance.cli import EXECUTABLE, Cli
from tests.appliance.depots import TestDepot
from tests.appliance.power.disk import Disk, Step, modelled, read_trace
from updates.digest import Digest

OLD, NEW = "1.0.0", "1.1.0"


@dataclass(frozen=True, slots=True)
class Run:
    """One import under the shim."""

    state: Path
    """The box it was done to."""
    before: Disk
    steps: list[Step]
    writes: int
    reads: int
    answer: dict[str, Any]

    def replayed(self) -> dict[str, bytes]:
        """The files as the model says that they are now. Consumes `before`."""
        for step in self.steps:
            self.before.apply(step)
        return self.before.files()

    def found(self) -> dict[str, bytes]:
        """The files as they are now."""
        files = (path for path in self.state.rglob("*") if path.is_file() and modelled(path))
        return {str(path.relative_to(self.state)): path.read_bytes() for path in files}


@dataclass(frozen=True, slots=True)
class Story:
    """`before` is the box as it was before the import; each try gets a copy of it."""

    folder: Path
    before: Path
    medium: Path
    shim: Path

    @classmethod
    def prepare(cls, folder: Path) -> "Story":
        """Needs a C compiler."""
        shim = folder / "shim.so"
        source = Path(__file__).with_name("shim.c")
        compiler = shutil.which("cc") or "cc"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl", "-lpthread"], check=True
        )
        depot = TestDepot(folder / "depot")
        depot.add_linear(version=OLD)
        box = Cli(folder / "before")
        box.ok("init", "--trust", str(depot.root), "--box", "cut-box")
        box.ok("update", "import", str(depot.publish("older")))
        box.ok("deploy", "linear", "--budget", "1")
        depot.add_linear(version=NEW)
        return cls(folder, box.state, depot.publish(), shim)

    def run(self, name: str = "run", fail: str = "") -> Run:
        """Import for real, in a process of its own; with `fail`, as the shim takes it, one call fails."""
        state = self.copy(name)
        before = Disk(state)
        trace, count = self.folder / f"{name}.trace", self.folder / f"{name}.count"
        trace.write_bytes(b"")
        count.write_bytes(bytes(16))
        told = {"SHIM_STATE": state, "SHIM_MEDIUM": self.medium, "SHIM_TRACE": trace, "SHIM_COUNT": count}
        environment = {**os.environ, **{key: str(path) for key, path in told.items()}}
        environment |= {"LD_PRELOAD": str(self.shim), **({"SHIM_FAIL": fail} if fail else {})}
        words = ["update", "import", str(self.medium), "--state-dir", str(state), "--json"]
        done = subprocess.run(
            [EXECUTABLE, *words], env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        if not done.stdout:
            raise AssertionError(f"the import gave no answer: {done.stderr[-2000:]}")
        writes, reads = struct.unpack("<QQ", count.read_bytes())
        return Run(state, before, read_trace(trace), writes, reads, json.loads(done.stdout))

    def copy(self, name: str) -> Path:
        state = self.folder / name
        if state.exists():
            shutil.rmtree(state)
        shutil.copytree(self.before, state)
        return state

    def check(self, state: Path, *, again: bool = True) -> str:
        """What must hold of a box found after a cut; gives the version that serves."""
        version = _holds(state)
        if again:
            ran = Cli(state).run("update", "import", str(self.medium))
            assert ran.error is None, ran.error
            assert _holds(state) == NEW
            _reclaimed(state)
        return version


def _holds(state: Path) -> str:
    """The log proves itself, and what serves is one version, complete, and the log tells of it."""
    with Box.open(StateFolder.at(state), writing=True) as box:
        verify(box.database, box.device_key.verifier).require_intact()
        deployment = box.registry.deployment("linear")
        assert deployment is not None
        artifact = deployment.artifact
        assert artifact.version in (OLD, NEW)
        for digest in (artifact.digest, *(file.digest for file in artifact.files)):
            assert box.blobs.verify(Digest(digest)), f"{artifact.version} lacks {digest}"
        logged = {
            entry.entry.subject for entry in box.audit.entries() if entry.entry.action == "update.import"
        }
        versions = {found.version for found in box.registry.artifacts()}
        assert (NEW in versions) == (f"model linear {NEW}" in logged) == (artifact.version == NEW)
        return artifact.version


def _reclaimed(state: Path) -> None:
    """Nothing lies in the blob store that nobody refers to."""
    with Box.open(StateFolder.at(state), writing=True) as box:
        assert {digest.hex for digest in box.blobs.digests()} == box.registry.blobs()
        partial = box.blobs.folder / "partial"
        assert not partial.exists() or not list(partial.iterdir())
