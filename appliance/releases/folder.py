"""The folder of releases: which are there, which one runs, what the service manager starts."""

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import msgspec

from appliance.releases import launch
from appliance.releases.launch import CURRENT
from updates.durable import write_file

DESCRIPTION = "release.json"
LAUNCHER = "launch"


class Release(msgspec.Struct, frozen=True):
    """What a release says of itself; its description, written last, makes its folder whole."""

    version: str
    schema: int
    """Of its database."""


@dataclass(frozen=True, slots=True)
class Releases:
    """All of them, below one folder."""

    root: Path

    def folder(self, version: str) -> Path:
        return self.root / version

    def release(self, version: str) -> Release | None:
        """None where there is no such release, or not all of it."""
        try:
            return msgspec.json.decode((self.folder(version) / DESCRIPTION).read_bytes(), type=Release)
        except (OSError, msgspec.DecodeError):
            return None

    @property
    def versions(self) -> tuple[str, ...]:
        """Those that are whole."""
        found = (file.parent.name for file in sorted(self.root.glob(f"*/{DESCRIPTION}")))
        return tuple(version for version in found if version != CURRENT and self.release(version))

    @property
    def current(self) -> str | None:
        """What is started next; None where none ever was made current."""
        link = self.root / CURRENT
        return str(link.readlink()) if link.is_symlink() else None

    @property
    def running(self) -> str | None:
        """The release that this process belongs to; None where it is none of these."""
        here = Path(sys.prefix)
        inside = self.root.is_dir() and here.parent.resolve() == self.root.resolve()
        return here.resolve().name if inside else None

    def describe(self, release: Release) -> None:
        write_file(self.folder(release.version) / DESCRIPTION, msgspec.json.encode(release))

    def remove(self, version: str) -> None:
        """The description goes first: what is left of it after a power cut is none."""
        (self.folder(version) / DESCRIPTION).unlink(missing_ok=True)
        shutil.rmtree(self.folder(version), ignore_errors=True)

    def remove_all_but(self, *kept: str) -> None:
        """Remove every other release, and what never became one."""
        for folder in self.root.iterdir() if self.root.is_dir() else ():
            if folder.is_dir() and not folder.is_symlink() and folder.name not in kept:
                self.remove(folder.name)

    def put_launcher(self) -> None:
        """Let the service manager start releases by this release's own `launch`."""
        source = files(launch.__package__ or "").joinpath("launch.py").read_text()
        interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
        write_file(self.root / LAUNCHER, f"#!{interpreter} -I\n{source}".encode(), 0o755)
        os.chmod(self.root / LAUNCHER, 0o755)  # noqa: PTH101, S103 - the mask may have taken it
