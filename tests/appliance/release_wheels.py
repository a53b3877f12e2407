"""Releases of this very project, built here as wheels under another version, each with what makes it differ."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("appliance", "runtimes", "updates", "tui", "gui")

MIGRATION = """

@migration()
def of_the_next_release(tables: Tables) -> None:
    _run(tables, "CREATE TABLE of_the_next_release (x TEXT) STRICT")
"""

MENDED = {
    "fit": "",
    "dies": "\n\nasync def _start(self):\n    raise RuntimeError('this release cannot serve')\n\n\nDaemon._start_deployments = _start\n",
    "killed": "\n\nasync def _start(self):\n    signal.raise_signal(signal.SIGKILL)\n\n\nDaemon._start_deployments = _start\n",
    "hangs": "\n\nasync def _start(self):\n    print('hanging', flush=True)\n    await asyncio.Event().wait()\n\n\n"
    "Daemon._start_deployments = _start\n",
    "unfit": "\n\nasync def _start(self):\n    pass\n\n\nDaemon._start_deployments = _start\n",
}
"""What a release does at the end of `appliance/daemon.py` when it starts."""


def build_release(
    folder: Path, version: str, *, start: str = "fit", migrates: bool = False, imports: str = ""
) -> Path:
    """A folder with the wheel of that release, and one that makes what it needs importable from this environment.

    `start` is a key of `MENDED`; `migrates` gives its database one table more; `imports` is a line that it begins with.
    """
    source = folder / f"source-{version}"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    project = (ROOT / "pyproject.toml").read_text()
    now = tomllib.loads(project)["project"]["version"]
    (source / "pyproject.toml").write_text(project.replace(f'version = "{now}"', f'version = "{version}"', 1))
    _append(source / "appliance" / "daemon.py", MENDED[start] + imports)
    if migrates:
        _append(source / "appliance" / "store" / "schema.py", MIGRATION)
        database = source / "appliance" / "store" / "database.py"
        text = database.read_text()
        number = next(line for line in text.splitlines() if line.startswith("SCHEMA_VERSION = "))
        database.write_text(text.replace(number, f"{number} + 1", 1))
    wheels = folder / f"wheels-{version}"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    shutil.rmtree(source)
    _link_environment(wheels)
    return wheels


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


def _link_environment(wheels: Path) -> None:
    info = "environment-1.dist-info"
    with zipfile.ZipFile(wheels / "environment-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("environment.pth", f"{sysconfig.get_path('purelib')}\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: environment\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        names = ("environment.pth", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
        wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))
