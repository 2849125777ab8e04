from __future__ import annotations

from functools import cache
from hashlib import sha256

import pytest

from eventlog import merkle

LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(131)]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


@cache
def frontier_of(size: int) -> merkle.Frontier:
    frontier: merkle.Frontier = ()
    for n in range(size):
        frontier = merkle.append_leaf(frontier, n, LEAVES[n])
    return frontier


@pytest.mark.parametrize("size", range(131))
def test_the_root_equals_the_recursive_definition(size: int) -> None:
    """Extended leaf by leaf, a tree has the root that RFC 6962 defines."""
    assert merkle.root(frontier_of(size)) == naive_root(LEAVES[:size])


def test_adding_many_leaves_equals_adding_each() -> None:
    """`append_leaves` gives the same frontier as `append_leaf` for each, from any size on."""
    for size in range(0, 131, 3):
        for more in range(131 - size):
            assert merkle.append_leaves(frontier_of(size), size, LEAVES[size : size + more]) == frontier_of(size + more)


def test_a_frontier_is_packed_and_unpacked() -> None:
    """A frontier has one hash for each binary one of its size, and is stored without loss."""
    for size in range(131):
        frontier = frontier_of(size)
        assert len(frontier) == size.bit_count()
        assert merkle.unpack_frontier(merkle.pack_frontier(frontier)) == frontier


def test_known_hashes() -> None:
    """The empty tree and the empty leaf have the hashes that other implementations of RFC 6962 publish."""
    assert merkle.root(()).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
