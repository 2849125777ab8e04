"""What the routes of `/v1` have in common: whoever calls them is known, and asks for nothing they do not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Depends

from api import problems
from api.asking import only_known_parameters
from api.security import authenticated
from api.services import only_reads_from_a_replica


def v1(tag: str, dependencies: Sequence[Any] = ()) -> APIRouter:
    """A router for some of them, under a heading of the interface document.

    Its routes go into the app as they are: including a router builds each of its routes anew, which doubles the time of a
    start, and of each command that has no server.
    """
    everywhere = [Depends(authenticated), Depends(only_reads_from_a_replica), Depends(only_known_parameters)]
    return APIRouter(
        prefix="/v1", tags=[tag], responses=problems.RESPONSES, dependencies=[*everywhere, *dependencies]
    )  # fmt: skip
