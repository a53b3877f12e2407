"""No byte of a medium is without meaning: whichever changes, the import refuses and names the file."""

from pathlib import Path

import pytest

from tests.updates.conftest import Box, files_of
from tests.updates.simulator import NOW, Simulator, at
from updates.errors import UpdateError
from updates.layout import UPDATE_FOLDER
from updates.transfer import receive
from updates.trust.exact import check_every_byte
from updates.trust.rules import verify

WITHOUT_MEANING: dict[str, str] = {}
"""Files whose bytes an import does not depend on, with the reason: there are none."""


def test_a_changed_byte_in_any_file_is_refused_and_the_file_named(medium: Path, box: Box) -> None:
    tried = files_of(medium)
    assert {"index.json", "oci-layout", "metadata/1.root.json", "metadata/timestamp.json"} <= set(tried)
    assert sum(file.startswith("blobs/sha256/") for file in tried) >= 9
    for file in tried:
        if file in WITHOUT_MEANING:
            continue
        path = medium / UPDATE_FOLDER / file
        path.chmod(0o644)
        original = path.read_bytes()
        for position in {0, len(original) // 3, len(original) // 2, len(original) - 1}:
            for bit in (0x01, 0x20):
                path.write_bytes(flipped(original, position, bit))
                box.blobs.remove_unreferenced(())
                with pytest.raises(UpdateError) as caught:
                    box.bring_in(medium)
                assert caught.value.file == file, (file, position, caught.value.code)
        path.write_bytes(original)
    assert set(box.trust.files) == {"root"}
    assert len(box.bring_in(medium)) == 2


def test_bytes_all_over_the_metadata_count() -> None:
    repository = Simulator({"root": 2, "timestamp": 2})
    trust = repository.fresh_box()
    repository.rotate("root")
    repository.publish(bump=True)
    names = ["1.root.json", "2.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"]
    for start in (trust, repository.verify(trust).state):
        for name in names:
            original = repository.files[name]
            for position in range(0, len(original), 31):
                for bit in (0x01, 0x20):
                    repository.files[name] = flipped(original, position, bit)
                    with pytest.raises(UpdateError) as caught:
                        check_every_byte(start, verify(start, repository.read, at(NOW)), repository.read)
                    assert caught.value.file == f"metadata/{name}", (position, caught.value.code)
            repository.files[name] = original


@pytest.mark.parametrize("change", ["missing", "longer", "shorter", "empty"])
def test_a_file_that_is_missing_or_of_another_length_is_refused_and_named(
    medium: Path, box: Box, change: str
) -> None:
    for file in files_of(medium):
        path = medium / UPDATE_FOLDER / file
        path.chmod(0o644)
        original = path.read_bytes()
        if change == "missing":
            path.unlink()
        else:
            path.write_bytes({"longer": original + b"\n", "shorter": original[:-1], "empty": b""}[change])
        box.blobs.remove_unreferenced(())
        with pytest.raises(UpdateError) as caught:
            box.bring_in(medium)
        assert caught.value.file == file
        path.write_bytes(original)
    assert set(box.trust.files) == {"root"}


def test_a_blob_that_is_here_already_is_not_read_from_the_medium(medium: Path, box: Box) -> None:
    box.bring_in(medium)
    for path in (medium / UPDATE_FOLDER / "blobs" / "sha256").iterdir():
        path.unlink()
    preview = box.inspect(medium)
    assert preview.changes == ()
    assert len(receive(preview.medium, [offer.artifact for offer in preview.offers], box.blobs)) == 2


def flipped(data: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= bit
    return bytes(changed)
