"""Versions of a pack side by side: the environments of NAME lie in `.NAME/VERSION`, and `NAME` is a link to one.

An environment is made at its place and never moved, since its scripts name it; its description, written last, makes
it whole. Who runs under a version goes on under it when the link is switched.
"""

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtimes.engine import EngineDescription
from runtimes.errors import EngineError
from runtimes.packs import environment
from runtimes.packs.environment import NotDoneError
from runtimes.packs.places import place_of
from runtimes.packs.wheels import Wheel, environment_of


@dataclass(frozen=True, slots=True)
class PackContents:
    """What a pack is made of."""

    name: str
    version: str
    engine: str
    """Entry point in the group `appliance.runtimes`."""
    adapter: str
    """An adapter of the core's that it names; empty where a wheel brings the entry point."""
    needs: str
    wheels: tuple[Wheel, ...]


async def install(contents: PackContents, packs: Path) -> EngineDescription:
    """Make a version of a pack at its place and ask its engine what it is; nobody finds it before `switch`.

    Raises EngineError `pack.not-made`; then nothing of it is left, and other versions are as they were.
    """
    place = place_of(packs, contents.name, contents.version)
    try:
        await asyncio.to_thread(_fill, contents, place)
        described = await environment.ask_engine(contents.engine, place)
        environment.describe_pack(
            place,
            name=contents.name,
            version=contents.version,
            engine=contents.engine,
            needs=contents.needs,
        )
        await asyncio.to_thread(os.sync)  # thousands of small files, of use all together or not at all
    except BaseException as error:
        remove(packs, contents.name, contents.version)
        if isinstance(error, NotDoneError):
            raise _not_made(contents, str(error)) from error
        raise
    return described


def switch(packs: Path, name: str, version: str) -> None:
    """Let everybody who looks for the pack find this version from now on; a power cut leaves the one or the other."""
    fresh = packs / f".{name}" / ".link"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(place_of(packs, name, version).relative_to(packs))
    fresh.rename(packs / name)
    _sync(packs)


def current(packs: Path, name: str) -> str | None:
    """The version that the link names; None where there is no link."""
    link = packs / name
    return link.readlink().name if link.is_symlink() else None


def remove(packs: Path, name: str, version: str) -> None:
    """Remove a version, and the link where it names it."""
    place = place_of(packs, name, version)
    if current(packs, name) == version:
        (packs / name).unlink()
    shutil.rmtree(place, ignore_errors=True)
    with suppress(OSError):  # other versions are there
        place.parent.rmdir()


def _fill(contents: PackContents, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    environment_of(place, contents.wheels)
    if contents.adapter:
        environment.name_adapter(place, contents.engine, contents.adapter)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_made(contents: PackContents, why: str) -> EngineError:
    return EngineError(
        "pack.not-made",
        f"The pack {contents.name} {contents.version} was not made: {why}.",
        kept="Other versions of it are as they were.",
        remedy=contents.needs,
    )
