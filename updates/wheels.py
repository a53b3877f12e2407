"""Artifacts made of Python wheels: runtime packs and releases of the appliance.

Inside lie wheels under `wheels/`, of one project perhaps several for different machines. What fits where is told by
their names alone (Python packaging specifications, binary distribution format and platform compatibility tags).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from updates import canonical
from updates.facts import from_annotations
from updates.manifest import Manifest, PackedFile
from updates.models import LICENCE

RUNTIME_TYPE = "application/vnd.internal.appliance.runtime.v1"
SOFTWARE_TYPE = "application/vnd.internal.appliance.software.v1"
WHEEL_TYPE = "application/vnd.internal.appliance.wheel.v1"
WHEELS = "wheels"
SOFTWARE = "appliance"
"""The name of every release of the appliance, and the project that it is a release of."""


@dataclass(frozen=True, slots=True)
class WheelName:
    """What a wheel's file name says."""

    project: str
    """Normalised."""
    version: Version
    tags: frozenset[Tag]

    @classmethod
    def parse(cls, name: str) -> Self:
        """Raises: ValueError: it is no wheel's name."""
        try:
            project, version, _, tags = parse_wheel_filename(name)
        except InvalidWheelFilename as error:
            raise ValueError(f"{name[:120]!r} is no wheel's name") from error
        return cls(project, version, tags)


@dataclass(frozen=True, slots=True)
class RuntimeFacts:
    """What the depot says of a runtime pack."""

    engine: str
    """Entry point in the group `appliance.runtimes`."""
    adapter: str = ""
    """An adapter of the core's that the pack names; empty where a wheel brings the entry point."""
    needs: str = ""
    licence: str = ""

    def to_texts(self) -> dict[str, str]:
        texts = {"engine": self.engine, "adapter": self.adapter, "needs": self.needs, "licence": self.licence}
        return {key: text for key, text in texts.items() if text}

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Self:
        """Raises: KeyError: the engine is missing."""
        found = (texts.get(key, "") for key in ("adapter", "needs", "licence"))
        return cls(texts["engine"], *found)


@dataclass(frozen=True, slots=True)
class WheelContents:
    """The files of such an artifact; the wheels by file name."""

    texts: Mapping[str, str]
    wheels: Mapping[str, PackedFile]
    licence: PackedFile | None


def wheel_contents(manifest: Manifest, artifact_type: str, file: str) -> WheelContents:
    """Tell the files apart; `file` is where the manifest came from, for the error.

    Raises:
        MediumError: `medium.malformed`: it is of another type, has no wheel, or one whose name says nothing.
    """
    try:
        if manifest.artifact_type != artifact_type:
            raise ValueError(f"its type {manifest.artifact_type} is not {artifact_type}")
        wheels = {
            (packed.path or "").removeprefix(f"{WHEELS}/"): packed
            for packed in manifest.files
            if packed.media_type == WHEEL_TYPE
        }
        for name in wheels:
            WheelName.parse(name)
        if not wheels:
            raise ValueError("it has no wheels")
    except ValueError as error:
        raise canonical.malformed(file, str(error)) from error
    return WheelContents(from_annotations(manifest), MappingProxyType(wheels), manifest.file(LICENCE))


def runtime_facts(contents: WheelContents, file: str) -> RuntimeFacts:
    """Raises: MediumError: `medium.malformed`: it does not say what its engine is."""
    try:
        return RuntimeFacts.from_texts(contents.texts)
    except KeyError as error:
        raise canonical.malformed(file, f"it does not say its {error}") from error


def fitting(names: Iterable[str], tags: Sequence[Tag]) -> tuple[dict[str, str], dict[str, frozenset[Tag]]]:
    """Of each project the wheel that fits a machine best, and of those that have none the tags of what there is.

    Args:
        names: of wheel files.
        tags: what the machine's Python takes, the best first (`packaging.tags.sys_tags`).
    """
    order = {tag: place for place, tag in enumerate(tags)}
    best: dict[str, tuple[int, str]] = {}
    others: dict[str, frozenset[Tag]] = {}
    for name in sorted(names):
        wheel = WheelName.parse(name)
        places = [order[tag] for tag in wheel.tags if tag in order]
        if places:
            best[wheel.project] = min(best.get(wheel.project, (min(places), name)), (min(places), name))
        else:
            others[wheel.project] = others.get(wheel.project, frozenset()) | wheel.tags
    lacking = {project: found for project, found in others.items() if project not in best}
    return {project: name for project, (_, name) in best.items()}, lacking
