"""Adding what is made of wheels to the depot: runtime packs, and releases of the appliance."""

import configparser
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from updates.artifacts import Artifact
from updates.depot.files import AddedFile, FilesArtifact, add_files, identity_of
from updates.depot.repository import Depot
from updates.errors import DepotError
from updates.layout import PART_SIZE
from updates.names import Kind, check_file_path, check_version
from updates.wheels import (
    RUNTIME_TYPE,
    SOFTWARE,
    SOFTWARE_TYPE,
    WHEEL_TYPE,
    WHEELS,
    RuntimeFacts,
    WheelName,
)

ENTRY_POINTS = "appliance.runtimes"
"""The group in which a pack's wheels name their adapters."""


@dataclass(frozen=True, slots=True)
class RuntimeArtifact:
    """A runtime pack as somebody hands it to the depot. Nothing is read before `add_runtime`."""

    name: str
    version: str
    """Of its engine; plans measured with another one are measured again."""
    wheels: Path
    """A folder with everything that the pack installs, for every machine that it is meant for."""
    engine: str
    adapter: str = ""
    needs: str = ""
    licence: str = ""
    licence_file: Path | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class SoftwareArtifact:
    """A release of the appliance; its version is that of the project's own wheel."""

    wheels: Path
    licence: str = ""
    licence_file: Path | None = None
    description: str = ""


def add_runtime(depot: Depot, runtime: RuntimeArtifact, *, part_size: int = PART_SIZE) -> Artifact:
    """Pack a runtime and add it to the depot; it is signed at the next publication.

    Raises:
        DepotError: `depot.bad-name`, `depot.bad-text`, `depot.bad-wheels`, `depot.same-version-other-bytes`,
            `file.unreadable`.
        StoreError: `disk.full`, `disk.unwritable`.
    """
    wheels = _wheels(runtime.wheels)
    if not runtime.adapter and not any(runtime.engine in _engines(wheel.file) for wheel in wheels):
        raise _bad_wheels(
            runtime.wheels,
            f"none has the entry point {runtime.engine!r} in {ENTRY_POINTS}, and no adapter is named",
        )
    facts = RuntimeFacts(runtime.engine, runtime.adapter, runtime.needs)
    added = FilesArtifact(
        identity_of(Kind.RUNTIME, runtime.name, runtime.version),
        RUNTIME_TYPE,
        wheels,
        facts.to_texts(),
        runtime.licence,
        runtime.licence_file,
        runtime.description,
    )
    return add_files(depot, added, part_size=part_size)


def add_software(depot: Depot, software: SoftwareArtifact, *, part_size: int = PART_SIZE) -> Artifact:
    """Pack a release of the appliance and add it to the depot. Raises as `add_runtime`."""
    wheels = _wheels(software.wheels)
    names = (WheelName.parse(wheel.file.name) for wheel in wheels)
    versions = {str(name.version) for name in names if name.project == SOFTWARE}
    if len(versions) != 1:
        raise _bad_wheels(software.wheels, f"there is not one wheel of {SOFTWARE}, but {len(versions)}")
    (version,) = versions
    try:
        check_version(version)
    except ValueError as error:
        raise _bad_wheels(software.wheels, f"{SOFTWARE}'s own version will not do: {error}") from error
    added = FilesArtifact(
        identity_of(Kind.SOFTWARE, SOFTWARE, version),
        SOFTWARE_TYPE,
        wheels,
        {},
        software.licence,
        software.licence_file,
        software.description,
    )
    return add_files(depot, added, part_size=part_size)


def _wheels(folder: Path) -> list[AddedFile]:
    """Every wheel in the folder, which may hold nothing else but hidden files and requirements."""
    try:
        found = sorted(folder.glob("*.whl")) if folder.is_dir() else []
        sources = sorted(file.name for file in folder.glob("*.tar.gz"))
        if not found or sources:
            raise ValueError(f"{sources[0]} is no wheel" if sources else "there are none")
        for wheel in found:
            WheelName.parse(wheel.name)
            check_file_path(f"{WHEELS}/{wheel.name}")
            if not zipfile.is_zipfile(wheel):
                raise ValueError(f"{wheel.name} is damaged")
    except ValueError as error:
        raise _bad_wheels(folder, str(error)) from error
    return [AddedFile(f"{WHEELS}/{wheel.name}", wheel, WHEEL_TYPE) for wheel in found]


def _engines(wheel: Path) -> Iterator[str]:
    """Names of the adapters that a wheel brings (entry points specification)."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/entry_points.txt"):
                parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
                parser.optionxform = str  # type: ignore[assignment,method-assign]
                parser.read_string(archive.read(name).decode())
                yield from parser[ENTRY_POINTS] if parser.has_section(ENTRY_POINTS) else ()


def _bad_wheels(folder: Path, why: str) -> DepotError:
    return DepotError(
        "depot.bad-wheels",
        f"The wheels in {folder} cannot be added: {why}.",
        kept="The depot was left as it is.",
        remedy="Name a folder that holds every wheel it needs, as `pip download` or `pip wheel` leaves them.",
    )
