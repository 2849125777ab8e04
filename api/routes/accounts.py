"""The accounts of people at an OpenID provider, for administrators."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api import answer_documentation
from api.authentication import CurrentCaller
from api.bodies import json_body, parse_body
from api.problems import unprocessable
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters
from api.routes.log import refuse_command_headers
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.actions import ADMINISTER
from domain.errors import AlreadyExists
from domain.values import Code, Line
from identity.accounts import ProviderAccount
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read

_ISSUER: Final = "https://login.example.org"
_SUBJECT: Final = "248289761001"


class AccountName(BaseModel):
    """An account at an OpenID provider."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"issuer": _ISSUER, "account": _SUBJECT}]}
    )

    issuer: Line = Field(description="The issuer URL of the provider, exactly as the provider gives it.")
    account: Line = Field(
        description="The account's subject identifier (the `sub` claim), not a name or email address."
    )


class NewAccount(AccountName):
    """An account to connect, and the person it belongs to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"person": "Ann Bee", "issuer": _ISSUER, "account": _SUBJECT}]},
    )

    person: Code = Field(description="A person, by id, name or email address.")


def router() -> APIRouter:
    """Return the routes of accounts."""
    routes = v1_router("Sessions", [Depends(refuse_command_headers)], action=ADMINISTER)
    add_query(routes, "/accounts", list_accounts, answer_documentation.Accounts, "List accounts", "light")
    routes.post(
        "/accounts",
        summary="Connect an account",
        status_code=201,
        openapi_extra=json_body("NewAccount"),
        **answer_documentation.describe_route(answer_documentation.Account, status=201),
    )(connect_account)
    routes.post(
        "/accounts/disconnect",
        summary="Disconnect an account",
        openapi_extra=json_body("AccountName"),
        **answer_documentation.describe_route(answer_documentation.Account),
    )(disconnect_account)
    return routes


def list_accounts(
    query: QueryDependency,
    services: ServiceDependency,
    page: PageParameters,
    person: Annotated[str | None, Query(max_length=500, description="Only accounts of this person.")] = None,
) -> Response:
    """The accounts at an OpenID provider and the people they belong to, in the order of issuer and account."""
    who = services.find_person(person, "person") if person is not None else None
    accounts = services.log.accounts.all(who)

    def answer(read: Read) -> Answer[answer_documentation.Account]:
        shown, following = page_after(
            accounts, lambda each: (each.issuer, each.subject), (str, str), page.limit, page.cursor
        )
        return build_answer(resolve_time(read, NOW), [_row_of(each) for each in shown], next_cursor=following)

    return query(answer)


def connect_account(
    services: ServiceDependency,
    caller: CurrentCaller,
    new: Annotated[NewAccount, Depends(parse_body(NewAccount))],
) -> answer_documentation.Account:
    """The person can now sign in with this account. The event `AccountConnected` names who connected it."""
    person = services.find_person(new.person, "person")
    if not person.startswith("person:"):
        raise unprocessable("only a person can sign in with an account; create a token for a service", field="person")
    owner = services.log.accounts.link(new.issuer, new.account, person, by=caller)
    if owner != person:
        raise AlreadyExists(f"the account belongs to {owner}; disconnect it first", field="account", subject=owner)
    return _row_of(ProviderAccount(new.issuer, new.account, person))


def disconnect_account(
    services: ServiceDependency,
    caller: CurrentCaller,
    name: Annotated[AccountName, Depends(parse_body(AccountName))],
) -> answer_documentation.Account:
    """No one can sign in with the account any longer, and its sessions end. The event `AccountDisconnected` names who did it."""
    person = services.log.accounts.unlink(name.issuer, name.account, by=caller)
    return _row_of(ProviderAccount(name.issuer, name.account, person))


def _row_of(account: ProviderAccount) -> answer_documentation.Account:
    return {"person": account.person, "issuer": account.issuer, "account": account.subject}
