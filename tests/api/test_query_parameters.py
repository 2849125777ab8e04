"""What is not understood is refused, never passed over: a question answered as another one is worse than none."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pytest

from domain.statuses import STATUSES
from tests.support_log import LocalService

FIRST = {"title": "A", "decision": "B", "why": "C", "accountable": "Ada Lovelace"}
PROPOSED = {"type": "ProposeDecision", "key": "d", "title": "D?"}


@pytest.mark.parametrize(
    ("path", "params", "field", "saying"),
    [
        ("/roadmap", {"asof": "2021-01-01"}, "asof", "`as_of`"),
        ("/roadmap", {"foo": "1"}, "foo", "valid parameters: as_of"),
        ("/fields", {"since": "2021-01-01"}, "since", "no parameter"),
        ("/decisions", {"holder": "Ada Lovelace"}, "holder", "no parameter"),
        ("/features", {"kind": "goal"}, "kind", "no parameter"),
        ("/fields/count", {"group": "field", "cursor": "00"}, "cursor", "earlier answer"),
        ("/fields/history/count", {"group": "field", "cursor": "00"}, "cursor", "earlier answer"),
        ("/decisions", {"cursor": "xx"}, "cursor", "earlier answer"),
        ("/decisions", {"ever": "acepted"}, "ever", "there is no status `acepted`; did you mean `accepted`?"),
        ("/fields/history", {"include_removed": "true"}, "include_removed", "no parameter"),
        ("/fields", {"as_of": ["2021-01-01", "2022-01-01"]}, "as_of", "only once"),
        ("/fields", {"blame": "yes"}, "blame", "`true` or `false`"),
        ("/decisions", {"backdated": "True"}, "backdated", "`true` or `false`"),
        ("/fields", {"limit": "1_000"}, "limit", "whole number"),
        ("/audit", {"position": ["1", "02"]}, "position", "whole number"),
        ("/fields/history/count", {"group": "nothing"}, "group.0", "must be 'subject', 'field'"),
        ("/fields", {"kind": "feture"}, "kind", "no kind `feture`; did you mean `feature`?"),
        ("/roadmap", {"product": "nope"}, "product", "no product 'nope'"),
        ("/fields", {"subject": "kep-1287"}, "subject", "feature:gift-cards"),
        ("/fields", {"subject": "feature:nope"}, "subject", "no feature 'nope'"),
        ("/fields/history", {"direction": "sideways"}, "direction", "later"),
        ("/slips", {"direction": "sideways"}, "direction", "later"),
        ("/audit", {"type": "Nonsense"}, "type", "/v1/catalog"),
        ("/audit", {"type": "DecisionAcceptd"}, "type", "did you mean `DecisionAccepted`?"),
        ("/audit", {"kind": "decisions"}, "kind", "there is no kind `decisions`; did you mean `decision`?"),
        ("/decisions", {"status": "acepted"}, "status", "there is no status `acepted`; did you mean `accepted`?"),
        ("/features", {"status": "someday"}, "status", "valid values: accepted"),
        ("/fields/history", {"direction": "latter"}, "direction", "did you mean `later`?"),
        ("/roadmap", {"layout": "boards"}, "layout", "there is no layout `boards`; did you mean `board`?"),
        ("/roadmap", {"columns": "owners"}, "columns", "there is no field `owners`; did you mean `owner`?"),
        ("/fields", {"field": "horzon"}, "field", "there is no field `horzon`; did you mean `horizon`?"),
        ("/fields/history", {"field": ["status", "titel"], "kind": "goal"}, "field", "did you mean `title`?"),
        ("/fields/count", {"group": "kind", "field": "titel"}, "field", "did you mean `title`?"),
        ("/changes", {"since": "2025-01-01", "field": "horzon"}, "field", "did you mean `horizon`?"),
        (
            "/features",
            {"where": "status=acepted"},
            "where",
            "there is no status `acepted`; did you mean `accepted`?",
        ),
        (
            "/decisions",
            {"where": "status==accepted"},
            "where",
            "there is no status `=accepted`; did you mean `accepted`?",
        ),
        ("/roadmap", {"show": "titel"}, "show", "there is no field `titel`; did you mean `title`?"),
        ("/audit", {"because": "nope"}, "because", "no decision 'nope'"),
        ("/changes", {"since": "2026-01-01", "until": "2025-01-01"}, "until", "earlier"),
        ("/fields/history", {"since": "2026-01-01", "until": "2025-01-01"}, "until", "earlier"),
        ("/subjects/feature:nope/history", {}, "subject", "no feature 'nope'"),
        ("/subjects/feature:nope/graph", {}, "subject", "no feature 'nope'"),
        ("/subjects/feature:nope", {}, "subject", "no feature 'nope'"),
        ("/features/nope", {}, "key", "no feature 'nope'"),
        ("/decisions/nope/authority", {}, "key", "no decision 'nope'"),
        ("/subjects/feature:nope/accountability", {}, "subject", "no feature 'nope'"),
        ("/fields/count", {"group": "field", "min_count": 10**20}, "min_count", ""),
        ("/log/entries", {"cursor": 10**20}, "cursor", ""),
        ("/log/entries", {"cursor": 1000}, "cursor", "the log ends at position"),
        ("/audit", {"position": 10**20}, "position.0", ""),
        ("/fields", {"as_of": "2021-03-01T09:30:00 02:00"}, "as_of", "%2B"),
    ],
)
def test_a_question_is_understood_or_refused(
    service: LocalService, path: str, params: dict[str, Any], field: str, saying: str
) -> None:
    """The parameter is named, and what is meant or right is said."""
    response = service.client.get(f"/v1{path}", params=params)

    assert response.status_code in (404, 422), response.text
    assert response.json()["field"] == field
    assert saying in response.json()["detail"]


@pytest.mark.parametrize(
    ("params", "field", "saying"),
    [
        (
            {"milestone": "3.9"},
            "milestone",
            "no milestone `3.9`; `3.9` is the release `r1`, which `value` takes by its id",
        ),
        ({"milestone": "shipp"}, "milestone", "no milestone `shipp`; did you mean `ship`?"),
        ({"milestone": "x"}, "milestone", "valid values: beta, ship"),
        ({"product": "tea"}, "product", "no product 'tea'; `tea` is the decision `tea` and the feature `tea`"),
        ({"product": "3.9"}, "product", "no product '3.9'; `3.9` is the release `r1`"),
        ({"product": "feature:tea"}, "product", "feature:tea is of the kind feature, and `product` takes a product"),
        ({"subject": "goal:tea"}, "subject", "no goal 'tea'; `tea` is the decision `tea` and the feature `tea`"),
    ],
)
def test_a_name_of_another_kind_is_recognized(
    service: LocalService, params: dict[str, Any], field: str, saying: str
) -> None:
    """A parameter that takes another kind of subject, or a milestone, says of which kind the one with this name is."""
    service.post("/products", {"key": "shop", "title": "Shop"})
    service.post("/features", {"key": "tea", "title": "Tea", "products": ["shop"]})
    service.post("/decisions", {**FIRST, "key": "tea"})
    service.post("/releases", {"key": "r1", "version": "3.9", "products": ["shop"]})
    service.post("/features/tea/target", {"milestone": "beta", "release": "r1"})
    service.rows("/roadmap", milestone="beta")

    response = service.client.get("/v1/roadmap", params=params)

    assert (response.status_code in (404, 422), response.json()["field"]) == (True, field)
    assert saying in response.json()["detail"]
    assert service.client.get("/v1/roadmap", params={"milestone": "ship"}).status_code == 200


def test_a_subject_that_was_recorded_later_is_not_suggested_instead_of_itself(service: LocalService) -> None:
    """The page of a subject as known before it was recorded says that it was recorded later."""
    service.post("/decisions", {**FIRST, "key": "tea"})
    service.rows("/decisions")

    response = service.client.get("/v1/decisions/tea", params={"known_at": "2020-01-01"})

    assert response.status_code == 404
    assert response.json()["detail"] == "no decision 'tea'; it was recorded after `known_at`"


def test_a_person_is_found_by_key(service: LocalService) -> None:
    """Where a person is asked for, their key is enough, as it is for other subjects."""
    service.post("/people", {"key": "bob", "name": "Bob Lee"})
    service.post("/products", {"key": "shop", "title": "Shop", "accountable": "bob"})

    for path, asked in {
        "/accountability": {"who": "bob"},
        "/fields": {"holder": "bob"},
        "/products": {"where": "role.accountable=bob"},
    }.items():
        assert [row["subject"] for row in service.rows(path, **asked)] == ["product:shop"], path
    unknown = service.client.get("/v1/audit", params={"by": "bobby"})
    assert (unknown.status_code, unknown.json()["field"]) == (404, "by")
    token = service.post("/tokens", {"holder": "bob"})
    assert token.json()["holder"] == "person:bob"


def test_positions_can_be_asked_for(service: LocalService) -> None:
    """The audit trail of some positions holds these."""
    assert [row["position"] for row in service.rows("/audit", position=[2, 1], order="oldest")] == [1, 2]


@pytest.mark.parametrize(
    ("path", "asked"), [("/products", {}), ("/changes", {"since": "2024-01-01"}), ("/slips", {"direction": "later"})]
)
def test_pages_make_up_the_whole(service: LocalService, path: str, asked: dict[str, Any]) -> None:
    """Read one row at a time, a list is what it is when read at once; a cursor of another answer is refused."""
    for n, title in enumerate(("b", "A", "a", "C")):
        service.post("/products", {"key": f"p{n}", "title": title})
        for release, version in (("early", "1"), ("late", "2")):
            scheduled = {"key": f"{release}{n}", "products": [f"p{n}"], "version": version}
            assert service.post("/releases", scheduled).status_code == 201
        assert service.post("/features", {"key": f"f{n}", "title": title, "products": [f"p{n}"]}).status_code == 201
        for release in ("early", "late"):
            target = {"milestone": "beta", "release": f"{release}{n}"}
            assert service.post(f"/features/f{n}/target", target).status_code == 200
    whole = service.rows(path, **asked)
    found: list[dict[str, Any]] = []
    answer = service.get(path, **asked, limit=1)
    while answer.get("next"):
        found += answer["rows"]
        answer = service.get(path, **asked, limit=1, cursor=answer["next"])

    assert [*found, *answer["rows"]] == whole
    assert len(whole) > 3
    assert service.client.get(f"/v1{path}", params={**asked, "cursor": "00"}).status_code == 422


def test_reads_stop_when_the_read_model_has_stopped(service: LocalService) -> None:
    """Health and every question answer 503 with the reason, rather than what was so some time ago."""
    service.runner._error = RuntimeError("a hole")

    for path in ("/v1/health", "/v1/fields", "/v1/roadmap", "/v1/audit"):
        response = service.client.get(path)
        assert response.status_code == 503
        assert "a hole" in response.json()["detail"]


def test_a_version_is_required_in_a_batch_too(service: LocalService) -> None:
    """What changes prose in place says in `expected` what it has read, wherever in the batch it stands."""
    revise = {"type": "ReviseDecision", "subject": "decision:d", "title": "D!"}
    service.post("/commands", PROPOSED)
    batch = {"commands": [{"type": "RegisterTeam", "title": "T"}, revise]}

    missing = service.post("/commands", batch)
    assert (missing.status_code, missing.json()["field"]) == (428, "expected")
    assert missing.json()["detail"] == "set the version you read of decision:d in `expected`"
    assert service.post("/commands", revise).json()["field"] == "If-Match"
    assert service.post("/commands", {**batch, "expected": {"decision:d": 7}}).status_code == 412
    assert service.post("/commands", {**batch, "expected": {"decision:d": 1}}).status_code == 201


def test_what_a_transaction_creates_needs_no_version(service: LocalService) -> None:
    """A decision that the transaction itself proposes cannot have changed since it was read."""
    revise = {"type": "ReviseDecision", "subject": "decision:d", "title": "D!"}

    together = service.post("/commands", {"commands": [PROPOSED, revise]})

    assert (together.status_code, len(together.json()["recorded"])) == (201, 2)
    assert service.post("/commands", {"commands": [{**PROPOSED, "key": "e"}, revise]}).status_code == 428


def test_a_header_that_is_not_honoured_is_refused(service: LocalService) -> None:
    """An idempotency key where none is supported is refused with a reason."""
    for path, body in (
        ("/tokens", {"holder": "Ada Lovelace"}),
        ("/bulk", {"transactions": [{"commands": [PROPOSED]}]}),
    ):
        response = service.post(path, body, Idempotency_Key="k")
        assert response.status_code == 400
        assert response.json()["field"] == "Idempotency-Key"


def test_nobody_speaks_as_the_log_itself(service: LocalService) -> None:
    """The log's own name is no service's."""
    assert service.post("/tokens", {"holder": "service:decisionlog"}).status_code == 422


def test_who_has_departed_speaks_no_more(service: LocalService) -> None:
    """A token of a person who left is not accepted, and none is created for them."""
    bo = service.person("Bo")
    token = service.post("/tokens", {"holder": "Bo"}).json()["secret"]
    assert service.client_of(token).get("/v1/log").status_code == 200

    service.post(f"/people/{bo.partition(':')[2]}/leave")

    assert service.client_of(token).get("/v1/log").status_code == 401
    assert service.post("/tokens", {"holder": "Bo"}).status_code == 409


def test_any_version_will_do_with_a_star(service: LocalService) -> None:
    """`If-Match: *` asks only that the subject is there (RFC 9110)."""
    service.post("/commands", PROPOSED)

    assert service.post("/decisions/d/withdraw", {"why": "No."}, If_Match="*").status_code == 200
    assert service.post("/decisions/e/withdraw", {"why": "No."}, If_Match="*").status_code == 404


def test_a_field_that_is_none_is_told_which_there_are(service: LocalService) -> None:
    """The known fields of the command are listed."""
    response = service.post("/decisions", {**FIRST, "owner": "Ada"})

    assert "accountable" in response.json()["detail"]


def test_all_that_is_missing_is_said_at_once(service: LocalService) -> None:
    """The detail names every one of the four fields."""
    detail = service.post("/decisions", {}).json()["detail"]

    assert all(f"{name}: is required" in detail for name in FIRST)


@pytest.mark.parametrize(
    ("title", "shown"),
    [("=1+1", "'=1+1"), ("a;=1+1", "a;'=1+1"), ("-2", "'-2"), ("a=b", "a=b"), ("@SUM(A1)", "'@SUM(A1)")],
)
def test_no_spreadsheet_executes_a_title(service: LocalService, title: str, shown: str) -> None:
    """A formula is made a text, also behind what some take for the end of a field."""
    subject = service.post("/decisions", {**FIRST, "title": title}).json()["subject"]

    text = service.client.get(
        "/v1/fields",
        params={"subject": subject, "field": "title", "format": "csv", "min_position": service.log.head().size},
    ).text

    assert f",{shown}," in text


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_that_nothing_has_yet_is_known(status: str, service: LocalService) -> None:
    """A status that an event can set is never taken for a typing error, whether or not the log has such a subject."""
    assert service.get("/tasks", status=status)["rows"] == []


def test_a_table_comes_as_json_lines_and_csv_too(service: LocalService) -> None:
    """By parameter or by `Accept`; the headers have position and time."""
    position = service.post("/decisions", FIRST).json()["position"]
    as_csv = service.client.get("/v1/fields", params={"min_position": position}, headers={"Accept": "text/csv"})
    as_lines = service.client.get("/v1/fields", params={"min_position": position, "format": "jsonl"})

    assert as_csv.headers["Content-Type"].startswith("text/csv")
    assert as_csv.text.splitlines()[0].startswith("subject,title,field,value")
    assert len(as_lines.text.splitlines()) == len(as_csv.text.splitlines()) - 1 > 5
    assert int(as_csv.headers["Decisionlog-Position"]) >= position
    assert f"Ada Lovelace <{service.ada}>" in as_csv.text


def test_two_ids_of_one_person_are_no_two_people(service: LocalService) -> None:
    """A name that two ids share is ambiguous until they are joined."""
    first, second = service.person("Bo"), service.person("Bo")
    ambiguous = service.client.get("/v1/accountability", params={"who": "Bo"})
    assert ambiguous.status_code == 422
    assert first in ambiguous.json()["detail"]

    position = service.post(f"/people/{first.partition(':')[2]}/merge", {"into": second}).json()["position"]

    service.get("/fields", min_position=position)
    assert service.client.get("/v1/accountability", params={"who": "Bo"}).status_code == 200


UNPAGED = {
    "/v1/calibration": "a curve has at most 101 points",
    "/v1/meetings/{key}/minutes": "one meeting has few transactions, each of which is limited",
    "/v1/decisions/{key}/review": "a decision has few expected outcomes",
    "/v1/succession": "one person holds and owes few things",
    "/v1/products/{key}/report": "a report has a fixed number of lines",
    "/v1/subjects/{subject}/accountability": "one subject has few roles",
    "/v1/decisions/{key}/authority": "one decision has few deciders",
    "/v1/decisions/{key}/options": "one decision has few options",
    "/v1/products/{key}/deciders": "the rights of one product are limited in number",
    "/v1/tokens": "administrators see all tokens",
}


def test_every_list_is_paged_or_says_what_it_leaves_out(service: LocalService) -> None:
    """Every route that answers in rows takes `limit` and `cursor`, or its answer has `truncated`."""
    document = service.app.openapi()
    for path, methods in document["paths"].items():
        schema = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json")
        name = schema["schema"].get("$ref", "").rpartition("/")[2] if schema else ""
        members = document["components"]["schemas"].get(name, {}).get("properties", {})
        if "rows" in members and path not in UNPAGED and "truncated" not in members:
            taken = {parameter["name"] for parameter in methods["get"]["parameters"]}
            assert taken >= {"limit", "cursor"}, path


PAGED: Final[list[tuple[str, dict[str, Any]]]] = [
    ("/people", {}),
    ("/releases", {}),
    ("/subjects/product:p/history", {}),
    ("/subjects/product:p/accountability", {}),
    ("/search", {"text": "p"}),
    ("/accountability/count", {}),
    *(("/fields/count", {"group": group}) for group in ("holder", "value", "field", "subject")),
    ("/fields/history/count", {"group": "field"}),
    ("/fields/history/count", {"group": ["direction", "subject"]}),
]


@pytest.mark.parametrize(("path", "asked"), PAGED)
def test_the_pages_of_a_list_are_the_whole(service: LocalService, path: str, asked: dict[str, Any]) -> None:
    """Each page leads to the next by `next`, and all rows come once, in order."""
    service.post("/products", {"key": "p", "title": "P"})
    for role in ("accountable", "driver", "consulted", "informed", "approver"):
        service.post("/people", {"key": role, "name": role})
        service.post("/subjects/product:p/assign", {"role": role, "holders": [f"person:{role}"]})
    for n in range(5):
        service.post("/people", {"name": f"Person {n}"})
        service.post("/releases", {"products": ["p"], "version": f"1.{n}"})
        service.post("/subjects/product:p/title", {"title": f"P{n}"})
    whole = service.get(path, **asked)
    assert len(whole["rows"]) > 4
    assert "next" not in whole

    found, cursor = [], {}
    while True:
        page = service.get(path, limit=2, **asked, **cursor)
        found.append(page["rows"])
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}

    assert [row for rows in found for row in rows] == whole["rows"]
    assert {len(rows) for rows in found[:-1]} == {2}
    assert service.client.get(f"/v1{path}", params={**asked, "cursor": "00"}).status_code == 422


@pytest.mark.parametrize("path", ["/roadmap?layout=table", "/roadmap?layout=board", "/features", "/decisions"])
def test_a_page_can_be_followed_whatever_its_titles_are(service: LocalService, path: str) -> None:
    """A cursor may hold a title of 500 characters of four bytes each."""
    service.post("/products", {"key": "sea", "title": "Sea"})
    for n in range(3):
        title = f"{'🎁' * 499}{n}"
        service.post("/features", {"key": f"f{n}", "title": title, "products": ["sea"]})
        service.post("/decisions/propose", {"key": f"d{n}", "title": title, "products": ["sea"]})
        service.post(f"/features/f{n}/prioritize", {"horizon": "now"})

    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = service.get(path, limit=1, **more)
        found += {each for row in answer["rows"] for each in re.findall(r"(?:feature:f|decision:d)\d", json.dumps(row))}
        cursor = answer.get("next")
        if cursor is None:
            break

    assert len(found) == len(set(found)) == 3


def test_the_length_of_a_text_is_counted_in_characters(service: LocalService) -> None:
    """Only lists have items."""
    refused = service.client.get("/v1/roadmap", params={"cursor": "ab" * 3_000})

    assert refused.status_code == 422
    assert "at most 5000 characters" in refused.json()["detail"]
