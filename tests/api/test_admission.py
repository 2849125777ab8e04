"""No question takes the service away: each has a deadline, an end when its caller leaves, a turn, and a bounded answer."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from api import admission, large_responses
from api.admission import HEAVY_GC_THRESHOLDS, HEAVY_SWITCH_INTERVAL_S, Admission, LaneLimits, LaneName, Limits
from projections.queries import roadmap
from projections.queries.paging import Answer, build_answer
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read
from projections.read_model.query_limits import Bounds
from tests.projections.test_query_limits import ENDLESS
from tests.support_log import LocalService

WAIT_S = 60.0


@dataclass
class Response:
    """What an application answered."""

    status: int = 0
    headers: dict[str, str] | None = None
    body: bytes = b""

    @property
    def detail(self) -> str:
        return str(json.loads(self.body)["detail"])


async def get(service: LocalService, path: str, token: str | None = None, leave: float | None = None) -> Response:
    """One GET, as a server asks an application; with `leave` the caller disconnects after this many seconds."""
    response = Response()
    route, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "client": None,
        "server": ("x", 80),
        "headers": [(b"host", b"x"), (b"authorization", f"Bearer {token or service.token}".encode())],
    }
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        found = next(messages, None)
        if found is None:
            await asyncio.sleep(leave if leave is not None else 3600)
            return {"type": "http.disconnect"}
        return found

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        response.body += message.get("body", b"")

    await service.app(scope, receive, send)
    return response


@contextmanager
def limited(service: LocalService, **limits: Any) -> Iterator[Admission]:
    """The server with other limits."""
    questions = Admission(Limits(**limits))
    service.app.state.services = replace(service.app.state.services, questions=questions)
    yield questions


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A roadmap that is never ready."""

    def ask_endlessly(read: Read, *_: Any, **__: Any) -> Answer:
        read.one(ENDLESS, {})
        return build_answer(resolve_time(read, NOW), [])

    monkeypatch.setattr(roadmap, "roadmap", ask_endlessly)


