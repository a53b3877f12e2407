"""Reading a file that lies in stretches here and there, on the medium and on the box, as if it were one."""

import errno
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from updates.errors import MediumError
from updates.media import Medium, MediumFile
from updates.refusals import next_needed, truncated

_SKIP = 64 << 10
"""Bytes given up around a place that the medium cannot read."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of a file: `size` of them from `offset` on in a file of the medium or, where `path` is set, of the box."""

    file: str
    """On the medium; what errors and progress name."""
    offset: int
    size: int
    path: Path | None = None
    medium: int | None = None
    """The medium of the set that has them; None where this one does, or the box."""


class StretchedSource:
    """A `Source` over stretches, in order; `close` it when done.

    Args:
        medium: where the stretches without a path lie.
        stretches: they make up the whole file.
        media: how many media the update has.
        tolerant: fill with zeros what a medium that still answers cannot read; the content's digest will tell.
    """

    def __init__(
        self, medium: Medium, stretches: list[Stretch], media: int = 1, *, tolerant: bool = False
    ) -> None:
        self._medium = medium
        self._stretches = stretches
        self._media = media
        self._tolerant = tolerant
        self._next, self._left, self._at = 0, 0, 0
        self._open = ExitStack()
        self._file: MediumFile | int | None = None
        self._opened: tuple[str, Path | None] | None = None
        self.name = stretches[0].file if stretches else ""
        self.from_medium = 0
        """Bytes that the medium was asked for."""

    def seek(self, offset: int) -> None:
        self._next, self._left = 0, 0
        while self._next < len(self._stretches) and offset >= self._stretches[self._next].size:
            offset -= self._stretches[self._next].size
            self._next += 1
        if offset:
            self._begin(offset)

    def readinto(self, buffer: memoryview) -> int:
        if not self._left:
            if self._next == len(self._stretches):
                return 0
            self._begin(0)
        part = buffer[: self._left]
        count = self._local(part) if isinstance(self._file, int) else self._remote(part)
        self._at += count
        self._left -= count
        return count

    def close(self) -> None:
        self._open.close()

    def _begin(self, skip: int) -> None:
        stretch = self._stretches[self._next]
        if stretch.medium is not None:
            raise next_needed(stretch.medium, self._media, stretch.file)
        self._next += 1
        self.name = stretch.file
        self._left, self._at = stretch.size - skip, stretch.offset + skip
        if self._opened == (stretch.file, stretch.path):
            if isinstance(self._file, MediumFile):
                self._file.seek(self._at)
            return
        self._open.close()
        self._opened = (stretch.file, stretch.path)
        if stretch.path is None:
            self._file = self._open.enter_context(self._medium.open(stretch.file))
            self._file.seek(self._at)
        else:
            self._file = _open_local(stretch.path, self._open)

    def _around(self, file: MediumFile, buffer: memoryview) -> int:
        """A smaller piece where a larger one could not be read; zeros if that is it."""
        file.seek(self._at)
        try:
            return file.readinto(buffer)
        except MediumError as error:
            if not _unreadable(error):
                raise
        file.seek(self._at + len(buffer))
        return _zeros(buffer)

    def _local(self, buffer: memoryview) -> int:
        """From the box itself; what is damaged there is left as zeros, and fetched from the medium afterwards."""
        try:
            count = os.preadv(self._file, [buffer], self._at) if self._file != -1 else 0  # type: ignore[arg-type]
        except OSError:
            count = 0
        return count or _zeros(buffer)

    def _remote(self, buffer: memoryview) -> int:
        assert isinstance(self._file, MediumFile)  # noqa: S101 - told apart in readinto
        try:
            count = self._file.readinto(buffer)
        except MediumError as error:
            if not (self._tolerant and _unreadable(error) and self._medium.answers()):
                raise
            count = self._around(self._file, buffer[:_SKIP])
        if not count:
            raise truncated(self.name, self._at, self._at + self._left)
        self.from_medium += count
        return count


def _unreadable(error: MediumError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EIO


def _open_local(path: Path, stack: ExitStack) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    stack.callback(os.close, descriptor)
    return descriptor


def _zeros(buffer: memoryview) -> int:
    buffer[:] = bytes(len(buffer))
    return len(buffer)
