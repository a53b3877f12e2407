"""What an import costs: against cp and sha256sum of the same bytes, against RAUC, and what deltas and resuming save.

    python -m benchmarks.updates [--mib 4096] [--rounds 2] [--folder DIR]

All contenders read the same medium (a folder) with a cold page cache and write to the same disk; they take turns. An
import makes everything durable before it ends, which cp does not.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks import rauc
from benchmarks.model_pairs import large_gguf, last_layers_trained
from updates import canonical
from updates.blobs import BlobStore
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.depot.sharing import Shape
from updates.inspect import inspect
from updates.layout import UPDATE_FOLDER
from updates.manifest import parse_manifest
from updates.media import MediumFile, find_update
from updates.progress import Phase, Progress
from updates.transfer import receive
from updates.trust.clock import EffectiveTime, TimeSource
from updates.trust.state import TrustState

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TIME = EffectiveTime(NOW, TimeSource.CLOCK)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mib", type=int, default=4096, help="size of the payload")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where everything is made: about five times the payload")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        whole_import(folder / "whole", options.mib, options.rounds)
        shutil.rmtree(folder / "whole")
        delta_and_resume(folder / "delta")
        shutil.rmtree(folder / "delta")
        preview(folder / "preview", 10_000)


def whole_import(folder: Path, mebibytes: int, rounds: int) -> None:
    folder.mkdir()
    payload = _payload(folder / "payload.gguf", mebibytes)
    depot = Depot.create(folder / "depot", now=NOW)
    add_model(depot, ModelArtifact("large", "1.0.0", payload))
    stick = _written(depot, folder / "stick")
    (folder / "root.json").write_bytes(depot.root_bytes())
    shutil.rmtree(folder / "depot/blobs")
    contenders: dict[str, Callable[[], float]] = {
        "cp": lambda: _timed("cp", "-r", stick, folder / "copied"),
        "sha256sum": lambda: _timed("sh", "-c", f"sha256sum {stick}/{UPDATE_FOLDER}/blobs/sha256/*"),
        "import": lambda: _timed(
            sys.executable,
            "-m",
            "benchmarks.import_child",
            stick,
            folder / "store",
            folder / "root.json",
        ),
    }
    try:
        rauc.prepare(folder / "rauc", payload)
        contenders["rauc install"] = lambda: rauc.install(folder / "rauc")
    except rauc.CannotRun as reason:
        print(f"RAUC does not run here: {reason}")
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            _forget_cached(folder)
            try:
                found[name].append(run())
            except rauc.CannotRun as reason:
                print(f"RAUC does not run here: {reason}")
            for left in ("copied", "store"):
                shutil.rmtree(folder / left, ignore_errors=True)
    median = {name: statistics.median(times) for name, times in found.items() if times}
    for name, seconds in median.items():
        rate = mebibytes * 1.048576 / seconds
        print(
            f"{name:14} {seconds:7.1f} s  {rate:6.0f} MB/s  ({', '.join(f'{one:.1f}' for one in found[name])})"
        )
    print(
        f"import / (cp + sha256sum): {median['import'] / (median['cp'] + median['sha256sum']):.2f} (goal: at most 1.15)"
    )
    if "rauc install" in median:
        print(
            f"import / rauc install:     {median['import'] / median['rauc install']:.2f} (goal: at most 1.00)"
        )
    print(f"peak memory of the import: {_peak.get('import', 0) / 1024:.0f} MiB (goal: below 143 MiB)")


def delta_and_resume(folder: Path) -> None:
    old = large_gguf(256)
    new = last_layers_trained(old)
    changed = sum(len(a.data) for a, b in zip(old.tensors, new.tensors, strict=True) if a.data != b.data)
    folder.mkdir()
    depot = Depot.create(folder / "depot", now=NOW)
    store, trust = BlobStore(folder / "store"), TrustState.from_root(depot.root_bytes())
    (folder / "1.gguf").write_bytes(old.to_bytes())
    add_model(depot, ModelArtifact("tuned", "1.0.0", folder / "1.gguf"))
    first = inspect(find_update(_written(depot, folder / "first")), trust, TIME)
    artifacts = [offer.artifact for offer in first.offers]
    size = len(old.to_bytes())
    read = _counted(lambda: _cut_at(0.9, lambda tell: receive(first.medium, artifacts, store, tell)))
    again = _counted(lambda: receive(first.medium, artifacts, store))
    print(
        f"resume after a cut at {read / size:.0%}: read {again / size:.2%} again (goal: at most 11 % and a chunk)"
    )
    (folder / "2.gguf").write_bytes(new.to_bytes())
    add_model(depot, ModelArtifact("tuned", "2.0.0", folder / "2.gguf"))
    second = inspect(find_update(_written(depot, folder / "second")), trust, TIME)
    here = [artifact.digest for artifact in artifacts]
    wanted = [offer.artifact for offer in second.offers if offer.artifact.digest not in here]
    read = _counted(lambda: receive(second.medium, wanted, store, here=here))
    print(
        f"delta, frozen layers: {changed} bytes changed, {read} read, {read / changed:.3f} times (goal: at most 1.1)"
    )


def preview(folder: Path, artifacts: int) -> None:
    """Metadata of so many artifacts, each with a manifest of its own."""
    folder.mkdir()
    depot = Depot.create(folder / "depot", now=NOW)
    (folder / "m.gguf").write_bytes(b"GGUF" + bytes(100))
    made = add_model(depot, ModelArtifact("model", "1.0.0", folder / "m.gguf"))
    pending = canonical.parse_object((depot.path / "pending.json").read_bytes(), "pending.json")
    (entry,) = pending.values()
    manifest = parse_manifest(depot.blobs.path(made.digest).read_bytes(), "manifest")
    honest, os.fsync = os.fsync, lambda fd: None  # noqa: ARG005 - making the depot is not what is measured
    many = {}
    for number in range(artifacts):
        annotations = {**manifest.annotations, "internal.appliance.description": f"the {number}th"}
        data = type(manifest)(
            manifest.config, manifest.layers, manifest.artifact_type, annotations
        ).to_bytes()
        name = f"model-{number}"
        many[f"models/{name}/1.0.0/manifest.json"] = {
            "length": len(data),
            "sha256": depot.blobs.put_bytes(data).hex,
            "custom": {**entry["custom"], "name": name},
        }
    (depot.path / "pending.json").write_bytes(canonical.to_bytes(many))
    stick = _written(depot, folder / "stick")
    os.fsync = honest
    times = []
    for _ in range(5):
        _forget_cached(folder)
        began = time.perf_counter()
        found = inspect(find_update(stick), TrustState.from_root(depot.root_bytes()), TIME)
        times.append(time.perf_counter() - began)
    print(f"preview of {len(found.offers)} artifacts: {statistics.median(times):.2f} s (goal: at most 1 s)")


def _payload(file: Path, mebibytes: int) -> Path:
    random = np.random.default_rng(1)
    with file.open("wb") as stream:
        stream.write(b"GGUF")
        for _ in range(mebibytes // 64):
            stream.write(random.bytes(64 << 20))
    return file


def _written(depot: Depot, folder: Path) -> Path:
    folder.mkdir()
    publish(depot, folder, Shape(), now=NOW)
    return folder


_peak: dict[str, int] = {}
"""Largest resident set of the import, in KiB, by its own account: what wait4 tells counts the parent's too."""


def _timed(*command: object) -> float:
    began = time.monotonic()
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, check=True, cwd=Path(__file__).parents[1]
    )
    seconds = time.monotonic() - began
    if "benchmarks.import_child" in command:
        _peak["import"] = max(_peak.get("import", 0), int(done.stdout))
    return seconds


def _counted(act: Callable[[], object]) -> int:
    """Bytes of blobs that are read from media meanwhile."""
    honest, read = MediumFile.readinto, [0]

    def count(self: MediumFile, buffer: memoryview) -> int:
        got = honest(self, buffer)
        read[0] += got if self.name.startswith("blobs/") else 0
        return got

    MediumFile.readinto = count  # type: ignore[method-assign]
    try:
        act()
    finally:
        MediumFile.readinto = honest  # type: ignore[method-assign]
    return read[0]


class _Cut(Exception):  # noqa: N818 - the power, not an error
    pass


def _cut_at(share: float, act: Callable[[Callable[[Progress], None]], object]) -> None:
    def tell(progress: Progress) -> None:
        if progress.phase is Phase.COPY and progress.done >= share * progress.total:
            raise _Cut

    try:
        act(tell)
    except _Cut:
        return


def _forget_cached(folder: Path) -> None:
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


if __name__ == "__main__":
    main()
