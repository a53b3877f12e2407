"""Media that are not simply the whole update: for one box, in a set of several, with parity."""

import errno
from pathlib import Path

import numpy as np
import pytest

from benchmarks.model_pairs import large_gguf, last_layers_trained
from tests.updates.conftest import NOW, Box, write
from tests.updates.test_publish import content
from updates.blobs import BlobStore
from updates.carried import Carried, read_carried
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.depot.sharing import METADATA, Shape
from updates.errors import DepotError, MediumError, StoreError
from updates.layout import UPDATE_FOLDER
from updates.media import Medium, MediumFile
from updates.receipt import HeldArtifact, HeldFile, Receipt
from updates.transfer import receive
from updates.trust.state import TrustState

OLD = large_gguf(8)
NEW = last_layers_trained(OLD)


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    depot = Depot.create(tmp_path / "depot", now=NOW)
    add_model(depot, ModelArtifact("tuned", "1.0.0", write(tmp_path / "1.gguf", OLD.to_bytes())))
    return depot


@pytest.fixture
def box(depot: Depot, tmp_path: Path) -> Box:
    return Box(TrustState.from_root(depot.root_bytes()), BlobStore(tmp_path / "box"))


def written(depot: Depot, folder: Path, shape: Shape) -> Path:
    folder.mkdir(exist_ok=True)
    publish(depot, folder, shape, now=NOW)
    return folder


def bring_in(box: Box, medium: Path) -> None:
    preview = box.inspect(medium)
    artifacts = [offer.artifact for offer in preview.changes]
    here = [item.digest for item in box.installed]
    for item in receive(preview.medium, artifacts, box.blobs, here=here):
        assert all(box.blobs.verify(digest) for digest in item.digests)


def held_by(box: Box) -> Receipt:
    """A receipt of all that the box has."""
    files = tuple(HeldFile(digest.hex) for digest in box.blobs.digests())
    artifacts = tuple(
        HeldArtifact(str(item.identity.kind), item.identity.name, item.identity.version, item.digest.hex)
        for item in box.installed
    )
    return Receipt("line 4", "", "2026-06-01T12:00:00Z", 1, "", artifacts, files)


def second_revision(depot: Depot, tmp_path: Path) -> int:
    """Add it; bytes of its tensors that changed."""
    add_model(depot, ModelArtifact("tuned", "2.0.0", write(tmp_path / "2.gguf", NEW.to_bytes())))
    return sum(len(a.data) for a, b in zip(OLD.tensors, NEW.tensors, strict=True) if a.data != b.data)


def blobs_of(medium: Path) -> list[Path]:
    return sorted((medium / UPDATE_FOLDER / "blobs/sha256").iterdir(), key=lambda file: file.stat().st_size)


def size_of(medium: Path) -> int:
    return sum(file.stat().st_size for file in blobs_of(medium))


def test_a_medium_for_one_box_carries_what_it_lacks(depot: Depot, box: Box, tmp_path: Path) -> None:
    box.bring_in(written(depot, tmp_path / "whole", Shape()))
    changed = second_revision(depot, tmp_path)
    medium = written(depot, tmp_path / "difference", Shape(against=held_by(box)))
    assert changed < size_of(medium) <= 1.2 * changed
    bring_in(box, medium)


def test_a_medium_for_one_box_is_refused_by_another(depot: Depot, box: Box, tmp_path: Path) -> None:
    box.bring_in(written(depot, tmp_path / "whole", Shape()))
    second_revision(depot, tmp_path)
    medium = written(depot, tmp_path / "difference", Shape(against=held_by(box)))
    other = Box(TrustState.from_root(depot.root_bytes()), BlobStore(tmp_path / "other"))
    with pytest.raises(MediumError) as caught:
        bring_in(other, medium)
    assert caught.value.code == "medium.for-another-box"
    assert "line 4" in caught.value.what


def test_what_the_box_has_damaged_and_a_difference_leaves_out_is_told(
    depot: Depot, box: Box, tmp_path: Path
) -> None:
    box.bring_in(written(depot, tmp_path / "whole", Shape()))
    second_revision(depot, tmp_path)
    medium = written(depot, tmp_path / "difference", Shape(against=held_by(box)))
    scratch(max((box.blobs.folder / "sha256").iterdir(), key=lambda file: file.stat().st_size), 1_000_000, 1)
    with pytest.raises(StoreError) as caught:
        bring_in(box, medium)
    assert caught.value.code == "disk.damaged"
    bring_in(box, written(depot, tmp_path / "whole again", Shape()))


def test_a_receipt_of_another_depots_box_is_told(depot: Depot, tmp_path: Path) -> None:
    artifacts = (HeldArtifact("model", "other", "1.0.0", "0" * 64),)
    stranger = Receipt("far away", "", "2026-06-01T12:00:00Z", 1, "", artifacts)
    (tmp_path / "stick").mkdir()
    with pytest.raises(DepotError) as caught:
        publish(depot, tmp_path / "stick", Shape(against=stranger), now=NOW)
    assert caught.value.code == "depot.unknown-contents"


def test_a_set_of_media_is_imported_one_after_the_other(depot: Depot, box: Box, tmp_path: Path) -> None:
    size = METADATA + 3_000_000
    media = [written(depot, tmp_path / f"{n}", Shape(split_size=size, number=n)) for n in (1, 2, 3)]
    assert all(size_of(medium) <= size for medium in media)
    for number, medium in enumerate(media[:-1], 1):
        with pytest.raises(MediumError) as caught:
            bring_in(box, medium)
        assert caught.value.code == "medium.next-needed"
        assert f"medium {number + 1} of 3" in caught.value.what
    bring_in(box, media[-1])


