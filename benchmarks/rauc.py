"""`rauc install` of a payload, where Debian's rauc can run: it wants a D-Bus, mksquashfs and the right to mount."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

_TOOLS = ("rauc", "mksquashfs", "openssl", "dbus-run-session")
_MANIFEST = (
    "[update]\ncompatible=bench\nversion=1\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=payload.img\n"
)
_SLOT = "[slot.rootfs.{number}]\ndevice={folder}/{number}.slot\ntype=raw\nbootname={name}\n"


class CannotRun(Exception):  # noqa: N818 - not an error: the comparison is left out
    """Why RAUC does not run here."""


def prepare(folder: Path, payload: Path) -> None:
    """Make a bundle (format `plain`, not compressed) and two slots. Raises CannotRun."""
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if absent:
        raise CannotRun(
            f"{', '.join(absent)} not installed; Debian: apt-get install rauc squashfs-tools openssl dbus"
        )
    (folder / "in").mkdir(parents=True)
    (folder / "in/payload.img").hardlink_to(payload)
    (folder / "in/manifest.raucm").write_text(_MANIFEST)
    words = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
        "-days",
        "2",
        "-subj",
        "/CN=bench",
    ]
    _run(folder, "openssl", *words)
    squash = "--mksquashfs-args=-noI -noD -noF -noX"
    _run(folder, "rauc", "bundle", "--cert=cert.pem", "--key=key.pem", squash, "in", "bundle.raucb")
    (folder / "mnt").mkdir()
    slots = "".join(_SLOT.format(number=n, folder=folder, name="AB"[n]) for n in (0, 1))
    (folder / "system.conf").write_text(
        f"[system]\ncompatible=bench\nbootloader=noop\nmountprefix={folder}/mnt\nstatusfile={folder}/status\n"
        f"[keyring]\npath={folder}/cert.pem\n{slots}"
    )
    for number in (0, 1):
        with (folder / f"{number}.slot").open("wb") as slot:
            slot.truncate(payload.stat().st_size)


def install(folder: Path) -> float:
    """Seconds that `rauc install` takes, its service already running. Raises CannotRun."""
    environment = {**os.environ, "DBUS_STARTER_BUS_TYPE": "session"}
    command = [
        "dbus-run-session",
        "--",
        "env",
        "DBUS_STARTER_BUS_TYPE=session",
        sys.executable,
        "-m",
        __spec__.name,
    ]
    done = subprocess.run(
        [*command, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise CannotRun((done.stdout + done.stderr).strip()[-300:])
    return float(done.stdout.split()[-1])


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"{command[0]}: {done.stderr.strip()[-300:]}")


def _on_a_bus(folder: Path) -> int:
    log = (folder / "service.log").open("wb")
    service = subprocess.Popen(
        ["rauc", f"--conf={folder}/system.conf", "--override-boot-slot=A", "service"],  # noqa: S607
        stdout=log,
        stderr=log,
    )
    try:
        time.sleep(1)
        began = time.monotonic()
        done = subprocess.run(["rauc", "install", f"{folder}/bundle.raucb"], capture_output=True, check=False)  # noqa: S607
        seconds = time.monotonic() - began
    finally:
        service.terminate()
        service.wait()
    if done.returncode:
        print(done.stdout.decode()[-300:], (folder / "service.log").read_text()[-300:])
        return 1
    print(seconds)
    return 0


if __name__ == "__main__":
    sys.exit(_on_a_bus(Path(sys.argv[1])))
