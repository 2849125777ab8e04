"""Whatever comes in, the answer is a problem document that names the field; nothing is stored and nothing breaks."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import pytest

from api.bodies import MAX_BODY
from tests.support_log import LocalService

FIRST = {"title": "A", "decision": "B", "why": "C", "accountable": "Ada Lovelace"}
SCRIPTS = [
    "Geschäftsführung",
    "Стратегия",
    "استراتيجية المنتج",
    "提供礼品卡",
    "ギフトカード",
    "उपहार कार्ड",
    "🎁🧑‍🤝‍🧑",
    "a\u0301\u0323",
    "\u202eright to left\u202c",
    "ﷺ",
    "zero\u200bwidth",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
]


def _assert_refused(service: LocalService, response: Any, status: int, field: str | None) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["detail"]
    if field is not None:
        assert problem["field"] == field
    assert service.log.head().size == service.size_before


@pytest.fixture(autouse=True)
def _size(service: LocalService) -> None:
    service.size_before = service.log.head().size  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1, 2",
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b'{"title": "\\ud800"}',
        b'{"a": 01}',
        b"\xff\xfe",
        b'{"title": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"null",
        b'"text"',
        b"[]",
        b"17",
    ],
    ids=lambda body: repr(body[:20]),
)
@pytest.mark.parametrize("path", ["/commands", "/decisions", "/bulk", "/tokens", "/people/x/names"])
def test_what_is_no_json_object_is_refused(service: LocalService, path: str, body: bytes) -> None:
    """Malformed JSON, other JSON, endless nesting and broken text are a 4xx on every route that takes a body."""
    response = service.client.post(f"/v1{path}", content=body, headers={"Content-Type": "application/json"})

    assert 400 <= response.status_code < 500, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert service.log.head().size == service.size_before  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [20, 100_000])
def test_a_compressed_body_is_refused_as_such(service: LocalService, size: int) -> None:
    """It is not called broken JSON."""
    body = gzip.compress(json.dumps({"title": "x" * size}).encode(), 0)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    response = service.client.post("/v1/teams", content=body, headers=headers)

    assert (response.status_code, response.json()["field"]) == (415, "Content-Encoding")
    assert response.json()["detail"] == "send the body without compression"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/teams", '{"title": "A", "title": "B"}', "title"),
        ("/teams", '{"title": "A", "references": [{"id": "a:b", "id": "a:c"}]}', "references.0.id"),
        ("/commands", '{"commands": [{"type": "RegisterTeam", "title": "A", "title": "A"}]}', "commands.0.title"),
        ("/bulk", '{"transactions": [{"key": "a", "key": "b", "commands": []}]}', "transactions.0.key"),
        ("/tokens", '{"holder": "service:ci", "holder": "service:cd"}', "holder"),
        ("/teams", f'{{"title": "A", "note": "{"x: " * 5_000}", "title": "B"}}', "title"),
        ("/teams", f'{{"{"x" * 9_000}": 1, "{"x" * 9_000}": 2}}', "x" * 200),
    ],
    ids=lambda each: each[:30],
)
def test_a_name_that_is_given_twice_is_refused(service: LocalService, path: str, body: str, field: str) -> None:
    """A parser keeps one of two values, and the sender may have meant the other, so none is recorded (RFC 8259, section 4)."""
    response = service.client.post(f"/v1{path}", content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 422, response.text
    assert (response.json()["field"], response.json()["detail"]) == (field, f"`{field}` is given twice; send it once")
    assert service.log.head().size == service.size_before  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": "bell\x07"}, "title"),
        ({"title": "nul\x00"}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"why": ["because"]}, "why"),
        ({"why": "x" * 20_001}, "why"),
        ({"unknown": 1}, "unknown"),
        ({"key": "Upper"}, "key"),
        ({"key": "a" * 101}, "key"),
        ({"key": "../etc"}, "key"),
        ({"key": ""}, "key"),
        ({"kind": "Not a word"}, "kind"),
        ({"products": "shop"}, "products"),
        ({"products": ["feature:x"]}, "products.0"),
        ({"because": ["decision:"]}, "because.0"),
        ({"because": [{}]}, "because.0"),
        ({"accountable": "person:UPPER"}, "accountable"),
        ({"options": [{"title": "a", "pros": [1]}]}, "options.0.pros.0"),
        ({"options": [{"pros": []}]}, "options.0.title"),
        ({"review_on": "2025-02-30"}, "review_on"),
        ({"review_on": "soon"}, "review_on"),
        ({"effective_at": "0000-01-01T00:00:00Z"}, "effective_at"),
        ({"effective_at": "0001-01-01T00:00:00+14:00"}, "effective_at"),
        ({"effective_at": "9999-12-31T23:59:59-14:00"}, "effective_at"),
        ({"effective_at": "9999-12-31T23:59:59Z"}, "effective_at"),
        ({"effective_at": "10000-01-01T00:00:00Z"}, "effective_at"),
        ({"effective_at": "2025-01-01T00:00:00"}, "effective_at"),
        ({"effective_at": 1_700_000_000}, "effective_at"),
        ({"corrects": -1}, "corrects"),
        ({"corrects": 1.5}, "corrects"),
        ({"corrects": 2**70}, "corrects"),
        ({"type": "RecordDecision"}, "type"),
        ({"subject": "decision:x"}, "subject"),
        ({"references": [{"id": "x", "system": "a\nb"}]}, "references.0.system"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_a_field_that_is_not_in_order_is_named(service: LocalService, change: dict[str, Any], field: str) -> None:
    """Wrong types, unknown fields, keys of another shape and instants out of range are refused with the field's name."""
    _assert_refused(service, service.post("/decisions", {**FIRST, **change}), 422, field)


