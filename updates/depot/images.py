"""Adding an image of an operating system to the depot: a RAUC bundle, as RAUC's own tools made and signed it."""

from dataclasses import dataclass
from pathlib import Path

from updates.artifacts import Artifact
from updates.depot.files import AddedFile, FilesArtifact, add_files, identity_of
from updates.depot.repository import Depot
from updates.errors import DepotError
from updates.images import BUNDLE, BUNDLE_TYPE, MAGIC, SYSTEM_TYPE
from updates.layout import PART_SIZE
from updates.names import Kind


@dataclass(frozen=True, slots=True)
class ImageArtifact:
    """An image as somebody hands it to the depot. Nothing is read before `add_image`."""

    name: str
    version: str
    bundle: Path
    licence: str = ""
    licence_file: Path | None = None
    description: str = ""


def add_image(depot: Depot, image: ImageArtifact, *, part_size: int = PART_SIZE) -> Artifact:
    """Pack a bundle and add it to the depot; it is signed at the next publication.

    Raises:
        DepotError: `depot.bad-name`, `depot.bad-text`, `depot.bad-image`, `depot.same-version-other-bytes`,
            `file.unreadable`.
        StoreError: `disk.full`, `disk.unwritable`.
    """
    _check(image.bundle)
    added = FilesArtifact(
        identity_of(Kind.SYSTEM, image.name, image.version),
        SYSTEM_TYPE,
        [AddedFile(BUNDLE, image.bundle, BUNDLE_TYPE)],
        {},
        image.licence,
        image.licence_file,
        image.description,
    )
    return add_files(depot, added, part_size=part_size)


def _check(bundle: Path) -> None:
    try:
        with bundle.open("rb") as stream:
            genuine = stream.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise _bad_image(bundle, f"it cannot be read ({error.strerror})") from error
    if not genuine:
        raise _bad_image(bundle, "it is no RAUC bundle")


def _bad_image(bundle: Path, why: str) -> DepotError:
    return DepotError(
        "depot.bad-image",
        f"{bundle} cannot be added: {why}.",
        kept="The depot was left as it is.",
        remedy="Name a bundle that `rauc bundle` has made.",
    )