def run(made: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(made())


async def until(is_true: Callable[[], Any]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(WAIT_S):
        while not is_true():  # noqa: ASYNC110  (nothing sets an event)
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("endless")
def test_a_question_ends_at_its_deadline(service: LocalService) -> None:
    """A question that takes too long is answered with a 503 that says how to ask for less."""
    with limited(service, seconds=0.3) as questions:
        response = run(lambda: get(service, "/v1/roadmap"))
        assert (response.status, response.headers["retry-after"]) == (503, "60")
        assert "longer than 0.3 seconds" in response.detail
        assert "narrow it down" in response.detail
        run(lambda: until(lambda: not questions.lanes["heavy"].running))


@pytest.mark.usefixtures("endless")
def test_a_question_ends_when_its_caller_has_gone(service: LocalService) -> None:
    """A question whose caller disconnects ends, also one that waits for its turn."""
    with limited(service, seconds=3600.0) as questions:

        async def leave() -> None:
            await asyncio.gather(*(get(service, "/v1/roadmap", leave=0.2) for _ in range(4)))
            await until(lambda: not questions.lanes["heavy"].running)

        run(leave)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Lets the roadmap be ready once it is set."""
    opened = threading.Event()

    def ask_at_the_gate(read: Read, *_: Any, **__: Any) -> Answer:
        assert opened.wait(WAIT_S)
        return build_answer(resolve_time(read, NOW), [])

    monkeypatch.setattr(roadmap, "roadmap", ask_at_the_gate)
    yield opened
    opened.set()


def test_a_caller_who_leaves_the_queue_leaves_it_to_others(service: LocalService, gate: threading.Event) -> None:
    """A query whose caller disconnects while waiting is never run, and its place is free again."""
    lane = LaneLimits(running=1, running_each=1, waiting=1, waiting_each=1)
    with limited(service, seconds=WAIT_S, wait_s=WAIT_S, heavy=lane) as questions:

        async def crowd() -> list[Response]:
            first = asyncio.create_task(get(service, "/v1/roadmap"))
            await until(lambda: questions.lanes["heavy"].running)
            await get(service, "/v1/roadmap", leave=0.1)
            third = asyncio.create_task(get(service, "/v1/fields"))
            await asyncio.sleep(0)
            assert not first.done()
            gate.set()
            return await asyncio.gather(first, third)

        assert [each.status for each in run(crowd)] == [200, 200]


def test_a_full_queue_sends_callers_away(service: LocalService, gate: threading.Event) -> None:
    """One caller fills only their share; another caller is answered meanwhile."""
    bob = service.log.tokens.create(service.person("Bob"))[1]
    lane = LaneLimits(running=2, running_each=1, waiting=8, waiting_each=2)
    with limited(service, seconds=WAIT_S, wait_s=2.0, heavy=lane):

        async def crowd() -> tuple[list[Response], list[Response], Response, Response]:
            many = {asyncio.create_task(get(service, "/v1/roadmap")) for _ in range(6)}
            await until(lambda: sum(each.done() for each in many) == 3)
            at_once = [each.result() for each in many if each.done()]
            many -= {each for each in many if each.done()}
            other = await get(service, "/v1/fields", bob)
            await until(lambda: sum(each.done() for each in many) == 2)
            waited = [each.result() for each in many if each.done()]
            gate.set()
            (first,) = [await each for each in many if not each.done()]
            return at_once, waited, other, first

        at_once, waited, other, first = run(crowd)
    assert [other.status, first.status] == [200, 200]
    assert [each.status for each in (*at_once, *waited)] == [503] * 5
    assert {each.headers["retry-after"] for each in (*at_once, *waited)} == {"5"}
    assert "try again in 5 seconds" in at_once[0].detail


def test_cheap_routes_answer_while_expensive_questions_fill_the_server(
    service: LocalService, gate: threading.Event
) -> None:
    """With 45 expensive questions open, who I am, the log, a product and health are answered."""
    service.post("/products", {"key": "tide", "title": "Tide"})
    service.get("/products/tide")
    with limited(service, seconds=WAIT_S, wait_s=WAIT_S) as questions:

        async def crowd() -> list[Response]:
            many = [asyncio.create_task(get(service, "/v1/roadmap")) for _ in range(45)]
            await until(questions.lanes["heavy"].seconds_full)
            paths = ("/v1/me", "/v1/log", "/v1/products/tide", "/v1/health", "/v1/status", "/v1/log/entries/1")
            found = [await get(service, path) for path in paths]
            assert sum(each.done() for each in many) == 45 - 2 - 32  # those that neither run nor wait
            gate.set()
            await asyncio.gather(*many)
            return found

        found = run(crowd)
    assert [each.status for each in found] == [200] * 6


def test_health_says_that_questions_wait_for_long(
    service: LocalService, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Health is degraded while there is always a question in the queue, and ok again afterwards."""
    monkeypatch.setattr(admission, "SATURATED_AFTER_S", 0.01)
    with limited(service, seconds=WAIT_S, wait_s=WAIT_S) as questions:

        async def crowd() -> Response:
            many = [asyncio.create_task(get(service, "/v1/roadmap")) for _ in range(6)]
            await until(questions.is_saturated)
            found = await get(service, "/v1/health")
            gate.set()
            await asyncio.gather(*many)
            return found

        assert json.loads(run(crowd).body)["status"] == "degraded"
        assert json.loads(run(lambda: get(service, "/v1/health")).body)["status"] == "ok"


def test_a_question_that_needs_too_much_memory_is_refused(service: LocalService) -> None:
    """What would have to be kept at once is bounded, and the refusal says what to do."""
    for n in range(40):
        assert service.post("/products", {"key": f"p{n}", "title": f"Product {n}"}).status_code == 201
    service.get("/products")
    with limited(service, read_bytes=10_000):
        response = run(lambda: get(service, "/v1/fields"))
    assert response.status == 422
    assert "narrow it down" in response.detail


def test_a_large_answer_is_sent_in_chunks(service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large answer is byte for byte the small one, and its bytes count until they are sent."""
    for n in range(40):
        assert service.post("/products", {"key": f"p{n}", "title": f"Product {n} é"}).status_code == 201
    service.get("/products")
    path = "/v1/fields?as_of=2030-01-01"
    whole = run(lambda: get(service, path))
    monkeypatch.setattr(large_responses, "LARGE_BYTES", 100)
    monkeypatch.setattr(large_responses, "CHUNK_BYTES", 1_000)
    with limited(service) as questions:
        in_chunks = run(lambda: get(service, path))
        assert questions.unsent == 0
        questions.unsent = 1 << 40
        assert run(lambda: get(service, path)).status == 503
    assert in_chunks.body == whole.body
    assert in_chunks.headers["content-length"] == str(len(whole.body))


def test_a_caller_who_does_not_take_a_large_answer_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large answer waits for its caller only so long, and is then no longer kept."""
    monkeypatch.setattr(large_responses, "SEND_TIMEOUT_S", 0.1)
    questions = Admission()
    response = large_responses.LargeResponse([b"x" * 1000] * 3, "text/plain", {})
    response.count_in(questions)
    assert questions.unsent == 3000

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await asyncio.sleep(3600)

    asyncio.run(response({}, None, send))  # type: ignore[arg-type]
    assert questions.unsent == 0


@pytest.mark.parametrize(
    "value",
    [{}, [], {"a": 1}, {"é": ["x"] * 50}, [[1, {"b": [None] * 40}]] * 3, {str(n): {"c": [n]} for n in range(100)}],
)
def test_json_in_parts_is_the_json_of_the_framework(value: Any) -> None:
    """JSON in parts is that of Starlette, byte for byte."""
    from fastapi.responses import JSONResponse

    assert "".join(large_responses.json_parts(value)).encode() == JSONResponse(value).body


def test_a_large_answer_is_encoded_in_parts_of_about_the_same_size() -> None:
    """A part holds up all other threads, which is why large members are encoded one by one."""
    rows = [{"text": "x" * 8_000} for _ in range(200)]

    assert max(map(len, large_responses.json_parts({"rows": rows}))) < 2 * large_responses.PART_CHARACTERS


def test_heavy_questions_pause_for_light_ones_only() -> None:
    """A heavy query pauses while a light one runs, and a light one never does."""

    async def ask() -> dict[str, list[bool]]:
        admitted, seen = Admission(), dict[str, list[bool]]()
        started, go_on = threading.Event(), threading.Event()

        def look(lane: str) -> Callable[[Bounds], None]:
            def work(found: Bounds) -> None:
                seen.setdefault(lane, []).append(found._others_wait())
                if lane == "light":
                    started.set()
                    go_on.wait(WAIT_S)

            return work

        async def receive() -> None:
            await asyncio.Event().wait()

        await admitted.ask("heavy", "ann", receive, look("heavy"))
        light = asyncio.create_task(admitted.ask("light", "ann", receive, look("light")))
        await asyncio.to_thread(started.wait, WAIT_S)
        await admitted.ask("heavy", "bo", receive, look("heavy"))
        go_on.set()
        await light
        await admitted.ask("heavy", "ann", receive, look("heavy"))
        return seen

    assert asyncio.run(ask()) == {"heavy": [False, True, False], "light": [False]}


def test_short_requests_are_favored_only_while_heavy_queries_run() -> None:
    """Threads switch more often and garbage is collected in small steps, until the query has ended or failed."""

    def settings(_: Bounds | None = None) -> tuple[float, tuple[int, int, int]]:
        return round(sys.getswitchinterval(), 6), gc.get_threshold()

    def fail(_: Bounds) -> None:
        raise ValueError

    async def ask(lane: LaneName, work: Callable[[Bounds], Any]) -> Any:
        async def receive() -> None:
            await asyncio.Event().wait()

        return await Admission().ask(lane, "ann", receive, work)

    before = settings()
    assert asyncio.run(ask("heavy", settings)) == (HEAVY_SWITCH_INTERVAL_S, HEAVY_GC_THRESHOLDS)
    assert asyncio.run(ask("light", settings)) == before
    with pytest.raises(ValueError):  # noqa: PT011
        asyncio.run(ask("heavy", fail))
    assert settings() == before
