"""Query parameters that several routes share, and the runner that executes a query within limits."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, Final, TypeVar, get_origin

from fastapi import Depends, Path, Query, Request, Response
from pydantic import AfterValidator

from api import answers, formats
from api.access_journal import record_read
from api.admission import LaneName, TooBusyError
from api.authentication import CurrentCaller
from api.large_responses import LargeResponse
from api.problems import HttpProblem, unprocessable
from api.services import ServiceDependency, Services
from domain.errors import unknown_subject
from domain.values import (
    KEY_PATTERN,
    MAX_INTEGER,
    SUBJECT_KINDS,
    SUBJECT_PATTERN,
    Key,
    SubjectId,
    Timestamp,
    documented,
    to_micros,
)
from eventlog.entry import Caller
from projections.answers.parts import Direction
from projections.queries.conditions import Condition, UnknownField, is_absent, parse_condition
from projections.queries.decisions import NotFound
from projections.queries.filters import Filter
from projections.queries.ordering import DIRECTIONS
from projections.queries.paging import Answer, BadCursor, Row
from projections.queries.suggestions import similar_subjects
from projections.queries.timepoint import TimePoint
from projections.queries.titles import titles_of_answer
from projections.read_model.bounds import UNBOUNDED, Abandoned, Bounds, ReadTooMuch, TookTooLong
from projections.read_model.model import Read
from projections.read_model.replica_state import Replica, read_state
from projections.read_model.schema import loads

MAX_LIMIT: Final = 10_000
STATUSES: Final = (
    *("proposed", "accepted", "rejected", "deferred", "withdrawn", "superseded", "reversed"),  # decisions
    *("committed", "started", "paused", "shipped", "dropped"),  # features
    *("active", "retired", "open", "met", "missed", "present", "left"),  # products, goals, people and teams
)
"""Every status that a command sets."""
POLL_INTERVAL_S: Final = 0.003
CURSOR_PATTERN: Final = "^(?:[0-9a-f]{2})+$"
BUSY_RETRY_S: Final = 5
TOO_LONG_RETRY_S: Final = 60
"""Longer than clients wait before they retry by themselves."""
_CLIENT_CLOSED_REQUEST: Final = 499
"""The status of a response that is never sent, because the client has disconnected."""


# Types of parameters --------------------------------------------------------------------------------------------------

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
    Query(max_length=2000, description="Pagination cursor: the value of `next` in the previous response."),
]
IncludeRemoved = Annotated[bool, Query(description="Include subjects that do not exist or were removed.")]
WithBlame = Annotated[bool, Query(description="Include who set each field, when and why.")]

SubjectText = Annotated[str, documented(pattern=f"^{SUBJECT_PATTERN}$")]
"""A subject in a list parameter. The endpoint checks it when it looks it up."""
KindText = Annotated[str, documented(enum=list(SUBJECT_KINDS))]
DirectionText = Annotated[str, documented(enum=list(DIRECTIONS))]


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


# Checks of values -----------------------------------------------------------------------------------------------------


Choice = TypeVar("Choice", bound=str)


def check_choice(value: str, choices: Iterable[Choice], field: str, *, name: str = "", listed_at: str = "") -> Choice:
    """Return a value that is one of the choices that the OpenAPI document lists.

    Raises:
        HttpProblem: 422 with the closest choice, or else with all of them or the address that lists them.
    """
    known = {str(each): each for each in choices}
    if value not in known:
        raise HttpProblem(422, _unknown_choice(value, [*known], name or field, listed_at), field=field)
    return known[value]


def check_choices(
    values: list[str], choices: Iterable[Choice], field: str, *, name: str = "", listed_at: str = ""
) -> list[Choice]:
    """Return values that are all among the choices. Raises as `check_choice` does."""
    known = list(choices)
    return [check_choice(value, known, field, name=name, listed_at=listed_at) for value in values]


def check_recorded_choice(value: str, choices: Iterable[str], field: str, *, name: str = "") -> str:
    """Return a value that is one of the choices, some of which only the log knows. Raises as `check_choice` does."""
    known = list(choices)
    if value not in known:
        raise unprocessable(_unknown_choice(value, known, name or field), field=field)
    return value


def _unknown_choice(value: str, known: list[str], name: str, listed_at: str = "") -> str:
    close = get_close_matches(value, known, 1)
    valid = f"{listed_at} lists them" if listed_at else f"valid values: {', '.join(known)}"
    return f"there is no {name} `{value}`; {f'did you mean `{close[0]}`?' if close else valid}"


def check_kinds(kinds: list[str]) -> list[str]:
    """Return kinds of subject that all exist. Raises as `check_choice` does."""
    return check_choices(kinds, SUBJECT_KINDS, "kind")


def check_directions(directions: list[str]) -> list[Direction]:
    """Return directions that all exist. Raises as `check_choice` does."""
    return check_choices(directions, DIRECTIONS, "direction")


def period_of(begin: Timestamp | None, end: Timestamp | None, *, field: str = "until") -> tuple[int | None, int | None]:
    """Return a half-open period in microseconds; None means unbounded.

    Raises:
        HttpProblem: 422 naming `field` if the period ends before it begins.
    """
    if begin and end and end < begin:
        raise unprocessable(f"`{field}` must not be earlier than the beginning of the period", field=field)
    return (None if begin is None else to_micros(begin), None if end is None else to_micros(end))


def time_point_of(as_of: Timestamp | None, known_at: Timestamp | None) -> TimePoint:
    """Return the valid time and the transaction time of a query; None means now."""
    return TimePoint(None if as_of is None else to_micros(as_of), None if known_at is None else to_micros(known_at))


_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([hdwy])")
_HOURS: Final = {"h": 1, "d": 24, "w": 24 * 7, "y": 24 * 365}
_HOUR_US: Final = 3_600_000_000
DURATION_PATTERN: Final = f"^{_DURATION.pattern}$"
DurationText = Annotated[str, documented(pattern=DURATION_PATTERN)]
"""A number of hours, days, weeks or years of 365 days, such as `90d`."""


def duration_of(text: str | None, field: str) -> int | None:
    """Return a duration in microseconds; None for None.

    Raises:
        HttpProblem: 422 if the text is not a duration.
    """
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise unprocessable(f"{text!r} is not a duration such as 36h, 90d, 12w or 2y (365 days each)", field=field)
    return int(match[1]) * _HOURS[match[2]] * _HOUR_US


# Groups of parameters -------------------------------------------------------------------------------------------------


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
        list[str],
        list_parameter(
            "Only subjects whose fields meet all of these conditions: `status=accepted`, `kind!=process`, "
            "`cost>=50000`, `review_on<2024-07-01`, `why=*` (has a value), `deciders=field:proposed_by` (two fields have "
            "a value in common), `subject.changed<2024-01-01` (nothing changed since; also `subject.created`). In the "
            "history of fields, conditions are about the time of the change, and can also use `change.by`, "
            "`change.actor`, `change.note` and `change.because`."
        ),
    ],
    without: Annotated[
        list[str],
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


# Unknown parameters ---------------------------------------------------------------------------------------------------


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not have: a misspelled `as_of` would return today's data.

    Raises:
        HttpProblem: 422 for an unknown parameter, or a repeated one that takes one value.
    """
    if not request.scope["query_string"]:
        return
    known = dict(_list_parameters(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"valid parameters: {', '.join(sorted(known)) or 'none'}"
            raise HttpProblem(422, f"there is no parameter `{name}`; {hint}", field=name)
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise HttpProblem(422, f"`{name}` can be given only once", field=name)


def _list_parameters(route: Any) -> Iterator[tuple[str, bool]]:
    """Yield the query parameters of a route and its dependencies, each with whether it can be repeated."""
    for parameter in route.query_params:
        yield parameter.alias, get_origin(parameter.field_info.annotation) is list
    for dependency in route.dependencies:
        yield from _list_parameters(dependency)


# Running queries ------------------------------------------------------------------------------------------------------

_NARROW_DOWN: Final = "narrow it down: one `product`, a shorter period, fewer fields, or a smaller `limit`"


class QueryExecution:
    """Executes the query of one request in a thread, within the limits of its caller."""

    def __init__(self, request: Request, services: Services, caller: Caller) -> None:
        self.bounds: Bounds = UNBOUNDED
        self._request = request
        self._services = services
        self._caller = caller

    async def run(self, lane: LaneName, answer: Callable[[], Response]) -> Response:
        """Return the response, computed in a thread of the lane when it is this caller's turn.

        Raises:
            HttpProblem: 503 if the server is too busy or the deadline passed, 422 if the query needs too much memory, 429
                if the caller has too many questions.
        """
        admission = self._services.questions

        def work(bounds: Bounds) -> Response:
            self.bounds = bounds
            return answer()

        try:
            with self._services.quotas.question(self._caller):
                response = await admission.ask(lane, self._caller.actor, self._request.receive, work)
        except TooBusyError:
            raise HttpProblem(
                503,
                f"the server is answering as many queries as it can; try again in {BUSY_RETRY_S} seconds",
                headers={"Retry-After": str(BUSY_RETRY_S)},
            ) from None
        except TookTooLong as error:
            raise HttpProblem(
                503,
                f"the query was stopped: {error}; {_NARROW_DOWN}, or try again when the server is less busy",
                headers={"Retry-After": str(TOO_LONG_RETRY_S)},
            ) from None
        except ReadTooMuch as error:
            raise HttpProblem(422, f"the query was stopped: {error}; {_NARROW_DOWN}") from None
        except Abandoned:
            return Response(status_code=_CLIENT_CLOSED_REQUEST)
        if isinstance(response, LargeResponse):
            response.count_in(admission)
        return response


async def _query_execution(request: Request, services: ServiceDependency, caller: CurrentCaller) -> QueryExecution:
    return QueryExecution(request, services, caller)


ExecutionDependency = Annotated[QueryExecution, Depends(_query_execution)]


def run_as_query(
    endpoint: Callable[..., Response], lane: LaneName = "heavy", model: answers.Model | None = None
) -> Callable[..., Any]:
    """Return an endpoint that runs another one in a thread of its lane when it is the caller's turn.

    `model` describes the answer that the endpoint's `query` returns.
    """

    @wraps(endpoint)
    async def bounded(*, _execution: QueryExecution, **arguments: Any) -> Response:
        if "query" in arguments:
            arguments["query"].model = model
        return await _execution.run(lane, lambda: endpoint(**arguments))

    own = signature(endpoint, eval_str=True)
    parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in own.parameters.values()]
    execution = Parameter("_execution", Parameter.KEYWORD_ONLY, annotation=ExecutionDependency)
    bounded.__signature__ = own.replace(parameters=[*parameters, execution])  # type: ignore[attr-defined]
    return bounded


class QueryRunner:
    """Runs a query on one snapshot of the read model and formats its answer."""

    model: Any

    def __init__(
        self,
        services: Services,
        format_: formats.Format,
        execution: QueryExecution,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        marks_encoding: bool = False,
    ) -> None:
        self._services = services
        self._parameters = parameters
        self._marks_encoding = marks_encoding
        self._format: formats.Format = format_
        self._execution = execution

    def __call__(self, ask: Callable[[Read], Answer[Row, Row]], *, etag: bool = False) -> Response:
        """Return the answer in the requested format; with `etag`, its version is the ETag.

        Raises:
            Unknown: the read model does not know the subject.
            HttpProblem: 422 for a cursor that no response contained or an unknown status, 503 if the read model has
                stopped.
        """
        self._services.check_read_model()
        bounds = self._execution.bounds
        with self._services.read(bounds) as read:
            lag = lag_header(read, self._services)
            try:
                answer = ask(read)
            except BadCursor as error:
                raise unprocessable(str(error), field="cursor") from None
            except UnknownField as error:
                raise unprocessable(str(error), field=self._find_parameter(error.name)) from None
            except NotFound as error:
                subject = str(error)
                similar = error.candidates or similar_subjects(read, subject)
                raise unknown_subject(subject, similar=similar) from None
            if not answer.rows:
                for parameter in ("status", "ever"):
                    _check_statuses(read, parameter, [value for name, value in self._parameters if name == parameter])
            titles = titles_of_answer(read, answer, self._services.book.directory)
        response = formats.build_response(
            answer, self._format, titles, self.model, bounds, marks_encoding=self._marks_encoding
        )
        response.headers.update(lag)
        if etag:
            response.headers["ETag"] = f'"{answer.about["version"]}"'
        return response

    def _find_parameter(self, field_name: str) -> str:
        """Return the parameter that names a field."""
        named = ((name, value) for name, value in self._parameters if name in ("where", "show", "without"))
        return next((name for name, value in named if field_name in value), "where")


def _check_statuses(read: Read, parameter: str, statuses: list[str]) -> None:
    """Refuse statuses that are neither ours nor in the data. Only needed for an empty answer, as the check reads a lot.

    Raises:
        HttpProblem: 422 with the closest status.
    """
    if any(status not in STATUSES for status in statuses):
        rows = read.rows("select distinct value, source_value from field_value where field = 'status'", {})
        found = {str(text) for value, word in rows for text in (value and loads(value), word) if text}
        for status in statuses:
            check_recorded_choice(status, sorted({*STATUSES, *found}), parameter, name="status")


def lag_header(read: Read, services: Services) -> dict[str, str]:
    """Return the header with the number of entries a replica is behind; the log itself sends none."""
    return {"Decisionlog-Lag": str(read_state(read.rows).lag)} if isinstance(services.book, Replica) else {}


async def wait_for_position(
    services: ServiceDependency,
    min_position: Annotated[
        int | None,
        Query(ge=0, le=MAX_INTEGER, description="Wait until the answer covers this position (read your own writes)."),
    ] = None,
) -> None:
    """Wait, without blocking a thread, until the read model covers a position.

    Raises:
        HttpProblem: 422 if the log does not reach the position, 504 on timeout, 503 if the read model has stopped.
    """
    if min_position is None or services.runner.position >= min_position:
        return
    size = services.book.head().size
    if min_position > size and not isinstance(services.book, Replica):  # a replica may not have received it yet
        raise unprocessable(f"the log ends at position {size}, before {min_position}", field="min_position")
    deadline = time.monotonic() + services.wait_seconds
    while services.runner.position < min_position:
        services.check_read_model()
        if time.monotonic() > deadline:
            detail = f"the read model is at position {services.runner.position}, not yet at {min_position}; try again"
            raise HttpProblem(504, detail, field="min_position", headers={"Retry-After": "1"})
        await asyncio.sleep(POLL_INTERVAL_S)


async def _query_runner(
    request: Request,
    services: ServiceDependency,
    execution: ExecutionDependency,
    _: Annotated[None, Depends(wait_for_position)],
    format: Annotated[  # noqa: A002  (the name of the parameter)
        formats.Format | None, Query(description="Response format. Default: taken from the `Accept` header.")
    ] = None,
    bom: Annotated[
        bool, Query(description="Begin CSV with a byte order mark, without which Excel does not read it as UTF-8.")
    ] = False,
) -> QueryRunner:
    chosen = formats.choose_format(request, format)
    record_read(request, is_file=chosen != "json")
    return QueryRunner(services, chosen, execution, request.query_params.multi_items(), marks_encoding=bom)


QueryDependency = Annotated[QueryRunner, Depends(_query_runner)]
