"""A depot with two small models, a medium published from it, and a box that trusts it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest

from updates.blobs import BlobStore
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.inspect import Installed, Preview, inspect
from updates.layout import UPDATE_FOLDER
from updates.media import find_update
from updates.models import Objective
from updates.transfer import Received, receive
from updates.trust.clock import EffectiveTime, TimeSource
from updates.trust.state import TrustState

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TIME = EffectiveTime(NOW, TimeSource.CLOCK)


@dataclass(slots=True)
class Box:
    """What the appliance keeps, as far as this floor is concerned."""

    trust: TrustState
    blobs: BlobStore
    installed: list[Installed] = field(default_factory=list)

    @classmethod
    def fresh(cls, depot: Depot, folder: Path) -> Self:
        """A new box that trusts a depot."""
        return cls(TrustState.from_root(depot.root_bytes()), BlobStore(folder / "fresh" / "blobs"))

    def inspect(self, medium: Path, now: EffectiveTime = TIME) -> Preview:
        return inspect(find_update(medium), self.trust, now, self.installed)

    def bring_in(self, medium: Path) -> list[Received]:
        """Inspect, receive, and trust what the medium says from then on."""
        preview = self.inspect(medium)
        received = receive(preview.medium, [offer.artifact for offer in preview.changes], self.blobs)
        self.trust = preview.verified.state
        self.installed += [Installed(item.artifact.identity, item.artifact.digest) for item in received]
        return received


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    return write(tmp_path / "in" / "line.onnx", bytes(range(256)) * 12_000)


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    return write(tmp_path / "in" / "story.gguf", b"GGUF" + bytes(1000))


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    folder = tmp_path / "in" / "golden"
    write(folder / "golden.json", b'{"samples": []}')
    write(folder / "samples" / "0.npy", b"\x93NUMPY" + bytes(100))
    write(folder / "._golden.json", b"left by a Mac")
    return folder


@pytest.fixture
def line_model(onnx: Path, golden: Path, tmp_path: Path) -> ModelArtifact:
    return ModelArtifact(
        "line-inspection",
        "1.0.0",
        onnx,
        golden,
        labels=write(tmp_path / "in" / "labels", b"good\nscratch\n"),
        licence="Apache-2.0",
        licence_file=write(tmp_path / "in" / "LICENSE", b"Apache"),
        objective=Objective.LATENCY,
        latency_objective_ms=12.5,
        description="Finds scratches",
    )


@pytest.fixture
def depot(tmp_path: Path, line_model: ModelArtifact, gguf: Path) -> Depot:
    depot = Depot.create(tmp_path / "depot", thresholds={"targets": 2}, now=NOW)
    add_model(depot, line_model)
    add_model(depot, ModelArtifact("story", "0.9.0", gguf, objective=Objective.THROUGHPUT))
    return depot


@pytest.fixture
def medium(depot: Depot, tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    publish(depot, folder, now=NOW)
    return folder


@pytest.fixture
def box(depot: Depot, tmp_path: Path) -> Box:
    return Box(TrustState.from_root(depot.root_bytes()), BlobStore(tmp_path / "box" / "blobs"))


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def files_of(medium: Path) -> list[str]:
    """Every file of the update, relative to its folder."""
    folder = medium / UPDATE_FOLDER
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
