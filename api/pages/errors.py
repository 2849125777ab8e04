"""Errors as pages, for a browser that opens an address outside the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import Request, Response

from api.formats import negotiate
from api.pages.templating import render_page
from api.problems import respond
from projections.answer_types.problems import Problem

API_PREFIX: Final = "/v1/"
_FORMATS: Final = {"application/json": "json", "text/html": "html"}


def respond_to(request: Request, document: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem as a page if a browser opened the address of one, else as a problem document."""
    is_page = not request.url.path.startswith(API_PREFIX) and negotiate(request, _FORMATS) == "html"
    return (
        render_error(request, document, headers) if is_page else respond(document, dict(headers) if headers else None)
    )


def render_error(request: Request, document: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the page of a problem: what is wrong, and what to do."""
    problem = {"field": None, **document}
    return render_page(
        request,
        "error.html",
        {"problem": problem, "is_home": request.url.path == "/"},
        document["status"],
        {**(headers or {})},
    )