@pytest.mark.parametrize("missing", sorted(FIRST))
def test_the_four_fields_are_required(service: LocalService, missing: str) -> None:
    """What is missing is named."""
    body = {name: value for name, value in FIRST.items() if name != missing}

    _assert_refused(service, service.post("/decisions", body), 422, missing)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"products": ["nowhere"]}, "products.0"),
        ({"because": ["decision:never"]}, "because.0"),
        ({"accountable": "Nobody Known"}, "accountable"),
        ({"accountable": "person:nobody"}, "accountable"),
        ({"accountable": "team:none"}, "accountable"),
        ({"deciders": ["Ada Lovelace", "Nobody"]}, "deciders.1"),
        ({"on_behalf_of": "Nobody"}, "on_behalf_of"),
        ({"supersedes": ["never"]}, "supersedes.0"),
        ({"corrects": 4_000_000}, "corrects"),
    ],
)
def test_what_the_log_has_never_heard_of_is_named(service: LocalService, change: dict[str, Any], field: str) -> None:
    """Unknown subjects and people are refused with the field that names them."""
    _assert_refused(service, service.post("/decisions", {**FIRST, **change}), 404, field)


def test_a_body_of_ten_megabytes_is_refused(service: LocalService) -> None:
    """Whether it says its length or comes in chunks."""
    body = json.dumps({**FIRST, "why": "x" * 10_000_000}).encode()
    assert len(body) > MAX_BODY

    whole = service.client.post("/v1/decisions", content=body)
    chunked = service.client.post("/v1/decisions", content=iter([body[:5_000_000], body[5_000_000:]]))

    for response in (whole, chunked):
        _assert_refused(service, response, 413, None)


@pytest.mark.parametrize("text", SCRIPTS)
def test_every_script_is_kept_as_it_was_sent(service: LocalService, text: str) -> None:
    """Text comes back as the same code points, from cells, history and search's page."""
    answer = service.post("/decisions", {**FIRST, "title": text, "why": f"{text}\n\t{text}"}).json()

    cells = {row["field"]: row["value"] for row in service.rows("/fields", subject=answer["subject"])}

    assert cells["title"] == text
    assert cells["why"] == f"{text}\n\t{text}"


