"""The templates of the pages, and the responses made from them.

Every value is escaped, a name that a page does not have is an error, and no template contains a style or a script, so
that the content security policy needs no exception.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.pages import verbs, words
from api.pages.static_files import static_address

FOLDER: Final = Path(__file__).parent / "templates"
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie, Authorization, Accept-Encoding",
}
COMPRESSED_FROM: Final = 1_000
"""Bytes from which a page is compressed. It contains no secret that its length could betray."""
_LEVEL: Final = 5


@cache
def load_templates() -> Environment:
    """Return the templates with the functions and filters that they use."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(static=static_address)
    environment.filters.update(words.FILTERS, verb=verbs.verb_of)
    environment.tests.update(words.TESTS)
    return environment


def render_page(
    request: Request, template: str, context: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Return a page made from a template. A page without the navigation extends `base.html`, the others `page.html`."""
    body = load_templates().get_template(template).render(context).encode()
    found = {**HEADERS, **(headers or {})}
    if len(body) >= COMPRESSED_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, _LEVEL, mtime=0)
        found["Content-Encoding"] = "gzip"
    return Response(body, status, media_type="text/html; charset=utf-8", headers=found)
