"""Attacks on what lies on a real medium beside its metadata, by a depot's own kind of medium."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.updates.conftest import NOW, Box, write
from tests.updates.people import stick
from updates.depot.models import ModelArtifact, add_model
from updates.depot.repository import Depot
from updates.depot.roles import rotate
from updates.digest import Digest
from updates.errors import MediumError, UpdateError
from updates.inspect import Installed, Standing
from updates.layout import UPDATE_FOLDER
from updates.names import Identity, Kind


def refusal(box: Box, medium: Path) -> UpdateError:
    trust, blobs = dict(box.trust.files), set(box.blobs.digests())
    with pytest.raises(UpdateError) as caught:
        box.bring_in(medium)
    assert dict(box.trust.files) == trust
    assert not {item.digest for item in box.installed} - blobs
    assert caught.value.what
    return caught.value


def manifest_of(medium: Path, box: Box) -> Path:
    return medium / UPDATE_FOLDER / box.inspect(medium).offers[0].artifact.manifest_file


def test_rollback_of_the_root(depot: Depot, medium: Path, box: Box, tmp_path: Path) -> None:
    """A medium from before the keys were changed: nothing on it leads to the root that the box has."""
    shutil.copytree(medium, tmp_path / "older")
    rotate(depot, "timestamp", now=NOW)
    box.bring_in(stick(tmp_path, depot, "newer"))
    assert refusal(box, tmp_path / "older").code == "trust.unknown-key"


def test_rollback_of_the_root_under_fresh_metadata(
    depot: Depot, medium: Path, box: Box, tmp_path: Path
) -> None:
    rotate(depot, "root", now=NOW)
    newer = stick(tmp_path, depot, "newer")
    box.bring_in(newer)
    (newer / UPDATE_FOLDER / "metadata/2.root.json").unlink()
    error = refusal(box, newer)
    assert (error.code, error.file) == ("medium.missing-file", "metadata/2.root.json")


def test_extraneous_dependency_in_the_index(medium: Path, box: Box) -> None:
    path = medium / UPDATE_FOLDER / "index.json"
    index = json.loads(path.read_bytes())
    index["manifests"].append(
        index["manifests"][0] | {"annotations": {"org.opencontainers.image.ref.name": "x"}}
    )
    path.write_bytes(json.dumps(index).encode())
    assert refusal(box, medium).code == "medium.digest-mismatch"


@pytest.mark.parametrize("field", ["layers", "config"])
def test_extraneous_dependency_in_a_manifest(medium: Path, box: Box, field: str) -> None:
    """A manifest that names one file more, or another configuration, than the one that was signed."""
    path = manifest_of(medium, box)
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    extra = write(medium / UPDATE_FOLDER / "blobs/sha256" / Digest.of(b"evil").hex, b"evil")
    told = {"mediaType": "application/x-evil", "digest": f"sha256:{extra.name}", "size": 4}
    manifest[field] = [*manifest[field], told] if field == "layers" else told
    path.chmod(0o644)
    path.write_bytes(json.dumps(manifest).encode())
    error = refusal(box, medium)
    assert (error.code, error.file) == ("medium.digest-mismatch", f"blobs/sha256/{path.name}")


def test_extraneous_blobs_and_metadata_are_never_read(medium: Path, box: Box) -> None:
    folder = medium / UPDATE_FOLDER
    write(folder / "blobs/sha256" / ("e" * 64), b"evil")
    write(folder / "metadata/99.evil.json", b"{")
    assert "metadata/99.evil.json" in box.inspect(medium).ignored
    box.bring_in(medium)
    assert Digest("e" * 64) not in set(box.blobs.digests())


def test_signed_for_another_fleet(medium: Path, tmp_path: Path) -> None:
    other = Depot.create(tmp_path / "other", now=NOW)
    assert refusal(Box.fresh(other, tmp_path), medium).code == "trust.unknown-key"


@pytest.mark.parametrize("length", [-1, 1, 1 << 20])
def test_payload_of_another_length_or_without_end(medium: Path, box: Box, length: int) -> None:
    blob = max((medium / UPDATE_FOLDER / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.chmod(0o644)
    data = blob.read_bytes()
    blob.write_bytes(data[:length] if length < 0 else data + bytes(length))
    error = refusal(box, medium)
    assert error.code in ("medium.digest-mismatch", "medium.truncated")
    assert error.file == f"blobs/sha256/{blob.name}"


def test_equal_names_of_different_kinds_are_different_artifacts(medium: Path, box: Box) -> None:
    digest = box.inspect(medium).offers[0].artifact.digest
    other_kinds = (kind for kind in Kind if kind is not Kind.MODEL)
    box.installed = [
        Installed(Identity(kind, "line-inspection", "1.0.0"), Digest.of(str(kind).encode()))
        for kind in other_kinds
    ]
    offer = box.inspect(medium).offers[0]
    assert (offer.standing, offer.newest_here, offer.artifact.digest) == (Standing.NEW, None, digest)


def test_one_name_and_version_signed_twice_with_different_bytes(
    depot: Depot, medium: Path, box: Box, tmp_path: Path
) -> None:
    box.bring_in(medium)
    depot.remove(depot.artifacts()[0])
    add_model(
        depot, ModelArtifact("line-inspection", "1.0.0", write(tmp_path / "x/other.onnx", b"\x08other"))
    )
    assert refusal(box, stick(tmp_path, depot, "second")).code == "trust.same-version-other-bytes"


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_blob_that_is_a_link_or_a_folder(medium: Path, box: Box, tmp_path: Path, kind: str) -> None:
    blob = max((medium / UPDATE_FOLDER / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.rename(tmp_path / "elsewhere")
    if kind == "link":
        blob.symlink_to(tmp_path / "elsewhere")
    else:
        blob.mkdir()
    error = refusal(box, medium)
    assert isinstance(error, MediumError)
    assert error.code == "medium.not-a-file"
