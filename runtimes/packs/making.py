"""Making a runtime pack: a virtual environment beside its place, filled, probed, and only then put there."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

from runtimes.engine import EngineDescription
from runtimes.errors import EngineError
from runtimes.packs import environment
from runtimes.packs.environment import NotDoneError
from runtimes.packs.recipe import Build, Recipe

_BUILDING = "build"


async def make_pack(
    recipe: Recipe, into: Path, *, wheels: Path | None, tell: Callable[[str], None]
) -> EngineDescription:
    """Make `into`/NAME, replacing an earlier pack of that name; what its engine says of itself here.

    Every file that is installed must have a hash that the recipe's requirements name.

    Args:
        wheels: a folder that holds all wheels, for a machine without an index; None to fetch them.
        tell: hears what is being done.

    Raises:
        EngineError: `pack.not-made`, with what stood in the way; an earlier pack is as it was.
    """
    making = into / f".{recipe.name}-making"
    try:
        await asyncio.to_thread(_fill, recipe, making, wheels, tell)
        tell("asking the engine what it is")
        described = await environment.ask_engine(recipe.engine, making)
        _replace(into / recipe.name, making)
    except NotDoneError as reason:
        raise _not_made(recipe, str(reason)) from reason
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return described


def _fill(recipe: Recipe, folder: Path, wheels: Path | None, tell: Callable[[str], None]) -> None:
    carried = _carried(recipe, wheels)
    if recipe.build is not None and carried is None:
        _refuse_without_tools(recipe, recipe.build)
    tell("making the virtual environment")
    shutil.rmtree(folder, ignore_errors=True)
    python = environment.make_environment(folder)
    where = [] if wheels is None else ["--no-index", "--find-links", str(wheels)]
    tell(f"installing what {recipe.requirements.name} names")
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(recipe.requirements)]
    environment.pip(python, "install", "--no-deps", *where, *locked)
    if recipe.build is not None:
        built = carried or _built(recipe, recipe.build, folder, tell)
        environment.pip(python, "install", "--no-deps", "--no-index", str(built))
        shutil.rmtree(folder / _BUILDING, ignore_errors=True)
    environment.pip(python, "uninstall", "--yes", "pip")
    if recipe.adapter:
        environment.name_adapter(folder, recipe.engine, recipe.adapter)
    version = _version(recipe, environment.site_packages(folder))
    environment.describe_pack(
        folder, name=recipe.name, version=version, engine=recipe.engine, needs=recipe.needs
    )


def _carried(recipe: Recipe, wheels: Path | None) -> Path | None:
    """The engine's own wheel, built before and carried in the folder."""
    name = recipe.distribution.replace("-", "_")
    found = sorted(wheels.glob(f"{name}-*.whl")) if wheels is not None else []
    return found[-1] if found else None


def _refuse_without_tools(recipe: Recipe, build: Build) -> None:
    missing = [tool for tool in build.tools if shutil.which(tool) is None]
    if missing:
        raise _not_made(recipe, f"this machine has no {' and no '.join(missing)} to build it with")


def _built(recipe: Recipe, build: Build, folder: Path, tell: Callable[[str], None]) -> Path:
    work = folder / _BUILDING
    source = str(recipe.folder / build.source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    tell(f"building {recipe.distribution} with {' '.join(build.cmake)}; this takes minutes to hours")
    fetch = ["download", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--require-hashes"]
    environment.run([*pip, *fetch, "-r", source, "-d", str(work)], "pip")
    (archive,) = work.iterdir()
    compile_ = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(work / "out"), str(archive)]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment.run([*pip, *compile_], "the build", CMAKE_ARGS=" ".join(build.cmake), PATH=tools)
    (wheel,) = (work / "out").iterdir()
    return wheel


def _version(recipe: Recipe, site_packages: Path) -> str:
    found = [d.version for d in distributions(path=[str(site_packages)], name=recipe.distribution)]
    if not found:
        raise _not_made(recipe, f"its requirements bring no {recipe.distribution}")
    return found[0]


def _replace(place: Path, made: Path) -> None:
    before = place.with_name(f".{place.name}-before")
    shutil.rmtree(before, ignore_errors=True)
    if place.exists():
        place.rename(before)
    made.rename(place)
    shutil.rmtree(before, ignore_errors=True)


def _not_made(recipe: Recipe, why: str) -> EngineError:
    return EngineError(
        "pack.not-made",
        f"The pack {recipe.name} was not made: {why}.",
        kept="An earlier pack of that name is as it was.",
        remedy=f"{recipe.needs} {recipe.tried}".strip(),
    )
