"""The virtual environment of a pack: made, filled by pip, named, asked what its engine is."""

import asyncio
import os
import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path

import msgspec

from runtimes.engine import ENTRY_POINT_GROUP, EngineDescription, ModelFile, ModelFormat
from runtimes.errors import EngineError
from runtimes.hardware.detect import detect
from runtimes.packs.folder import DESCRIPTION
from runtimes.worker.probing import probe

_ERRORS = ("error", "cmake error")
_CONFIGURATION = "pyvenv.cfg"
_PROBE_SECONDS = 120.0
"""The first start of an engine with gigabytes of libraries reads them all."""


class NotDoneError(Exception):
    """A program said no; the text is what it said."""


def make_environment(folder: Path) -> Path:
    """Make an environment with pip where nothing is yet; its interpreter."""
    venv.create(folder, with_pip=True, symlinks=True)
    return folder / "bin" / "python"


def pip(python: Path, *arguments: str, before: Sequence[str] = ()) -> None:
    """Let the environment's pip do something; `before` starts its command. Raises NotDoneError."""
    command = [*before, str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    run(command, "pip")


def run(command: Sequence[str], what: str, **variables: str) -> None:
    """Run a program with these variables besides the environment's own. Raises NotDoneError."""
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **variables}, check=False
    )
    if done.returncode:
        raise NotDoneError(f"{what} says: {_first_error(done.stdout + done.stderr)}")


def site_packages(folder: Path) -> Path:
    (found,) = folder.glob("lib/python3*/site-packages")
    return found


def name_adapter(folder: Path, engine: str, adapter: str) -> None:
    """An installed project of nothing but an entry point that names an adapter of the core.

    As the packaging specification "Recording installed projects" has it.
    """
    info = site_packages(folder) / "appliance_adapter-1.dist-info"
    info.mkdir()
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: appliance-adapter\nVersion: 1\n",
        "INSTALLER": "appliance\n",
        "entry_points.txt": f"[{ENTRY_POINT_GROUP}]\n{engine} = {adapter}\n",
    }
    for name, text in files.items():
        (info / name).write_text(text)
    (info / "RECORD").write_text("".join(f"{info.name}/{name},,\n" for name in (*files, "RECORD")))


def describe_pack(folder: Path, *, name: str, version: str, engine: str, needs: str) -> None:
    """Write what makes the environment a pack."""
    description = {"name": name, "version": version, "engine": engine, "needs": needs}
    lines = (f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in description.items())
    (folder / DESCRIPTION).write_text("".join(lines))


async def ask_engine(engine: str, folder: Path) -> EngineDescription:
    """Start a worker under the environment's interpreter and ask about what is no model: it says at least what it is.

    Raises NotDoneError with the last thing it said where it does not start.
    """
    file = folder / _CONFIGURATION
    hardware = await asyncio.to_thread(detect)
    interpreter = folder / "bin" / "python"
    reasons = []
    for kind in ModelFormat:
        nothing = ModelFile(file, kind, "", file.stat().st_size)
        try:
            return (await probe(engine, nothing, hardware, interpreter, _PROBE_SECONDS)).description
        except EngineError as error:
            reasons.append(error.what)
    raise NotDoneError(f"its engine does not start: {reasons[-1]}")


def _first_error(output: str) -> str:
    """The first line that tells of an error with the two after it; the last lines where none does."""
    said = [line.strip() for line in output.splitlines() if line.strip()]
    first = next((n for n, line in enumerate(said) if line.lower().startswith(_ERRORS)), -3)
    return " ".join(said[first : first + 3 or None])[:600]
