"""A medium: finding the update on it, and reading its files without trusting the file system they lie on.

A medium is never mapped into memory (pulling it would kill the process) and its links, pipes and devices are never
followed or opened for reading.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from updates.errors import MediumError
from updates.layout import LIMITS, METADATA_FOLDER, UNFINISHED_FOLDER, UPDATE_FOLDER, metadata_file
from updates.refusals import missing, too_large

_STRAYS = frozenset(
    {
        ".DS_Store",
        ".Spotlight-V100",
        ".TemporaryItems",
        ".Trashes",
        ".fseventsd",
        "$RECYCLE.BIN",
        "System Volume Information",
        "Thumbs.db",
        "desktop.ini",
        "lost+found",
    }
)
_GONE = frozenset({errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOMEDIUM, errno.EREMOTEIO})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Medium:
    """An update's folder, wherever it is mounted. Paths of files are relative to it, with `/`."""

    folder: Path

    def read(self, file: str, limit: int) -> bytes | None:
        """The bytes of a small file; None where it is not there.

        Raises:
            MediumError: `medium.too-large`, `medium.not-a-file`, `medium.gone` or `medium.unreadable`.
        """
        try:
            with self.open(file) as source:
                if source.size > limit:
                    raise too_large(file, limit)
                return source.read(limit + 1)
        except MediumError as error:
            if error.code == "medium.missing-file":
                return None
            raise

    def read_metadata(self, name: str, limit: int) -> bytes | None:
        """The bytes of a file of the metadata folder; None where it is not there. Raises: as `read`."""
        return self.read(metadata_file(name), limit)

    @contextmanager
    def open(self, file: str) -> Iterator["MediumFile"]:
        """Open a file for one pass from its beginning or, after `seek`, from further on.

        Raises:
            MediumError: `medium.missing-file`, `medium.not-a-file`, `medium.gone` or `medium.unreadable`.
        """
        descriptor = self._open(file)
        try:
            yield MediumFile(self, file, descriptor)
        finally:
            os.close(descriptor)

    def answers(self) -> bool:
        """Whether the medium is still there: one of its files may be damaged and the rest be read."""
        try:
            return any(True for _ in self.folder.iterdir())
        except OSError:
            return False

    def files(self) -> list[str]:
        """Every file of the update, strays left out, sorted.

        Raises:
            MediumError: `medium.gone`, `medium.unreadable` or `medium.malformed` (too many names).
        """
        found: list[str] = []
        try:
            for folder, folders, names in os.walk(self.folder, onerror=_raise):
                folders[:] = [name for name in folders if not is_stray(name)]
                base = Path(folder).relative_to(self.folder)
                found.extend((base / name).as_posix() for name in names if not is_stray(name))
                if len(found) > LIMITS.files:
                    raise MediumError(
                        "medium.malformed",
                        f"The update on the medium has more than {LIMITS.files} files.",
                        kept="Nothing on the box was changed.",
                        remedy="Publish the update again.",
                    )
        except OSError as error:
            raise self.failure(error, "") from error
        return sorted(found)

    def failure(self, error: OSError, file: str) -> MediumError:
        """Tell an error of the operating system about `file` in the house's words."""
        shown = file or UPDATE_FOLDER
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EISDIR):
            return _not_a_file(shown)
        if error.errno in _GONE or not self.folder.is_dir():
            return MediumError(
                "medium.gone",
                f"The medium was pulled out or failed while {shown} was read.",
                kept="What had arrived is kept; nothing on the box was changed.",
                remedy="Insert the medium again and start the import once more; it goes on where it stopped.",
                file=file,
            )
        if error.errno == errno.ENOENT:
            return missing(file)
        return MediumError(
            "medium.unreadable",
            f"{shown} on the medium cannot be read: {error.strerror}.",
            kept="Nothing on the box was changed.",
            remedy="Check that the medium is mounted readable for the appliance.",
            file=file,
        )

    def _open(self, file: str) -> int:
        *folders, name = file.split("/")
        try:
            at = os.open(self.folder, _FOLDER)
            try:
                for folder in folders:
                    below = os.open(folder, _FOLDER, dir_fd=at)
                    os.close(at)
                    at = below
                if not stat.S_ISREG(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                    raise _not_a_file(file)
                descriptor = os.open(name, _FILE, dir_fd=at)
            finally:
                os.close(at)
        except OSError as error:
            raise self.failure(error, file) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _not_a_file(file)
        return descriptor


class MediumFile:
    """An open file of a medium; every failure to read it is told as a MediumError."""

    def __init__(self, medium: Medium, file: str, descriptor: int) -> None:
        self.name = file
        self.size = os.fstat(descriptor).st_size
        self._medium = medium
        self._descriptor = descriptor

    def seek(self, offset: int) -> None:
        os.lseek(self._descriptor, offset, os.SEEK_SET)

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer` as far as the file goes; 0 at its end."""
        try:
            return os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise self._medium.failure(error, self.name) from error

    def read(self, most: int) -> bytes:
        """At most so many bytes, from here on."""
        parts = bytearray()
        buffer = memoryview(bytearray(min(most, 1 << 20) or 1))
        while len(parts) < most and (count := self.readinto(buffer[: most - len(parts)])):
            parts += buffer[:count]
        return bytes(parts)


def find_update(path: Path) -> Medium:
    """The update at `path`: a mounted medium's root, or the folder `appliance-update` itself.

    Raises:
        MediumError: `medium.not-found`, `medium.no-update`, `medium.unfinished` or `medium.unreadable`.
    """
    try:
        present = {entry.name for entry in os.scandir(path) if not is_stray(entry.name)}
    except OSError as error:
        raise _unreachable(path, error) from error
    if UPDATE_FOLDER in present:
        return Medium(path / UPDATE_FOLDER)
    if METADATA_FOLDER in present and path.name != UNFINISHED_FOLDER:
        return Medium(path)
    if UNFINISHED_FOLDER in present or path.name == UNFINISHED_FOLDER:
        raise MediumError(
            "medium.unfinished",
            f"The update at {path} was not published to its end.",
            kept="Nothing on the box was changed.",
            remedy="Publish it again at the depot and wait until the depot says that the medium may be pulled.",
        )
    raise MediumError(
        "medium.no-update",
        f"There is no folder {UPDATE_FOLDER} at {path}.",
        kept="Nothing on the box was changed.",
        remedy=f"Name the medium's own folder, the one that contains {UPDATE_FOLDER}, or publish an update to it.",
    )


def is_stray(name: str) -> bool:
    """Whether a desktop system, not a depot, leaves files of this name on a medium."""
    return name in _STRAYS or name.startswith(("._", ".Trash-", "FOUND."))


def _unreachable(path: Path, error: OSError) -> MediumError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return MediumError(
            "medium.not-found",
            f"There is no folder {path}.",
            kept="Nothing on the box was changed.",
            remedy="Check that the medium is inserted and mounted, and where.",
        )
    return MediumError(
        "medium.unreadable",
        f"{path} cannot be read: {error.strerror}.",
        kept="Nothing on the box was changed.",
        remedy="Check that the medium is mounted readable for the appliance.",
    )


def _not_a_file(file: str) -> MediumError:
    return MediumError(
        "medium.not-a-file",
        f"{file} on the medium is no plain file: links, pipes and devices are not followed.",
        kept="Nothing on the box was changed.",
        remedy="Publish the update again; if it stays so, do not trust this medium.",
        file=file,
    )


def _raise(error: OSError) -> None:
    raise error
