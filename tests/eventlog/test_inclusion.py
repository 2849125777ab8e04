"""Inclusion proofs against the definition in RFC 6962, on all small trees."""

from __future__ import annotations

import pytest

from eventlog.inclusion import find_inclusion_path, root_of_path
from eventlog.merkle import append_leaf, leaf_hash, node_hash, root

SIZES = [*range(1, 34), 64, 65, 127, 200]


def _leaves(size: int) -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(size)]


def _root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(_root(leaves[:k]), _root(leaves[k:]))


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return [*_path(index, leaves[:k]), _root(leaves[k:])]
    return [*_path(index - k, leaves[k:]), _root(leaves[:k])]


@pytest.mark.parametrize("size", SIZES)
def test_a_path_is_that_of_the_definition_and_leads_to_the_root(size):
    """For every leaf of a tree, the path equals that of the recursive definition."""
    leaves = _leaves(size)
    for index in range(size):
        path = find_inclusion_path(leaves, index, size)
        assert path == _path(index, leaves)
        assert root_of_path(leaves[index], index, size, path) == _root(leaves)


def test_the_root_is_that_of_the_log():
    """The frontier that the log keeps has the same root."""
    frontier, leaves = (), _leaves(21)
    for size, leaf in enumerate(leaves):
        frontier = append_leaf(frontier, size, leaf)
    assert root_of_path(leaves[5], 5, 21, find_inclusion_path(leaves, 5, 21)) == root(frontier)


@pytest.mark.parametrize("size", [2, 7, 8, 21])
def test_another_leaf_hash_or_index_leads_to_another_root(size):
    """A proof of one entry proves no other, and no other place."""
    leaves = _leaves(size)
    path = find_inclusion_path(leaves, 1, size)
    right = _root(leaves)
    assert root_of_path(leaf_hash(b"forged"), 1, size, path) != right
    assert root_of_path(leaves[1], 0, size, path) != right
    for place in range(len(path)):
        changed = [*path[:place], leaf_hash(b"forged"), *path[place + 1 :]]
        assert root_of_path(leaves[1], 1, size, changed) != right


def test_a_path_of_the_wrong_length_or_a_leaf_outside_the_tree_is_refused():
    """Neither a shorter nor a longer path is folded."""
    leaves = _leaves(9)
    path = find_inclusion_path(leaves, 2, 9)
    for wrong in (path[:-1], [*path, path[0]]):
        with pytest.raises(ValueError, match="hashes cannot lead"):
            root_of_path(leaves[2], 2, 9, wrong)
    with pytest.raises(ValueError, match="has no leaf 9"):
        find_inclusion_path(leaves, 9, 9)
    with pytest.raises(ValueError, match="the leaves end before"):
        find_inclusion_path(leaves[:8], 2, 9)
