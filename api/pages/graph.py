"""The layout of the graph of a decision: what it replaces and rests on at the left, what came of it at the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from projections.answer_types.subjects import RelatedSubjects, SubjectRelation

COLUMN_WIDTH: Final = 260
NODE_WIDTH: Final = 200
NODE_HEIGHT: Final = 32
GAP: Final = 8
MAX_NODES: Final = 12
"""Nodes at each side; a list next to the graph has all of them."""
SIDES: Final[Mapping[SubjectRelation, tuple[str, str]]] = {
    "replaces": ("left", "replaces"),
    "rests_on": ("left", "rests on"),
    "replaced_by": ("right", "replaced by"),
    "supports": ("right", "supports"),
}
"""The side of each relation, and what it is called."""


@dataclass(frozen=True, slots=True)
class Node:
    """A subject in the graph, with its place."""

    subject: str
    relation: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.y + NODE_HEIGHT // 2


@dataclass(frozen=True, slots=True)
class Graph:
    """A decision with what it is related to. Every edge goes from the center to a node."""

    center: Node
    nodes: list[Node]
    height: int
    width: int
    node_width: int = NODE_WIDTH
    node_height: int = NODE_HEIGHT


def lay_out(subject: str, related: RelatedSubjects) -> Graph | None:
    """Return the graph of a subject, or None if it has no relations. Nodes never overlap."""
    columns: dict[str, list[tuple[str, str]]] = {"left": [], "right": []}
    for relation, (side, name) in SIDES.items():
        columns[side] += [(row["subject"], name) for row in related[relation]][: MAX_NODES - len(columns[side])]
    rows = max(map(len, columns.values()))
    if not rows:
        return None
    height = rows * (NODE_HEIGHT + GAP) - GAP
    x_center = COLUMN_WIDTH if columns["left"] else 0
    places = {"left": 0, "right": x_center + COLUMN_WIDTH}
    nodes = [node for side, found in columns.items() for node in _place(found, places[side], height)]
    center = Node(subject, "", x_center, (height - NODE_HEIGHT) // 2)
    return Graph(center, nodes, height, max(node.x for node in (center, *nodes)) + NODE_WIDTH)


def _place(found: Sequence[tuple[str, str]], x: int, height: int) -> list[Node]:
    top = (height - len(found) * (NODE_HEIGHT + GAP) + GAP) // 2
    return [Node(subject, name, x, top + n * (NODE_HEIGHT + GAP)) for n, (subject, name) in enumerate(found)]
