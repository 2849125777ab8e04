"""What contributes to which goal."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import TableAnswer, TitledSubject
from projections.answer_types.subjects import ContributionEdge, GraphNode

GapReason = Literal["no_goal", "no_contribution"]
"""Why something contributes to no goal, or a goal has no contribution."""


class ContributionRow(TypedDict):
    """A path from a goal to a release; null where it skips a step, or ends before it."""

    goal: Annotated[str, Field(description="The goal.")]
    decision: Annotated[str | None, Field(description="The decision that contributes to it.")]
    feature: Annotated[str | None, Field(description="The feature that carries it out.")]
    release: Annotated[str | None, Field(description="The release that the feature targets.")]


class ContributionGap(TitledSubject):
    """A goal that nothing contributes to, or a decision or feature that contributes to no goal."""

    status: Annotated[str | None, Field(description="The status; null if it has none.")]
    reason: Annotated[
        GapReason, Field(description="`no_contribution` for a goal, `no_goal` for a decision or feature.")
    ]


class ContributionGraph(TypedDict):
    """The paths from goals to releases as a graph."""

    nodes: Annotated[list[GraphNode], Field(description="The subjects on these paths.")]
    edges: Annotated[list[ContributionEdge], Field(description="The edges between them.")]


class Contributions(TableAnswer, ContributionGraph):
    """What contributes to which goal."""

    rows: Annotated[list[ContributionRow], Field(description="Each path from a goal to a release.")]


class ContributionGaps(TableAnswer):
    """Goals that nothing contributes to, and work that contributes to no goal."""

    rows: Annotated[list[ContributionGap], Field(description="The goals, decisions and features.")]
