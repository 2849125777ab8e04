"""Persistent collections: adding to one gives another, which shares nearly all of the first.

A state is never changed, so each event makes a new one. Copying everything for each event makes reading a stream
quadratic; here an addition copies one block and a list of blocks, whatever the size.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Self, TypeVar, overload

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

BLOCK_SIZE: Final = 128
"""Items per block: small enough to copy in a fraction of a microsecond."""
BRANCHES: Final = 32
LEAF_SIZE: Final = 128
"""Values per leaf of a table; most subjects have fewer, and are one dictionary."""


class SortedItems(Sequence[T]):
    """Items in ascending order."""

    __slots__ = ("_blocks", "_size")

    def __init__(self, blocks: tuple[tuple[T, ...], ...] = (), size: int = 0) -> None:
        """`blocks` are what an earlier one has come to; without them there is no item."""
        self._blocks = blocks
        self._size = size

    def with_item(self, item: Any) -> Self:
        """Return the same items and one more, in its place."""
        blocks = self._blocks
        if not blocks:
            return type(self)(((item,),), 1)
        last = blocks[-1]
        if item >= last[-1]:
            tail = ((*last, item),) if len(last) < BLOCK_SIZE else (last, (item,))
            return type(self)((*blocks[:-1], *tail), self._size + 1)
        at = self._block_of(item)
        block = list(blocks[at])
        insort(block, item)
        half = len(block) if len(block) <= 2 * BLOCK_SIZE else BLOCK_SIZE
        parts = (tuple(block[:half]), tuple(block[half:])) if half < len(block) else (tuple(block),)
        return type(self)((*blocks[:at], *parts, *blocks[at + 1 :]), self._size + 1)

    def _block_of(self, item: Any) -> int:
        """The block in which an item belongs: the last that does not begin behind it."""
        return max(bisect_right(self._blocks, item, key=_first) - 1, 0)

    def at_or_before(self, item: Any) -> Iterator[T]:
        """Iterate over the items up to and including `item`, from the last to the first."""
        if not self._blocks:
            return
        at = self._block_of(item)
        block = self._blocks[at]
        yield from reversed(block[: bisect_right(block, item)])
        for n in range(at - 1, -1, -1):
            yield from reversed(self._blocks[n])

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._blocks)

    def __reversed__(self) -> Iterator[T]:
        return (item for block in reversed(self._blocks) for item in reversed(block))

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        return tuple(self)[at]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SortedItems | tuple):
            return tuple(self) == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


def _first(block: tuple[Any, ...]) -> Any:
    return block[0]


class Table(Mapping[K, V]):
    """Values by key: one dictionary while they are few; when they are many, a tree with small ones as its leaves."""

    __slots__ = ("_root", "_size")

    def __init__(self, root: Node[K, V] | None = None, size: int = 0) -> None:
        """`root` is what an earlier one has come to; without it there is no value."""
        self._root: Node[K, V] = {} if root is None else root
        self._size = size

    def with_value(self, key: K, value: V) -> Self:
        """Return the same values, but for the one under `key`."""
        return type(self)(_with_value(self._root, hash(key), key, value), self._size + (key not in self))

    def get(self, key: K, default: Any = None) -> Any:
        """The value under `key`, or `default`."""
        return self._leaf(key).get(key, default)

    def _leaf(self, key: K) -> dict[K, V]:
        node, left = self._root, hash(key)
        while isinstance(node, tuple):
            node, left = node[left % BRANCHES], left // BRANCHES
        return node

    def __getitem__(self, key: K) -> V:
        return self._leaf(key)[key]

    def __contains__(self, key: Any) -> bool:
        return key in self._leaf(key)

    def __iter__(self) -> Iterator[K]:
        # Hashes of strings differ from process to process, and what is made of these keys should not.
        root: Any = self._root
        return iter(sorted(_keys(root)) if isinstance(root, tuple) else root)

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return repr(dict(self))


Node = dict[K, V] | tuple["Node[K, V]", ...]


def _with_value(node: Node[K, V], left: int, key: K, value: V) -> Node[K, V]:
    """A node with one more value; `left` is what is left of the key's hash at this depth."""
    if isinstance(node, tuple):
        at = left % BRANCHES
        return (*node[:at], _with_value(node[at], left // BRANCHES, key, value), *node[at + 1 :])
    values = {**node, key: value}
    # Keys whose hashes are the same stay in one leaf, however many.
    return values if len(values) <= LEAF_SIZE or left in (0, -1) else _split(values, left, key)


def _split(values: dict[K, V], left: int, key: K) -> tuple[dict[K, V], ...]:
    depth, whole = 0, hash(key)
    while whole != left:
        whole, depth = whole // BRANCHES, depth + 1
    leaves: tuple[dict[K, V], ...] = tuple({} for _ in range(BRANCHES))
    for each, value in values.items():
        leaves[hash(each) // BRANCHES**depth % BRANCHES][each] = value
    return leaves


def _keys(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for part in node:
            yield from _keys(part)
    else:
        yield from node
