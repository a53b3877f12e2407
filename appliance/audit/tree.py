"""The Merkle tree of RFC 6962, section 2.1: pure functions over whoever can read a stored hash.

A node (level, position) is the hash of the 2**level leaves from position * 2**level on. Only nodes of
complete subtrees are ever stored; entry `i` completes those of the levels 0 up to the number of trailing
one bits of `i`, so they can be kept in one record together with the entry and never change afterwards.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""Maps (level, position) to the stored hash of a complete subtree."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The complete subtrees that a tree of `size` leaves is made of, largest first: enough to go on."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)

    @classmethod
    def load(cls, size: int, read: NodeReader) -> "Frontier":
        """The frontier of the stored tree when it had `size` leaves."""
        return cls(size, [read(level, position) for level, position in _complete_subtrees(0, size)])

    def append(self, leaf: bytes) -> bytes:
        """Add a leaf; the hashes of the subtrees that it completes, levels 0, 1, 2 … one after the other."""
        node = completed = leaf
        merges = self.size
        while merges & 1:
            node = sha256(b"\x01" + self._peaks.pop() + node).digest()
            completed += node
            merges >>= 1
        self._peaks.append(node)
        self.size += 1
        return completed

    @property
    def peaks(self) -> tuple[bytes, ...]:
        return tuple(self._peaks)

    @property
    def root(self) -> bytes:
        return _join(self._peaks) if self._peaks else EMPTY_ROOT


def root(size: int, read: NodeReader) -> bytes:
    """The tree's root hash when it had `size` leaves."""
    return Frontier.load(size, read).root


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """The audit path of leaf `index` in the tree of `size` leaves (section 2.1.1), leaf's sibling first.

    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append(_subtree(middle, stop, read))
            stop = middle
        else:
            path.append(_subtree(start, middle, read))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, read: NodeReader) -> list[bytes]:
    """The nodes that show the tree of `old` leaves to be the beginning of that of `new` (section 2.1.2).

    Raises ValueError unless 0 <= old <= new; empty where old is 0 or equals new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} is not the beginning of a tree of {new}")
    if old in (0, new):
        return []
    proof = []
    start, stop = 0, new
    while stop != old:
        middle = start + _split(stop - start)
        if old <= middle:
            proof.append(_subtree(middle, stop, read))
            stop = middle
        else:
            proof.append(_subtree(start, middle, read))
            start = middle
    if start:
        proof.append(_subtree(start, stop, read))
    return proof[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that leaf hash `leaf` stands at `index` in the tree of `size` with that root.

    The algorithm of RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    first, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            leaf = node_hash(sibling, leaf)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and leaf == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree of `old` leaves is the beginning of the tree of `new`.

    The algorithm of RFC 9162, section 2.1.4.2; like Go's tlog, every tree extends the empty one.
    """
    if not 0 <= old <= new or not _hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    from_old = from_new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            from_old, from_new = node_hash(node, from_old), node_hash(node, from_new)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            from_new = node_hash(from_new, node)
        first, last = first >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == new_root


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _complete_subtrees(start: int, stop: int) -> list[tuple[int, int]]:
    """The nodes that cover the leaves [start, stop), where `start` is a multiple of the tree above them."""
    nodes = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _subtree(start: int, stop: int, read: NodeReader) -> bytes:
    return _join([read(level, position) for level, position in _complete_subtrees(start, stop)])


def _join(peaks: Sequence[bytes]) -> bytes:
    joined = peaks[-1]
    for peak in reversed(peaks[:-1]):
        joined = node_hash(peak, joined)
    return joined


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
