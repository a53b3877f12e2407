"""Filling an environment from wheels alone: each with its hash, without an index and without a network."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtimes.packs import environment, offline


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel whose bytes lie somewhere under any name."""

    name: str
    """Its file's name, as the packaging specification has it."""
    file: Path
    sha256: str


def environment_of(folder: Path, wheels: Sequence[Wheel]) -> None:
    """Make `folder` a virtual environment with these wheels and nothing else; it must not exist.

    Nothing of what is installed runs. Raises NotDoneError with what pip said.
    """
    python = environment.make_environment(folder)
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=folder.parent) as carried:
        locked = Path(carried) / "requirements.txt"
        lines = []
        for wheel in wheels:
            named = Path(carried) / wheel.name
            named.symlink_to(wheel.file.absolute())
            lines.append(f"{named.as_uri()} --hash=sha256:{wheel.sha256}\n")
        locked.write_text("".join(lines))
        arguments = (
            "--no-deps",
            "--no-index",
            "--no-cache-dir",
            "--only-binary",
            ":all:",
            "--require-hashes",
        )
        environment.pip(python, "install", *arguments, "-r", str(locked), before=offline.COMMAND)
    environment.pip(python, "uninstall", "--yes", "pip", before=offline.COMMAND)
