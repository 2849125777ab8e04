"""The roadmap as of any day, what changed between two days, and what slipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Depends, Query, Response

from api import answer_documentation
from api.parameter_checks import check_choice, check_directions, check_recorded_choice, period_of, time_point_of
from api.problems import unprocessable
from api.query_execution import QueryDependency
from api.query_parameters import (
    DirectionText,
    FieldFilter,
    IncludeRemoved,
    MinCount,
    PageParameters,
    TimeParameters,
    ValueFilter,
    WithBlame,
    list_parameter,
)
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.values import Timestamp, documented
from projections.answer_types.parts import Direction
from projections.queries import changes as change_queries
from projections.queries import roadmap as roadmap_query
from projections.queries import slip_causes as slip_cause_queries
from projections.queries import slips as slip_queries
from projections.queries.paging import Answer, Row
from projections.queries.report_lines import TARGET
from projections.queries.slip_causes import SlipFilter, SlipGroup
from projections.queries.suggestions import describe_other_kind
from projections.read_model.model import Read

_LAYOUTS: Final[Sequence[roadmap_query.Layout]] = get_args(roadmap_query.Layout)
_COLUMNS: Final = ("horizon", "status", "release", "owner")
_SHIP: Final = "ship"
"""The milestone that a feature has a target of by default."""
_FIELDS: Final = ("title", "aliases", "status", "horizon", "rank", "products", "goals", "decisions")
LayoutText = Annotated[str, documented(enum=list(_LAYOUTS))]


def router() -> APIRouter:
    """Return the routes of the roadmap."""
    routes = v1_router("Roadmap")
    add_query(routes, "/roadmap", get_roadmap, answer_documentation.Roadmap, "Get the roadmap")
    add_query(
        routes, "/changes", list_changes, answer_documentation.Changes, "List what changed between two points in time"
    )
    add_query(routes, "/slips", list_slips, answer_documentation.Slips, "List targets that moved")
    add_query(
        routes,
        "/slips/causes",
        list_slip_causes,
        answer_documentation.SlipCauses,
        "List why targets moved to a later date",
    )
    add_query(routes, "/slips/count", count_slips, answer_documentation.SlipCounts, "Count moves to a later date")
    return routes


async def _slip_filter(
    services: ServiceDependency,
    fields: FieldFilter,
    cause: Annotated[
        list[answer_documentation.SlipReason], list_parameter("Only these causes, such as `decision` or `none`.")
    ],
    owner: Annotated[list[str], list_parameter("Only what these people or teams were accountable for then.")],
    since: Annotated[Timestamp | None, Query(description="Moved at this time or later.")] = None,
    until: Annotated[Timestamp | None, Query(description="Moved before this time.")] = None,
) -> SlipFilter:
    owners = [services.find_person(each, "owner") for each in owner]
    return SlipFilter(fields, cause, owners, period_of(since, until))


SlipParameters = Annotated[SlipFilter, Depends(_slip_filter)]


def list_slip_causes(
    query: QueryDependency, time: TimeParameters, page: PageParameters, moves: SlipParameters
) -> Response:
    """Each move of a target to later, in order: what caused it, who was accountable then, and how far it is from the
    first promise. The cause is what the move names, else the decisions it is based on, else its own reason. Without
    `field` and `kind`, these are the same targets as in `/v1/slips`.
    """
    return query(lambda read: slip_cause_queries.slip_causes(read, moves, time, limit=page.limit, cursor=page.cursor))


def count_slips(
    query: QueryDependency,
    time: TimeParameters,
    page: PageParameters,
    moves: SlipParameters,
    by: Annotated[
        SlipGroup, Query(description="`cause`, `release` moved from, `owner` at that time, or `quarter`.")
    ] = "cause",
) -> Response:
    """How many moves to later there were in each group, and how many of them for each cause."""
    return query(
        lambda read: slip_cause_queries.count_slips(read, moves, by, time, limit=page.limit, cursor=page.cursor)
    )


def get_roadmap(
    *,
    query: QueryDependency,
    cards: ValueFilter,
    time: TimeParameters,
    page: PageParameters,
    show: Annotated[list[str], list_parameter("Fields on each card, or a prefix such as `role.*`.")],
    layout: Annotated[LayoutText, Query(description="`board`, `timeline` or `table`.")] = "board",
    columns: Annotated[
        str,
        Query(
            max_length=200,
            description="Columns of a board: `horizon`, `status`, `release`, `owner`, `owner.ROLE`, or any field.",
        ),
    ] = "horizon",
    milestone: Annotated[str | None, Query(max_length=100, description="Only targets of this milestone.")] = None,
    blame: WithBlame = False,
) -> Response:
    """Features, or subjects of another `kind`, in columns. Those without a place are in the column `unplanned`."""
    chosen = check_choice(layout, _LAYOUTS, "layout")

    def ask(read: Read) -> Answer[Row]:
        _check_fields(read, [columns], _COLUMNS, "columns")
        _check_fields(read, show, _FIELDS, "show")
        _check_milestone(read, milestone)
        return roadmap_query.roadmap(
            read,
            cards,
            time,
            layout=chosen,
            columns=columns,
            milestone=milestone,
            fields=show or roadmap_query.FIELDS,
            blame=blame,
            limit=page.limit,
            cursor=page.cursor,
        )

    return query(ask)


def _check_milestone(read: Read, milestone: str | None) -> None:
    """Refuse a milestone of which no feature ever had a target."""
    if milestone is None or milestone == _SHIP or _has_field(read, f"{TARGET}{milestone}"):
        return
    if other_kind := describe_other_kind(read, milestone):
        problem = f"there is no milestone `{milestone}`; {other_kind}, which `value` takes by its id"
        raise unprocessable(problem, field="milestone")
    rows = read.rows("select distinct field from field_value where field > 'target.' and field < 'target/'", {})
    known = sorted({_SHIP, *(field.removeprefix(TARGET) for (field,) in rows)})
    check_recorded_choice(milestone, known, "milestone")


def _check_fields(read: Read, names: Sequence[str], known: Sequence[str], parameter: str) -> None:
    """Refuse a name that is none of the known ones, no prefix, no dotted field, and no field in the log."""
    for name in names:
        if name in known or "." in name or name.endswith("*"):
            continue
        if not _has_field(read, name):
            check_recorded_choice(name, known, parameter, name="field")


def _has_field(read: Read, name: str) -> bool:
    """Return whether any subject ever had a field."""
    return read.one("select 1 from field_value where field = :field limit 1", {"field": name}) is not None


def list_changes(
    *,
    query: QueryDependency,
    fields: ValueFilter,
    page: PageParameters,
    from_value: Annotated[list[str], list_parameter("Only fields with one of these values at the first time.")],
    from_source_value: Annotated[
        list[str], list_parameter("Only fields with one of these source values at the first time.")
    ],
    to_value: Annotated[list[str], list_parameter("Only fields with one of these values at the second time.")],
    to_source_value: Annotated[
        list[str], list_parameter("Only fields with one of these source values at the second time.")
    ],
    since: Annotated[Timestamp, Query(description="The first time.")],
    until: Annotated[Timestamp | None, Query(description="The second time. Default: now.")] = None,
    known_since: Annotated[
        Timestamp | None,
        Query(description="For the first time, use what the log had recorded by then. Default: everything."),
    ] = None,
    known_until: Annotated[
        Timestamp | None,
        Query(description="For the second time, use what the log had recorded by then. Default: everything."),
    ] = None,
) -> Response:
    """The fields whose values differ between two points in time, each with the changes that led from one to the other."""
    period_of(since, until)
    first, second = time_point_of(since, known_since), time_point_of(until, known_until)
    return query(
        lambda read: change_queries.changes(
            read,
            first,
            second,
            fields,
            from_values=from_value,
            from_source_values=from_source_value,
            to_values=to_value,
            to_source_values=to_source_value,
            limit=page.limit,
            cursor=page.cursor,
        )
    )


def list_slips(
    query: QueryDependency,
    fields: FieldFilter,
    time: TimeParameters,
    page: PageParameters,
    direction: Annotated[
        list[DirectionText], list_parameter("Which moves to count: `later`, `earlier`. Default: both.")
    ],
    min_count: MinCount = 1,
    include_removed: IncludeRemoved = False,
) -> Response:
    """Every target that moved: its moves, how many went later and earlier, and the first target next to the current.

    Targets are those of features (`target.*`), and the due dates of releases and goals (`due_on`), unless `field` or
    `kind` is given. Of two releases, that is later which follows in the order of their product, or else which was due
    later at the time of the move; a day is due on itself. A target set after it was cleared is compared with the last one.
    """
    moves: Sequence[Direction] = check_directions(direction) or ("later", "earlier")
    targets = replace(fields, include_removed=include_removed)
    return query(
        lambda read: slip_queries.slips(
            read, targets, time, min_count=min_count, moves=moves, limit=page.limit, cursor=page.cursor
        )
    )
