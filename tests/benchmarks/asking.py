"""What queries of the past cost compared with those of now, deep pages with first ones, and the route with none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from fastapi import FastAPI

from api.app import create_app
from api.services import Services
from domain.fields import SubjectState
from eventlog.library_application import fold
from identity.decision_log import DecisionLog
from projections.queries.audit import AuditFilter, audit
from projections.queries.changes import changes
from projections.queries.field_history import ChangeFilter, field_history
from projections.queries.filters import Filter
from projections.queries.paging import DEFAULT_LIMIT, encode_cursor
from projections.queries.roadmap import FIELDS, roadmap
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.rebuild import rebuild
from projections.read_model.runner import Runner
from tests.benchmarks.filling import History, filled, places
from tests.benchmarks.local_service import system_clock, timed_in_turn

ROUNDS = 9
PAGE = 50
REQUESTS = 200
MAX_OF_EMPTY_ROUTE = {"SQLite": 2.0, "PostgreSQL": 3.0}
"""How much a question about one decision may take, compared with a route that only signs in."""
PRODUCT = "product:p0"
HOUR = 3_600 * 1_000_000


def measure(events: int) -> Iterator[str]:
    """Medians in one run, on both databases."""
    with places() as found:
        for name, (where, at) in found.items():
            with filled(where, events) as (log, history), closing(open_database(at)) as database:
                model = ReadModel.open(database, log, system_clock)
                rebuild(log, model)
                yield f"{name}, {log.head().size:,} events"
                yield from _roadmaps(log, model, history)
                yield from _audits(log, model)
                yield from _changes(log, model)
                yield from _routes(log, model, history, MAX_OF_EMPTY_ROUTE[name])


def _roadmaps(log: DecisionLog, model: ReadModel, history: History) -> Iterator[str]:
    """One product's roadmap now, on a day at two thirds of the log, as known at that day, and by replaying its events."""
    size = log.head().size
    middle = log.read(size * 2 // 3, 1)[0].recorded_at
    features = [subject for n, subject in enumerate(history.features) if n % history.products == 0]
    asked = Filter(products=(PRODUCT,))

    def ask(when: TimePoint) -> int:
        with model.read() as read:
            return len(roadmap(read, asked, when, layout="table").rows)

    replayed = _replay(log, features, middle)
    assert len(replayed) == ask(TimePoint(middle))
    seconds = timed_in_turn(
        {
            "now": lambda: ask(NOW),
            "as of": lambda: ask(TimePoint(as_of=middle)),
            "as of the end": lambda: ask(TimePoint(as_of=log.head().recorded_at)),
            "known at": lambda: ask(TimePoint(as_of=middle, known_at=middle)),
            "replay": lambda: _replay(log, features, middle),
        },
        ROUNDS,
    )
    now, as_of, end, known, replay = seconds.values()
    yield (
        f"  roadmap of {len(features)} features now {now * 1000:.1f} ms; as of a day {as_of * 1000:.1f} ms, {as_of / now:.2f}, and of "
        f"the end {end / now:.2f} of now (wanted: at most 1.30); known at it {known * 1000:.1f} ms, {known / as_of:.2f} of as of (wanted: "
        f"at most 1.30); replaying its events {replay * 1000:.1f} ms: as of {as_of / replay:.2f}, known at {known / replay:.2f} of that "
        "(wanted: at most 0.20)"
    )


def _replay(log: DecisionLog, subjects: list[str], at: int) -> dict[str, dict[str, Any]]:
    """What the cells of these hold at an instant, worked out from their events alone."""
    found = {}
    for subject in subjects:
        state = fold(SubjectState(subject), log.stream(subject))
        if state.value_at("exists", at):
            found[subject] = {name: state.value_at(name, at) for name in FIELDS if not name.endswith("*")}
    return found


def _audits(log: DecisionLog, model: ReadModel) -> Iterator[str]:
    """The first page of the audit trail, of all and of one product's, beside pages near the end."""
    deep = encode_cursor(log.head().size // 5)

    def ask(asked: AuditFilter, cursor: str | None) -> None:
        with model.read() as read:
            assert len(audit(read, asked, limit=PAGE, cursor=cursor).rows) == PAGE

    for what, asked in (("all", AuditFilter()), ("one product", AuditFilter(products=(PRODUCT,), kinds=("feature",)))):
        seconds = timed_in_turn(
            {"first": lambda asked=asked: ask(asked, None), "deep": lambda asked=asked: ask(asked, deep)}, ROUNDS
        )
        yield (
            f"  audit trail of {what}, {PAGE} acts: the first page {seconds['first'] * 1000:.2f} ms, one four fifths down "
            f"{seconds['deep'] * 1000:.2f} ms, {seconds['deep'] / seconds['first']:.2f} of the first (wanted: at most 1.20)"
        )


def _changes(log: DecisionLog, model: ReadModel) -> Iterator[str]:
    """What differs between the ends of an hour and of a week, compared with the history of the fields in them."""
    end = log.read(log.head().size * 2 // 3, 1)[0].recorded_at
    for what, span in (("an hour", HOUR), ("a week", 7 * 24 * HOUR)):
        first, last = TimePoint(end - span), TimePoint(end)
        history = ChangeFilter(span=(end - span + 1, end + 1))

        def compare(first: TimePoint = first, last: TimePoint = last) -> int:
            with model.read() as read:
                return len(changes(read, first, last, limit=DEFAULT_LIMIT).rows)

        def list_history(history: ChangeFilter = history, last: TimePoint = last) -> int:
            with model.read() as read:
                return len(field_history(read, history, last, limit=DEFAULT_LIMIT).rows)

        rows = compare(), list_history()
        seconds = timed_in_turn({"changes": compare, "history": list_history}, ROUNDS)
        yield (
            f"  changes of {what} ({rows[0]} fields) {seconds['changes'] * 1000:.1f} ms, the field history of {what} "
            f"({rows[1]} changes) {seconds['history'] * 1000:.1f} ms: {seconds['changes'] / seconds['history']:.2f} of it"
            f"{' (wanted: at most 3.00)' if what == 'a week' else ''}"
        )


def _routes(log: DecisionLog, model: ReadModel, history: History, most: float) -> Iterator[str]:
    """Who decided X over HTTP, compared with a route that only signs in, both called without a network."""
    secret = log.tokens.create("person:p0")[1]
    runner = Runner(log, model)
    tokens = log.tokens
    app = create_app(Services(log, model, runner, lambda said: (token := tokens.find(said)) and token.caller("http")))
    decisions = iter(history.decisions * 1_000)
    headers = [(b"authorization", f"Bearer {secret}".encode())]
    answered = asyncio.run(_call(app, f"/v1/decisions/{history.decisions[0][9:]}", headers))
    assert answered[0] == 200, answered
    assert "deciders" in json.loads(answered[1])["fields"], answered

    async def many(app: FastAPI, path: Callable[[], str], query: Callable[[], bytes]) -> None:
        for _ in range(REQUESTS):
            status, _ = await _call(app, path(), headers, query())
            assert status == 200

    def decided() -> bytes:
        return f"subject={next(decisions)}&field=deciders".encode()

    works = {
        "empty": lambda: asyncio.run(many(app, lambda: "/v1/me", bytes)),
        "decided": lambda: asyncio.run(many(app, lambda: "/v1/fields", decided)),
        "page": lambda: asyncio.run(many(app, lambda: f"/v1/decisions/{next(decisions)[9:]}", bytes)),
    }
    seconds = {name: each / REQUESTS for name, each in timed_in_turn(works, ROUNDS).items()}
    yield (
        f"  an empty route {seconds['empty'] * 1000:.2f} ms; who decided X {seconds['decided'] * 1000:.2f} ms, "
        f"{seconds['decided'] / seconds['empty']:.2f} of it (wanted: at most {most:.2f}); the decision's whole page "
        f"{seconds['page'] * 1000:.2f} ms, {seconds['page'] / seconds['empty']:.2f}"
    )


async def _call(app: FastAPI, path: str, headers: list[tuple[bytes, bytes]], query: bytes = b"") -> tuple[int, bytes]:
    """Status and body of one GET, as a server would ask for it."""
    status, body = 0, b""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"localhost"), *headers],
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    await app(scope, receive, send)
    return status, body
