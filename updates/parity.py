"""Parity: a blob beside a blob, from which damaged stretches of the first are computed again.

Reed-Solomon over 20 columns (`pyeclib` with Intel's ISA-L). Column c of group g is the c*groups+g-th block of the blob,
so that one long scratch touches each group once or twice only. Each block of parity stands with its CRC-32: parity
may be damaged as well. What it repairs is checked against what was signed, like everything else.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from pyeclib.ec_iface import ECDriver, ECDriverError

COLUMNS = 20
MOST_SHARE = 50
"""Percent of a blob that parity can be made for."""
_BLOCK = 64 << 10
_CHECK = 4

ReadAt = Callable[[int, int], bytes]
"""Gives so many bytes (second) from an offset (first) on; fewer at the end, none where they cannot be read."""


@dataclass(frozen=True, slots=True)
class Code:
    """How the parity of a blob of `size` bytes is laid out: blocks of `block` bytes, `rows` of parity a group."""

    size: int
    block: int
    rows: int

    @classmethod
    def for_share(cls, size: int, percent: int) -> "Code":
        """The layout that repairs `percent` of a blob, rounded up to a multiple of five."""
        block = min(_BLOCK, max(64, -(-size // COLUMNS // 64) * 64))
        return cls(size, block, -(-percent * COLUMNS // 100))

    @property
    def groups(self) -> int:
        return -(-self.size // (self.block * COLUMNS))

    def offset(self, group: int, column: int) -> int:
        """Where a block begins in the blob; may lie behind its end, where zeros are meant."""
        return (column * self.groups + group) * self.block

    @property
    def group_size(self) -> int:
        """Bytes of parity a group."""
        return self.rows * (self.block + _CHECK)

    @property
    def encoded_size(self) -> int:
        """Bytes of the parity blob."""
        return self.groups * self.group_size

    def encode_group(self, group: int, read: ReadAt) -> bytes:
        """A group's stretch of the parity blob."""
        data = b"".join(
            _padded(read(self.offset(group, column), self.block), self.block) for column in range(COLUMNS)
        )
        blocks = [fragment[-self.block :] for fragment in self._driver().encode(data)[COLUMNS:]]
        return b"".join(block + zlib.crc32(block).to_bytes(_CHECK) for block in blocks)

    def repair(
        self, bad: list[tuple[int, int]], read: ReadAt, parity: ReadAt, write: Callable[[int, bytes], None]
    ) -> None:
        """Compute the blocks that `bad` (offset, size) touch; groups beyond repair are left as they are."""
        lost: dict[int, set[int]] = {}
        for offset, size in bad:
            for block in range(offset // self.block, -(-(offset + size) // self.block)):
                lost.setdefault(block % self.groups, set()).add(block // self.groups)
        driver = self._driver()
        headers = [fragment[: -self.block] for fragment in driver.encode(bytes(self.block * COLUMNS))]
        for group, columns in lost.items():
            rows = self._rows(group, parity)
            if len(columns) > len(rows):
                continue
            have = {
                column: _padded(read(self.offset(group, column), self.block), self.block)
                for column in range(COLUMNS)
                if column not in columns
            } | {COLUMNS + row: block for row, block in rows.items()}
            try:
                data = driver.decode([headers[number] + block for number, block in sorted(have.items())])
            except ECDriverError:
                continue
            for column in columns:
                offset = self.offset(group, column)
                whole = data[column * self.block : (column + 1) * self.block]
                write(offset, whole[: max(0, self.size - offset)])

    def _rows(self, group: int, parity: ReadAt) -> dict[int, bytes]:
        rows = {}
        for row in range(self.rows):
            width = self.block + _CHECK
            found = parity((group * self.rows + row) * width, width)
            block, check = found[: self.block], found[self.block :]
            if len(found) == width and zlib.crc32(block).to_bytes(_CHECK) == check:
                rows[row] = block
        return rows

    def _driver(self) -> ECDriver:
        return ECDriver(k=COLUMNS, m=self.rows, ec_type="isa_l_rs_cauchy")


def _padded(data: bytes, size: int) -> bytes:
    return data + bytes(size - len(data))
