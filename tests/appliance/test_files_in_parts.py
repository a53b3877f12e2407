"""A model whose file travels in several parts is one file on the box."""

from collections.abc import Callable
from pathlib import Path

from tests.appliance.cli import Cli
from tests.appliance.depots import TestDepot
from updates.depot.models import ModelArtifact, add_model
from updates.depot.repository import Depot
from updates.depot.sharing import METADATA

INSPECTION = Path(__file__).parents[2] / "demo/models/inspection"


def test_a_model_in_parts_is_imported_certified_and_kept_whole(
    tmp_path: Path, new_box: Callable[[TestDepot], Cli]
) -> None:
    own = TestDepot(tmp_path / "connected")
    model = ModelArtifact("inspection", "1.0.0", INSPECTION / "inspection.onnx", INSPECTION / "golden")
    add_model(Depot.open(own.depot), model, part_size=200_000)
    box, medium = new_box(own), own.publish()
    sizes = [file.stat().st_size for file in (medium / "appliance-update/blobs/sha256").iterdir()]
    assert sum(150_000 < size <= 200_000 for size in sizes) >= 2
    report = box.ok("update", "import", str(medium))
    assert [applied["name"] for applied in report["applied"]] == ["inspection"]
    blobs = [file.read_bytes() for file in (box.state / "blobs/sha256").iterdir()]
    assert model.file.read_bytes() in blobs
    box.ok("deploy", "inspection", "--budget", "1")
    assert box.ok("update", "import", str(medium))["applied"] == []


def test_a_set_of_media_is_asked_for_one_by_one(tmp_path: Path, new_box: Callable[[TestDepot], Cli]) -> None:
    own = TestDepot(tmp_path / "connected")
    model = ModelArtifact("inspection", "1.0.0", INSPECTION / "inspection.onnx", INSPECTION / "golden")
    add_model(Depot.open(own.depot), model)
    words = ("--split-size", str(METADATA + 800_000))
    media: list[Path] = []
    count = 1
    while len(media) < count:
        media.append(tmp_path / f"medium-{len(media) + 1}")
        media[-1].mkdir()
        number = ("--number", str(len(media)))
        written = own.cli.ok("depot", "publish", str(own.depot), str(media[-1]), *words, *number)
        count = written["media"]
        assert written["number"] == len(media)
    assert count > 1
    box = new_box(own)
    for following, medium in enumerate(media[:-1], 2):
        told = box.fails("medium.next-needed", "update", "import", str(medium))
        assert f"medium {following} of {count}" in told["what"]
        assert box.ok("models")["models"] == []
    report = box.ok("update", "import", str(media[-1]))
    assert [applied["name"] for applied in report["applied"]] == ["inspection"]
    assert model.file.read_bytes() in [file.read_bytes() for file in (box.state / "blobs/sha256").iterdir()]
