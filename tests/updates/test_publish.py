"""Writing a medium: complete or not there, the same from the same, and read back."""

import errno
import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.updates.conftest import NOW, Box, files_of, write
from updates.depot import publish as publishing
from updates.depot.keys import generate_key
from updates.depot.models import ModelArtifact, add_model
from updates.depot.publish import publish
from updates.depot.repository import ROLES, Depot
from updates.digest import Digest
from updates.errors import DepotError, MediumError, UpdateError
from updates.layout import UNFINISHED_FOLDER, UPDATE_FOLDER, Limits
from updates.media import find_update


def content(medium: Path) -> dict[str, bytes]:
    return {file: (medium / UPDATE_FOLDER / file).read_bytes() for file in files_of(medium)}


def test_the_same_inputs_keys_and_clock_give_the_same_bytes(
    tmp_path: Path, line_model: ModelArtifact
) -> None:
    keys = {role: [tmp_path / "keys" / f"{role}.pem"] for role in ROLES}
    for (file,) in keys.values():
        generate_key(file)
    written = []
    for name in ("one", "two"):
        depot = Depot.create(tmp_path / name / "depot", keys=keys, now=NOW)
        add_model(depot, line_model)
        (tmp_path / name / "stick").mkdir()
        publish(depot, tmp_path / name / "stick", now=NOW)
        written.append(content(tmp_path / name / "stick"))
    assert written[0] == written[1]


def test_fifty_sticks_are_alike(depot: Depot, medium: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert publish(depot, other, now=NOW + timedelta(days=30)).signed == ()
    assert content(other) == content(medium)


def test_publishing_over_an_older_update_replaces_it(
    depot: Depot, medium: Path, tmp_path: Path, box: Box
) -> None:
    depot.remove(depot.artifacts()[0])
    add_model(depot, ModelArtifact("extra", "1.0.0", write(tmp_path / "in/extra.onnx", b"\x08extra")))
    published = publish(depot, medium, now=NOW)
    assert published.size == sum(len(data) for data in content(medium).values())
    assert [path.name for path in medium.iterdir()] == [UPDATE_FOLDER]
    assert [offer.artifact.identity.name for offer in box.inspect(medium).offers] == ["extra", "story"]


def test_names_are_safe_on_fat32(medium: Path) -> None:
    for file in files_of(medium):
        assert all(set(part) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") for part in file.split("/"))
    folded = [file.casefold() for file in files_of(medium)]
    assert len(set(folded)) == len(folded)


def test_the_content_half_is_an_oci_image_layout(medium: Path) -> None:
    folder = medium / UPDATE_FOLDER
    assert json.loads((folder / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_bytes())
    for entry in index["manifests"]:
        manifest = json.loads(blob(folder, entry))
        assert entry["mediaType"] == manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
        assert entry["artifactType"] == manifest["artifactType"]
        config = json.loads(blob(folder, manifest["config"]))
        assert set(config) == {"descriptor", "modelfs", "config"}
        assert config["modelfs"]["diffIds"] == [layer["digest"] for layer in manifest["layers"]]
        for layer in manifest["layers"]:
            blob(folder, layer)


@pytest.mark.parametrize("stop", range(1, 25, 3))
def test_an_interrupted_publication_is_never_taken_for_a_complete_one(
    depot: Depot, tmp_path: Path, box: Box, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    left = [stop]
    honest = os.fsync

    def fsync(descriptor: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.EIO, "Input/output error")
        honest(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UpdateError):
        publish(depot, stick, now=NOW)
    monkeypatch.undo()
    with pytest.raises(MediumError) as caught:
        find_update(stick)
    assert caught.value.code in ("medium.unfinished", "medium.no-update")
    publish(depot, stick, now=NOW)
    assert len(box.bring_in(stick)) == 2


def test_an_interrupted_publication_goes_on_with_what_had_arrived(
    depot: Depot, medium: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (medium / UPDATE_FOLDER).rename(medium / UNFINISHED_FOLDER)
    written: list[int] = []
    honest = os.write

    def write_counted(descriptor: int, data: bytes) -> int:
        written.append(len(data))
        return honest(descriptor, data)

    monkeypatch.setattr(os, "write", write_counted)
    publish(depot, medium, now=NOW)
    assert sum(written) < 100_000


def test_a_medium_that_does_not_give_back_what_was_written_is_told(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()

    def rot(path: Path) -> None:
        if path.stat().st_size > 1_000_000:
            path.chmod(0o644)
            with path.open("r+b") as stream:
                stream.seek(999_999)
                stream.write(b"!")

    monkeypatch.setattr(publishing, "_forget_cached", rot)
    with pytest.raises(DepotError) as caught:
        publish(depot, stick, now=NOW)
    assert caught.value.code == "depot.readback"
    with pytest.raises(MediumError):
        find_update(stick)


def test_a_medium_without_room_is_told_before_anything_is_signed(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    usage = shutil.disk_usage(stick)._replace(free=2_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DepotError) as caught:
        publish(depot, stick, now=NOW)
    assert caught.value.code == "depot.medium-full"
    assert "2.0 MB are free" in caught.value.what
    assert not (depot.path / "metadata/timestamp.json").exists()
    assert list(stick.iterdir()) == []


def test_a_medium_that_is_not_there_is_told(depot: Depot, tmp_path: Path) -> None:
    with pytest.raises(DepotError) as caught:
        publish(depot, tmp_path / "nowhere", now=NOW)
    assert caught.value.code == "depot.no-medium"


def test_a_damaged_blob_in_the_depot_is_not_published(depot: Depot, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    largest = max(depot.blobs.digests(), key=lambda digest: depot.blobs.path(digest).stat().st_size)
    path = depot.blobs.path(largest)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    with pytest.raises(DepotError) as caught:
        publish(depot, stick, now=NOW)
    assert caught.value.code == "depot.blob-damaged"
    assert str(largest) in caught.value.what


def test_a_blob_that_fat32_cannot_hold_is_told(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    monkeypatch.setattr(publishing, "LIMITS", Limits(fat_file=1_000_000))
    with pytest.raises(DepotError) as caught:
        publish(depot, stick, now=NOW)
    assert caught.value.code == "depot.too-large"


def blob(folder: Path, descriptor: dict[str, Any]) -> bytes:
    digest = Digest.parse(descriptor["digest"])
    data = (folder / "blobs/sha256" / digest.hex).read_bytes()
    assert (Digest.of(data), len(data)) == (digest, descriptor["size"])
    return data
