"""Every answer has the shape that the interface document says, in JSON and in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, ValidationError
from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from api import formats
from domain.catalog import COMMANDS
from domain.examples import examples_for
from eventlog.worker_status import WorkerStatus
from projections.answer_types import everything as answers
from projections.queries.field_groups import flat_fields
from tests.support_log import EmptyService, LocalService, quiet_token

GIFTS, TEA = "feature:gift-cards", "decision:tea"
MORE: Final[list[dict[str, Any]]] = [
    {"type": "ScheduleRelease", "key": "r2", "products": ["shop"], "version": "2.0"},
    {"type": "OrderReleases", "subject": "product:shop", "releases": ["r1", "r2"]},
    {"type": "TargetMilestone", "subject": GIFTS, "milestone": "beta", "release": "r2", "note": "=later"},
]
"""What the examples do not have: a promise that moved."""

LAST: Final[list[dict[str, Any]]] = [
    {
        "type": "ImportChanges",
        "subject": "import:minutes",
        "source": {"system": "minutes"},
        "changes": [
            {"field": "exists", "value": True},
            {"field": "system", "value": "minutes"},
            {"field": "lines", "value": 3},
            {"field": "unplaced", "value": 1},
            {"field": "products", "subjects": ["product:shop"]},
        ],
    },
    {"type": "RegisterPerson", "key": "cleo", "name": "Cleo Cup"},
    {"type": "GrantRole", "subject": "person:cleo", "role": "viewer", "product": "shop"},
    {"type": "SetGoal", "key": "rest", "title": "Guests rest"},
    {"type": "DefineProduct", "key": "inn", "title": "Inn"},
    {"type": "ProposeFeature", "key": "sofa", "title": "A sofa", "products": ["inn"]},
    {"type": "LinkFeature", "subject": "feature:sofa", "goals": ["rest"]},
    {"type": "ProposeDecision", "key": "bed", "title": "Offer beds", "because": ["assumption:water"]},
    {"type": "ProposeDecision", "key": "spa", "title": "Offer a spa", "cost_limit": {"amount": 9, "currency": "EUR"}},
    {"type": "DeferDecision", "subject": "decision:spa", "until": "There is steam.", "awaits": ["evidence:steam"]},
    {"type": "RecordEvidence", "key": "steam", "title": "There is steam", "kind": "prototype"},
    {"type": "SetGoal", "key": "sleep", "title": "Guests sleep"},
    {
        "type": "StateExpectedOutcome",
        "subject": "decision:bed",
        "measure": "Beds",
        "target": "9",
        "due_on": "2035-12-31",
        "by": "person:cleo",
    },
    {
        "commands": [
            {
                "type": "RecordMeeting",
                "key": "hotel",
                "title": "Hotel round",
                "held_on": "2024-12-20",
                "attendees": ["person:cleo"],
                "agenda": ["bed"],
            },
            {"type": "AdviseOnDecision", "subject": "decision:bed", "advice": "Soft ones.", "by": "person:cleo"},
            {"type": "AssignTask", "title": "Count beds", "accountable": "person:cleo", "due_on": "2035-12-31"},
        ]
    },
]
"""An import, a role still held, a way to a goal, a flag, a decision whose wait is over, and a meeting."""

BEFORE: Final = "2025-01-01"
ASKED: Final[dict[str, list[dict[str, Any]]]] = {
    "/v1/fields": [{}, {"blame": True, "include_removed": True}, {"limit": 1, "known_at": "2030-01-01", "blame": True}],
    "/v1/fields/count": [
        {"group": group} for group in ("holder", "value", "source_value", "field", "kind", "product", "subject")
    ],
    "/v1/fields/history": [
        {},
        {"limit": 1},
        {"include_unchanged": True, "order": "newest"},
        {"show": ["status", "role.*"], "durations": True},
        {"held_less_than": "1d", "open": "false"},
    ],
    "/v1/fields/history/count": [
        {"group": ["subject", "field", "direction", "actor", "principal"]},
        {"group": ["year", "quarter", "month", "week", "kind", "product"]},
        {"group": ["from", "to", "from_source_value", "to_source_value"]},
    ],
    "/v1/roadmap": [
        {"layout": layout, "blame": blame, "show": "*", "include_removed": True, "columns": columns}
        for layout in ("board", "timeline", "table")
        for blame in (True, False)
        for columns in ("release", "horizon", "owner")
    ],
    "/v1/changes": [{"since": BEFORE, "include_removed": True}, {"since": BEFORE, "known_since": BEFORE}],
    "/v1/evidence": [{}],
    "/v1/evidence/{key}": [{"key": "survey"}],
    "/v1/assumptions": [{}],
    "/v1/assumptions/{key}": [{"key": "water"}],
    "/v1/meetings": [{}],
    "/v1/meetings/{key}": [{"key": "steering"}],
    "/v1/meetings/{key}/minutes": [{"key": "hotel"}, {"key": "steering"}],
    "/v1/tasks": [{}],
    "/v1/tasks/{key}": [{"key": "cups"}],
    "/v1/flags": [{}, {"limit": 1}],
    "/v1/arrivals": [{}],
    "/v1/contributions": [{}, {"subject": "goal:reach"}],
    "/v1/contributions/gaps": [{}],
    "/v1/decisions/{key}/options": [{"key": "tea"}],
    "/v1/slips": [{}, {"include_removed": True}],
    "/v1/slips/causes": [{}],
    "/v1/slips/count": [{"by": by} for by in ("release", "owner", "quarter", "cause")],
    "/v1/debt": [{}, {"limit": 1}],
    "/v1/debt/months": [{"as_of": "2025-01-01T01:00:00Z"}],
    "/v1/expected-outcomes": [{}],
    "/v1/calibration": [{"who": "person:ann"}],
    "/v1/succession": [{"who": "person:ann"}],
    "/v1/decisions/{key}/review": [{"key": "tea"}, {"key": "bed"}],
    "/v1/decisions": [{}, {"include_removed": True, "limit": 1}],
    "/v1/imports": [{}],
    "/v1/imports/{key}": [{"key": "minutes"}],
    "/v1/releases": [{}],
    "/v1/features": [{}],
    "/v1/products": [{}],
    "/v1/goals": [{}],
    "/v1/teams": [{}],
    "/v1/decisions/{key}": [{"key": "tea"}, {"key": "old"}],
    "/v1/decisions/{key}/authority": [{"key": "tea"}, {"key": "coffee"}, {"key": "old", "as_of": "2030-01-01"}],
    "/v1/features/{key}": [{"key": "gift-cards"}],
    "/v1/products/{key}": [{"key": "shop"}],
    "/v1/products/{key}/deciders": [
        {"key": "shop"},
        {"key": "shop", "kind": "feature", "cost": 1000, "currency": "EUR"},
    ],
    "/v1/products/{key}/report": [
        {"key": "shop", "since": BEFORE},
        {"key": "shop", "since": BEFORE, "until": "2025-01-02", "position": 40},
    ],
    "/v1/releases/{key}": [{"key": "r1"}],
    "/v1/goals/{key}": [{"key": "reach"}],
    "/v1/teams/{key}": [{"key": "core"}],
    "/v1/subjects/{subject}": [{"subject": "person:ann"}, {"subject": "decision:coffee"}],
    "/v1/subjects/{subject}/history": [{"subject": each} for each in (TEA, GIFTS, "product:shop", "decision:old")],
    "/v1/subjects/{subject}/graph": [{"subject": TEA}],
    "/v1/subjects/{subject}/accountability": [{"subject": TEA}, {"subject": "product:shop"}],
    "/v1/accountability": [{"who": "person:ann", "blame": True}, {"who": "person:ann"}],
    "/v1/accountability/count": [{}],
    "/v1/unowned": [{}],
    "/v1/access-journal": [{}, {"kind": "denied", "limit": 1}],
    "/v1/accounts": [{}],
    "/v1/activity": [{}, {"source": "access", "limit": 1}],
    "/v1/sessions": [{}, {"person": "person:cleo"}],
    "/v1/audit": [{}, {"order": "oldest", "limit": 5}],
    "/v1/search": [{"text": "tea"}],
    "/v1/log": [{}],
    "/v1/log/entries": [{}],
    "/v1/log/entries/{position}": [{"position": 1}, {"position": 4}, {"position": 20}],
    "/v1/people": [{}],
    "/v1/people/{key}": [{"key": "bob"}],
    "/v1/me": [{}],
    "/v1/roles": [{}, {"holder": "person:cleo"}, {"product": "shop"}],
    "/v1/tokens": [{}],
    "/v1/health": [{}],
    "/v1/status": [{}],
    "/v1/version": [{}],
    "/v1/catalog": [{}],
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A log in which everything has happened once."""
    with EmptyService(tmp_path_factory.mktemp("service")) as opened:
        story = examples_for(opened.log.id)
        shipped = next(n for n, example in enumerate(story) if example["type"] == "ShipFeature")
        for example in (*story[:shipped], *MORE, *story[shipped:]):
            if example["type"] == "DisbandTeam":
                opened.leave()
            version = opened.log.state(example.get("subject", "log:none")).version
            needed = {"If-Match": f'"{version}"'} if example["type"] == "ReviseDecision" else {}
            response = opened.client.post("/v1/commands", json=example, headers=needed)
            assert response.status_code in (200, 201), (example, response.text)
            assert_shape(answers.Receipt, response.text)
        for command in LAST:
            response = opened.client.post("/v1/commands", json=command)
            assert response.status_code in (200, 201), (command, response.text)
        opened.log.sessions.start("person:cleo")
        opened.log.accounts.link("https://login.example.org", "248289761001", "person:cleo")
        denied = opened.client_of(quiet_token(opened.log, "person:cleo", {"read"})).get("/v1/tokens")
        assert denied.status_code == 403
        opened.workers.save(
            WorkerStatus("consumer", "decisionlog.commands", opened.clock(), 3, behind=2).with_error(
                "no broker", opened.clock()
            )
        )
        opened.workers.save(WorkerStatus("publisher", "decisionlog.events", opened.clock(), 3))
        yield opened


