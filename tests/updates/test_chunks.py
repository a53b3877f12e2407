"""A new revision brings what changed: chunks that the box has are not read from the medium."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.model_pairs import large_gguf, last_layers_trained
from tests.updates.conftest import NOW, Box, write
from updates.blobs import BlobStore
from updates.chunks import HEADER, ChunkIndex, runs
from updates.depot.models import ModelArtifact, add_model
from updates.depot.packing import average_size, chunk, layers_of
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.errors import MediumError
from updates.layout import CHUNK_INDEX_TYPE, UPDATE_FOLDER, WEIGHT_TYPE
from updates.media import MediumFile
from updates.models import model_contents
from updates.progress import Phase, Progress
from updates.sources import CHUNK
from updates.transfer import receive
from updates.trust.state import TrustState


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Bytes read by file of any medium."""
    honest, found = MediumFile.readinto, dict[str, int]()

    def count(self: MediumFile, buffer: memoryview) -> int:
        got = honest(self, buffer)
        found[self.name] = found.get(self.name, 0) + got
        return got

    monkeypatch.setattr(MediumFile, "readinto", count)
    return found


def payload(read: dict[str, int]) -> int:
    return sum(size for file, size in read.items() if file.startswith("blobs/"))


def two_revisions(folder: Path, old: bytes, new: bytes) -> Iterator[tuple[Path, Box]]:
    """Media with one revision, then with both, for one box."""
    depot = Depot.create(folder / "depot", now=NOW)
    box = Box(TrustState.from_root(depot.root_bytes()), BlobStore(folder / "box"))
    for version, data in (("1.0.0", old), ("2.0.0", new)):
        add_model(depot, ModelArtifact("tuned", version, write(folder / version / "m.gguf", data)))
        stick = folder / f"stick-{version}"
        stick.mkdir()
        publish(depot, stick, now=NOW)
        yield stick, box


def bring_in(box: Box, stick: Path) -> None:
    preview = box.inspect(stick)
    here = [item.digest for item in box.installed]
    received = receive(preview.medium, [offer.artifact for offer in preview.changes], box.blobs, here=here)
    assert all(box.blobs.verify(digest) for item in received for digest in item.digests)


def test_a_fine_tune_with_frozen_layers_brings_hardly_more_than_what_changed(
    tmp_path: Path, read: dict[str, int]
) -> None:
    old = large_gguf(48)
    new = last_layers_trained(old)
    changed = sum(len(a.data) for a, b in zip(old.tensors, new.tensors, strict=True) if a.data != b.data)
    revisions = two_revisions(tmp_path, old.to_bytes(), new.to_bytes())
    stick, box = next(revisions)
    box.bring_in(stick)
    stick, _ = next(revisions)
    read.clear()
    bring_in(box, stick)
    assert changed < payload(read) <= 1.1 * changed


def test_a_metadata_only_change_brings_a_few_chunks(tmp_path: Path, read: dict[str, int]) -> None:
    old = large_gguf(8)
    revisions = two_revisions(tmp_path, old.to_bytes(), old.with_note("a longer name").to_bytes())
    stick, box = next(revisions)
    box.bring_in(stick)
    stick, _ = next(revisions)
    read.clear()
    bring_in(box, stick)
    assert payload(read) < 200_000


def test_what_the_box_has_damaged_is_fetched_from_the_medium(tmp_path: Path, read: dict[str, int]) -> None:
    old = large_gguf(8)
    new = last_layers_trained(old).to_bytes()
    revisions = two_revisions(tmp_path, old.to_bytes(), new)
    stick, box = next(revisions)
    (received,) = box.bring_in(stick)
    weights = box.blobs.path(model_contents(received.manifest, "m").weights.digest)
    weights.chmod(0o644)
    data = bytearray(weights.read_bytes())
    data[1_000_000] ^= 1
    weights.write_bytes(data)
    stick, _ = next(revisions)
    bring_in(box, stick)


