"""Run the query of a request in a thread, within limits, and format its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response

from api import answer_documentation, formats
from api.access_journal import record_read
from api.admission import LaneName, TooBusyError
from api.authentication import CurrentCaller
from api.large_responses import LargeResponse
from api.parameter_checks import check_recorded_choice
from api.problems import HttpProblem, unprocessable
from api.services import ServiceDependency, Services
from domain.errors import unknown_subject
from domain.fields import STATUS
from domain.statuses import STATUSES
from domain.values import (
    MAX_INTEGER,
)
from eventlog.entry import Caller
from projections.queries.conditions import ANY_VALUE, UnknownField, check_field_names, parse_condition
from projections.queries.decisions import NotFound
from projections.queries.paging import Answer, BadCursor, Row
from projections.queries.suggestions import similar_subjects
from projections.queries.titles import titles_of_answer
from projections.read_model.model import Read
from projections.read_model.query_limits import UNBOUNDED, Abandoned, Bounds, ReadTooMuch, TookTooLong
from projections.read_model.replica_state import Replica, read_state
from projections.read_model.schema import loads

POLL_INTERVAL_S: Final = 0.003
PROJECTOR_CHECK_INTERVAL_S: Final = 2.0
"""How often a read that waits for a position checks whether a projector is running. One that restarts takes about a second."""
BUSY_RETRY_S: Final = 5
TOO_LONG_RETRY_S: Final = 60
"""Longer than clients wait before they retry by themselves."""
_CLIENT_CLOSED_REQUEST: Final = 499
"""The status of a response that is never sent, because the client has disconnected."""
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
    endpoint: Callable[..., Response], lane: LaneName = "heavy", model: answer_documentation.Model | None = None
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
        path_parameter: str | None = None,
        marks_encoding: bool = False,
    ) -> None:
        self._services = services
        self._path_parameter = path_parameter
        self._parameters = parameters
        self._marks_encoding = marks_encoding
        self._format: formats.Format = format_
        self._execution = execution

    def __call__(self, ask: Callable[[Read], Answer[Row, Row]], *, etag: bool = False) -> Response:
        """Return the answer in the requested format; with `etag`, its version is the ETag.

        Raises:
            Unknown: the read model does not know the subject.
            HttpProblem: 422 for a cursor that no response contained, or an unknown status or field; 503 if the read model
                has stopped.
        """
        self._services.check_read_model()
        bounds = self._execution.bounds
        with self._services.read(bounds) as read:
            lag = lag_header(read, self._services)
            try:
                answer = ask(read)
                if not answer.rows:
                    self._check_names(read)
            except BadCursor as error:
                raise unprocessable(str(error), field="cursor") from None
            except UnknownField as error:
                raise unprocessable(str(error), field=self._find_parameter(error.name)) from None
            except NotFound as error:
                subject = str(error)
                similar = error.candidates or similar_subjects(read, subject)
                hint = "it was recorded after `known_at`" if subject in similar else ""
                similar = () if hint else similar
                raise unknown_subject(subject, field=self._path_parameter, similar=similar, hint=hint) from None
            titles = titles_of_answer(read, answer, self._services.book.directory)
        response = formats.build_response(
            answer, self._format, titles, self.model, bounds, marks_encoding=self._marks_encoding
        )
        response.headers.update(lag)
        if etag:
            response.headers["ETag"] = f'"{answer.about["version"]}"'
        return response

    def _check_names(self, read: Read) -> None:
        """Refuse names of fields and statuses that there are not. Only needed for an empty answer, as this reads a lot.

        Raises:
            UnknownField: a field is misspelled.
            HttpProblem: 422 for an unknown status.
        """
        check_field_names(read, self._values_of("field"))
        for parameter in ("status", "ever"):
            _check_statuses(read, parameter, self._values_of(parameter))
        wanted = [each for each in map(parse_condition, self._values_of("where")) if each.field == STATUS]
        equal = [each for each in wanted if each.operator == "=" and each.other is None]
        _check_statuses(read, "where", [value for each in equal for value in each.values if value != ANY_VALUE])

    def _values_of(self, parameter: str) -> list[str]:
        return [value for name, value in self._parameters if name == parameter]

    def _find_parameter(self, field_name: str) -> str:
        """Return the parameter that names a field."""
        named = ((name, value) for name, value in self._parameters if name in ("where", "show", "without", "field"))
        return next((name for name, value in named if field_name in value), "where")


def _check_statuses(read: Read, parameter: str, statuses: list[str]) -> None:
    """Refuse statuses that are neither ours nor in the data.

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
        HttpProblem: 422 if the log does not reach the position, 504 on timeout or if nothing moves the read model, 503 if it
            has stopped.
    """
    if min_position is None or services.runner.position >= min_position:
        return
    size = services.book.head().size
    if min_position > size and not isinstance(services.book, Replica):  # a replica may not have received it yet
        raise unprocessable(f"the log ends at position {size}, before {min_position}", field="min_position")
    started = time.monotonic()
    deadline, check_at = started + services.wait_seconds, started + PROJECTOR_CHECK_INTERVAL_S
    while services.runner.position < min_position:
        services.check_read_model()
        now = time.monotonic()
        if now > min(check_at, deadline):
            lacks_projector, check_at = await services.lacks_projector(), now + PROJECTOR_CHECK_INTERVAL_S
            if lacks_projector or now > deadline:
                raise _not_yet(services, min_position, lacks_projector=lacks_projector)
        services.runner.hurry()
        await asyncio.sleep(POLL_INTERVAL_S)


def _not_yet(services: Services, min_position: int, *, lacks_projector: bool) -> HttpProblem:
    advice = "try again"
    if lacks_projector:
        advice = (
            "no process keeps this replica: start one with `decisionlog replica`"
            if isinstance(services.book, Replica)
            else "no projector is running: start one with `decisionlog project`"
        )
    detail = f"the read model is at position {services.runner.position}, not yet at {min_position}; {advice}"
    return HttpProblem(504, detail, field="min_position", headers={"Retry-After": "1"})


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
    return QueryRunner(
        services,
        chosen,
        execution,
        request.query_params.multi_items(),
        path_parameter=next(iter(request.path_params), None),
        marks_encoding=bom,
    )


QueryDependency = Annotated[QueryRunner, Depends(_query_runner)]
