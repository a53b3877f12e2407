"""What a depot says of an artifact beyond its bytes: short texts in the manifest's annotations, where other tools ignore them."""

from collections.abc import Mapping

from updates.manifest import Manifest

PREFIX = "internal.appliance."


def to_annotations(texts: Mapping[str, str]) -> dict[str, str]:
    """Texts that say nothing are left out."""
    return {PREFIX + key: text for key, text in texts.items() if text}


def from_annotations(manifest: Manifest) -> dict[str, str]:
    return {
        key.removeprefix(PREFIX): text for key, text in manifest.annotations.items() if key.startswith(PREFIX)
    }