def test_a_bad_chunk_is_named_by_number_and_file(tmp_path: Path) -> None:
    stick, box = next(two_revisions(tmp_path, large_gguf(8).to_bytes(), b"GGUF"))
    largest = max((stick / UPDATE_FOLDER / "blobs/sha256").iterdir(), key=lambda file: file.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[5_000_000] ^= 1
    largest.chmod(0o644)
    largest.write_bytes(data)
    with pytest.raises(MediumError) as caught:
        bring_in(box, stick)
    assert (caught.value.code, caught.value.file) == (
        "medium.digest-mismatch",
        f"blobs/sha256/{largest.name}",
    )
    assert "1 of " in caught.value.what
    assert "chunks of model.gguf are bad" in caught.value.what


def test_a_file_in_parts_is_cut_where_chunks_end(tmp_path: Path) -> None:
    file = write(tmp_path / "file", np.random.default_rng(1).bytes(3_000_000))
    blobs = BlobStore(tmp_path / "blobs")
    *parts, index_layer = layers_of(blobs, file, WEIGHT_TYPE, "model.gguf", 1_000_000)
    index = ChunkIndex.parse(blobs.path(index_layer.digest).read_bytes(), 3_000_000, "x")
    assert index_layer.media_type == CHUNK_INDEX_TYPE
    assert all(part.size <= 1_000_000 for part in parts)
    ends = [sum(part.size for part in parts[: number + 1]) for number in range(len(parts))]
    assert set(ends) <= set(index.offsets)
    assert sum(part.size for part in parts) == index.size == 3_000_000


def test_the_same_bytes_are_cut_alike_wherever_they_begin(tmp_path: Path) -> None:
    data = np.random.default_rng(2).bytes(1 << 20)
    _, plain = chunk(write(tmp_path / "plain", data), len(data))
    _, shifted = chunk(write(tmp_path / "shifted", b"before" + data), len(data) + 6)
    assert len(set(shifted.digests()) - set(plain.digests())) <= 2
    assert [average_size(size) for size in (1, 32 << 20, 33 << 20, 5 << 30, 65 << 30)] == [
        8 << 10,
        8 << 10,
        64 << 10,
        256 << 10,
        1 << 20,
    ]


def test_an_index_survives_its_own_bytes() -> None:
    index = ChunkIndex.of(iter([(bytes(32), 5), (b"\x01" * 32, 7)]))
    again = ChunkIndex.parse(index.to_bytes(), 12, "x")
    assert again == index
    assert (len(again), again.size, again.span(1), again.digest(1)) == (2, 12, (5, 7), b"\x01" * 32)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", 0),
        (HEADER[:-1], 0),
        (HEADER + bytes(35), 0),
        (HEADER + bytes(36), 0),
        (HEADER + bytes(35) + b"\x05", 6),
        (HEADER + bytes(32) + b"\xff\xff\xff\xff", 2**32 - 1),
    ],
)
def test_what_is_no_index_of_the_file_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(MediumError) as caught:
        ChunkIndex.parse(data, size, "x")
    assert caught.value.code == "medium.malformed"


def test_unbroken_runs_are_found() -> None:
    assert runs([0, 1, 2, 5, 7, 8]) == [(0, 3), (5, 1), (7, 2)]
    assert runs([]) == []


def test_going_on_after_a_cut_at_ninety_percent_reads_the_rest(tmp_path: Path, read: dict[str, int]) -> None:
    stick, box = next(two_revisions(tmp_path, large_gguf(24).to_bytes(), b"GGUF"))
    preview = box.inspect(stick)
    artifacts = [offer.artifact for offer in preview.changes]

    def cut(progress: Progress) -> None:
        if progress.phase is Phase.COPY and progress.done >= 0.9 * progress.total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        receive(preview.medium, artifacts, box.blobs, cut)
    whole = payload(read)
    read.clear()
    receive(preview.medium, artifacts, box.blobs)
    assert payload(read) <= 0.11 * whole + CHUNK


def test_an_import_keeps_its_memory_whatever_the_payload(tmp_path: Path) -> None:
    """The whole path, in a process of its own: less than 150 MB resident for 400 MiB in several parts."""
    large = write(tmp_path / "large.gguf", b"GGUF")
    with large.open("r+b") as stream:
        stream.truncate(400 << 20)
    depot = Depot.create(tmp_path / "depot", now=NOW)
    add_model(depot, ModelArtifact("large", "1.0.0", large), part_size=64 << 20)
    stick = tmp_path / "stick"
    stick.mkdir()
    publish(depot, stick, now=NOW)
    root = write(tmp_path / "root.json", depot.root_bytes())
    command = [
        sys.executable,
        "-m",
        "benchmarks.import_child",
        str(stick),
        str(tmp_path / "store"),
        str(root),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert int(done.stdout) * 1024 < 150e6
    assert sum(file.stat().st_size for file in (tmp_path / "store/sha256").iterdir()) > 400 << 20
