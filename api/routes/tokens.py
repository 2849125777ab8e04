"""API tokens, and who the caller is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from api import answers
from api.authentication import CurrentCaller, require_right
from api.bodies import json_body, parse_body
from api.dependencies import QueryDependency
from api.problems import unprocessable
from api.routes.log import refuse_command_headers
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.access import ADMIN_RIGHT
from domain.any_subject import ERASE_RIGHT, IMPORT_RIGHT
from domain.values import Code, format_micros
from identity.tokens import Token
from projections.paging import build_answer
from projections.timepoint import NOW, resolve_time


class NewToken(BaseModel):
    """The holder and rights of a new token."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"holder": "Ann Bee", "rights": [], "label": "Laptop"}]}
    )

    holder: Code = Field(description="A person, by id or name, or a service as `service:KEY`.")
    rights: list[Annotated[str, Field(pattern=f"^({IMPORT_RIGHT}|{ERASE_RIGHT}|{ADMIN_RIGHT})$")]] = Field(
        default_factory=list, description=f"`{IMPORT_RIGHT}`, `{ERASE_RIGHT}`, `{ADMIN_RIGHT}`."
    )
    label: str = Field("", max_length=200, description="What the token is used for.")


def router() -> APIRouter:
    """Return the routes of tokens."""
    routes = v1_router("Tokens", [Depends(refuse_command_headers)])
    routes.get("/me", summary="Get the caller", **answers.declared(answers.Me))(get_me)
    admin_routes = v1_router("Tokens", [Depends(refuse_command_headers), Depends(require_right(ADMIN_RIGHT))])
    add_query(admin_routes, "/tokens", list_tokens, answers.Tokens, "List API tokens")
    admin_routes.post(
        "/tokens",
        summary="Create an API token",
        status_code=201,
        openapi_extra=json_body("NewToken"),
        **answers.declared(answers.MadeToken, status=201),
    )(create_token)
    admin_routes.delete("/tokens/{key}", summary="Revoke an API token", **answers.declared(answers.TokenRow))(
        revoke_token
    )
    routes.routes += admin_routes.routes
    return routes


def get_me(caller: CurrentCaller) -> dict[str, Any]:
    """The holder of the token, the token's id, and its rights."""
    return {"actor": caller.actor, "credential": caller.credential, "rights": sorted(caller.rights)}


def list_tokens(query: QueryDependency, services: ServiceDependency) -> Response:
    """Every token ever created: its holder and its rights. Secrets are stored only as hashes."""
    rows = [describe_token(token) for token in services.log.tokens.all()]
    return query(lambda read: build_answer(resolve_time(read, NOW), rows))


def create_token(
    services: ServiceDependency, caller: CurrentCaller, new: Annotated[NewToken, Depends(parse_body(NewToken))]
) -> dict[str, Any]:
    """Only this response contains the `secret`. A token can only give rights that the caller's token has."""
    holder = services.find_person(new.holder, "holder")
    if not holder.startswith(("person:", "service:")):
        raise unprocessable("the holder of a token must be a person or a service", field="holder")
    token, secret = services.log.tokens.create(holder, rights=new.rights, label=new.label, by=caller)
    return {"id": token, "holder": holder, "rights": sorted(new.rights), "secret": secret}


def revoke_token(
    services: ServiceDependency, caller: CurrentCaller, key: Annotated[str, Path(description="The id of the token.")]
) -> dict[str, Any]:
    """The token stops working at once. The last one with the right `admin` can only be revoked on the server itself."""
    services.log.tokens.revoke(key, by=caller)
    return next(describe_token(token) for token in services.log.tokens.all() if token.id == key)


def describe_token(token: Token) -> dict[str, Any]:
    """Return a token without its secret, as answers show it."""
    return {
        "id": token.id,
        "holder": token.actor,
        "rights": sorted(token.rights),
        "label": token.label,
        "created_at": format_micros(token.created_at),
        "revoked_at": None if token.revoked_at is None else format_micros(token.revoked_at),
    }
