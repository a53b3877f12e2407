"""Bringing artifacts in: resumed after a cut, refused when the disk is full, never half there."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.updates.conftest import NOW, Box
from updates import blobs as blobs_module
from updates.artifacts import Artifact
from updates.blobs import BlobStore, Mend, OnBytes
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import Depot
from updates.digest import Digest
from updates.errors import MediumError, StoreError, UpdateError
from updates.layout import UPDATE_FOLDER
from updates.manifest import parse_manifest
from updates.media import Medium, MediumFile
from updates.models import Format, Objective, model_contents
from updates.progress import Phase, Progress
from updates.sources import CHUNK, Source
from updates.transfer import receive
from updates.trust.state import TrustState


class Stopped(Exception):  # noqa: N818 - what a test stops a copy with
    """Something outside ended the transfer."""


def artifacts(box: Box, medium: Path) -> tuple[Medium, list[Artifact]]:
    preview = box.inspect(medium)
    return preview.medium, [offer.artifact for offer in preview.changes]


def weights(box: Box, medium: Path) -> Digest:
    """The largest blob: three chunks and a bit."""
    largest = max((medium / UPDATE_FOLDER / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    return Digest(largest.name)


def test_what_was_packed_arrives(medium: Path, box: Box, onnx: Path, golden: Path, tmp_path: Path) -> None:
    line, story = box.bring_in(medium)
    contents = model_contents(line.manifest, "manifest")
    assert contents.facts.format is Format.ONNX
    assert contents.facts.objective is Objective.LATENCY
    assert contents.facts.latency_objective_ms == 12.5
    assert contents.facts.licence == "Apache-2.0"
    assert set(contents.golden) == {"golden.json", "samples/0.npy"}
    box.blobs.lay_out(line.files, tmp_path / "laid" / "line")
    laid = tmp_path / "laid" / "line"
    assert (laid / "model.onnx").read_bytes() == onnx.read_bytes()
    assert (laid / "golden/samples/0.npy").read_bytes() == (golden / "samples/0.npy").read_bytes()
    assert (laid / "labels.txt").read_text() == "good\nscratch\n"
    assert (laid / "LICENSE").read_text() == "Apache"
    assert model_contents(story.manifest, "manifest").facts.objective is Objective.THROUGHPUT
    assert all(box.blobs.verify(digest) for item in (line, story) for digest in item.digests)


def test_progress_ends_at_the_total_and_says_when_the_medium_may_be_pulled(medium: Path, box: Box) -> None:
    told: list[Progress] = []
    source, wanted = artifacts(box, medium)
    receive(source, wanted, box.blobs, told.append)
    assert {event.phase for event in told} == {Phase.CHECK, Phase.COPY}
    copied = [event.done for event in told if event.phase is Phase.COPY]
    assert copied == sorted(copied)
    assert copied[-1] == told[-1].total == sum(artifact.size for artifact in wanted)
    assert [event.medium_needed for event in told] == [True] * (len(told) - 1) + [False]


def test_a_medium_pulled_in_the_middle_is_resumed_where_it_stopped(
    medium: Path, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, wanted = artifacts(box, medium)
    digest = weights(box, medium)
    honest = MediumFile.readinto
    reads: list[int] = []

    def cut(self: MediumFile, buffer: memoryview) -> int:
        if self.name.endswith(digest.hex):
            reads.append(honest(self, buffer))
            if len(reads) == 3:
                raise self._medium.failure(OSError(errno.EIO, "Input/output error"), self.name)
            return reads[-1]
        return honest(self, buffer)

    monkeypatch.setattr(MediumFile, "readinto", cut)
    with pytest.raises(MediumError) as caught:
        receive(source, wanted, box.blobs)
    assert caught.value.code == "medium.gone"
    assert caught.value.file.endswith(digest.hex)
    assert not box.blobs.has(digest)
    size = (medium / UPDATE_FOLDER / "blobs/sha256" / digest.hex).stat().st_size
    assert box.blobs.missing_bytes(digest, size) == size - 2 * CHUNK

    reads.clear()
    reads.extend([0, 0, 0])
    receive(source, wanted, box.blobs)
    assert sum(reads) == size - 2 * CHUNK
    assert box.blobs.verify(digest)


def test_a_medium_whose_folder_vanishes_is_gone(medium: Path, box: Box) -> None:
    source, wanted = artifacts(box, medium)
    (medium / UPDATE_FOLDER).rename(medium / "elsewhere")
    with pytest.raises(MediumError) as caught:
        receive(source, wanted, box.blobs)
    assert caught.value.code == "medium.gone"


def test_a_partial_that_a_power_cut_damaged_is_not_built_upon(
    medium: Path, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_module, "MARK_EVERY", CHUNK)
    source, wanted = artifacts(box, medium)
    digest = weights(box, medium)
    with pytest.raises(Stopped):
        receive(source, wanted, box.blobs, stop_in_weights(digest, 2 * CHUNK, Stopped()))
    partial = box.blobs.folder / "partial" / digest.hex
    data = bytearray(partial.read_bytes())
    data[100] ^= 1
    partial.write_bytes(data)
    receive(source, wanted, box.blobs)
    assert box.blobs.verify(digest)


def test_bytes_behind_the_mark_are_copied_again(
    medium: Path, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, wanted = artifacts(box, medium)
    digest = weights(box, medium)
    with pytest.raises(Stopped):
        receive(source, wanted, box.blobs, stop_in_weights(digest, CHUNK, Stopped()))
    with (box.blobs.folder / "partial" / digest.hex).open("ab") as stream:
        stream.write(b"not on the medium")
    receive(source, wanted, box.blobs)
    assert box.blobs.verify(digest)


def test_a_cancelled_transfer_leaves_no_half_blob(medium: Path, box: Box) -> None:
    source, wanted = artifacts(box, medium)
    asked = iter([False] * 6 + [True] * 100)
    with pytest.raises(UpdateError) as caught:
        receive(source, wanted, box.blobs, cancelled=lambda: next(asked))
    assert caught.value.code == "import.cancelled"
    assert list((box.blobs.folder / "partial").iterdir()) == []
    box.blobs.remove_unreferenced(())
    assert box.blobs.digests() == frozenset()


def test_a_truncated_blob_is_refused_and_named(medium: Path, box: Box) -> None:
    source, wanted = artifacts(box, medium)
    digest = weights(box, medium)
    path = medium / UPDATE_FOLDER / "blobs/sha256" / digest.hex
    size = path.stat().st_size
    path.chmod(0o644)
    os.truncate(path, size - 1)
    with pytest.raises(MediumError) as caught:
        receive(source, wanted, box.blobs)
    assert (caught.value.code, caught.value.file) == ("medium.truncated", f"blobs/sha256/{digest.hex}")
    assert f"{size - 1} of {size}" in caught.value.what


def test_a_blob_that_shrinks_while_it_is_read_is_refused(
    medium: Path, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, wanted = artifacts(box, medium)
    digest = weights(box, medium)
    honest = MediumFile.readinto
    monkeypatch.setattr(
        MediumFile,
        "readinto",
        lambda self, buffer: 0 if self.name.endswith(digest.hex) else honest(self, buffer),
    )
    with pytest.raises(MediumError) as caught:
        receive(source, wanted, box.blobs)
    assert caught.value.code == "medium.truncated"
    assert box.blobs.missing_bytes(digest, 10) == 10


def test_a_full_disk_is_foreseen_with_figures(
    medium: Path, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, wanted = artifacts(box, medium)
    monkeypatch.setattr(BlobStore, "free_bytes", lambda _self: 17_000_000)
    with pytest.raises(StoreError) as caught:
        receive(source, wanted, box.blobs)
    assert caught.value.code == "disk.full"
    assert "17.0 MB are free" in caught.value.what
    assert "3.1 MB" in caught.value.what


@pytest.mark.parametrize("failing", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_all_the_same_gives_the_space_back(
    medium: Path, box: Box, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    source, wanted = artifacts(box, medium)
    honest = os.write

    def write(descriptor: int, data: memoryview) -> int:
        if len(data) == CHUNK:
            raise OSError(failing, os.strerror(failing))
        return honest(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError) as caught:
        receive(source, wanted, box.blobs)
    assert caught.value.code == "disk.full"
    assert list((box.blobs.folder / "partial").iterdir()) == []
    monkeypatch.undo()
    receive(source, wanted, box.blobs)


def test_a_real_limit_on_file_size_is_told_as_a_full_disk(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from updates.blobs import BlobStore; from updates.errors import StoreError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "try: BlobStore(Path(sys.argv[1])).put_bytes(bytes(2 << 20))\n"
        "except StoreError as error: print(error.code)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(blobs_module.__file__).parents[1],
    )
    assert answer.stdout.strip() == "disk.full"
    assert list((tmp_path / "partial").iterdir()) == []


def test_memory_stays_the_same_whatever_the_payload(tmp_path: Path) -> None:
    """A child whose address space is held 64 MiB above what it starts with copies 200 MiB."""
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from updates.blobs import BlobStore\n"
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)\n"
        "print(BlobStore(Path(sys.argv[1])).put_file(Path(sys.argv[2]))[1])\n"
    )
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(200 << 20)
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store"), str(large)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(blobs_module.__file__).parents[1],
    )
    assert int(answer.stdout) == 200 << 20


def stop_in_weights(digest: Digest, after: int, error: BaseException) -> Callable[[Progress], None]:
    """A listener that fails once so many bytes of the weights have arrived."""
    before: list[int] = []

    def listen(event: Progress) -> None:
        if event.phase is Phase.COPY and event.file.endswith(digest.hex):
            before.append(event.done)
            if event.done - before[0] >= after:
                raise error

    return listen


@pytest.fixture
def in_parts(line_model: ModelArtifact, tmp_path: Path) -> tuple[Path, Box]:
    """A medium whose weights travel in four parts, and a box."""
    depot = Depot.create(tmp_path / "parts" / "depot", now=NOW)
    add_model(depot, line_model, part_size=1_000_000)
    stick = tmp_path / "parts" / "stick"
    stick.mkdir()
    publish(depot, stick, now=NOW)
    return stick, Box(TrustState.from_root(depot.root_bytes()), BlobStore(tmp_path / "parts" / "blobs"))


def parts_of(stick: Path, box: Box) -> tuple[Medium, list[Artifact], list[Path]]:
    source, wanted = artifacts(box, stick)
    data = source.read(wanted[0].manifest_file, 1 << 20)
    assert data is not None
    weights_file = parse_manifest(data, "manifest").file("model.onnx")
    assert weights_file is not None
    return source, wanted, [source.folder / "blobs/sha256" / part.digest.hex for part in weights_file.parts]


def test_a_file_in_parts_arrives_whole(in_parts: tuple[Path, Box], onnx: Path) -> None:
    stick, box = in_parts
    _, _, parts = parts_of(stick, box)
    assert [part.stat().st_size for part in parts] == [983_040, 983_040, 983_040, 122_880]
    (received,) = box.bring_in(stick)
    digest = model_contents(received.manifest, "manifest").weights.digest
    assert box.blobs.path(digest).read_bytes() == onnx.read_bytes()
    assert box.blobs.digests() == received.digests


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("change", ["flip", "shorter", "longer", "missing", "swapped"])
def test_a_bad_part_is_refused_and_named(in_parts: tuple[Path, Box], number: int, change: str) -> None:
    stick, box = in_parts
    source, wanted, parts = parts_of(stick, box)
    data = parts[number].read_bytes()
    parts[number].unlink()
    match change:
        case "flip":
            parts[number].write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
        case "shorter":
            parts[number].write_bytes(data[:-1])
        case "longer":
            parts[number].write_bytes(data + b"x")
        case "swapped":
            parts[number].write_bytes(bytes(len(data)))
    with pytest.raises(MediumError) as caught:
        receive(source, wanted, box.blobs)
    assert caught.value.file == f"blobs/sha256/{parts[number].name}"


@pytest.mark.parametrize("after", [1, 999_999, 1_000_000, 1_500_000, 3_000_000, 3_050_000])
def test_a_file_in_parts_is_resumed(
    in_parts: tuple[Path, Box], onnx: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    stick, box = in_parts
    source, wanted, _ = parts_of(stick, box)
    digest = Digest.of(onnx.read_bytes())
    monkeypatch.setattr(blobs_module, "CHUNK", 50_000)
    honest, read = BlobStore.put_stream, [0]

    def put(  # noqa: PLR0917 - as the method it stands for
        store: BlobStore,
        stream: Source,
        wanted: Digest,
        size: int,
        on_bytes: OnBytes | None = None,
        mend: Mend | None = None,
    ) -> Path:
        def stop(done: int) -> None:
            if wanted == digest and done >= after:
                raise Stopped

        return honest(store, stream, wanted, size, stop)

    with monkeypatch.context() as patched:
        patched.setattr(BlobStore, "put_stream", put)
        with pytest.raises(Stopped):
            receive(source, wanted, box.blobs)
    arrived = 3_072_000 - box.blobs.missing_bytes(digest, 3_072_000)
    assert 0 <= arrived - after < 50_000
    readinto = MediumFile.readinto

    def count(self: MediumFile, buffer: memoryview) -> int:
        got = readinto(self, buffer)
        read[0] += got
        return got

    monkeypatch.setattr(MediumFile, "readinto", count)
    receive(source, wanted, box.blobs)
    assert box.blobs.verify(digest)
    assert read[0] <= 3_072_000 - arrived + 20_000