@pytest.fixture
def document(service: LocalService) -> dict[str, Any]:
    found: dict[str, Any] = service.app.openapi()
    return found


def _get(service: LocalService, path: str, asked: dict[str, Any], **more: str) -> Any:
    """The answer to a question, once it covers everything that was recorded."""
    named = {name: said for name, said in asked.items() if f"{{{name}}}" in path}
    covered = {} if path in UNASKED else {"min_position": service.log.head().size}
    params = {name: said for name, said in asked.items() if name not in named} | covered | more
    response = service.client.get(path.format(**named), params=params)
    assert response.status_code == 200, response.text
    return response


UNASKED: Final = {
    "/v1/log",
    "/v1/log/entries",
    "/v1/log/entries/{position}",
    "/v1/people/{key}",
    "/v1/me",
    "/v1/health",
    "/v1/status",
    "/v1/version",
    "/v1/catalog",
}
"""What is answered without the read model."""


def assert_shape(model: Any, text: str) -> None:
    """An answer has every key that its shape requires, and no key that it does not mention."""
    _validator(model).validate(json.loads(text))


@cache
def _validator(model: Any) -> Draft202012Validator:
    def close(part: Any) -> Any:
        if isinstance(part, list):
            return [close(each) for each in part]
        if not isinstance(part, dict):
            return part
        more = {"additionalProperties": False} if "properties" in part and part.get("type") == "object" else {}
        return {name: close(each) for name, each in part.items()} | more

    return Draft202012Validator(close(TypeAdapter(model).json_schema()))


