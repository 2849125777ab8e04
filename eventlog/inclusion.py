"""Inclusion proofs (RFC 6962, 2.1.1): that an entry is one of the leaves under the root of a tree of some size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from eventlog.merkle import append_leaf, node_hash, root

Range = tuple[int, int]
"""The leaves from one index up to another, which is not included."""


def find_inclusion_path(leaves: Iterable[bytes], index: int, size: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at an index, counted from 0, to the root over the first `size` leaves.

    The deepest is first. Reads each leaf once, and keeps only the frontier of one subtree at a time.

    Raises:
        ValueError: there are fewer leaves, or the index is none of theirs.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    siblings = _siblings(index, size)
    source = iter(leaves)
    found = {each: _read_root(source, each) for each in sorted([*siblings, (index, index + 1)])}
    return [found[each] for each in siblings]


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a path leads to (RFC 9162, 2.1.3.2), to compare with that of the tree.

    Raises:
        ValueError: the path does not have the length that belongs to the index and the size.
    """
    if not 0 <= index < size or len(path) != len(_siblings(index, size)):
        raise ValueError(f"a path of {len(path)} hashes cannot lead from leaf {index} to the root over {size} leaves")
    node, last = leaf, size - 1
    for sibling in path:
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while index and not index & 1:  # it is the right edge, and has no sibling at these levels
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        index, last = index >> 1, last >> 1
    return node


def _siblings(index: int, size: int) -> list[Range]:
    """Return the subtrees next to the way from a leaf to the root, the deepest first."""
    found: list[Range] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + (1 << (end - begin - 1).bit_length() - 1)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin = middle
    return found[::-1]


def _read_root(leaves: Iterator[bytes], wanted: Range) -> bytes:
    """Return the root over the next leaves."""
    count, frontier = 0, ()  # type: int, tuple[bytes, ...]
    for leaf in islice(leaves, wanted[1] - wanted[0]):
        frontier, count = append_leaf(frontier, count, leaf), count + 1
    if count != wanted[1] - wanted[0]:
        raise ValueError(f"the leaves end before leaf {wanted[1] - 1}")
    return root(frontier)
