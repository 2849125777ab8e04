"""The access journal: who signed in, was refused, exported or audited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import answer_documentation
from api.authentication import CurrentCaller
from api.parameter_checks import check_choices, period_of
from api.permissions import why_not
from api.problems import HttpProblem
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters, list_parameter
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.actions import AUDIT
from domain.values import Timestamp, documented, format_micros
from identity.access_journal import KINDS, AccessFilter, AccessJournal, AccessRow
from projections.queries.paging import Answer, build_answer, decode_cursor, encode_cursor
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read

KindText = Annotated[str, documented(enum=KINDS)]


def router() -> APIRouter:
    """Return the route of the access journal."""
    routes = v1_router("Audit")
    add_query(
        routes, "/access-journal", list_access, answer_documentation.AccessJournal, "List the access journal", "light"
    )
    return routes


def list_access(
    query: QueryDependency,
    services: ServiceDependency,
    caller: CurrentCaller,
    page: PageParameters,
    kind: Annotated[list[KindText], list_parameter("Only rows of these kinds.")],
    who: Annotated[list[str], list_parameter("Only rows of these people or services, by id or name.")],
    since: Annotated[Timestamp | None, Query(description="Only rows from this time on.")] = None,
    until: Annotated[Timestamp | None, Query(description="Only rows before this time.")] = None,
) -> Response:
    """Sign-ins, refusals with their reason, exports, and reads of the audit trail and of this journal, newest first.

    Needs the role `auditor` or `admin` for all products. Rows are kept for a year by default.
    """
    if why := why_not(services, caller, AUDIT):
        raise HttpProblem(403, why)
    begin, end = period_of(since, until)
    people = [services.find_person(each, "who") for each in who]
    selection = AccessFilter(check_choices(kind, KINDS, "kind"), people, begin, end)

    journal = services.log.journal
    return query(lambda read: list_rows(read, journal, selection, limit=page.limit, cursor=page.cursor))


def list_rows(
    read: Read, journal: AccessJournal, selection: AccessFilter, *, limit: int, cursor: str | None = None
) -> Answer[answer_documentation.AccessJournalRow]:
    """Return the rows that match, newest first.

    Raises:
        BadCursor: the cursor is not of an answer to this query.
    """
    (before,) = decode_cursor(cursor, int) if cursor is not None else (None,)
    found = journal.rows(selection, limit=limit + 1, before=before)
    following = encode_cursor(found[limit - 1].number) if len(found) > limit else None
    return build_answer(resolve_time(read, NOW), build_rows(found[:limit]), next_cursor=following)


def build_rows(rows: Sequence[AccessRow]) -> list[answer_documentation.AccessJournalRow]:
    """Return rows of the journal as answers show them."""
    return [
        {
            "number": row.number,
            "at": format_micros(row.at),
            "kind": row.kind,
            "who": row.who or None,
            "credential": row.credential or None,
            "what": row.what or None,
            "reason": row.reason or None,
            "mentions": row.mentions,
            "times": row.times,
        }
        for row in rows
    ]
