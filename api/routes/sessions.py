"""Sign-in links, and the sessions that people signed in to with a browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import answer_documentation
from api.access_journal import record_read_about
from api.authentication import CurrentCaller
from api.bodies import json_body, parse_body
from api.permissions import authorize, is_administrator, require, require_scope
from api.problems import HttpProblem, unprocessable
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters
from api.routes.log import refuse_command_headers
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.actions import ADMINISTER, READ
from domain.errors import Unknown
from domain.scopes import READ_SCOPE
from domain.values import Code, format_micros
from eventlog.entry import Caller
from identity.sessions import Session
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read


class NewSignInLink(BaseModel):
    """The person that a sign-in link is for."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"person": "Ann Bee"}]})

    person: Code = Field(description="A person, by id, name or email address.")


def router() -> APIRouter:
    """Return the routes of sign-in links and sessions."""
    # A person without a role may still see where they are signed in, and sign out there.
    checks = [Depends(require_scope(READ_SCOPE)), Depends(refuse_command_headers)]
    routes = v1_router("Sessions", checks, action=None)
    routes.post(
        "/sign-in-links",
        summary="Create a sign-in link",
        status_code=201,
        dependencies=[Depends(require(ADMINISTER))],
        openapi_extra=json_body("NewSignInLink"),
        **answer_documentation.describe_route(answer_documentation.MadeSignInLink, status=201),
    )(create_sign_in_link)
    add_query(routes, "/sessions", list_sessions, answer_documentation.Sessions, "List sessions", "light")
    routes.delete(
        "/sessions",
        summary="End all other sessions",
        **answer_documentation.describe_route(answer_documentation.EndedSessions),
    )(end_others)
    routes.delete(
        "/sessions/{key}",
        summary="End a session",
        **answer_documentation.describe_route(answer_documentation.EndedSessions),
    )(end_session)
    return routes


def create_sign_in_link(
    request: Request,
    services: ServiceDependency,
    caller: CurrentCaller,
    new: Annotated[NewSignInLink, Depends(parse_body(NewSignInLink))],
) -> answer_documentation.MadeSignInLink:
    """The person opens the `url` in a browser, once and within 15 minutes. Only this response contains it."""
    person = services.find_person(new.person, "person")
    if not person.startswith("person:"):
        raise unprocessable("only people sign in with a browser; create a token for a service", field="person")
    code, expires_at = services.log.sign_in_links.create(person, by=caller)
    return {"person": person, "url": build_link(str(request.base_url), code), "expires_at": format_micros(expires_at)}


def build_link(base_url: str, code: str) -> str:
    """Return the address of the page on which a code is redeemed."""
    return f"{base_url.rstrip('/')}/sign-in?code={code}"


def list_sessions(
    *,
    request: Request,
    query: QueryDependency,
    services: ServiceDependency,
    caller: CurrentCaller,
    page: PageParameters,
    person: Annotated[str | None, Query(max_length=500, description="Another person, for administrators.")] = None,
) -> Response:
    """The caller's own sessions that have not ended, newest first."""
    who = caller.actor
    if person is not None and person != caller.actor:
        who = authorize(services, caller, READ).find_person(person, "person")  # names of others need a role
    if who != caller.actor and not is_administrator(services, caller):
        raise HttpProblem(403, "only administrators can list the sessions of others", field="person")
    record_read_about(request, who)
    sessions = services.log.sessions.list_of(who)

    def answer(read: Read) -> Answer[answer_documentation.SessionRow]:
        shown, following = page_after(
            sessions, lambda each: (-each.created_at, each.id), (int, str), page.limit, page.cursor
        )
        rows = [describe_session(each, caller) for each in shown]
        return build_answer(resolve_time(read, NOW), rows, next_cursor=following)

    return query(answer)


def end_others(services: ServiceDependency, caller: CurrentCaller) -> answer_documentation.EndedSessions:
    """Ends every session of the caller but the one that this request is made in."""
    return {"ended": services.log.sessions.end_others(caller.actor, caller.credential)}


def end_session(
    services: ServiceDependency,
    caller: CurrentCaller,
    key: Annotated[str, Path(max_length=100, description="The id of the session.")],
) -> answer_documentation.EndedSessions:
    """The session ends at once. Administrators can end the sessions of others."""
    person = services.log.sessions.find_person(key)
    if person is None or (person != caller.actor and not is_administrator(services, caller)):
        raise Unknown(f"you have no session {key}", field="key")
    return {"ended": int(services.log.sessions.end(key))}


def describe_session(session: Session, caller: Caller) -> answer_documentation.SessionRow:
    """Return a session as answers show it."""
    return {
        "id": session.id,
        "person": session.person,
        "current": session.id == caller.credential,
        "provider": session.issuer or None,
        "created_at": format_micros(session.created_at),
        "used_at": format_micros(session.used_at),
        "expires_at": format_micros(session.expires_at),
    }