def test_an_answer_of_another_shape_is_found() -> None:
    """The check finds a missing key, a value of another type, and a key that the shape does not mention."""
    good: dict[str, Any] = {"id": "a", "name": None, "spellings": []}

    assert_shape(answers.PersonRow, json.dumps(good))
    for bad in ({"id": "a", "name": None}, good | {"name": 1}, good | {"more": 1}):
        with pytest.raises(ValidationError):
            assert_shape(answers.PersonRow, json.dumps(bad))


def _declared_schema(document: dict[str, Any], path: str, method: str = "get", status: str = "200") -> Any:
    """The shape of an answer, by the name its route gives it."""
    (schema,) = {
        found["schema"]["$ref"].rpartition("/")[2]
        for found in document["paths"][path][method]["responses"][status]["content"].values()
        if "$ref" in found.get("schema", {})
    }
    return getattr(answers, schema)


def test_no_question_is_left_out(document: dict[str, Any]) -> None:
    """Each route that answers is asked below."""
    assert set(ASKED) == {path for path, methods in document["paths"].items() if "get" in methods}


@pytest.mark.parametrize("path", ASKED)
def test_an_answer_has_the_shape_its_route_declares(service: LocalService, document: dict[str, Any], path: str) -> None:
    """No field is missing, none is of another kind, and there is none that the document does not know."""
    model = _declared_schema(document, path)
    found = 0
    for asked in ASKED[path]:
        text = _get(service, path, asked).text
        for line in text.strip().split("\n") if path == "/v1/log/entries" else [text]:
            assert_shape(model, line)
        found += len(json.loads(text)["rows"]) if "rows" in model.__annotations__ else 1

    # The reliability curve has rows from thirty forecasts on.
    assert found or path == "/v1/calibration", "a question that finds nothing shows nothing of its rows"


