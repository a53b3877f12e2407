"""The content half of a medium goes to other tools, and what other tools packed comes in: nothing in it is trusted."""

import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.updates.foreign import DATASET, DOC, KITOPS, MODCTL, RAW, Layout, special, tar
from tests.updates.people import refused
from updates.depot.modelpack import UnpackedModel, unpack_model
from updates.depot.tarfiles import take_files
from updates.digest import Digest
from updates.errors import DepotError
from updates.layout import UPDATE_FOLDER

ONNX = b"\x08\x09" + bytes(range(256)) * 40


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def unpack(tmp_path: Path) -> Callable[..., UnpackedModel]:
    def unpacked(folder: Path, reference: str | None = None) -> UnpackedModel:
        into = tmp_path / "into"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir()
        return unpack_model(folder, into, reference)

    return unpacked


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed (Debian: skopeo)")
def test_skopeo_copies_every_artifact_of_a_medium(medium: Path, tmp_path: Path) -> None:
    for reference in ("model.line-inspection-1.0.0", "model.story-0.9.0"):
        copied = tmp_path / reference
        source = f"oci:{medium / UPDATE_FOLDER}:{reference}"
        words = ["skopeo", "--insecure-policy", "copy", source, f"oci:{copied}:{reference}"]
        subprocess.run(words, check=True, capture_output=True)
        blobs = {path.name: path.read_bytes() for path in (copied / "blobs/sha256").iterdir()}
        assert all(Digest.of(data).hex == name for name, data in blobs.items())
        assert blobs.keys() < {path.name for path in (medium / UPDATE_FOLDER / "blobs/sha256").iterdir()}


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed (Debian: skopeo)")
def test_what_skopeo_copied_can_be_taken_in_again(
    medium: Path, tmp_path: Path, unpack: Callable[..., UnpackedModel], gguf: Path
) -> None:
    words = ["skopeo", "--insecure-policy", "copy", f"oci:{medium / UPDATE_FOLDER}:model.story-0.9.0"]
    subprocess.run([*words, f"oci:{tmp_path / 'copy'}:story"], check=True, capture_output=True)
    found = unpack(tmp_path / "copy", "story")
    assert found.file.read_bytes() == gguf.read_bytes()


def test_a_modelpack_of_raw_layers_is_taken(layout: Layout, unpack: Callable[..., UnpackedModel]) -> None:
    layout.layer(RAW, ONNX, "weights/line.onnx")
    layout.layer(DOC, b"MIT", "LICENSE")
    layout.layer(DOC, b"# Line", "README.md")
    layout.layer(DATASET, tar(("golden/golden.json", b"{}"), ("golden/x.npy", b"1")))
    found = unpack(layout.finish())
    assert found.file.read_bytes() == ONNX
    assert found.golden is not None
    assert (found.golden / "x.npy").read_bytes() == b"1"
    assert found.licence_file is not None
    assert (found.licence, found.left_out) == ("MIT", ("README.md",))
    assert found.manifest is not None


@pytest.mark.parametrize(("media_type", "compressed"), [(KITOPS, True), (MODCTL, False)])
def test_a_modelpack_of_tars_is_taken(
    layout: Layout, unpack: Callable[..., UnpackedModel], media_type: str, compressed: bool
) -> None:
    folder = tarfile.TarInfo("model")
    folder.type = tarfile.DIRTYPE
    layout.layer(media_type, tar(folder, ("./model/line.onnx", ONNX), compressed=compressed, pax=True))
    assert unpack(layout.finish()).file.read_bytes() == ONNX


@pytest.mark.parametrize(
    "media_type", ["application/vnd.docker.ai.gguf.v3", "application/vnd.cncf.model.weight.v1.gguf"]
)
def test_a_gguf_layer_without_a_name_is_taken(
    layout: Layout, unpack: Callable[..., UnpackedModel], media_type: str
) -> None:
    layout.layer(media_type, b"GGUF" + bytes(100))
    assert unpack(layout.finish()).file.name == "model.gguf"


def test_one_of_several_models_must_be_named(layout: Layout, unpack: Callable[..., UnpackedModel]) -> None:
    for name in ("one", "two"):
        layout.layer(RAW, ONNX + name.encode(), f"{name}.onnx")
        layout.finish(name)
    assert unpack(layout.folder, "two").file.name == "two.onnx"
    assert unpack(layout.folder, str(layout.manifests[0]["digest"])).file.name == "one.onnx"
    for reference in (None, "three"):
        with pytest.raises(DepotError) as caught:
            unpack(layout.folder, reference)
        assert refused(caught) == "depot.bad-layout"


def huge_header() -> bytes:
    """A PAX header that says it is 8 GiB long."""
    info = tarfile.TarInfo("h")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)


def bomb() -> bytes:
    """A gzip of a tar with one file of 512 MiB of zeros."""
    info = tarfile.TarInfo("model.onnx")
    info.size = 512 << 20
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    parts = [packer.compress(info.tobuf(tarfile.GNU_FORMAT))]
    parts += [packer.compress(zeros) for _ in range(512)]
    return b"".join([*parts, packer.compress(bytes(1024)), packer.flush()])


