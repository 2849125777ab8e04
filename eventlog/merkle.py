"""The Merkle tree of RFC 6962, grown at its right edge.

Of a tree of any size only its *frontier* is needed to add a leaf or to tell the root: the roots of the perfect subtrees
that its size is made of, the largest first. There are as many as the size has binary ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
Frontier = tuple[bytes, ...]


def leaf_hash(entry: bytes) -> bytes:
    """The leaf of an entry: SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The node above two others: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def append_leaf(frontier: Frontier, size: int, leaf: bytes) -> Frontier:
    """The frontier after one more leaf; `size` is the number of leaves before it."""
    edge, node = list(frontier), leaf
    while size & 1:  # each trailing one is a perfect subtree as large as what is being carried
        node = node_hash(edge.pop(), node)
        size >>= 1
    return (*edge, node)


def append_leaves(frontier: Frontier, size: int, leaves: Sequence[bytes]) -> Frontier:
    """The frontier after several more leaves, worked out level by level: what `grown` comes to leaf by leaf, sooner."""
    lefts, nodes, edge = list(frontier), list(leaves), []
    while nodes or lefts:
        if size & 1:  # a perfect subtree as large as these has waited for the first of them
            nodes.insert(0, lefts.pop())
        if len(nodes) & 1:
            edge.append(nodes.pop())
        pairs = iter(nodes)
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
        size >>= 1
    return tuple(reversed(edge))


def root(frontier: Frontier) -> bytes:
    """The root of the tree; of an empty one, the hash of nothing."""
    if not frontier:
        return sha256(b"").digest()
    *lefts, node = frontier
    for left in reversed(lefts):
        node = node_hash(left, node)
    return node


def packed(frontier: Frontier) -> bytes:
    """The frontier as it is stored: the hashes one after the other."""
    return b"".join(frontier)


def unpacked(stored: bytes) -> Frontier:
    """The inverse of `packed`."""
    return tuple(stored[at : at + HASH_BYTES] for at in range(0, len(stored), HASH_BYTES))
