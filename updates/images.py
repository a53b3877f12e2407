"""Images of an operating system as artifacts: one RAUC bundle each, checked and written by the RAUC of the image it replaces."""

from collections.abc import Mapping
from dataclasses import dataclass

from updates import canonical
from updates.facts import from_annotations
from updates.manifest import Manifest, PackedFile

SYSTEM_TYPE = "application/vnd.internal.appliance.system.v1"
BUNDLE_TYPE = "application/vnd.internal.appliance.rauc-bundle.v1"
BUNDLE = "system.raucb"
MAGIC = b"hsqs"
"""Of SquashFS, which every RAUC bundle begins with (RAUC reference, bundle formats)."""


@dataclass(frozen=True, slots=True)
class ImageContents:
    texts: Mapping[str, str]
    bundle: PackedFile


def image_contents(manifest: Manifest, file: str) -> ImageContents:
    """Tell what the artifact holds; `file` is where the manifest came from, for the error.

    Raises:
        MediumError: `medium.malformed`: it is no system image, or not one bundle.
    """
    bundles = [packed for packed in manifest.files if packed.media_type == BUNDLE_TYPE]
    if manifest.artifact_type != SYSTEM_TYPE or len(bundles) != 1:
        raise canonical.malformed(
            file, f"it is no system image of one bundle, but {manifest.artifact_type} of {len(bundles)}"
        )
    return ImageContents(from_annotations(manifest), bundles[0])
