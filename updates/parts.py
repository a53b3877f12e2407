"""Reading a file that a medium carries in parts as if it were one, each part checked against its own digest."""

import hashlib
from contextlib import ExitStack

from updates.digest import Digest
from updates.layout import blob_file
from updates.manifest import Descriptor
from updates.media import Medium, MediumFile
from updates.refusals import truncated, wrong_bytes


class PartsSource:
    """The parts of one file on a medium, one after another; `close` it when done.

    `name` is the part being read, so that an error names the file on the medium. Going on in the middle of a part
    reads that part's beginning once more, to be able to check it.
    """

    def __init__(self, medium: Medium, parts: tuple[Descriptor, ...]) -> None:
        self._medium = medium
        self._parts = parts
        self._next = 0
        self._open = ExitStack()
        self._file: MediumFile | None = None
        self._hashed = hashlib.sha256()
        self._done = 0
        self.name = blob_file(parts[0].digest.hex)

    def seek(self, offset: int) -> None:
        self._next, self._file = 0, None
        while self._next < len(self._parts) and offset >= self._parts[self._next].size:
            offset -= self._parts[self._next].size
            self._next += 1
        if offset:
            self._skip(self._open_next(), offset)

    def readinto(self, buffer: memoryview) -> int:
        while self._file is not None or self._next < len(self._parts):
            file = self._file or self._open_next()
            if count := self._read(file, buffer):
                return count
            self._finish()
        return 0

    def close(self) -> None:
        self._open.close()

    def _open_next(self) -> MediumFile:
        self._open.close()
        self.name = blob_file(self._parts[self._next].digest.hex)
        self._file = self._open.enter_context(self._medium.open(self.name))
        self._hashed, self._done = hashlib.sha256(), 0
        self._next += 1
        return self._file

    def _read(self, file: MediumFile, buffer: memoryview) -> int:
        count = file.readinto(buffer)
        self._done += count
        self._hashed.update(buffer[:count])
        return count

    def _skip(self, file: MediumFile, offset: int) -> None:
        buffer = memoryview(bytearray(min(offset, 1 << 20)))
        while self._done < offset and self._read(file, buffer[: offset - self._done]):
            pass

    def _finish(self) -> None:
        part = self._parts[self._next - 1]
        if self._done < part.size:
            raise truncated(self.name, self._done, part.size)
        if self._done > part.size or Digest(self._hashed.hexdigest()) != part.digest:
            raise wrong_bytes(self.name, "its digest is another one")
        self._file = None
