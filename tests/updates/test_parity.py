"""Parity gives back what is lost, as long as no group loses more blocks than it has rows of parity."""

import numpy as np
import pytest

from updates.parity import COLUMNS, Code


def made(size: int, percent: int) -> tuple[Code, bytes, bytes]:
    code, data = Code.for_share(size, percent), np.random.default_rng(size).bytes(size)

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    return code, data, b"".join(code.encode_group(group, read) for group in range(code.groups))


def repaired(code: Code, data: bytes, parity: bytes, bad: list[tuple[int, int]]) -> bytes:
    held = bytearray(data)
    for offset, size in bad:
        held[offset : offset + size] = bytes(len(held[offset : offset + size]))

    def write(offset: int, found: bytes) -> None:
        held[offset : offset + len(found)] = found

    code.repair(
        bad,
        lambda offset, size: bytes(held[offset : offset + size]),
        lambda offset, size: parity[offset : offset + size],
        write,
    )
    assert len(held) == len(data)
    return bytes(held)


@pytest.mark.parametrize("size", [1, 63, 64, 1279, 1281, 262_144, 1_400_000, 5_000_001])
@pytest.mark.parametrize("percent", [1, 10, 50])
def test_one_scratch_of_that_share_is_repaired_wherever_it_is(size: int, percent: int) -> None:
    code, data, parity = made(size, percent)
    assert len(parity) == code.encoded_size
    scratch = max(1, code.block * (code.groups * code.rows - 1))
    for offset in sorted({0, size // 3, max(0, size - scratch)}):
        assert repaired(code, data, parity, [(offset, min(scratch, size - offset))]) == data


def test_scattered_damage_is_repaired() -> None:
    code, data, parity = made(3_000_000, 10)
    bad = [(group * code.block, 1) for group in range(code.groups)]
    bad += [((7 * code.groups + group) * code.block + 5, 3) for group in range(code.groups)]
    assert repaired(code, data, parity, bad) == data


def test_a_group_beyond_repair_is_left_and_the_others_are_repaired() -> None:
    code, data, parity = made(3_000_000, 5)
    assert (code.rows, code.groups > 1) == (1, True)
    bad = [(code.offset(0, 0), 10), (code.offset(0, 1), 10), (code.offset(1, 2), 10)]
    found = repaired(code, data, parity, bad)
    assert found[code.offset(1, 2) :] == data[code.offset(1, 2) :]
    assert found[:10] == bytes(10)


def test_damaged_parity_is_not_used() -> None:
    code, data, parity = made(500_000, 10)
    damaged = bytearray(parity)
    damaged[10] ^= 1
    assert repaired(code, data, bytes(damaged), [(0, 100)]) == data
    assert repaired(code, data, bytes(len(parity)), [(0, 100)])[:100] == bytes(100)


def test_the_share_is_rounded_up_to_whole_rows() -> None:
    rows = [Code.for_share(1 << 20, percent).rows for percent in (1, 5, 6, 10, 50)]
    assert rows == [1, 1, 2, 2, 10]
    assert COLUMNS == 20
