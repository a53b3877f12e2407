"""Making a runtime pack: a virtual environment beside its place, filled, probed, and only then put there."""

import asyncio
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from importlib.metadata import distributions
from pathlib import Path

import msgspec

from runtimes.engine import ENTRY_POINT_GROUP, EngineDescription, ModelFile, ModelFormat
from runtimes.errors import EngineError
from runtimes.hardware.detect import detect
from runtimes.packs.folder import DESCRIPTION
from runtimes.packs.recipe import Build, Recipe
from runtimes.worker.probing import probe

_ERRORS = ("error", "cmake error")
_BUILDING = "build"
_PROBE_SECONDS = 120.0
"""The first start of an engine with gigabytes of libraries reads them all."""


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
        described = await _described(recipe, making)
        _replace(into / recipe.name, making)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return described


def _fill(recipe: Recipe, folder: Path, wheels: Path | None, tell: Callable[[str], None]) -> None:
    carried = _carried(recipe, wheels)
    if recipe.build is not None and carried is None:
        _refuse_without_tools(recipe, recipe.build)
    tell("making the virtual environment")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    where = [] if wheels is None else ["--no-index", "--find-links", str(wheels)]
    tell(f"installing what {recipe.requirements.name} names")
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", str(recipe.requirements)]
    _pip(recipe, python, "install", "--no-deps", *where, *locked)
    if recipe.build is not None:
        built = carried or _built(recipe, recipe.build, folder, tell)
        _pip(recipe, python, "install", "--no-deps", "--no-index", str(built))
        shutil.rmtree(folder / _BUILDING, ignore_errors=True)
    _pip(recipe, python, "uninstall", "--yes", "pip")
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    if recipe.adapter:
        _name_adapter(recipe, site_packages)
    description = {
        "name": recipe.name,
        "version": _version(recipe, site_packages),
        "engine": recipe.engine,
        "needs": recipe.needs,
    }
    lines = (f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in description.items())
    (folder / DESCRIPTION).write_text("".join(lines))


def _pip(recipe: Recipe, python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    _run(recipe, command, "pip")


def _run(recipe: Recipe, command: Sequence[str], what: str, **variables: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **variables}, check=False
    )
    if done.returncode:
        raise _not_made(recipe, f"{what} says: {_first_error(done.stdout + done.stderr)}")


def _first_error(output: str) -> str:
    """The first line that tells of an error with the two after it; the last lines where none does."""
    said = [line.strip() for line in output.splitlines() if line.strip()]
    first = next((n for n, line in enumerate(said) if line.lower().startswith(_ERRORS)), -3)
    return " ".join(said[first : first + 3 or None])[:600]


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
    _run(recipe, [*pip, *fetch, "-r", source, "-d", str(work)], "pip")
    (archive,) = work.iterdir()
    compile_ = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(work / "out"), str(archive)]
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    _run(recipe, [*pip, *compile_], "the build", CMAKE_ARGS=" ".join(build.cmake), PATH=tools)
    (wheel,) = (work / "out").iterdir()
    return wheel


def _name_adapter(recipe: Recipe, site_packages: Path) -> None:
    """An installed project of nothing but an entry point that names an adapter of the core.

    As the packaging specification "Recording installed projects" has it.
    """
    info = site_packages / "appliance_adapter-1.dist-info"
    info.mkdir()
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: appliance-adapter\nVersion: 1\n",
        "INSTALLER": "appliance\n",
        "entry_points.txt": f"[{ENTRY_POINT_GROUP}]\n{recipe.engine} = {recipe.adapter}\n",
    }
    for name, text in files.items():
        (info / name).write_text(text)
    (info / "RECORD").write_text("".join(f"{info.name}/{name},,\n" for name in (*files, "RECORD")))


def _version(recipe: Recipe, site_packages: Path) -> str:
    found = [d.version for d in distributions(path=[str(site_packages)], name=recipe.distribution)]
    if not found:
        raise _not_made(recipe, f"its requirements bring no {recipe.distribution}")
    return found[0]


async def _described(recipe: Recipe, folder: Path) -> EngineDescription:
    """Start a worker under the pack's interpreter and ask about what is no model: it says at least what it is."""
    file = folder / DESCRIPTION
    hardware = await asyncio.to_thread(detect)
    interpreter = folder / "bin" / "python"
    reasons = []
    for kind in ModelFormat:
        nothing = ModelFile(file, kind, "", file.stat().st_size)
        try:
            return (await probe(recipe.engine, nothing, hardware, interpreter, _PROBE_SECONDS)).description
        except EngineError as error:
            reasons.append(error.what)
    raise _not_made(recipe, f"its engine does not start: {reasons[-1]}")


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
