"""Subjects: lists of them, one with everything about it, its history and its graph."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.audit import AuditEvent
from projections.answer_types.changes import FieldChange
from projections.answer_types.decisions import DecisionRow
from projections.answer_types.parts import ReadAnswer, SubjectRow, TableAnswer, TitledSubject

SubjectRelation = Literal["replaces", "replaced_by", "rests_on", "supports"]
"""How a subject relates to another."""


class HistoryEvent(AuditEvent):
    """An event of a subject, with the changes it made."""

    changes: Annotated[list[FieldChange], Field(description="The changes of fields, in order.")]


_FromSubject = TypedDict(
    "_FromSubject", {"from": Annotated[str, Field(description="The subject that the edge leaves.")]}
)


class GraphEdge(_FromSubject):
    """A relation between two subjects: one replaces the other, or is based on it."""

    to: Annotated[str, Field(description="The subject that the edge leads to.")]
    relation: Annotated[
        SubjectRelation,
        Field(description="The relation of `from` to `to`."),
    ]
    distance: Annotated[int, Field(description="The number of edges from the subject that was asked about.")]


class GraphNode(TitledSubject):
    """A subject of the graph."""

    status: Annotated[str | None, Field(description="The status; null if it has none.")]


class ContributionEdge(_FromSubject):
    """An edge from a subject of a path to the next one."""

    to: Annotated[str, Field(description="The subject that the edge leads to.")]


class Subjects(TableAnswer):
    """Subjects of one kind: features, products, goals, teams, evidence and the like by title; releases in their order."""

    rows: Annotated[list[SubjectRow], Field(description="The subjects, each with its main fields.")]


class RelatedSubjects(TypedDict):
    """The decisions that a subject replaces and rests on, and what replaces it and rests on it."""

    replaces: Annotated[list[TitledSubject], Field(description="The decisions that it superseded or reversed.")]
    replaced_by: Annotated[list[TitledSubject], Field(description="The decisions that superseded or reversed it.")]
    rests_on: Annotated[list[TitledSubject], Field(description="The decisions that its events are based on.")]
    supports: Annotated[list[TitledSubject], Field(description="The subjects with events that are based on it.")]


class SubjectDetails(DecisionRow, RelatedSubjects):
    """A subject with its fields, its version and its relations."""

    version: Annotated[int, Field(description="The version, also the ETag; send it as `If-Match`.")]
    current: Annotated[bool, Field(description="False if the subject was removed, or did not exist yet.")]


class SubjectPage(ReadAnswer, SubjectDetails):
    """One subject with all its fields, each with its blame. Its CSV has a line for every field."""


class History(TableAnswer):
    """The events of a subject."""

    rows: Annotated[list[HistoryEvent], Field(description="The events.")]


class GraphNodes(TypedDict):
    """The subjects of a graph, and whether it is complete."""

    nodes: Annotated[list[GraphNode], Field(description="The subjects that the edges connect.")]
    truncated: Annotated[bool, Field(description="Whether there are more edges.")]


class Graph(TableAnswer, GraphNodes):
    """The decisions that a subject replaces and is based on, and what is based on it; the rows are edges."""

    rows: Annotated[list[GraphEdge], Field(description="The edges.")]
