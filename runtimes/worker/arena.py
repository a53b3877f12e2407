"""Memory that the daemon and one worker share: large tensors are laid there instead of sent.

The daemon owns the layout: it hands out the places for a request's tensors and for the answer's. The first
bytes tell which request the worker has begun, so that after its death the others can be asked elsewhere.
"""

import contextlib
import fcntl
import mmap
import os
import struct

from runtimes.worker.wire import ALIGNMENT, Room

SIZE = 64 << 20
"""Bytes; a page costs memory from its first use on."""

_BEGUN = struct.Struct("<Q")
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Arena:
    """One end of the shared memory."""

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, SIZE)
        self.memory = memoryview(self._map)
        self._taken: dict[int, int] = {}

    @classmethod
    def create(cls) -> tuple["Arena", int]:
        """The daemon's end and the descriptor for the worker's.

        Its size is sealed: a worker that cut it short would kill the daemon at the next access.
        """
        descriptor = os.memfd_create("tensors", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, SIZE)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        return cls(descriptor), descriptor

    def close(self) -> None:
        """The memory goes with the last tensor that looks into it."""
        self.memory.release()
        with contextlib.suppress(BufferError):
            self._map.close()

    @property
    def begun(self) -> int:
        """Number of the request that the worker began last; -1 before the first."""
        return int(_BEGUN.unpack_from(self.memory)[0]) - 1

    @begun.setter
    def begun(self, request: int) -> None:
        _BEGUN.pack_into(self.memory, 0, request + 1)

    def take(self, size: int) -> Room | None:
        """A place of that many bytes, None where there is none; given back with `give_back`."""
        if size == 0:
            return None
        start = ALIGNMENT
        for taken, length in sorted(self._taken.items()):
            if taken - start >= size:
                break
            start = taken + length
        if start + size > SIZE:
            return None
        self._taken[start] = size + -size % ALIGNMENT
        return Room(self.memory, start, size)

    def give_back(self, room: Room) -> None:
        del self._taken[room.start]

    def room(self, start: int, size: int) -> Room:
        """The worker's view of a place that the daemon took."""
        return Room(self.memory, start, size)
