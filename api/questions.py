"""A route for every question. Each parses what is asked, puts it to the read model, and sends the answer out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from api import answers
from api.asking import (
    AskedCells,
    AskedFields,
    AskedFor,
    AskedPage,
    AskedWhen,
    IncludeRemoved,
    Limit,
    MinCount,
    question,
    span,
    when_of,
    words,
)
from api.services import Served
from api.v1 import v1
from domain.values import Timestamp
from projections import changes as change_questions
from projections import field_history as step_questions
from projections import field_values as cell_questions
from projections import roadmap as roadmap_question
from projections.field_history import ChangeFilter
from projections.ordering import Direction


def router() -> APIRouter:
    """Every route that asks."""
    routes = v1("Ask")
    for path, ask, model, summary in (
        ("/fields", cells, answers.CellTable, "What every cell holds at an instant"),
        ("/fields/count", cells_counted, answers.CellCounts, "How many cells there are, by what they hold"),
        ("/fields/history", steps, answers.StepTable, "How cells came to hold what they hold"),
        ("/fields/history/count", steps_counted, answers.StepCounts, "How many steps there are, by what they are"),
        ("/roadmap", roadmap, answers.Roadmap, "The roadmap of any day"),
        ("/changes", changes, answers.Changes, "What differs between two instants, and why"),
        ("/slips", slips, answers.Slips, "How promises moved"),
    ):
        routes.add_api_route(path, question(ask), methods=["GET"], summary=summary, **answers.asked(model))
    return routes


# The two general questions -------------------------------------------------------------------------------------------


def cells(
    asked: AskedFor, about: AskedCells, when: AskedWhen, page: AskedPage,
    blame: Annotated[bool, Query(description="With who, when and why for each cell.")] = False,
) -> Response:  # fmt: skip
    """The cells that fit, by subject and field: value, the source's word, since when, and the position that says so."""
    return asked(
        lambda read: cell_questions.field_values(read, about, when, blame=blame, limit=page.limit, cursor=page.cursor)
    )


def cells_counted(
    asked: AskedFor, about: AskedCells, when: AskedWhen,
    group: Annotated[cell_questions.Group, Query(description="What to count by.")],
    min_count: MinCount = 1, limit: Limit = 1000,
) -> Response:  # fmt: skip
    """How many of the cells that fit there are for each holder, value, word, field, kind, product or subject."""
    return asked(lambda read: cell_questions.count_fields(read, about, group, when, min_count=min_count, limit=limit))


async def _step_filter(
    *,
    served: Served,
    about: AskedFields,
    from_value: Annotated[list[str], words("What the cell held before, in our meaning.")],
    from_source_value: Annotated[list[str], words("What it held before, in the source's word.")],
    to_value: Annotated[list[str], words("What it came to hold, in our meaning.")],
    to_source_value: Annotated[list[str], words("What it came to hold, in the source's word.")],
    direction: Annotated[
        list[Direction],
        words(
            "`first`, `cleared`, `later`, `earlier`, `changed`; of lists also `gained`, `lost`, "
            "`replaced` (nobody stayed), `reordered`."
        ),
    ],
    by: Annotated[list[str], words("Whose act it was, or who put it to the log.")],
    since: Annotated[Timestamp | None, Query(description="It took effect at or after this instant.")] = None,
    until: Annotated[Timestamp | None, Query(description="It took effect before this instant.")] = None,
    recorded_since: Annotated[Timestamp | None, Query(description="It was recorded at or after this instant.")] = None,
    recorded_until: Annotated[Timestamp | None, Query(description="It was recorded before this instant.")] = None,
    live: Annotated[bool, Query(description="Only of subjects on the record at the instant asked for.")] = False,
    include_unchanged: Annotated[bool, Query(description="Also what says again what was so already.")] = False,
) -> ChangeFilter:
    def named(values: list[str], name: str) -> list[str]:
        return [served.somebody(each, name) for each in values]

    return ChangeFilter(
        fields=about,
        from_values=from_value, from_source_values=from_source_value, to_values=to_value, to_source_values=to_source_value, directions=direction,
        by=named(by, "by"), span=span(since, until), recorded=span(recorded_since, recorded_until, of="recorded_until"),
        live=live, include_unchanged=include_unchanged,
    )  # fmt: skip


