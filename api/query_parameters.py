"""Query parameters that several routes share, and the filters that are built from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Annotated, Any, Final, get_args, get_origin

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator

from api.parameter_checks import check_kinds, time_point_of
from api.problems import HttpProblem, unprocessable
from api.services import ServiceDependency, Services
from domain.values import (
    KEY_PATTERN,
    MAX_INTEGER,
    SUBJECT_KINDS,
    SUBJECT_PATTERN,
    Key,
    SubjectId,
    Timestamp,
    documented,
)
from projections.queries.conditions import Condition, is_absent, parse_condition
from projections.queries.filters import Filter
from projections.queries.ordering import DIRECTIONS
from projections.queries.paging import BadCursor
from projections.queries.timepoint import TimePoint

MAX_LIMIT: Final = 10_000
MAX_CURSOR: Final = 5_000
"""Characters of a cursor: it can hold a title of 500 characters, each of up to four bytes, in hexadecimal digits."""
CURSOR_PATTERN: Final = "^(?:[0-9a-f]{2})+$"
KeyPath = Annotated[Key, Path(description="The subject's key, without its kind.")]
SubjectPath = Annotated[SubjectId, Path(description="The subject, as `kind:key`.")]
MinCount = Annotated[int, Query(ge=1, le=MAX_INTEGER, description="Leave out counts below this number.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Maximum number of rows.")]


def _check_cursor(cursor: str) -> str:
    if not re.fullmatch(CURSOR_PATTERN, cursor):
        raise BadCursor
    return cursor


Cursor = Annotated[
    Annotated[str, AfterValidator(_check_cursor), documented(pattern=CURSOR_PATTERN)] | None,
    Query(
        max_length=MAX_CURSOR,
        description="Pagination cursor: the value of `next` in the previous response, or of its header `Decisionlog-Next`.",
    ),
]
IncludeRemoved = Annotated[bool, Query(description="Include subjects that do not exist or were removed.")]
WithBlame = Annotated[bool, Query(description="Include who set each field, when and why.")]
SubjectText = Annotated[str, documented(pattern=f"^{SUBJECT_PATTERN}$")]
"""A subject in a list parameter. The endpoint checks it when it looks it up."""
KindText = Annotated[str, documented(enum=list(SUBJECT_KINDS))]
DirectionText = Annotated[str, documented(enum=list(DIRECTIONS))]


ConditionText = Annotated[str, documented(pattern=r"^\s*[^=<>!\s]+\s*(?:[!<>]?=|[<>])\s*\S")]
FieldNameText = Annotated[str, documented(pattern=r"^[^=<>!]*[^=<>!\s][^=<>!]*$")]


def subject_of_kind(kind: str) -> Any:
    """Return the schema of a parameter that names a subject of one kind, or only its key."""
    return documented(pattern=f"^(?:{kind}:)?{KEY_PATTERN}$")


ProductText = Annotated[str, subject_of_kind("product")]


def list_parameter(description: str) -> Any:
    """Return a query parameter that can be repeated; a row matches if any of the values does."""
    # A factory of our own: pydantic would inspect the signature of `list` in every request.
    return Query(default_factory=_empty_list, max_length=200, description=description)


def _empty_list() -> list[str]:
    return []


async def _time_parameters(
    as_of: Annotated[
        Timestamp | None, Query(description="Valid time: what was in effect at this time. Default: now.")
    ] = None,
    known_at: Annotated[
        Timestamp | None, Query(description="Transaction time: what the log had recorded by this time. Default: now.")
    ] = None,
) -> TimePoint:
    return time_point_of(as_of, known_at)


TimeParameters = Annotated[TimePoint, Depends(_time_parameters)]


@dataclass(frozen=True, slots=True)
class Page:
    """The page of an answer to return."""

    limit: int
    cursor: str | None


async def _page_parameters(limit: Limit = 1000, cursor: Cursor = None) -> Page:
    return Page(limit, cursor)


PageParameters = Annotated[Page, Depends(_page_parameters)]


async def _conditions(
    services: ServiceDependency,
    where: Annotated[
        list[ConditionText],
        list_parameter(
            "Only subjects whose fields meet all of these conditions: `status=accepted`, `kind!=process`, "
            "`cost>=50000`, `review_on<2024-07-01`, `why=*` (has a value), `deciders=field:proposed_by` (two fields have "
            "a value in common), `subject.changed<2024-01-01` (nothing changed since; also `subject.created`). In the "
            "history of fields, conditions are about the time of the change, and can also use `change.by`, "
            "`change.actor`, `change.note` and `change.because`."
        ),
    ],
    without: Annotated[
        list[FieldNameText],
        list_parameter("Only subjects for which all of these fields are empty, such as `why` or `role.accountable`."),
    ],
) -> Sequence[Condition]:
    found = [_parse_condition(text, services) for text in where]
    return [*found, *(is_absent(_check_name(name, "without")) for name in without)]


def _parse_condition(text: str, services: Services) -> Condition:
    """Return a condition, with the people that it names as ids.

    Raises:
        HttpProblem: 422 if the text is no condition.
        Refused: it names a person who does not exist, or several.
    """
    try:
        condition = parse_condition(text)
    except ValueError as error:
        raise unprocessable(str(error), field="where") from None
    if not condition.names_people:
        return condition
    return replace(condition, values=tuple(services.find_person(each, "where") for each in condition.values))


def _check_name(name: str, parameter: str) -> str:
    if not name.strip() or re.search(r"[=<>!]", name):
        raise unprocessable(f"`{parameter}` takes the name of a field; conditions go in `where`", field=parameter)
    return name


Conditions = Annotated[Sequence[Condition], Depends(_conditions)]
"""Conditions on the fields of a subject."""
ShownFields = Annotated[
    list[str],
    list_parameter("Also return these fields of the same subject, such as `status` or `role.*`, as `state`."),
]


async def _subject_filter(
    services: ServiceDependency,
    conditions: Conditions,
    subject: Annotated[list[SubjectText], list_parameter("Only these subjects, as `kind:key`.")],
    product: Annotated[list[ProductText], list_parameter("Only subjects of these products.")],
    status: Annotated[
        list[str], list_parameter("Only subjects with these statuses, or a source system's names for them.")
    ],
) -> Filter:
    return Filter(
        subjects=[services.find_subject(each, "subject") for each in subject],
        products=[services.find_subject(each, "product", kind="product") for each in product],
        statuses=status,
        conditions=conditions,
    )


SubjectFilter = Annotated[Filter, Depends(_subject_filter)]
"""Which subjects to return, where the route sets their kind."""


async def _kind_filter(
    base: SubjectFilter, kind: Annotated[list[KindText], list_parameter("Only subjects of these kinds.")]
) -> Filter:
    return replace(base, kinds=check_kinds(kind))


KindFilter = Annotated[Filter, Depends(_kind_filter)]


async def _any_subject_filter(base: KindFilter, include_removed: IncludeRemoved = False) -> Filter:
    return replace(base, include_removed=include_removed)


AnySubjectFilter = Annotated[Filter, Depends(_any_subject_filter)]
"""Which subjects of any kind to return."""


async def _field_filter(
    base: KindFilter,
    field: Annotated[list[str], list_parameter("Only these fields. `target.*` matches every field with that prefix.")],
) -> Filter:
    return replace(base, fields=field)


FieldFilter = Annotated[Filter, Depends(_field_filter)]
"""Which fields to return, whatever their value."""


async def _value_filter(
    services: ServiceDependency,
    base: FieldFilter,
    value: Annotated[list[str], list_parameter("Only fields with this value, or with it in their list.")],
    source_value: Annotated[list[str], list_parameter("Only fields that the source system gave this value.")],
    holder: Annotated[list[str], list_parameter("Only fields that name this person or subject: an id or a name.")],
    include_removed: IncludeRemoved = False,
) -> Filter:
    holders = [services.find_person(each, "holder") for each in holder]
    return replace(base, values=value, source_values=source_value, holders=holders, include_removed=include_removed)


ValueFilter = Annotated[Filter, Depends(_value_filter)]
"""Which fields to return, by their name and value."""


async def check_parameters(request: Request) -> None:
    """Refuse query parameters that the OpenAPI document does not describe.

    A misspelled `as_of` would return today's data. And FastAPI alone takes `limit=1_000` and `blame=on`.

    Raises:
        HttpProblem: 422 for an unknown parameter, a repeated one that takes one value, or another spelling of a value.
    """
    if not request.scope["query_string"]:
        return
    known = dict(_list_parameters(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"valid parameters: {', '.join(sorted(known)) or 'none'}"
            raise HttpProblem(422, f"there is no parameter `{name}`; {hint}", field=name)
        _check_values(name, known[name], request.query_params.getlist(name))


def _check_values(name: str, annotation: Any, values: Sequence[str]) -> None:
    if len(values) > 1 and get_origin(annotation) is not list:
        raise HttpProblem(422, f"`{name}` can be given only once", field=name)
    spelling, right = _SPELLINGS.get(_scalar_of(annotation), (None, ""))
    if spelling and not all(map(spelling.fullmatch, values)):
        raise HttpProblem(422, f"`{name}` must be {right}", field=name)


_SPELLINGS: Final = {
    int: (re.compile("-?(?:0|[1-9][0-9]*)"), "a whole number, such as 10"),
    bool: (re.compile("true|false"), "`true` or `false`"),
}
"""How JSON writes what a parameter holds."""


def _scalar_of(annotation: Any) -> Any:
    """Return the type of a parameter's value, or of one of several, that is not None."""
    members = [each for each in get_args(annotation) if each is not type(None)]
    return _scalar_of(members[0]) if members else annotation


def _list_parameters(route: Any) -> Iterator[tuple[str, Any]]:
    """Yield the query parameters of a route and its dependencies, each with its type."""
    for parameter in route.query_params:
        yield parameter.alias, parameter.field_info.annotation
    for dependency in route.dependencies:
        yield from _list_parameters(dependency)
