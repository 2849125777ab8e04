"""Persistent (immutable) collections: adding an item returns a new collection that shares nearly all of the old one.

A state is never modified, so each event makes a new one. Copying everything for each event would make reading a stream
quadratic; here an addition copies one block and a list of blocks, whatever the size.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol, Self, TypeAlias, TypeVar, overload


class Sortable(Protocol):
    """A value with an order."""

    def __lt__(self, other: Any, /) -> bool: ...


class SortableKey(Sortable, Protocol):
    """A value with an order and a hash."""

    def __hash__(self) -> int: ...


T = TypeVar("T", bound=Sortable)
K = TypeVar("K", bound=SortableKey)
V = TypeVar("V")
D = TypeVar("D")

BLOCK_SIZE: Final = 128
"""Items per block: small enough to copy in a fraction of a microsecond."""
BRANCHES: Final = 32
LEAF_SIZE: Final = 128
"""Values per leaf of a table; most subjects have fewer, and are one dictionary."""


class SortedItems(Sequence[T]):
    """Items in ascending order."""

    __slots__ = ("_blocks", "_size")

    def __init__(self, blocks: tuple[tuple[T, ...], ...] = (), size: int = 0) -> None:
        """Share the `blocks` of another collection, or start empty."""
        self._blocks = blocks
        self._size = size

    def with_item(self, item: T) -> Self:
        """Return these items and one more, in its place."""
        blocks = self._blocks
        if not blocks:
            return type(self)(((item,),), 1)
        last = blocks[-1]
        if not item < last[-1]:
            tail = ((*last, item),) if len(last) < BLOCK_SIZE else (last, (item,))
            return type(self)((*blocks[:-1], *tail), self._size + 1)
        index = self._find_block(item)
        block = list(blocks[index])
        insort(block, item)
        half = len(block) if len(block) <= 2 * BLOCK_SIZE else BLOCK_SIZE
        parts = (tuple(block[:half]), tuple(block[half:])) if half < len(block) else (tuple(block),)
        return type(self)((*blocks[:index], *parts, *blocks[index + 1 :]), self._size + 1)

    def _find_block(self, probe: Sortable) -> int:
        """The index of the block where an item belongs: the last one that does not start after it."""
        if len(self._blocks) == 1:
            return 0
        return max(bisect_right(self._blocks, probe, key=_first_item) - 1, 0)

    def at_or_before(self, probe: Sortable) -> Iterator[T]:
        """Iterate over the items up to and including `probe`, from the last to the first."""
        if not self._blocks:
            return
        index = self._find_block(probe)
        block = self._blocks[index]
        yield from reversed(block[: bisect_right(block, probe)])
        for n in range(index - 1, -1, -1):
            yield from reversed(self._blocks[n])

    def last(self) -> T | None:
        """Return the greatest item, or None."""
        return self._blocks[-1][-1] if self._blocks else None

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._blocks)

    def __reversed__(self) -> Iterator[T]:
        return (item for block in reversed(self._blocks) for item in reversed(block))

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SortedItems | tuple):
            return tuple(self) == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


def _first_item(block: tuple[T, ...]) -> T:
    return block[0]


Node: TypeAlias = "dict[K, V] | tuple[Node[K, V], ...]"


class Table(Mapping[K, V]):
    """Values by key: a single dictionary while it is small, and a tree with dictionaries as leaves when it is large."""

    __slots__ = ("_root", "_size")

    def __init__(self, root: Node[K, V] | None = None, size: int = 0) -> None:
        """Share the `root` of another table, or start empty."""
        self._root: Node[K, V] = {} if root is None else root
        self._size = size

    def with_value(self, key: K, value: V) -> Self:
        """Return a table with the value set under `key`."""
        return type(self)(_with_value(self._root, hash(key), key, value), self._size + (key not in self))

    @overload
    def get(self, key: K, /) -> V | None: ...
    @overload
    def get(self, key: K, /, default: V | D) -> V | D: ...
    def get(self, key: K, /, default: V | D | None = None) -> V | D | None:
        """Return the value under `key`, or `default`."""
        return self._find_leaf(key).get(key, default)

    def _find_leaf(self, key: K) -> dict[K, V]:
        node = self._root
        if isinstance(node, dict):  # true of nearly all nodes; then no hash is needed
            return node
        remainder = hash(key)
        while isinstance(node, tuple):
            node, remainder = node[remainder % BRANCHES], remainder // BRANCHES
        return node

    def __getitem__(self, key: K) -> V:
        return self._find_leaf(key)[key]

    def __contains__(self, key: Any) -> bool:
        return key in self._find_leaf(key)

    def __iter__(self) -> Iterator[K]:
        # String hashes differ from process to process; the order of these keys must not.
        return iter(self._root) if isinstance(self._root, dict) else iter(sorted(_iterate_keys(self._root)))

    def __len__(self) -> int:
        return self._size

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return repr(dict(self))


def _with_value(node: Node[K, V], remainder: int, key: K, value: V) -> Node[K, V]:
    """Return a node with one more value; `remainder` is the part of the key's hash not used up above this depth."""
    if isinstance(node, tuple):
        index = remainder % BRANCHES
        return (*node[:index], _with_value(node[index], remainder // BRANCHES, key, value), *node[index + 1 :])
    values = {**node, key: value}
    # Keys with equal hashes stay in one leaf, however many there are.
    return values if len(values) <= LEAF_SIZE or remainder in (0, -1) else _split_leaf(values, remainder, key)


def _split_leaf(values: dict[K, V], remainder: int, key: K) -> tuple[dict[K, V], ...]:
    depth, whole = 0, hash(key)
    while whole != remainder:
        whole, depth = whole // BRANCHES, depth + 1
    leaves: tuple[dict[K, V], ...] = tuple({} for _ in range(BRANCHES))
    for each, value in values.items():
        leaves[hash(each) // BRANCHES**depth % BRANCHES][each] = value
    return leaves


def _iterate_keys(node: Node[K, V]) -> Iterator[K]:
    if isinstance(node, tuple):
        for part in node:
            yield from _iterate_keys(part)
    else:
        yield from node