OK = ("model.onnx", ONNX)
ATTACKS = {
    "a symbolic link": tar(special("model.onnx", tarfile.SYMTYPE, "/etc/passwd")),
    "a link and a file through it": tar(special("a", tarfile.SYMTYPE, "/tmp"), ("a/model.onnx", ONNX)),  # noqa: S108
    "a hard link": tar(OK, special("b.onnx", tarfile.LNKTYPE, "model.onnx")),
    "a character device": tar(OK, special("null", tarfile.CHRTYPE)),
    "a block device": tar(OK, special("sda", tarfile.BLKTYPE)),
    "a pipe": tar(OK, special("pipe", tarfile.FIFOTYPE)),
    "an absolute path": tar(("/model.onnx", ONNX)),
    "a path that climbs": tar(("../model.onnx", ONNX)),
    "a path that climbs inside": tar(("a/../../model.onnx", ONNX)),
    "a backslash": tar(("a\\model.onnx", ONNX)),
    "a reserved name": tar(OK, ("con", b"")),
    "a hidden file": tar(OK, (".bashrc", b"")),
    "a name in unicode": tar(OK, ("mod\u0435l.txt", b"")),
    "a duplicate member": tar(OK, OK),
    "a duplicate member in another case": tar(OK, ("MODEL.ONNX", ONNX)),
    "a truncated archive": tar(OK)[:2000],
    "no archive": b"no archive" * 100,
    "a header that fills the memory": huge_header(),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_tar_with(
    attack: str, layout: Layout, unpack: Callable[..., UnpackedModel], tmp_path: Path
) -> None:
    layout.layer(MODCTL, ATTACKS[attack])
    with pytest.raises(DepotError) as caught:
        unpack(layout.finish())
    assert refused(caught) == "depot.bad-layout"
    outside = [path.name for path in tmp_path.iterdir()]
    assert sorted(outside) == ["into", "layout"]
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_a_bomb_is_stopped_before_it_fills_the_disk(
    layout: Layout, unpack: Callable[..., UnpackedModel], tmp_path: Path
) -> None:
    layout.layer(KITOPS, bomb())
    with pytest.raises(DepotError) as caught:
        unpack(layout.finish())
    assert "far more than its own size" in caught.value.what
    assert sum(path.stat().st_size for path in (tmp_path / "into/files").rglob("*")) < 64 << 20


def test_a_damaged_gzip_is_told(layout: Layout, unpack: Callable[..., UnpackedModel]) -> None:
    data = bytearray(tar(OK, compressed=True))
    data[40] ^= 0xFF
    layout.layer(KITOPS, bytes(data))
    with pytest.raises(DepotError) as caught:
        unpack(layout.finish())
    assert refused(caught) == "depot.bad-layout"


@pytest.mark.parametrize(
    ("media_type", "path"),
    [
        (RAW, "../model.onnx"),
        (RAW, "/model.onnx"),
        (RAW, ""),
        ("application/vnd.oci.image.layer.v1.tar", "model.onnx"),
        ("application/vnd.cncf.model.weight.v1.tar+zstd", "model.onnx"),
    ],
)
def test_a_layer_that_leads_elsewhere_or_is_no_part_of_a_model(
    layout: Layout, unpack: Callable[..., UnpackedModel], media_type: str, path: str
) -> None:
    layout.layer(media_type, ONNX, path)
    with pytest.raises(DepotError) as caught:
        unpack(layout.finish())
    assert refused(caught) == "depot.bad-layout"


@pytest.mark.parametrize(
    "change", ["blob", "manifest", "missing", "link", "no-layout", "two-models", "same-path"]
)
def test_a_layout_that_is_not_what_it_says(
    layout: Layout, unpack: Callable[..., UnpackedModel], change: str, tmp_path: Path
) -> None:
    layout.layer(RAW, ONNX, "model.onnx")
    if change == "two-models":
        layout.layer(RAW, b"GGUF", "model.gguf")
    elif change == "same-path":
        layout.layer(DOC, b"other", "Model.onnx")
    layout.finish()
    weights = layout.folder / "blobs/sha256" / Digest.of(ONNX).hex
    if change == "blob":
        weights.write_bytes(ONNX[:-1] + b"!")
    elif change == "manifest":
        path = layout.folder / "blobs/sha256" / str(layout.manifests[0]["digest"]).removeprefix("sha256:")
        path.write_bytes(path.read_bytes().replace(b"layers", b"layerz"))
    elif change == "missing":
        weights.unlink()
    elif change == "link":
        weights.rename(tmp_path / "elsewhere")
        weights.symlink_to(tmp_path / "elsewhere")
    elif change == "no-layout":
        (layout.folder / "oci-layout").unlink()
    with pytest.raises(DepotError) as caught:
        unpack(layout.folder)
    assert refused(caught) == "depot.bad-layout"


@given(st.data())
def test_a_tar_with_any_bytes_replaced_is_taken_or_refused(data: st.DataObject) -> None:
    compressed = data.draw(st.booleans())
    whole = bytearray(tar(OK, ("golden/golden.json", b"{}"), compressed=compressed, pax=True))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + 1] = data.draw(st.binary(max_size=12))
    with TemporaryDirectory() as folder:
        archive, into = Path(folder) / "archive", Path(folder) / "into"
        archive.write_bytes(whole)
        into.mkdir()
        with suppress(ValueError):
            list(take_files(archive, into, compressed=compressed))
        assert sorted(path.name for path in Path(folder).iterdir()) == ["archive", "into"]
        assert not any(path.is_symlink() for path in into.rglob("*"))
