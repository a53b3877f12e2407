"""The Merkle tree against the known answers of Certificate Transparency and against RFC 6962 read literally."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.audit import tree

# The leaves and roots that the implementations of Certificate Transparency test each other with.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
CONSISTENCY = {
    (1, 1): (),
    (1, 8): INCLUSION[0, 8],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): INCLUSION[1, 5][1:],
    (6, 7): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}


def test_leaf_and_node_hashes_are_those_of_the_rfc() -> None:
    assert (
        tree.leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert (
        tree.node_hash(b"N123", b"N456").hex()
        == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference_leaves(size: int) -> None:
    nodes = StoredTree(LEAVES)
    assert tree.root(size, nodes.read) == ROOTS[size]
    assert StoredTree(LEAVES[:size]).frontier.root == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_reference_inclusion_proofs(index: int, size: int) -> None:
    proof = tree.inclusion_proof(index, size, StoredTree(LEAVES).read)
    assert [node.hex() for node in proof] == list(INCLUSION[index, size])
    assert tree.verify_inclusion(index, size, tree.leaf_hash(LEAVES[index]), proof, ROOTS[size])


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_reference_consistency_proofs(old: int, new: int) -> None:
    proof = tree.consistency_proof(old, new, StoredTree(LEAVES).read)
    assert [node.hex() for node in proof] == list(CONSISTENCY[old, new])
    assert tree.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


@given(st.lists(st.binary(max_size=8), max_size=70), st.data())
def test_roots_and_proofs_agree_with_the_definition(entries: list[bytes], data: st.DataObject) -> None:
    nodes = StoredTree(entries)
    size = data.draw(st.integers(0, len(entries)))
    old = data.draw(st.integers(0, size))
    assert tree.root(size, nodes.read) == mth(entries[:size])
    proof = tree.consistency_proof(old, size, nodes.read)
    assert proof == (subproof(old, entries[:size]) if 0 < old < size else [])
    assert tree.verify_consistency(old, size, mth(entries[:old]), mth(entries[:size]), proof)
    if size:
        index = data.draw(st.integers(0, size - 1))
        path = tree.inclusion_proof(index, size, nodes.read)
        assert path == audit_path(index, entries[:size])
        assert tree.verify_inclusion(index, size, tree.leaf_hash(entries[index]), path, mth(entries[:size]))


@given(st.integers(1, 70), st.data())
def test_a_changed_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    nodes = StoredTree([bytes([value]) for value in range(size)])
    index = data.draw(st.integers(0, size - 1))
    leaf, root = nodes.read(0, index), tree.root(size, nodes.read)
    path = tree.inclusion_proof(index, size, nodes.read)
    for wrong in changed(path):
        assert not tree.verify_inclusion(index, size, leaf, wrong, root)
    assert not tree.verify_inclusion(index, size, root if size > 1 else sha256().digest(), path, root)
    assert not tree.verify_inclusion(index, size, leaf, path, sha256().digest())
    for other in range(-1, size + 2):
        assert other == index or not tree.verify_inclusion(other, size, leaf, path, root)


@given(st.integers(1, 70), st.data())
def test_a_changed_consistency_proof_is_refused(new: int, data: st.DataObject) -> None:
    nodes = StoredTree([bytes([value]) for value in range(new)])
    old = data.draw(st.integers(1, new))
    old_root, new_root = tree.root(old, nodes.read), tree.root(new, nodes.read)
    proof = tree.consistency_proof(old, new, nodes.read)
    for wrong in changed(proof):
        assert not tree.verify_consistency(old, new, old_root, new_root, wrong)
    assert not tree.verify_consistency(old, new, sha256().digest(), new_root, proof)
    assert not tree.verify_consistency(old, new, old_root, sha256().digest(), proof)
    assert old == new or not tree.verify_consistency(old, new, new_root, old_root, proof)
    assert not tree.verify_consistency(old, old - 1, old_root, new_root, proof)


def test_hashes_of_another_length_are_refused() -> None:
    assert not tree.verify_inclusion(0, 1, b"", [], b"")
    assert not tree.verify_consistency(1, 1, b"x", b"x", [])


def test_proofs_beyond_the_tree_are_refused() -> None:
    nodes = StoredTree(LEAVES)
    with pytest.raises(ValueError, match="leaf 8 is not in a tree of 8"):
        tree.inclusion_proof(8, 8, nodes.read)
    with pytest.raises(ValueError, match="not the beginning"):
        tree.consistency_proof(5, 4, nodes.read)


class StoredTree:
    """Keeps, per entry, the hashes that it completes: what the log's rows hold."""

    def __init__(self, entries: list[bytes]) -> None:
        self.frontier = tree.Frontier()
        self.rows = [self.frontier.append(tree.leaf_hash(entry)) for entry in entries]

    def read(self, level: int, position: int) -> bytes:
        return self.rows[((position + 1) << level) - 1][32 * level : 32 * level + 32]


def changed(proof: list[bytes]) -> list[list[bytes]]:
    """The proof with a bit flipped, one node less, and one node more, at every place."""
    flipped = [
        [*proof[:at], bytes([node[0] ^ 8]) + node[1:], *proof[at + 1 :]] for at, node in enumerate(proof)
    ]
    shorter = [proof[:at] + proof[at + 1 :] for at in range(len(proof))]
    longer = [[*proof[:at], sha256(b"more").digest(), *proof[at:]] for at in range(len(proof) + 1)]
    return flipped + shorter + longer


def mth(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def audit_path(m: int, entries: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*audit_path(m, entries[:k]), mth(entries[k:])]
    return [*audit_path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.2."""
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole=whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], whole=False), mth(entries[:k])]


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k
