"""Search at the time of the page, and help."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.pages.page import Context, PageDependency, add_page, page_router
from projections.queries import search as search_queries
from projections.queries.paging import Row
from projections.read_model.model import Read

MOST: Final = 60
HITS: Final = 3
_MARKED: Final = re.compile("[«»]")


def router() -> APIRouter:
    """Return the routes of search and help."""
    routes = page_router()
    add_page(routes, "/search", get_results)
    add_page(routes, "/help", get_help, "light")
    return routes


def get_results(page: PageDependency, text: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Show the subjects with texts that have all of the words, the best match first."""

    def build(read: Read) -> Context:
        found: dict[str, Row] = {}
        for hit in search_queries.search(read, text, when=page.time.point, limit=MOST).rows:
            row = found.setdefault(hit["subject"], {"subject": hit["subject"], "hits": []})
            if len(row["hits"]) < HITS and hit["field"] != "title":
                row["hits"].append({**hit, "parts": _MARKED.split(hit["snippet"])})
        return {"rows": list(found.values()), "text": text}

    return page.render("search.html", build)


def get_help(page: PageDependency) -> Response:
    """Show the keys and the words that pages use."""
    return page.render("help.html", lambda _: {})
