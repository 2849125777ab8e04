"""The `Accept` header chooses the format of a response (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from api.formats import BY_MEDIA_TYPE, choose_format, negotiate


def request(accept: str | None) -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, None),
        ("", None),
        ("text/csv", "csv"),
        ("TEXT/CSV; charset=utf-8", "csv"),
        ("application/x-ndjson", "jsonl"),
        ("text/csv;q=0.1, application/json;q=0.9", "json"),
        ("application/json;q=0.2, text/csv; q=0.7, application/jsonl;q=0.7", "csv"),
        ("text/csv;q=0, application/jsonl;q=0.1", "jsonl"),
        ("*/*", "json"),
        ("*/*, text/csv", "csv"),
        ("*/*, text/csv;q=0.5", "json"),
        ("text/*", "csv"),
        ("application/json;q=0, application/*", "jsonl"),
        ("image/png, text/html", None),
        ("text/csv;q=high", "csv"),
        (";;,,", None),
    ],
)
def test_the_highest_weight_wins(accept: str | None, chosen: str | None) -> None:
    """Weights decide, then named types before wildcards, then the order of the header; weight 0 excludes a type."""
    assert negotiate(request(accept), BY_MEDIA_TYPE) == chosen


def test_the_parameter_wins_over_the_header() -> None:
    """Without either, the format is JSON."""
    assert choose_format(request("text/csv"), "jsonl") == "jsonl"
    assert choose_format(request("image/png"), None) == "json"
