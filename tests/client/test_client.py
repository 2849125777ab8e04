"""The client against a real interface, and against servers that lose answers, are away, or are none."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from cli.in_process_client import InProcessTransport
from cli.remote_log import RemoteLog
from decisionlog_client import (
    AlreadyExists,
    AsyncClient,
    Client,
    Failed,
    Forbidden,
    KeyReused,
    Malformed,
    NotADecisionLog,
    NotSignedIn,
    NotYet,
    Refused,
    Stale,
    Unknown,
    Unreachable,
    exchange,
    questions,
)
from decisionlog_client.exchange import Call, KeyedTransaction, Retries
from domain import errors
from domain.decision_messages import AcceptDecision, ProposeDecision, RecordDecision
from domain.product import DefineProduct
from eventlog.entry import Caller, Transaction
from tests.support_log import LocalService

Handler = Callable[[httpx2.Request], httpx2.Response]
ADDRESS = "http://log.example"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with LocalService(tmp_path_factory.mktemp("service")) as opened:
        yield opened


_keys = (f"d{n}" for n in itertools.count(1))


def tea(**more: Any) -> RecordDecision:
    given = {
        "key": next(_keys),
        "title": "Tea",
        "decision": "We sell tea.",
        "why": "Thirst.",
        "accountable": "Ada Lovelace",
    }
    return RecordDecision(**{**given, **more})


class Losing(httpx2.BaseTransport):
    """A connection to the server that loses answers: the request arrives, and the connection breaks."""

    def __init__(self, service: LocalService, lost: int) -> None:
        self._inside = InProcessTransport(service.app)
        self.left = lost
        self.seen: list[httpx2.Request] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        response = self._inside.handle_request(request)
        if self.left:
            self.left -= 1
            raise httpx2.ReadError("the connection was lost")
        return response

    def close(self) -> None:
        self._inside.close()


class LosingToo(httpx2.AsyncBaseTransport):
    """The same for the other client."""

    def __init__(self, service: LocalService, lost: int) -> None:
        self._inside = httpx2.ASGITransport(service.app)
        self.left = lost

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inside.handle_async_request(request)
        if self.left:
            self.left -= 1
            raise httpx2.ReadError("the connection was lost")
        return response


def client_of(service: LocalService, lost: int = 0, **more: Any) -> Client:
    return Client(ADDRESS, token=service.token, transport=Losing(service, lost), sleep=lambda _: None, **more)


def answering(handler: Handler, **more: Any) -> Client:
    """A client of a server that answers as told."""
    return Client(ADDRESS, transport=httpx2.MockTransport(handler), sleep=lambda _: None, **more)


def problem(status: int, kind: str, **more: Any) -> Handler:
    body = {
        "type": f"urn:decisionlog:problem:{kind}",
        "title": kind,
        "status": status,
        "detail": f"it is {kind}",
        **more,
    }
    return lambda _: httpx2.Response(status, json=body, headers={"Content-Type": "application/problem+json"})


# Recording -----------------------------------------------------------------------------------------------------------


def test_a_lost_answer_records_nothing_twice(service):
    """Where answers are lost, a unit is sent again with its key: it has one effect, and its receipt comes back."""
    before = service.log.head().size

    with client_of(service, lost=3) as client:
        receipt = client.send(tea())

    assert receipt["replayed"]
    assert service.log.head().size == before + len(receipt["recorded"])


def test_without_the_same_key_it_would_be_recorded_twice(service):
    """The check above would see it: a client that makes a new key for each try leaves two traces."""
    before = service.log.head().size

    with client_of(service) as client:
        for _ in range(2):
            client.send(tea())

    assert service.log.head().size == before + 2


def test_a_lost_answer_records_nothing_twice_for_the_other_client(service):
    """The same is true of the client for asyncio."""
    before = service.log.head().size

    async def run() -> Any:
        async with AsyncClient(ADDRESS, token=service.token, transport=LosingToo(service, 2), sleep=_no_time) as client:
            receipt = await client.send(tea())
            page = await client.ask(questions.subject(receipt["subject"]))
            outcomes = await client.send_bulk([tea()], [tea(key="tea", accountable="nobody")])
            pages = [each async for each in client.pages(questions.audit(limit=4))]
            text = await client.text(questions.me(), "json")
            return receipt, page, outcomes, pages, text, client.position

    receipt, page, outcomes, pages, text, position = asyncio.run(run())

    assert receipt["replayed"]
    assert page["title"] == "Tea"
    assert position == service.log.head().size == before + 2
    assert isinstance(outcomes[1], Refused)
    assert len(pages) > 1
    assert json.loads(text)["actor"] == service.ada


async def _no_time(_: float) -> None:
    pass


def test_a_unit_is_whole_or_not_at_all(service):
    """Commands that are sent together are recorded together, or none of them is."""
    before = service.log.head().size

    with client_of(service) as client, pytest.raises(Unknown):
        client.send(tea(), AcceptDecision(subject="decision:nowhere"))

    assert service.log.head().size == before


def test_a_key_of_ones_own(service):
    """The same unit with the same key is recorded once, no matter who sends it again; another with that key is refused."""
    command = tea()
    with client_of(service) as client:
        first, second = client.send(command, key="monday"), client.send(command, key="monday")
        with pytest.raises(KeyReused):
            client.send(tea(), key="monday")

    assert (first["replayed"], second["replayed"]) == (False, True)
    assert first["recorded"] == second["recorded"]


def test_a_version_that_has_moved(service):
    """A unit that names the version it has read is refused once that has moved, with the version it has now."""
    with client_of(service) as client:
        subject = client.send(ProposeDecision(title="Tea"))["subject"]
        accept = AcceptDecision(subject=subject, decision="We sell tea.", why="Thirst.")
        with pytest.raises(Stale) as refused:
            client.send(accept, expected={subject: 7})
        client.send(accept, expected={subject: refused.value.version})


def test_units_each_have_a_fate(service):
    """Many units are recorded in order, each with a receipt or a refusal of its own."""
    with client_of(service, lost=1) as client:
        outcomes = client.send_bulk([tea()], [tea(accountable="nobody at all")], [tea()])

    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, True, False]
    assert isinstance(outcomes[1], Unknown)
    assert outcomes[0]["replayed"]
    assert client.position == outcomes[2]["position"]


def test_many_units_are_sent_in_parts():
    """No request has more units than the server takes, nor is it longer than that takes."""
    short = [KeyedTransaction(None, [tea()])] * 1_203
    long = [KeyedTransaction("k", [tea(context="x" * 20_000, why="y" * 20_000)])] * 120

    parts = [
        [len(json.loads(call.body)["transactions"]) for call in exchange.build_bulk_calls(transactions)]
        for transactions in (short, long)
    ]

    assert parts[0] == [500, 500, 203]
    assert sum(parts[1]) == 120
    assert all(len(call.body) < 4 * 1024 * 1024 for call in exchange.build_bulk_calls(long))
    assert [call.repeatable for call in exchange.build_bulk_calls([*short[:1], *long[:1]])] == [False]


def test_no_part_has_more_commands_or_members_than_a_server_takes():
    """Small commands, and lists of short texts, fill a request by their number, long before by their bytes."""
    many = [KeyedTransaction("k", [{"type": "CompleteTask", "subject": "task:a"}] * 1_000)] * 20
    lists = [KeyedTransaction("k", [{"type": "RecordDecision", "deciders": ["a"] * 1_000}])] * 400

    for transactions in (many, lists):
        bodies = [json.loads(call.body)["transactions"] for call in exchange.build_bulk_calls(transactions)]
        assert sum(map(len, bodies)) == len(transactions)
        for body in bodies:
            assert sum(len(each["commands"]) for each in body) <= 10_000
            assert sum(len(command.get("deciders", ())) for each in body for command in each["commands"]) < 150_000


def test_the_versions_that_a_transaction_expects_are_sent():
    """A transaction in a bulk request has its key and its expected versions."""
    command = {"type": "CompleteTask", "subject": "task:a"}
    transactions = [KeyedTransaction("k", [command], {"product:shop": 3}), KeyedTransaction(None, [command])]
    (call,) = exchange.build_bulk_calls(transactions)

    assert json.loads(call.body)["transactions"] == [
        {"commands": [command], "key": "k", "expected": {"product:shop": 3}},
        {"commands": [command]},
    ]


def test_a_log_behind_a_server_compares_versions(service):
    """A transaction that expects another version is refused by a log behind a server as by one in a file."""
    with client_of(service) as client:
        client.send(DefineProduct(key="versions", title="Versions"))
        caller = Caller("service:erp", "t", "kafka")
        wrong = Transaction((DefineProduct(key="next", title="Next"),), caller, "k", {"product:versions": 7})
        with pytest.raises(StopIteration) as ended:  # it waits for nothing, and the server here runs a loop of its own
            RemoteLog(client).execute_many([wrong]).send(None)
        (outcome,) = ended.value.value

    assert isinstance(outcome, errors.Stale)
    assert outcome.version == 1


# Asking --------------------------------------------------------------------------------------------------------------


def test_ones_own_writes_are_read(service):
    """What is asked after a write waits until the answer covers it; before there is nothing to wait for."""
    with client_of(service) as client:
        client.ask(questions.products())
        receipt = client.send(DefineProduct(key="own-writes", title="Own"))
        products = client.ask(questions.products())
        client.ask(questions.head())
        seen = client._http._transport.seen

    assert "own-writes" in [row["subject"].partition(":")[2] for row in products["rows"]]
    assert products["position"] >= receipt["position"]
    assert [request.url.params.get("min_position") for request in seen] == [None, None, str(receipt["position"]), None]


def test_what_another_has_written(service):
    """A client can take over a position that another has written, and never goes back before its own."""
    with client_of(service) as one, client_of(service) as other:
        position = one.send(tea())["position"]
        other.cover(position)
        other.cover(1)
        answer = other.ask(questions.decisions())

    assert answer["position"] >= position == other.position


def test_every_page(service):
    """Pages follow each other until there are no more, and hold together what the whole answer holds."""
    with client_of(service) as client:
        for _ in range(10):
            client.send(tea())
        parts = [row["position"] for page in client.pages(questions.audit(limit=5)) for row in page["rows"]]
        whole = [row["position"] for row in client.ask(questions.audit(limit=10_000))["rows"]]

    assert parts == whole
    assert len(whole) > 10


def test_a_subject_is_named_by_its_key_or_its_id(service):
    """The ids that answers contain can be asked about, and an id of another kind is refused."""
    with client_of(service) as client:
        client.send({"type": "DefineProduct", "key": "shop", "title": "Shop"}, tea(key="tea"))
        for ask, key, kind in (
            (questions.deciders, "shop", "product"),
            (questions.decision_authority, "tea", "decision"),
            (questions.decision_options, "tea", "decision"),
            (questions.review, "tea", "decision"),
        ):
            assert client.ask(ask(f"{kind}:{key}"))["titles"] == client.ask(ask(key))["titles"]
            with pytest.raises(Refused):
                client.ask(ask(f"feature:{key}"))


@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_every_page_as_text(service, form):
    """Every page of an answer is available as text, in every format and from both clients."""
    asked = questions.audit(limit=5)

    async def read_pages() -> list[str]:
        async with AsyncClient(ADDRESS, token=service.token, transport=LosingToo(service, 1), sleep=_no_time) as client:
            return [page async for page in client.text_pages(asked, form)]

    with client_of(service) as client:
        size = len(client.ask(questions.audit(limit=10_000))["rows"])
        pages = list(client.text_pages(asked, form))

    assert len(pages) == -(-size // 5) > 2
    assert len({page.splitlines()[-1] for page in pages}) == len(pages)
    if form == "jsonl":
        assert sum(len(page.splitlines()) for page in pages) == size
    assert len(asyncio.run(read_pages())) == len(pages)


def test_a_token_as_a_file_has_it(service):
    """A token is sent without the line break at its end. If no header can hold it, the error does not show it."""
    with Client("http://log.example", token=f"{service.token}\n") as client:
        assert client._http.headers["Authorization"] == f"Bearer {service.token}"

    for token in ("dlog_one\ntwo", "dlog_\xf6ne", "Bearer dlog_one"):
        with pytest.raises(ValueError, match="a token has only visible ASCII characters") as refused:
            Client("http://log.example", token=token)
        assert "dlog_" not in str(refused.value)


def test_instants_lists_and_flags(service):
    """Parameters go out as the interface reads them: instants with offset, days, lists, true and false."""
    asked = questions.decisions(
        as_of=datetime(2024, 3, 1, tzinfo=UTC),
        known_at="2030-01-01",
        status=["accepted", "proposed"],
        include_removed=True,
        text=None,
    )

    assert exchange.build_question_call(asked, 0).params == [
        ("as_of", "2024-03-01T00:00:00+00:00"),
        ("known_at", "2030-01-01"),
        ("status", "accepted"),
        ("status", "proposed"),
        ("include_removed", "true"),
    ]
    with client_of(service) as client:
        assert client.ask(asked)["rows"] == []
        assert client.text(asked, "csv").startswith("subject,title,number")
    with pytest.raises(ValueError, match="needs a UTC offset"):
        exchange.build_question_call(questions.decisions(as_of=datetime(2025, 3, 1)), 0)  # noqa: DTZ001  (what is refused)


@pytest.mark.parametrize(
    ("question", "refusal"),
    [
        (questions.roadmap(product="nowhere"), Unknown),
        (questions.subject("tea"), Malformed),
        (questions.fields(kind="tea"), Malformed),
        (questions.subject("decision:a/../../me"), Refused),
    ],
)
def test_what_is_refused(service, question, refusal):
    """What the log refuses is raised as the refusal that the log itself would raise."""
    with client_of(service) as client, pytest.raises(refusal):
        client.ask(question)


# What can go wrong ---------------------------------------------------------------------------------------------------

HTML = {"Content-Type": "text/html"}


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (problem(401, "unauthenticated"), NotSignedIn),
        (problem(403, "forbidden"), Forbidden),
        (problem(404, "unknown"), Unknown),
        (problem(404, "not-found"), Refused),
        (problem(409, "already-exists"), AlreadyExists),
        (problem(412, "stale", version=3), Stale),
        (problem(500, "unforeseen"), Failed),
        (problem(503, "unavailable"), Failed),
        (problem(504, "not-yet"), NotYet),
        (problem(507, "no-space"), Failed),
        (lambda _: httpx2.Response(200, text="<html>", headers=HTML), NotADecisionLog),
        (lambda _: httpx2.Response(404, text="<html>", headers=HTML), NotADecisionLog),
        (lambda _: httpx2.Response(302, headers={"Location": "/login"}), NotADecisionLog),
        *(
            (lambda _, status=status: httpx2.Response(status, text="<html>", headers=HTML), Unreachable)
            for status in (502, 503, 504)
        ),
        (
            lambda _: httpx2.Response(404, text="{", headers={"Content-Type": "application/problem+json"}),
            NotADecisionLog,
        ),
    ],
)
def test_every_way_to_fail_has_its_error(handler, error):
    """A refusal is raised as such, a server that cannot as that it failed, and what is no decision log as that."""
    with answering(handler) as client, pytest.raises(error) as raised:
        client.ask(questions.head())

    assert type(raised.value) is error


def test_nobody_answers():
    """Without a server, the error names the address after the set waiting time."""
    pauses: list[float] = []
    with (
        Client("http://127.0.0.1:1", patience=1.0, sleep=pauses.append) as client,
        pytest.raises(Unreachable) as raised,
    ):
        client.ask(questions.head())

    assert "http://127.0.0.1:1" in str(raised.value)
    assert pauses == [0.1, 0.2, 0.4]


ASK = Call("GET", "/v1/log", repeatable=True)
SEND = Call("POST", "/v1/commands", headers={"Idempotency-Key": "k"}, repeatable=True)
MAKE = Call("POST", "/v1/tokens")
AWAY, LOST, LATE = httpx2.ConnectError("refused"), httpx2.ReadError("reset"), httpx2.ReadTimeout("")


def response_with(status: int, wait: str | None = None) -> httpx2.Response:
    return httpx2.Response(status, headers={"Retry-After": wait} if wait else {})


@pytest.mark.parametrize(
    ("call", "outcome", "wait"),
    [
        (ASK, AWAY, 0.1),
        (SEND, AWAY, 0.1),
        (MAKE, AWAY, 0.1),
        (ASK, LOST, 0.1),
        (SEND, LOST, 0.1),
        (MAKE, LOST, None),
        (ASK, response_with(503, "2"), 2),
        (SEND, response_with(503, "10"), 10),
        (MAKE, response_with(503, "2"), None),
        (ASK, response_with(503), None),
        (ASK, response_with(504, "1"), 1),
        (ASK, response_with(502), 0.1),
        (SEND, response_with(429, "3"), 3),
        (ASK, response_with(503, "60"), None),
        (ASK, response_with(503, "Wed, 21 Oct 2026 07:28:00 GMT"), None),
        (ASK, response_with(200), None),
        (SEND, response_with(409), None),
        (SEND, response_with(500), None),
        (SEND, response_with(507), None),
        (ASK, httpx2.UnsupportedProtocol("ftp"), None),
    ],
)
def test_what_is_sent_again(call, outcome, wait):
    """It is sent again after what may pass, if that can do no harm and the wait is within one's patience."""
    assert Retries(call, patience=30).get_wait(outcome) == wait


def test_patience_ends():
    """The waits of one call add up, each twice as long as the one before, and end with the patience."""
    tries = Retries(ASK, patience=1.6)

    assert [tries.get_wait(LOST) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, None, None]


def test_a_late_answer_is_waited_for_twice():
    """A request without an answer in time is sent once more, and then fails: no call waits forever."""
    tries = Retries(SEND, patience=30)

    assert [tries.get_wait(LATE) for _ in range(3)] == [0.1, None, None]


def test_a_proxy_is_for_the_world(monkeypatch):
    """A proxy that is set is asked for servers elsewhere, and never for one on this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    addresses = ("http://127.0.0.1:2", "http://localhost:2", "http://[::1]:2", "http://log.example")

    clients = [Client(address) for address in addresses]

    assert [bool(client._http._mounts) for client in clients] == [False, False, False, True]
    for client in clients:
        client.close()