@pytest.mark.parametrize("path", sorted(ASKED))
def test_the_headers_of_an_answer_are_declared(service: LocalService, document: dict[str, Any], path: str) -> None:
    """A client that is made from the document finds every header, such as the cursor of the next page, and each is sent."""
    declared = document["paths"][path]["get"]["responses"]["200"].get("headers", {})
    for asked in ASKED[path]:
        more = {"limit": 1} if "Decisionlog-Next" in declared else {}
        answer = _get(service, path, asked | more)
        sent = {name for name in answer.headers if name.startswith("decisionlog-") or name == "etag"}
        assert sent <= {name.lower() for name in declared}
        assert {name.lower() for name, header in declared.items() if header["required"]} <= sent
        if "rows" in answer.text and "Decisionlog-Next" in declared and path != "/v1/log/entries":
            assert answer.headers.get("Decisionlog-Next") == answer.json().get("next")


def test_the_headers_of_a_receipt_are_declared(service: LocalService, document: dict[str, Any]) -> None:
    """A receipt has the version as its ETag, and that of a new subject its address."""
    created = service.client.post("/v1/teams", json={"title": "T"})
    changed = service.client.post(f"{created.headers['Location']}/title", json={"title": "U"})
    operations = {"/v1/teams": created, "/v1/subjects/{subject}/title": changed}
    for path, response in operations.items():
        declared = document["paths"][path]["post"]["responses"][str(response.status_code)]["headers"]
        assert set(declared) == {name for name in ("ETag", "Location") if name in response.headers}