HOSTILE = [
    "'",
    "';drop table field_value;--",
    "%",
    "*",
    "\x00",
    "\ud7ff",
    "{}",
    "[",
    "null",
    "-1",
    "x" * 5000,
    "NEAR(",
    '"',
    "😀",
]
QUESTIONS = [
    "/fields",
    "/fields/count",
    "/fields/history",
    "/fields/history/count",
    "/roadmap",
    "/changes",
    "/slips",
    "/decisions",
    "/accountability",
    "/accountability/count",
    "/unowned",
    "/audit",
    "/search",
    "/features",
    "/products",
    "/goals",
    "/teams",
    "/releases",
    "/people",
    "/log/entries",
]


def _parameters(service: LocalService, path: str) -> list[str]:
    operation = service.app.openapi()["paths"][f"/v1{path}"]["get"]
    return [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"]


def test_a_hostile_question_breaks_nothing(service: LocalService) -> None:
    """Each parameter of each question, filled with what hurts, is answered or refused; never a 500.

    Many questions read a parameter by the same code, so what hurts is dealt out among them: each value to one of them.
    """
    shared = Counter(name for path in QUESTIONS for name in _parameters(service, path))
    dealt = Counter[str]()
    needed = {"since": "2025-01-01", "group": "field", "who": "Ada Lovelace", "text": "a"}

    for path in QUESTIONS:
        names = _parameters(service, path)
        for name in names:
            hands = min(shared[name], len(HOSTILE))
            for value in HOSTILE[dealt[name] % hands :: hands]:
                params = {key: said for key, said in needed.items() if key in names} | {name: value}
                response = service.client.get(f"/v1{path}", params=params)

                assert response.status_code < 500, (path, name, value, response.text)
                if response.status_code >= 400:
                    assert response.headers["Content-Type"] == "application/problem+json"
                    assert response.json()["detail"]
            dealt[name] += 1


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"as_of": "yesterday"}, "as_of"),
        ({"known_at": "2025-13-01"}, "known_at"),
        ({"as_of": "0000-01-01T00:00:00Z"}, "as_of"),
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "what?"}, "cursor"),
        ({"holder": "Nobody Known"}, "holder"),
        ({"format": "xml"}, "format"),
        ({"min_position": "-1"}, "min_position"),
    ],
)
def test_a_question_that_is_not_in_order_is_refused_with_the_parameter(
    service: LocalService, params: dict[str, str], field: str
) -> None:
    """The parameter is named, and what would be right is said."""
    response = service.client.get("/v1/fields", params=params)

    assert response.status_code in (404, 422)
    assert response.json()["field"] == field


@pytest.mark.parametrize("path", ["/v1/nowhere", "/v1/decisions/x/applaud", "/v2/decisions", "/v1/subjects/x"])
def test_what_is_not_there_is_a_problem_document_too(service: LocalService, path: str) -> None:
    """404 and 422 of the router look like all other refusals."""
    response = service.client.post(path, json={})

    assert response.status_code in (404, 405, 422)
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_byte_order_mark_before_json_is_ignored(service: LocalService) -> None:
    """Some programs on Windows write one."""
    body = b"\xef\xbb\xbf" + json.dumps(FIRST).encode()

    assert service.client.post("/v1/decisions", content=body).status_code == 201


@pytest.mark.parametrize("digits", [19, 5_000])
def test_a_declared_length_with_too_many_digits_is_too_long(service: LocalService, digits: int) -> None:
    """A body whose declared length has thousands of digits is refused like any other that is too long."""
    headers = {"Content-Type": "application/json", "Content-Length": "9" * digits}

    response = service.client.post("/v1/decisions", content=b"{}", headers=headers)

    _assert_refused(service, response, 413, None)
