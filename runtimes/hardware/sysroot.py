"""The files of a machine below an injectable root: this one, a folder, or a recording of another.

Reading never raises and never blocks: what is absent, denied, odd or too large reads as `None`.
"""

import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self

from runtimes.hardware.folder import FolderTree
from runtimes.hardware.recording import Recording, load_archive, load_folder

LIMIT = 4 * 1024 * 1024
"""Bytes of one file that are read at most; /proc/cpuinfo of a thousand processors stays below."""


class Tree(Protocol):
    """Where the files really come from. Every method raises OSError as the kernel would."""

    def read(self, path: str, limit: int) -> bytes: ...

    def names(self, path: str) -> list[str]: ...

    def readlink(self, path: str) -> str: ...

    def open_device(self, path: str) -> None:
        """Raise what opening this file for reading and writing would raise."""
        ...

    def open_file(self, path: str) -> None:
        """Raise what opening this file for reading would raise."""
        ...


class Access(StrEnum):
    """Whether this process may use a device file."""

    GRANTED = "granted"
    ABSENT = "absent"
    DENIED = "denied"
    """The file's owner, group or mode forbid it (EACCES)."""
    BLOCKED = "blocked"
    """The file may be opened, the device behind it may not: a container's device rules (EPERM)."""
    BROKEN = "broken"
    """No driver answers behind the file (ENXIO, ENODEV, EIO)."""


class Asker(Protocol):
    def __call__(self, name: str, arguments: Sequence[str] = ...) -> Mapping[str, Any]:
        """What the driver probe of that name answers; see `probe.ask`."""
        ...


