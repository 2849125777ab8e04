"""The roadmap."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import SubjectRow, TableAnswer


class Card(SubjectRow):
    """A feature, or another subject, on the roadmap."""

    milestone: NotRequired[
        Annotated[
            str,
            Field(description="In columns of releases: the milestone whose target is the release of the column."),
        ]
    ]


class Column(TypedDict):
    """A column of the board, or a period of the timeline."""

    column: Annotated[
        str, Field(description="The value that the cards of the column share; `unplanned` if they have none.")
    ]
    title: Annotated[str | None, Field(description="The title of the subject that the column stands for, if any.")]
    count: Annotated[int, Field(description="The number of cards in the column.")]
    cards: Annotated[list[Card], Field(description="The cards, by rank and title.")]


class Roadmap(TableAnswer):
    """The columns of a board or timeline. With `layout=table`, the rows are cards."""

    rows: Annotated[
        list[Column] | list[Card], Field(description="The columns in their order; with `layout=table`, the cards.")
    ]
