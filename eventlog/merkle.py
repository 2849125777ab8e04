"""The Merkle tree of RFC 6962, extended at its right edge.

Adding a leaf and computing the root need only the *frontier* of a tree: the roots of the perfect subtrees that it
consists of, the largest first. Their number is the number of ones in the binary form of the tree's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
Frontier = tuple[bytes, ...]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def append_leaf(frontier: Frontier, size: int, leaf: bytes) -> Frontier:
    """Return the frontier after one more leaf; `size` is the number of leaves before it."""
    edge, node = list(frontier), leaf
    while size & 1:  # each trailing one is a perfect subtree of the same size as `node`
        node = node_hash(edge.pop(), node)
        size >>= 1
    return (*edge, node)


def append_leaves(frontier: Frontier, size: int, leaves: Sequence[bytes]) -> Frontier:
    """Return the frontier after more leaves. Faster than `append_leaf` for each, because it goes level by level."""
    lefts, nodes, edge = list(frontier), list(leaves), []
    while nodes or lefts:
        if size & 1:  # a perfect subtree of the same size precedes the first of them
            nodes.insert(0, lefts.pop())
        if len(nodes) & 1:
            edge.append(nodes.pop())
        pairs = iter(nodes)
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
        size >>= 1
    return tuple(reversed(edge))


def root(frontier: Frontier) -> bytes:
    """Return the root of the tree; of an empty tree, the hash of no bytes."""
    if not frontier:
        return sha256(b"").digest()
    *lefts, node = frontier
    for left in reversed(lefts):
        node = node_hash(left, node)
    return node


def pack_frontier(frontier: Frontier) -> bytes:
    """Return the stored form of a frontier: its hashes, concatenated."""
    return b"".join(frontier)


def unpack_frontier(stored: bytes) -> Frontier:
    """Return the frontier from its stored form."""
    return tuple(stored[at : at + HASH_BYTES] for at in range(0, len(stored), HASH_BYTES))