class Sysroot:
    """What detection sees of a machine."""

    def __init__(
        self,
        tree: Tree,
        *,
        environ: Mapping[str, str] | None = None,
        answers: Mapping[str, Mapping[str, Any]] | None = None,
        asker: Asker | None = None,
    ) -> None:
        """`environ` and `answers` were recorded on another machine; `asker` asks the drivers of this one."""
        self.tree = tree
        self.environ = environ or {}
        self._answers = dict(answers or {})
        self._asker = asker
        self._opened: dict[str, str] = {}
        self._read_apart: dict[str, str | None] = {}

    @classmethod
    def at(cls, root: Path | str, *, asker: Asker | None = None) -> Self:
        """The files below a folder; a folder with an unpacked capture is read as the machine it came from.

        Raises HardwareError where the folder holds a damaged capture.
        """
        recording = load_folder(Path(root))
        return cls.recorded(recording) if recording else cls(FolderTree(Path(root)), asker=asker)

    @classmethod
    def from_archive(cls, file: Path | str) -> Self:
        """A machine captured by `appliance doctor --capture`. Raises HardwareError where it is not one."""
        return cls.recorded(load_archive(Path(file)))

    @property
    def quiet(self) -> "Sysroot":
        """The same machine, without noting what is read where a capture is being made."""
        return self

    @classmethod
    def recorded(cls, recording: Recording) -> Self:
        return cls(recording, environ=recording.environ, answers=recording.answers)

    def answer(self, name: str, arguments: Sequence[str] = ()) -> Mapping[str, Any] | None:
        """What a driver said, once a scan; None where drivers cannot be asked."""
        if name not in self._answers and self._asker:
            self._answers[name] = self._asker(name, arguments)
        return self._answers.get(name)

    def open_devices(self, paths: Sequence[str]) -> Mapping[str, Any] | None:
        """Really open these device files, in a child process; `access` knows the result from then on.

        Returns the probe's error, if there is or was one: a recording keeps it.
        """
        granted = [path for path in paths if self.access(path) is Access.GRANTED]
        if not self._asker:
            return self._answers.get("devices")
        if not granted:
            return None
        answer = self._asker("devices", granted)
        if "error" in answer:
            self._opened = dict.fromkeys(granted, "ETIMEDOUT") if answer["error"] == "timeout" else {}
            return answer
        self._opened = {str(path): str(result) for path, result in answer.items()}
        return None

    def read_apart(self, paths: Sequence[str]) -> Mapping[str, Any] | None:
        """Read files behind which a driver may hang, in a child process; reading them later gives that result.

        Returns the probe's error, if there was one; the files then read as absent.
        """
        if not self._asker:
            return self._answers.get("files")
        if not paths:
            return None
        answer = self._asker("files", paths)
        failed = "error" in answer
        self._read_apart = {path: None if failed else answer.get(path) for path in paths}
        return answer if failed else None

    def data(self, path: str) -> bytes | None:
        if path in self._read_apart:
            text = self._read_apart[path]
            return None if text is None else text.encode()
        try:
            return self.tree.read(path, LIMIT)
        except OSError:
            return None

    def text(self, path: str) -> str | None:
        """The file without trailing white space and NULs; None where it is empty, too."""
        data = self.data(path)
        return (data.decode(errors="replace").strip(" \t\r\n\0") or None) if data is not None else None

    def lines(self, path: str, *, containing: str = "", without: str = "\0") -> list[str]:
        """The lines with one word and without another; only they go into a capture, the rest may be private."""
        return [
            line
            for line in (self.text(path) or "").splitlines()
            if containing in line and without not in line
        ]

    def number(self, path: str) -> int | None:
        """A file that holds one number, decimal or `0x…`."""
        return parse_number(self.text(path))

    def pairs(self, path: str, separator: str | None = None) -> dict[str, str]:
        """Lines `name value` as a mapping; `separator` where it is not white space. Empty where unreadable."""
        lines = (line.split(separator, 1) for line in (self.text(path) or "").splitlines())
        return {parts[0].strip(): parts[1].strip() for parts in lines if len(parts) == 2}

    def names(self, path: str) -> tuple[str, ...]:
        """What lies in a folder, sorted so that 10 comes after 9."""
        try:
            return tuple(sorted(self.tree.names(path), key=natural))
        except OSError:
            return ()

    def folders(self, path: str) -> Iterator[tuple[str, str]]:
        """`(name, path)` of everything in a folder."""
        return ((name, f"{path}/{name}") for name in self.names(path))

    def link(self, path: str) -> str | None:
        """The last part of where a link points: the name of a driver, a bus or a device."""
        try:
            return self.tree.readlink(path).rstrip("/").rpartition("/")[2]
        except OSError:
            return None

    def access(self, path: str) -> Access:
        """By the file's mode, and by really opening it where `open_devices` did."""
        try:
            self.tree.open_device(path)
        except OSError as error:
            return ACCESS_OF_ERRNO.get(error.errno or 0, Access.BROKEN)
        result = self._opened.get(path, "ok")
        number = getattr(errno, result, errno.EIO) if result != "ok" else 0
        return ACCESS_OF_ERRNO.get(number, Access.BROKEN) if number else Access.GRANTED

    def readable(self, path: str) -> Access:
        """By the file's mode, without reading: behind it a driver may wake its device."""
        try:
            self.tree.open_file(path)
        except OSError as error:
            return ACCESS_OF_ERRNO.get(error.errno or 0, Access.BROKEN)
        return Access.GRANTED

    def exists(self, path: str) -> bool:
        return self.access(path) is not Access.ABSENT


ACCESS_OF_ERRNO = {
    errno.ENOENT: Access.ABSENT,
    errno.ENOTDIR: Access.ABSENT,
    errno.EACCES: Access.DENIED,
    errno.EPERM: Access.BLOCKED,
}


def parse_number(text: str | None) -> int | None:
    try:
        return int(text, 0) if text else None
    except ValueError:
        return None


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which digits count as numbers, before letters: `node9` before `node10`."""
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
        if part
    )


def processors(text: str | None) -> tuple[int, ...] | None:
    """A kernel list such as `0-3,8` as numbers; None where it is missing or not a list."""
    if not text:
        return None
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        low, high = parse_decimal(first), parse_decimal(last or first)
        if low is None or high is None or not 0 <= low <= high < 65536:
            return None
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def parse_decimal(text: str | None) -> int | None:
    """As `parse_number`, with leading zeros allowed."""
    try:
        return int(text) if text else None
    except ValueError:
        return None
