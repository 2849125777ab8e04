"""What a signed-in caller may do over HTTP: every route asks the one policy (`domain.policy`)."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from fastapi import Request

from api.authentication import CurrentCaller
from api.problems import HttpProblem
from api.services import LazyStates, ServiceDependency, Services
from domain.actions import ADMINISTER, READ, Action
from domain.fields import SubjectState
from domain.held_roles import NO_PRODUCT, FoundRoles, HeldRoles, Principal, may, may_anywhere
from domain.read_access import may_read_accounts, readable_products
from eventlog.entry import Caller


@dataclass(frozen=True, slots=True)
class _ReadAccessFacts:
    """What the policy reads besides subjects; reading asks for nothing else."""

    default_role: str | None
    limits_reading: bool
    found_roles: FoundRoles
    teams: Callable[[], frozenset[str]]

    def teams_with_roles(self) -> frozenset[str]:
        return self.teams()

    def recorder_of(self, _position: int) -> None:
        return None


class _NotCachedError(Exception):
    """What the policy asks for has to be read from the log."""


def held_roles(services: Services, caller: Caller, *, only_cached: bool = False) -> HeldRoles:
    """Return the roles of a caller, as the log or replica knows them now."""
    book = services.book

    def fetch(subject: str) -> SubjectState:
        state = book.find_cached_state(subject)
        if state is None and only_cached:
            raise _NotCachedError
        return state or book.cached_state(subject)

    def teams() -> frozenset[str]:
        if only_cached:
            raise _NotCachedError
        return book.teams_with_roles()

    principal = Principal(caller.actor, caller.scopes, caller.credential, caller.groups)
    facts = _ReadAccessFacts(book.default_role, book.limits_reading, book.found_roles, teams)
    return HeldRoles(principal, LazyStates(fetch), facts, services.model.now())


def require(action: Action) -> Callable[..., Awaitable[None]]:
    """Return a dependency that refuses callers who may do an action nowhere, and limits reading to their products."""

    async def check(request: Request, services: ServiceDependency, caller: CurrentCaller) -> None:
        try:
            limited = authorize(services, caller, action, only_cached=True)
        except _NotCachedError:  # a stream may have thousands of entries: read them off the event loop
            limited = await to_thread(authorize, services, caller, action)
        request.state.services = limited

    return check


def require_scope(scope: str) -> Callable[..., Awaitable[None]]:
    """Return a dependency that refuses tokens without a scope, whatever the roles of their holders."""

    async def check(caller: CurrentCaller) -> None:
        if scope not in caller.scopes:
            raise HttpProblem(403, f"your token does not have the scope `{scope}`")

    return check


def authorize(services: Services, caller: Caller, action: Action, *, only_cached: bool = False) -> Services:
    """Return what a caller may read of the services.

    Raises:
        HttpProblem: 403 with the scope or the role that is missing.
    """
    held = held_roles(services, caller, only_cached=only_cached)
    # Reading needs a role for any product; what concerns all products needs one for all products.
    reason = may_anywhere(held, action) if action is READ else may(held, action, [NO_PRODUCT])
    if reason is not None:
        raise HttpProblem(403, reason)
    return replace(
        services,
        products=readable_products(held),
        reads_accounts_of=lambda person: may_read_accounts(held_roles(services, caller), person),
    )


def is_administrator(services: Services, caller: Caller) -> bool:
    """Return whether a caller may administer the log: has the scope and the role `admin` for all products."""
    return why_not(services, caller, ADMINISTER) is None


def why_not(services: Services, caller: Caller, action: Action) -> str | None:
    """Return why a caller may not do something for all products, or None if they may."""
    return may(held_roles(services, caller), action, [NO_PRODUCT])