def test_the_media_of_a_set_may_come_in_any_order(depot: Depot, box: Box, tmp_path: Path) -> None:
    shapes = [Shape(split_size=METADATA + 3_000_000, number=number) for number in (1, 2, 3)]
    media = [written(depot, tmp_path / f"{shape.number}", shape) for shape in shapes]
    for medium, wanted in ((media[2], 1), (media[0], 2), (media[0], 2), (media[1], 3)):
        with pytest.raises(MediumError) as caught:
            bring_in(box, medium)
        assert f"medium {wanted} of 3" in caught.value.what
    bring_in(box, media[2])


def test_no_byte_of_a_set_is_read_twice(
    depot: Depot, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, read = MediumFile.readinto, [0]

    def count(self: MediumFile, buffer: memoryview) -> int:
        got = honest(self, buffer)
        read[0] += got if self.name.startswith("blobs/") else 0
        return got

    shapes = [Shape(split_size=METADATA + 3_000_000, number=number) for number in (1, 2, 3)]
    media = [written(depot, tmp_path / f"{shape.number}", shape) for shape in shapes]
    monkeypatch.setattr(MediumFile, "readinto", count)
    for medium in media[:-1]:
        with pytest.raises(MediumError):
            bring_in(box, medium)
    bring_in(box, media[-1])
    assert len(OLD.to_bytes()) < read[0] < len(OLD.to_bytes()) + 100_000


@pytest.mark.parametrize("shape", [Shape(split_size=METADATA), Shape(number=2), Shape(parity=51)])
def test_a_shape_that_cannot_be_is_told_before_anything_is_signed(
    depot: Depot, tmp_path: Path, shape: Shape
) -> None:
    (tmp_path / "stick").mkdir()
    with pytest.raises(DepotError) as caught:
        publish(depot, tmp_path / "stick", shape, now=NOW)
    assert caught.value.code == "depot.bad-shape"
    assert list((tmp_path / "stick").iterdir()) == []


@pytest.mark.parametrize("shape", [Shape(split_size=METADATA + 3_000_000, number=2), Shape(parity=10)])
def test_the_same_shape_gives_the_same_bytes_on_another_day(
    depot: Depot, tmp_path: Path, shape: Shape
) -> None:
    one = written(depot, tmp_path / "one", shape)
    assert content(one) == content(written(depot, tmp_path / "two", shape))


def scratch(file: Path, offset: int, size: int) -> None:
    file.chmod(0o644)
    with file.open("r+b") as stream:
        stream.seek(offset)
        stream.write(np.random.default_rng(offset).bytes(size))


@pytest.mark.parametrize(
    ("offset", "size"), [(0, 1), (5_000_000, 1), (1_000_000, 700_000), (7_900_000, 400_000)]
)
def test_parity_repairs_a_scratch(depot: Depot, box: Box, tmp_path: Path, offset: int, size: int) -> None:
    medium = written(depot, tmp_path / "stick", Shape(parity=10))
    scratch(blobs_of(medium)[-1], offset, min(size, len(OLD.to_bytes()) - offset))
    bring_in(box, medium)


def test_parity_that_is_damaged_itself_is_left_out(depot: Depot, box: Box, tmp_path: Path) -> None:
    medium = written(depot, tmp_path / "stick", Shape(parity=10))
    *_, parity, blob = blobs_of(medium)
    scratch(blob, 3_000_000, 1)
    scratch(parity, 100_000, 70_000)
    bring_in(box, medium)


def test_more_damage_than_parity_can_repair_is_told(depot: Depot, box: Box, tmp_path: Path) -> None:
    medium = written(depot, tmp_path / "stick", Shape(parity=10))
    scratch(blobs_of(medium)[-1], 1_000_000, 2_500_000)
    with pytest.raises(MediumError) as caught:
        bring_in(box, medium)
    assert caught.value.code == "medium.digest-mismatch"
    assert "parity file is not enough" in caught.value.remedy


def test_a_place_that_cannot_be_read_is_repaired(
    depot: Depot, box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    medium = written(depot, tmp_path / "stick", Shape(parity=10))
    honest, at = MediumFile.readinto, dict[int, int]()
    bad = blobs_of(medium)[-1].name

    def readinto(self: MediumFile, buffer: memoryview) -> int:
        place = at.get(id(self), 0)
        if self.name.endswith(bad) and place <= 4_000_000 < place + len(buffer):
            raise self._medium.failure(OSError(errno.EIO, "Input/output error"), self.name) from OSError(
                errno.EIO, "Input/output error"
            )
        got = honest(self, buffer)
        at[id(self)] = place + got
        return got

    def seek(self: MediumFile, offset: int) -> None:
        at[id(self)] = offset
        honest_seek(self, offset)

    honest_seek = MediumFile.seek
    monkeypatch.setattr(MediumFile, "readinto", readinto)
    monkeypatch.setattr(MediumFile, "seek", seek)
    bring_in(box, medium)


def test_a_mediums_table_survives_its_own_bytes(depot: Depot, tmp_path: Path) -> None:
    shape = Shape(split_size=METADATA + 3_000_000, number=2, parity=20)
    carried = read_carried(Medium(written(depot, tmp_path / "stick", shape) / UPDATE_FOLDER))
    assert isinstance(carried, Carried)
    assert carried.number == 2
    assert carried.here.packs
    assert [parity.rows for parity in carried.parity] == [4] * len(carried.here.packs)
