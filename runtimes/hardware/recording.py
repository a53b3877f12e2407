"""A machine's files as they were read once: in memory, in an archive, or in an unpacked archive.

An archive is a `.tar.gz` of plain files: `appliance-capture.json` (the index: links, folder listings, device
files, visibility variables, answers of driver probes) and each file that detection read below `root/`.
"""

import errno
import gzip
import io
import json
import os
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from runtimes.hardware.errors import HardwareError
from runtimes.hardware.folder import FolderTree, resolve

INDEX = "appliance-capture.json"
FORMAT = 1
FILES = "root"
MAX_BYTES = 16 * 1024 * 1024
"""Of an archive's contents, unpacked; a server with eight GPUs and 256 processors needs well below 1 MB."""
MAX_MEMBERS = 20_000


@dataclass(slots=True)
class Recording:
    """Files, links, listings and device files by absolute path; serves as a `Tree`."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    listings: dict[str, list[str]] = field(default_factory=dict)
    """Names in a folder, beyond those that follow from the other paths."""
    devices: dict[str, str] = field(default_factory=dict)
    """Device file -> `ok`, or the errno name that opening it gives: `EACCES`, `EPERM`, `ENXIO`."""
    environ: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Probe name -> what the driver said."""
    _children: dict[str, set[str]] | None = None

    def read(self, path: str, limit: int) -> bytes:
        path = self._resolve(path)
        if path in self.devices and self.devices[path] != "ok":
            raise _error(self.devices[path], path)
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        return self.files[path][:limit]

    def names(self, path: str) -> list[str]:
        path = self._resolve(path)
        found = set(self.listings.get(path, ())) | self._tree().get(path, set())
        if not found and path not in self.listings:
            raise FileNotFoundError(errno.ENOENT, "no such folder", path)
        return list(found)

    def readlink(self, path: str) -> str:
        if path in self.links:
            return self.links[path]
        parent, _, name = path.rpartition("/")
        try:
            return self.links[f"{self._resolve(parent).rstrip('/')}/{name}"]
        except KeyError:
            raise OSError(errno.EINVAL, "not a link", path) from None

    def open_device(self, path: str) -> None:
        path = self._resolve(path)
        if path in self.devices:
            if self.devices[path] != "ok":
                raise _error(self.devices[path], path)
        elif path not in self.files and path not in self.listings and path not in self._tree():
            raise FileNotFoundError(errno.ENOENT, "no such file", path)

    def open_file(self, path: str) -> None:
        self.open_device(path)

    def index(self) -> bytes:
        """The index file of an archive."""
        content = {
            "format": FORMAT,
            "links": self.links,
            "listings": self.listings,
            "devices": self.devices,
            "environ": self.environ,
            "answers": self.answers,
        }
        return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"

    def _resolve(self, path: str) -> str:
        # A capture holds every path as it was asked for, also below a link.
        known = path in self.files or path in self.listings or path in self.devices
        return path if known else resolve(path, self.links.get)

    def _tree(self) -> dict[str, set[str]]:
        if self._children is None:
            self._children = {}
            for path in (*self.files, *self.links, *self.devices, *self.listings):
                child = PurePosixPath(path)
                for parent in child.parents:
                    known = self._children.setdefault(str(parent), set())
                    if child.name in known:
                        break
                    known.add(child.name)
                    child = parent
        return self._children


def load_archive(file: Path) -> Recording:
    """Read a capture without unpacking it. Raises HardwareError on anything that a capture never holds."""
    try:
        # Unpacked in memory first and bounded: a tar header may itself claim gigabytes.
        with gzip.open(file) as packed:
            raw = packed.read(2 * MAX_BYTES + 1)
        if len(raw) > 2 * MAX_BYTES:
            raise _refused(file, f"it is larger than {MAX_BYTES} bytes")
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            contents = _contents(archive, file)
    except (OSError, tarfile.TarError, zlib.error, EOFError) as error:
        raise _refused(file, f"it cannot be read as a .tar.gz ({error})") from error
    return _assemble(contents, file)


def load_folder(folder: Path) -> Recording | None:
    """Read an unpacked capture; None where the folder is not one. Raises HardwareError where it is damaged."""
    index = folder / INDEX
    if not index.is_file():
        return None
    contents: dict[str, bytes] = {}
    tree = FolderTree(folder)
    left = MAX_BYTES
    for where, folders, names in os.walk(folder / FILES):
        folders.sort()
        for name in names:
            path = (Path(where) / name).relative_to(folder).as_posix()
            contents[path] = tree.read("/" + path, left)
            left -= len(contents[path])
            if left <= 0 or len(contents) > MAX_MEMBERS:
                raise _refused(folder, f"it is larger than {MAX_BYTES} bytes or {MAX_MEMBERS} files")
    contents[INDEX] = tree.read("/" + INDEX, MAX_BYTES)
    return _assemble(contents, folder)


def write_archive(recording: Recording, target: BinaryIO) -> None:
    """Write a capture, the index first; equal recordings give equal contents."""
    members = {INDEX: recording.index()} | {
        f"{FILES}{path}": content for path, content in sorted(recording.files.items())
    }
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def _contents(archive: tarfile.TarFile, file: Path) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    left = MAX_BYTES
    for member in archive:
        name = member.name
        parts = PurePosixPath(name).parts
        if not member.isfile():
            if member.isdir():
                continue
            raise _refused(file, f"{name!r} in it is a link or a device")
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise _refused(file, f"{name!r} in it points outside the archive")
        name = str(PurePosixPath(name))
        if name in contents:
            raise _refused(file, f"{name!r} is in it twice")
        left -= member.size
        if left < 0 or len(contents) >= MAX_MEMBERS:
            raise _refused(file, f"it is larger than {MAX_BYTES} bytes or {MAX_MEMBERS} files")
        source = archive.extractfile(member)
        contents[name] = source.read() if source else b""
    return contents


def _assemble(contents: dict[str, bytes], where: Path) -> Recording:
    try:
        index = json.loads(contents.pop(INDEX))
        if index["format"] != FORMAT:
            raise _refused(where, f"it has format {index['format']}, this version reads {FORMAT}")
        recording = Recording(
            links=_strings(index["links"]),
            listings={str(path): [str(name) for name in names] for path, names in index["listings"].items()},
            devices=_strings(index["devices"]),
            environ=_strings(index["environ"]),
            answers={str(name): dict(answer) for name, answer in index["answers"].items()},
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _refused(where, f"its {INDEX} is missing or damaged ({error!r})") from error
    recording.files = {
        name.removeprefix(FILES): content
        for name, content in contents.items()
        if name.startswith(f"{FILES}/")
    }
    return recording


def _strings(value: Any) -> dict[str, str]:
    return {str(key): str(item) for key, item in value.items()}


def _error(name: str, path: str) -> OSError:
    number = getattr(errno, name, errno.EIO)
    return OSError(number, os.strerror(number), path)


def _refused(file: Path, why: str) -> HardwareError:
    return HardwareError(
        "hardware.capture-refused",
        f"{file} is not a capture of a machine: {why}.",
        kept="Nothing was unpacked.",
        remedy="Make a new one on the machine with: appliance doctor --capture FILE",
    )
