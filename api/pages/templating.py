"""The templates of the pages, and the responses made from them.

Every value is escaped, a name that a page does not have is an error, and no template contains a style or a script, so
that the content security policy needs no exception.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api import report_text
from api.pages import labels, subject_addresses, value_formats, verbs
from api.pages.static_files import static_address
from domain.ids import kind_of
from projections.queries.hidden_reasons import HIDDEN_REASON, describe_hidden_cause

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
_FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "command_label": labels.command_label,
    "status_mark": labels.status_mark,
    "verdict_mark": labels.verdict_mark,
    "value_parts": value_formats.value_parts,
    "field_label": labels.field_label,
    "count_of": value_formats.count_of,
    "quantity": value_formats.quantity,
    "times_word": value_formats.times_word,
    "format_day": value_formats.format_day,
    "format_month": value_formats.format_month,
    "choice_label": labels.choice_label,
    "format_period": report_text.format_period,
    "format_time": value_formats.format_time,
    "exact_time": value_formats.exact_time,
    "html_time": value_formats.html_time,
    "input_time": value_formats.input_time,
    "typed_time": value_formats.typed_time,
    "utc_time": value_formats.utc_time,
    "page_address": subject_addresses.page_address,
    "with_titles": subject_addresses.with_titles,
    "items": value_formats.plain_value,
    "money": value_formats.format_money,
    "sentence": value_formats.sentence,
    "wrong_parts": value_formats.wrong_parts,
    "kind": kind_of,
    "verb": verbs.verb_of,
    "verb_with_this": verbs.verb_with_this,
}
_TESTS: Final[dict[str, Callable[..., bool]]] = {
    "subject_id": subject_addresses.is_subject_id,
    "day": value_formats.is_day,
}


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
    environment.globals.update(static=static_address, hidden_reason=HIDDEN_REASON, hidden_cause=describe_hidden_cause)
    environment.filters.update(_FILTERS)
    environment.tests.update(_TESTS)
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