AskedSteps = Annotated[ChangeFilter, Depends(_step_filter)]


def steps(
    asked: AskedFor, about: AskedSteps, when: AskedWhen, page: AskedPage,
    order: Annotated[Literal["oldest", "newest"], Query(description="Which come first.")] = "oldest",
) -> Response:  # fmt: skip
    """The steps that fit, in the order in which they took effect: what was before, what came after, who, when and why."""
    return asked(
        lambda read: step_questions.field_history(
            read, about, when, newest_first=order == "newest", limit=page.limit, cursor=page.cursor
        )
    )


def steps_counted(
    asked: AskedFor, about: AskedSteps, when: AskedWhen,
    group: Annotated[list[step_questions.Group], Query(description="What to count by; may be given several times.")],
    min_count: MinCount = 1, limit: Limit = 1000,
) -> Response:  # fmt: skip
    """How many of the steps that fit there are, by one or several of subject, field, direction, actor and principal."""
    return asked(lambda read: step_questions.count_changes(read, about, group, when, min_count=min_count, limit=limit))


# Roadmap -------------------------------------------------------------------------------------------------------------


def roadmap(
    *,
    asked: AskedFor,
    about: AskedCells,
    when: AskedWhen,
    page: AskedPage,
    show: Annotated[list[str], words("The cells on each card, or `role.*`; what a roadmap needs, if silent.")],
    layout: Annotated[roadmap_question.Layout, Query(description="`board`, `timeline` or `table`.")] = "board",
    columns: Annotated[
        str,
        Query(
            max_length=200,
            description="A board's columns: `horizon`, `status`, `release`, `owner`, `owner.ROLE`, or any field.",
        ),
    ] = "horizon",
    milestone: Annotated[str | None, Query(max_length=100, description="Only this milestone's targets.")] = None,
    blame: Annotated[bool, Query(description="With who, when and why for each cell.")] = False,
) -> Response:
    """Features (or what `kind` says) on the record at an instant. What has no place stands in `unplanned`."""
    return asked(
        lambda read: roadmap_question.roadmap(
            read, about, when, layout=layout, columns=columns, milestone=milestone,
            fields=show or roadmap_question.FIELDS, blame=blame,
            limit=page.limit, cursor=page.cursor,
        )
    )  # fmt: skip


def changes(
    *,
    asked: AskedFor,
    about: AskedCells,
    page: AskedPage,
    from_value: Annotated[list[str], words("What the cell held at the first instant, in our meaning.")],
    from_source_value: Annotated[list[str], words("What it held at the first instant, in the source's word.")],
    to_value: Annotated[list[str], words("What the cell holds at the second, in our meaning.")],
    to_source_value: Annotated[list[str], words("What it holds at the second, in the source's word.")],
    since: Annotated[Timestamp, Query(description="The first instant.")],
    until: Annotated[Timestamp | None, Query(description="The second instant; now if silent.")] = None,
    known_since: Annotated[Timestamp | None, Query(description="What was known of the first; all, if silent.")] = None,
    known_until: Annotated[Timestamp | None, Query(description="What was known of the second; all, if silent.")] = None,
) -> Response:
    """The cells that do not hold the same at both instants, each with the steps that led from one to the other."""
    span(since, until, of="until")
    first, second = when_of(since, known_since), when_of(until, known_until)
    return asked(
        lambda read: change_questions.changes(
            read, first, second, about,
            from_values=from_value, from_source_values=from_source_value, to_values=to_value, to_source_values=to_source_value,
            limit=page.limit, cursor=page.cursor,
        )
    )  # fmt: skip


def slips(
    asked: AskedFor,
    about: AskedFields,
    when: AskedWhen,
    page: AskedPage,
    direction: Annotated[list[Direction], words("The moves that count: `later`, `earlier`; both, if silent.")],
    min_count: MinCount = 1,
    include_removed: IncludeRemoved = False,
) -> Response:
    """Every target that moved: its moves, how many went later and earlier, and the first promise against the present."""
    moves: Sequence[Direction] = direction or ("later", "earlier")
    targets = replace(about, include_removed=include_removed)
    return asked(
        lambda read: change_questions.slips(
            read, targets, when, min_count=min_count, moves=moves, limit=page.limit, cursor=page.cursor
        )
    )
