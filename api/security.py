"""The one door: who speaks is known from a bearer token, never from a body.

Roles, grants and other ways to sign in will come through here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import HttpProblem
from api.services import Served
from eventlog.entry import Caller

_bearer = HTTPBearer(auto_error=False, description="A token from `decisionlog token create`, or the first start's.")


def authenticated(
    _: Request, served: Served, given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> Caller:
    """The caller behind the token.

    Raises:
        HttpProblem: 401, with no token or with one that is unknown or revoked.
    """
    challenge = {"WWW-Authenticate": 'Bearer realm="decisionlog"'}
    if given is None:
        detail = "send your token as `Authorization: Bearer TOKEN`; `decisionlog token create` makes one"
        raise HttpProblem(401, detail, headers=challenge)
    caller = served.sign_in(given.credentials)
    if caller is None:
        detail = "this token is unknown or was revoked; `decisionlog token create` makes another"
        raise HttpProblem(401, detail, headers=challenge)
    return caller


def may(right: str) -> Callable[[Caller], None]:
    """A dependency that lets only those with a right pass."""

    def check(speaker: Annotated[Caller, Depends(authenticated)]) -> None:
        if right not in speaker.rights:
            raise HttpProblem(403, f"your token does not have the right to {right}")

    return check


Speaker = Annotated[Caller, Depends(authenticated)]
