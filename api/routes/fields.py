"""Fields of subjects at a point in time, and the history of their values."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from api import answer_documentation
from api.parameter_checks import DurationText, check_directions, duration_of, period_of
from api.query_execution import QueryDependency
from api.query_parameters import (
    DirectionText,
    FieldFilter,
    MinCount,
    PageParameters,
    ShownFields,
    TimeParameters,
    ValueFilter,
    WithBlame,
    list_parameter,
)
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.values import Timestamp
from projections.queries import change_counts as count_queries
from projections.queries import field_history as history_queries
from projections.queries import field_values as value_queries
from projections.queries.field_history import ChangeFilter


def router() -> APIRouter:
    """Return the routes that read fields."""
    routes = v1_router("Fields")
    add_query(routes, "/fields", list_fields, answer_documentation.FieldTable, "List fields")
    add_query(routes, "/fields/count", count_fields, answer_documentation.FieldCounts, "Count fields")
    add_query(
        routes, "/fields/history", list_field_changes, answer_documentation.FieldChangeTable, "List changes of fields"
    )
    add_query(
        routes,
        "/fields/history/count",
        count_field_changes,
        answer_documentation.FieldChangeCounts,
        "Count changes of fields",
    )
    return routes


def list_fields(
    query: QueryDependency,
    fields: ValueFilter,
    time: TimeParameters,
    page: PageParameters,
    show: ShownFields,
    blame: WithBlame = False,
) -> Response:
    """The matching fields by subject and name: value, source value, since when, and the position that set it."""
    return query(
        lambda read: value_queries.field_values(
            read, fields, time, blame=blame, state=show, limit=page.limit, cursor=page.cursor
        )
    )


def count_fields(
    query: QueryDependency,
    fields: ValueFilter,
    time: TimeParameters,
    page: PageParameters,
    group: Annotated[value_queries.Group, Query(description="What to group by.")],
    min_count: MinCount = 1,
) -> Response:
    """The number of matching fields by holder, value, source value, field, kind, product or subject."""
    return query(
        lambda read: value_queries.count_fields(
            read, fields, group, time, min_count=min_count, limit=page.limit, cursor=page.cursor
        )
    )


async def _change_filter(
    *,
    services: ServiceDependency,
    fields: FieldFilter,
    from_value: Annotated[list[str], list_parameter("Only changes from one of these values.")],
    from_source_value: Annotated[list[str], list_parameter("Only changes from one of these source values.")],
    to_value: Annotated[list[str], list_parameter("Only changes to one of these values.")],
    to_source_value: Annotated[list[str], list_parameter("Only changes to one of these source values.")],
    direction: Annotated[
        list[DirectionText],
        list_parameter(
            "Only changes in these directions: `first`, `cleared`, `later`, `earlier`, `changed`; for lists also "
            "`gained`, `lost`, `replaced` (no member stayed) and `reordered`."
        ),
    ],
    by: Annotated[list[str], list_parameter("Only changes by these actors or principals: ids or names.")],
    then_value: Annotated[list[str], list_parameter("Only changes whose value was followed by one of these values.")],
    then_source_value: Annotated[
        list[str], list_parameter("Only changes whose value was followed by one of these source values.")
    ],
    held_at_least: Annotated[
        DurationText | None,
        Query(description="Only changes whose value held this long or longer: `36h`, `90d`, `12w` or `2y`."),
    ] = None,
    held_less_than: Annotated[
        DurationText | None, Query(description="Only changes whose value held for a shorter time than this.")
    ] = None,
    open_: Annotated[
        bool | None,
        Query(
            alias="open", description="Only changes whose value still holds, or with `false`, only those that ended."
        ),
    ] = None,
    since: Annotated[Timestamp | None, Query(description="Took effect at or after this time.")] = None,
    until: Annotated[Timestamp | None, Query(description="Took effect before this time.")] = None,
    recorded_since: Annotated[Timestamp | None, Query(description="Recorded at or after this time.")] = None,
    recorded_until: Annotated[Timestamp | None, Query(description="Recorded before this time.")] = None,
    live: Annotated[bool, Query(description="Only changes of subjects that exist at the requested time.")] = False,
    include_unchanged: Annotated[bool, Query(description="Include changes that set the value it already had.")] = False,
) -> ChangeFilter:
    return ChangeFilter(
        fields=replace(fields, conditions=()),
        conditions=fields.conditions,
        held=(duration_of(held_at_least, "held_at_least"), duration_of(held_less_than, "held_less_than")),
        is_open=open_,
        then_values=then_value,
        then_source_values=then_source_value,
        from_values=from_value,
        from_source_values=from_source_value,
        to_values=to_value,
        to_source_values=to_source_value,
        directions=check_directions(direction),
        by=[services.find_person(each, "by") for each in by],
        span=period_of(since, until),
        recorded=period_of(recorded_since, recorded_until, field="recorded_until"),
        existing_only=live,
        include_unchanged=include_unchanged,
    )


ChangeParameters = Annotated[ChangeFilter, Depends(_change_filter)]


def list_field_changes(
    query: QueryDependency,
    changes: ChangeParameters,
    time: TimeParameters,
    page: PageParameters,
    show: ShownFields,
    durations: Annotated[bool, Query(description="Include how long each value held, and what followed.")] = False,
    order: Annotated[Literal["oldest", "newest"], Query(description="Which changes come first.")] = "oldest",
) -> Response:
    """The matching changes in the order they took effect: value before and after, who, when and why.

    `show` adds what other fields of the subject were at that time, `durations` how long the value held.
    """
    return query(
        lambda read: history_queries.field_history(
            read,
            changes,
            time,
            state=show,
            durations=durations or changes.asks_duration,
            newest_first=order == "newest",
            limit=page.limit,
            cursor=page.cursor,
        )
    )


def count_field_changes(
    query: QueryDependency,
    changes: ChangeParameters,
    time: TimeParameters,
    page: PageParameters,
    group: Annotated[list[count_queries.Group], Query(description="What to group by. Can be repeated.")],
    min_count: MinCount = 1,
) -> Response:
    """The number of matching changes by one or several groups: subject, product, value before and after, year and so on.

    Years, quarters, months and weeks are in UTC, and come in the order of time; otherwise the largest numbers come first.
    """
    return query(
        lambda read: count_queries.count_changes(
            read, changes, group, time, min_count=min_count, limit=page.limit, cursor=page.cursor
        )
    )