def test_every_answer_is_declared(document: dict[str, Any]) -> None:
    """Each route, reading or writing, names the model of what it sends when all is well."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status in (code for code in operation["responses"] if code.startswith("2")):
                assert is_typeddict(_declared_schema(document, path, method, status)), (method, path)


def test_every_field_is_described(document: dict[str, Any]) -> None:
    """Fields of answers and of bodies, and parameters, all say what they are."""
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert described.get("description") or field == "type", (name, field)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                assert parameter.get("description"), (path, parameter["name"])


def test_who_names_people_is_told_to_register_them(document: dict[str, Any]) -> None:
    """A client developer who sends the example to a new log learns what must be there before."""
    for name, path in (("RecordDecision", "/v1/decisions"), ("AssignOwnership", "/v1/subjects/{subject}/assign")):
        assert "POST /v1/people" in document["paths"][path]["post"]["description"], name
    assert "POST /v1/people" in document["info"]["description"]


def test_an_option_that_is_chosen_is_one_of_the_options(document: dict[str, Any]) -> None:
    """The examples of decisions hang together."""
    (example,) = document["components"]["schemas"]["RecordDecisionBody"]["examples"]

    assert example["option"] in [option["title"] for option in example["options"]]
    assert COMMANDS["RecordDecision"].model_validate(example)


# In a spreadsheet ----------------------------------------------------------------------------------------------------


def _table(service: LocalService, path: str, **asked: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_get(service, path, asked, format="csv").text)))


def test_csv_begins_with_a_byte_order_mark_if_asked(service: LocalService) -> None:
    """Excel reads UTF-8 only behind a byte order mark; without the parameter there is none."""
    plain, marked = (
        service.client.get("/v1/decisions", params={"format": "csv", "bom": bom}) for bom in ("false", "true")
    )

    assert marked.content == b"\xef\xbb\xbf" + plain.content
    assert plain.text.startswith("subject,title,number")


def test_a_board_is_a_line_for_each_card(service: LocalService) -> None:
    """With its column, and a column for each field: its value, else its source value."""
    line = next(
        line for line in _table(service, "/v1/roadmap", columns="release", blame=True) if line["subject"] == GIFTS
    )
    board = _get(service, "/v1/roadmap", {"columns": "release"}).json()

    assert list(line)[:4] == ["column", "subject", "title", "milestone"]
    assert (line["column"], line["subject"], line["milestone"]) == ("2.0 <release:r2>", GIFTS, "beta")
    assert (line["status"], line["target.beta"]) == ("dropped", "release:r2")
    names = {name for row in board["rows"] for card in row["cards"] for name, _ in flat_fields(card)}
    assert set(line) - {"column", "subject", "title", "milestone"} == names - {"title"}
    assert list(_table(service, "/v1/roadmap", layout="table")[0])[:2] == ["subject", "title"]


def test_the_register_is_a_line_for_each_decision(service: LocalService) -> None:
    """With what was decided and why."""
    lines = {line["subject"]: line for line in _table(service, "/v1/decisions")}

    tea = lines[TEA]
    assert list(tea)[:3] == ["subject", "title", "number"]
    assert (tea["title"], tea["number"], tea["status"]) == ("Serve tea", "1 in product:shop", "superseded")
    assert (tea["decision"], tea["why"]) == ("Tea it is.", "The cook agrees.")
    assert lines["decision:old"]["products"] == "none"


def test_a_change_is_one_line_with_its_last_reason(service: LocalService) -> None:
    """Before and after as value or word; the steps in between are left to JSON."""
    lines = _table(service, "/v1/changes", since=BEFORE, subject=GIFTS)
    by_field = {line["field"]: line for line in lines}

    target, status = by_field["target.beta"], by_field["status"]
    assert (target["before"], target["after"], target["why"]) == ("", "release:r2", "'=later")
    assert (status["after"], status["direction"], status["why"]) == ("dropped", "first", "")
    assert "changes" not in target
    assert target["who"].endswith("<person:ann>") or target["who"] == "person:ann"


def test_a_slip_is_one_line_without_its_moves(service: LocalService) -> None:
    """The answer has the first promise and the current one next to the counts."""
    (line,) = (each for each in _table(service, "/v1/slips") if each["field"] == "target.beta")

    assert (line["first"], line["now"], line["later"]) == ("release:r1", "release:r2", "1")
    assert not {name for name in line if name.startswith("moves")}


def test_a_page_is_a_line_for_each_cell(service: LocalService) -> None:
    """Field, value, word, since, who and why; as JSON Lines it is one line, and it has no rows in JSON."""
    path = "/v1/decisions/{key}"
    lines = {line["field"]: line for line in _table(service, path, key="tea")}
    (whole,) = _get(service, path, {"key": "tea"}, format="jsonl").text.splitlines()

    columns = [name for name in lines["status"] if not name.startswith("value.")]  # those of values that are objects
    assert columns == ["field", "value", "source_value", "since", "who", "why"]
    assert (lines["status"]["value"], lines["status"]["why"]) == ("superseded", "decision:coffee")
    assert json.loads(whole) == _get(service, path, {"key": "tea"}).json() | {"as_of": json.loads(whole)["as_of"]}
    assert "rows" not in json.loads(whole)


TABLES: Final = [
    path for path in ASKED if path not in UNASKED and "{key}" not in path and path != "/v1/subjects/{subject}"
]


@pytest.mark.parametrize("path", TABLES)
def test_an_empty_table_has_a_header(service: LocalService, document: dict[str, Any], path: str) -> None:
    """Its columns are some of those it has with lines, in the same order."""
    model = _declared_schema(document, path)
    full = next(csv.reader(io.StringIO(_get(service, path, ASKED[path][0], format="csv").text)))
    (empty,) = csv.reader(io.StringIO(formats.as_csv([], {}, formats.columns_of(model))))

    assert empty
    assert [column for column in full if column in empty] == empty


def test_a_question_that_finds_nothing_answers_a_header(service: LocalService) -> None:
    """A reader of the file sees what the value would be."""
    text = _get(service, "/v1/slips", {"as_of": "1990-01-01"}, format="csv").text

    assert text.startswith("subject,title,field,first,now,against_first,count")
    assert len(text.splitlines()) == 1


def test_a_range_on_people_names_no_one(service: LocalService) -> None:
    """The value of a range is a number or a day, also in a condition on a field of people."""
    assert service.rows("/fields", kind="feature", where="role.accountable<2") == []
