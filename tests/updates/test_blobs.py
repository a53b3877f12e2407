"""The blob store."""

import stat
from pathlib import Path

import pytest

from updates.blobs import BlobStore
from updates.digest import Digest
from updates.errors import MediumError, StoreError


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


class Scripted:
    """A source that gives what it is told, in pieces of at most `piece` bytes."""

    name = "scripted"

    def __init__(self, data: bytes, piece: int = 7) -> None:
        self.data, self.piece, self.at = data, piece, 0
        self.seeks: list[int] = []

    def seek(self, offset: int) -> None:
        self.at = offset
        self.seeks.append(offset)

    def readinto(self, buffer: memoryview) -> int:
        part = self.data[self.at : self.at + min(self.piece, len(buffer))]
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)


def test_a_blob_lies_under_its_digest_read_only(store: BlobStore) -> None:
    digest = store.put_bytes(b"content")
    assert store.path(digest) == store.folder / "sha256" / digest.hex
    assert store.path(digest).read_bytes() == b"content"
    assert stat.S_IMODE(store.path(digest).stat().st_mode) == 0o444
    assert store.has(digest)
    assert store.verify(digest)
    assert store.digests() == {digest}
    assert list((store.folder / "partial").iterdir()) == []


def test_an_empty_blob_is_a_blob(store: BlobStore) -> None:
    digest = store.put_bytes(b"")
    assert store.has(digest)
    assert store.missing_bytes(digest, 0) == 0


def test_short_reads_are_put_together(store: BlobStore) -> None:
    data = bytes(range(100))
    told: list[int] = []
    store.put_stream(Scripted(data), Digest.of(data), 100, told.append)
    assert store.path(Digest.of(data)).read_bytes() == data
    assert told == [0, *range(7, 100, 7), 100]


@pytest.mark.parametrize(
    ("data", "size", "code"),
    [
        (b"other!!", 7, "medium.digest-mismatch"),
        (b"content and more", 7, "medium.digest-mismatch"),
        (b"cont", 7, "medium.truncated"),
        (b"", 7, "medium.truncated"),
    ],
)
def test_wrong_content_leaves_nothing(store: BlobStore, data: bytes, size: int, code: str) -> None:
    with pytest.raises(MediumError) as caught:
        store.put_stream(Scripted(data), Digest.of(b"content"), size)
    assert (caught.value.code, caught.value.file) == (code, "scripted")
    assert store.digests() == frozenset()
    assert list((store.folder / "partial").iterdir()) == []


def test_endless_content_is_stopped_at_its_size(store: BlobStore) -> None:
    source = Scripted(bytes(10_000_000), piece=1000)
    with pytest.raises(MediumError):
        store.put_stream(source, Digest.of(b"x"), 5000)
    assert source.at <= 6000


def test_a_blob_is_not_written_twice(store: BlobStore) -> None:
    digest = store.put_bytes(b"content")
    before = store.path(digest).stat().st_ino
    store.put_stream(Scripted(b"never read"), digest, 7)
    assert store.path(digest).stat().st_ino == before


def test_what_nobody_refers_to_is_removed_and_counted(store: BlobStore) -> None:
    kept, gone = store.put_bytes(b"kept"), store.put_bytes(b"gone!")
    (store.folder / "partial" / ("0" * 64)).write_bytes(b"half")
    (store.folder / "partial" / ("0" * 64 + ".mark")).write_bytes(b"12")
    assert store.remove_unreferenced({kept}) == 5 + 4 + 2
    assert store.digests() == {kept}
    assert not store.has(gone)
    assert BlobStore(store.folder / "never").remove_unreferenced(()) == 0


def test_a_blob_that_rots_is_noticed(store: BlobStore) -> None:
    digest = store.put_bytes(b"content")
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(b"c0ntent")
    assert store.has(digest)
    assert not store.verify(digest)
    assert not store.verify(Digest.of(b"absent"))


def test_files_are_laid_out_by_name_without_a_copy(store: BlobStore, tmp_path: Path) -> None:
    model, sample = store.put_bytes(b"model"), store.put_bytes(b"sample")
    folder = tmp_path / "models" / "line"
    folder.parent.mkdir()
    store.lay_out({"old.bin": model}, folder)
    store.lay_out({"model.onnx": model, "golden/a.npy": sample}, folder)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == [
        "golden",
        "golden/a.npy",
        "model.onnx",
    ]
    assert (folder / "model.onnx").stat().st_ino == store.path(model).stat().st_ino


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", ""])
def test_nothing_is_laid_out_outside_its_folder(store: BlobStore, tmp_path: Path, name: str) -> None:
    digest = store.put_bytes(b"x")
    (tmp_path / "models").mkdir()
    with pytest.raises(ValueError, match="path"):
        store.lay_out({name: digest}, tmp_path / "models" / "line")
    assert not (tmp_path / "models" / "line").exists()


def test_laying_out_a_blob_that_is_missing_is_told(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        store.lay_out({"model.onnx": Digest.of(b"absent")}, tmp_path / "line")
    assert caught.value.code == "disk.unwritable"


@pytest.mark.parametrize("blocked", ["sha256", "partial"])
def test_a_store_that_cannot_be_written_is_told(store: BlobStore, blocked: str) -> None:
    store.folder.mkdir()
    (store.folder / blocked).write_bytes(b"a file where a folder belongs")
    with pytest.raises(StoreError) as caught:
        store.put_bytes(b"x")
    assert caught.value.code == "disk.unwritable"


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:zz", "md5:" + "0" * 64, "sha256:" + "A" * 64, "0" * 64]
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        Digest.parse(text)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("listener")])
def test_whatever_stops_a_copy_what_arrived_is_kept(store: BlobStore, error: BaseException) -> None:
    data = bytes(range(100))

    def stop(done: int) -> None:
        if done == 70:
            raise error

    with pytest.raises(type(error)):
        store.put_stream(Scripted(data), Digest.of(data), 100, stop)
    assert store.missing_bytes(Digest.of(data), 100) == 30
    source = Scripted(data)
    store.put_stream(source, Digest.of(data), 100)
    assert source.seeks == [70]
