"""A route for every question. Each parses what is asked, puts it to the read model, and sends the answer out."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.asking import AskedFilter, AskedFor, AskedPage, AskedWhen, words
from api.services import Served
from domain.values import Instant, micros
from projections import cells as cell_questions
from projections import steps as step_questions
from projections.reading import Filter
from projections.steps import StepFilter


def router() -> APIRouter:
    """Every route that asks."""
    routes = APIRouter(tags=["Ask"])
    for path, ask, summary in (
        ("/cells", cells, "What every cell holds at an instant"),
        ("/cells/count", cells_counted, "How many cells there are, by what they hold"),
        ("/steps", steps, "How cells came to hold what they hold"),
        ("/steps/count", steps_counted, "How many steps there are, by what they are"),
    ):
        routes.add_api_route(path, ask, methods=["GET"], summary=summary, response_model=None)
    return routes


# The two general questions -------------------------------------------------------------------------------------------


def cells(
    asked: AskedFor, about: AskedFilter, when: AskedWhen, page: AskedPage,
    blame: Annotated[bool, Query(description="With who, when and why for each cell.")] = False,
) -> Response:  # fmt: skip
    """The cells that fit, by subject and field: value, the source's word, since when, and the position that says so."""
    return asked(
        lambda read: cell_questions.cells(read, about, when, blame=blame, limit=page.limit, cursor=page.cursor)
    )


def cells_counted(
    asked: AskedFor, about: AskedFilter, when: AskedWhen, page: AskedPage,
    by: Annotated[cell_questions.Group, Query(description="What to count by.")],
    min_count: Annotated[int, Query(ge=1)] = 1,
) -> Response:  # fmt: skip
    """How many of the cells that fit there are for each holder, value, word, field, kind, product or subject."""
    return asked(lambda read: cell_questions.counted(read, about, by, when, min_count=min_count, limit=page.limit))


def _step_filter(
    *,
    served: Served,
    about: AskedFilter,
    from_value: Annotated[list[str], words("What the cell held before, in our meaning.")],
    from_word: Annotated[list[str], words("What it held before, in the source's word.")],
    to_value: Annotated[list[str], words("What it came to hold, in our meaning.")],
    to_word: Annotated[list[str], words("What it came to hold, in the source's word.")],
    direction: Annotated[
        list[str],
        words(
            "`first`, `cleared`, `later`, `earlier`, `changed`; of lists also `gained`, `lost`, "
            "`replaced` (nobody stayed), `reordered`."
        ),
    ],
    by: Annotated[list[str], words("Whose act it was, or who put it to the log.")],
    since: Annotated[Instant | None, Query(description="It took effect at or after this instant.")] = None,
    before: Annotated[Instant | None, Query(description="It took effect before this instant.")] = None,
    recorded_since: Annotated[Instant | None, Query(description="It was recorded at or after this instant.")] = None,
    recorded_before: Annotated[Instant | None, Query(description="It was recorded before this instant.")] = None,
    live: Annotated[bool, Query(description="Only of subjects on the record at the instant asked for.")] = False,
    restated: Annotated[bool, Query(description="Also what says again what was so already.")] = False,
) -> StepFilter:
    def named(values: list[str], name: str) -> list[str]:
        return [served.somebody(each, name) for each in values]

    return StepFilter(
        cells=Filter(about.kinds, about.subjects, about.products, about.fields, statuses=about.statuses),
        from_values=from_value, from_words=from_word, to_values=to_value, to_words=to_word, directions=direction,
        by=named(by, "by"), span=_span(since, before), recorded=_span(recorded_since, recorded_before),
        live=live, restated=restated,
    )  # fmt: skip


def _span(begin: Instant | None, end: Instant | None) -> tuple[int | None, int | None]:
    return (None if begin is None else micros(begin), None if end is None else micros(end))


AskedSteps = Annotated[StepFilter, Depends(_step_filter)]


def steps(
    asked: AskedFor, about: AskedSteps, when: AskedWhen, page: AskedPage,
    order: Annotated[Literal["oldest", "newest"], Query(description="Which come first.")] = "oldest",
) -> Response:  # fmt: skip
    """The steps that fit, in the order in which they took effect: what was before, what came after, who, when and why."""
    return asked(
        lambda read: step_questions.steps(
            read, about, when, newest_first=order == "newest", limit=page.limit, cursor=page.cursor
        )
    )


def steps_counted(
    asked: AskedFor, about: AskedSteps, when: AskedWhen, page: AskedPage,
    by: Annotated[list[step_questions.Group], Query(description="What to count by; may be given several times.")],
    min_count: Annotated[int, Query(ge=1)] = 1,
) -> Response:  # fmt: skip
    """How many of the steps that fit there are, by one or several of subject, field, direction, actor and principal."""
    return asked(lambda read: step_questions.counted(read, about, by, when, min_count=min_count, limit=page.limit))
