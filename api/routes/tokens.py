"""API tokens, and who the caller is."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from api import answer_documentation
from api.authentication import CurrentCaller
from api.bodies import json_body, parse_body
from api.permissions import held_roles
from api.problems import unprocessable
from api.query_execution import QueryDependency
from api.routes.log import refuse_command_headers
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.actions import ADMINISTER
from domain.roles import Role
from domain.scopes import DEFAULT_SCOPES, SCOPE_PATTERN, SCOPES
from domain.values import OPTIONAL_LINE_PATTERN, Code, ProductId, Timestamp, documented, format_micros, to_micros
from identity.tokens import DEFAULT_LIFETIME_DAYS, Token, Tokens
from projections.queries.paging import build_answer
from projections.queries.timepoint import NOW, resolve_time


class NewToken(BaseModel):
    """The holder and scopes of a new token, and a role to grant its holder in the same step."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"holder": "Ann Bee", "scopes": ["read", "write"], "label": "Laptop"}]},
    )

    holder: Code = Field(description="A person, by id or name, or a service as `service:KEY`.")
    scopes: list[Annotated[str, Field(pattern=f"^{SCOPE_PATTERN}$")]] = Field(
        default_factory=lambda: sorted(DEFAULT_SCOPES),
        description=f"{', '.join(f'`{scope}`' for scope in SCOPES)}. `import:SYSTEM` imports from one system only. By default `read` and `write`.",
    )
    label: Annotated[str, documented(pattern=OPTIONAL_LINE_PATTERN)] = Field(
        "", max_length=200, description="What the token is used for."
    )
    expires_at: Timestamp | Literal["never"] | None = Field(
        None, description=f"When it stops working, or `never`. Default: in {DEFAULT_LIFETIME_DAYS} days."
    )
    role: Role | None = Field(None, description="A role to grant the holder, unless they have it.")
    product: ProductId | None = Field(
        None, description="The product for which the role is granted; all products by default."
    )


def router() -> APIRouter:
    """Return the routes of tokens."""
    routes = v1_router("Tokens", [Depends(refuse_command_headers)], action=None)
    routes.get("/me", summary="Get the caller", **answer_documentation.describe_route(answer_documentation.Me))(get_me)
    admin_routes = v1_router("Tokens", [Depends(refuse_command_headers)], action=ADMINISTER)
    add_query(admin_routes, "/tokens", list_tokens, answer_documentation.Tokens, "List API tokens")
    admin_routes.post(
        "/tokens",
        summary="Create an API token",
        status_code=201,
        openapi_extra=json_body("NewToken"),
        **answer_documentation.describe_route(answer_documentation.CreatedToken, status=201),
    )(create_token)
    admin_routes.delete(
        "/tokens/{key}",
        summary="Revoke an API token",
        **answer_documentation.describe_route(answer_documentation.TokenRow),
    )(revoke_token)
    routes.routes += admin_routes.routes
    return routes


def get_me(services: ServiceDependency, caller: CurrentCaller) -> answer_documentation.Me:
    """The holder of the token, the token's id, its scopes, and the roles of its holder."""
    grants = dict.fromkeys(held_roles(services, caller).grants())
    return {
        "actor": caller.actor,
        "credential": caller.credential,
        "scopes": sorted(caller.scopes),
        "roles": [{"role": role, "product": product} for role, product in grants],
    }


def list_tokens(query: QueryDependency, services: ServiceDependency) -> Response:
    """Every token ever created: its holder and its scopes. Secrets are stored only as hashes."""
    rows = [describe_token(token) for token in services.log.tokens.all()]
    return query(lambda read: build_answer(resolve_time(read, NOW), rows))


def create_token(
    services: ServiceDependency, caller: CurrentCaller, new: Annotated[NewToken, Depends(parse_body(NewToken))]
) -> answer_documentation.CreatedToken:
    """Only this response contains the `secret`. A token can only give scopes that the caller's token has."""
    holder = services.find_person(new.holder, "holder")
    if not holder.startswith(("person:", "service:")):
        raise unprocessable("the holder of a token must be a person or a service", field="holder")
    tokens = services.log.tokens
    expires_at = _expiry_of(new, tokens)
    token, secret = tokens.create(
        holder,
        scopes=new.scopes,
        label=new.label,
        expires_at=expires_at,
        role=new.role,
        product=new.product,
        by=caller,
    )
    until = _format(expires_at)
    return {"id": token, "holder": holder, "scopes": sorted(new.scopes), "secret": secret, "expires_at": until}


def _expiry_of(new: NewToken, tokens: Tokens) -> int | None:
    if new.expires_at is None:
        return tokens.default_expiry()
    return None if new.expires_at == "never" else to_micros(new.expires_at)


def revoke_token(
    services: ServiceDependency, caller: CurrentCaller, key: Annotated[str, Path(description="The id of the token.")]
) -> answer_documentation.TokenRow:
    """The token stops working at once. The last one with the scope `admin` can only be revoked on the server itself."""
    services.log.tokens.revoke(key, by=caller)
    return next(describe_token(token) for token in services.log.tokens.all() if token.id == key)


def describe_token(token: Token) -> answer_documentation.TokenRow:
    """Return a token without its secret, as answers show it."""
    return {
        "id": token.id,
        "holder": token.actor,
        "scopes": sorted(token.scopes),
        "label": token.label,
        "created_at": format_micros(token.created_at),
        "expires_at": _format(token.expires_at),
        "used_at": _format(token.used_at),
        "revoked_at": _format(token.revoked_at),
    }


def _format(time: int | None) -> str | None:
    return None if time is None else format_micros(time)
