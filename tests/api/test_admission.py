"""No question takes the service away: each has a deadline, an end when its caller leaves, a turn, and a bounded answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from support_log import LocalService

from api import admission, large_responses
from api.admission import Admission, LaneLimits, Limits
from projections import roadmap
from projections.paging import Answer, build_answer
from projections.read_model import Read
from projections.timepoint import NOW, resolve_time
from tests.projections.test_bounds import ENDLESS

SOON_S = 3.0


@dataclass
class Response:
    """What an application answered."""

    status: int = 0
    headers: dict[str, str] | None = None
    body: bytes = b""
    seconds: float = 0.0

    @property
    def detail(self) -> str:
        return str(json.loads(self.body)["detail"])


async def get(service: LocalService, path: str, token: str | None = None, leave: float | None = None) -> Response:
    """One GET, as a server asks an application; with `leave` the caller disconnects after this many seconds."""
    response, begun = Response(), time.monotonic()
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
    response.seconds = time.monotonic() - begun
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


async def freed(questions: Admission, lane: admission.LaneName = "heavy") -> None:
    """Wait until no question runs."""
    until = time.monotonic() + SOON_S
    while questions.lanes[lane].running:
        assert time.monotonic() < until, "a question still runs"
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("endless")
def test_a_question_ends_at_its_deadline(service: LocalService) -> None:
    """A question that takes too long is answered with a 503 that says how to ask for less."""
    with limited(service, seconds=0.3) as questions:
        response = run(lambda: get(service, "/v1/roadmap"))
        assert (response.status, response.headers["retry-after"]) == (503, "60")
        assert "longer than 0.3 seconds" in response.detail
        assert "narrow it down" in response.detail
        assert response.seconds < SOON_S
        run(lambda: freed(questions))


@pytest.mark.usefixtures("endless")
def test_a_question_ends_when_its_caller_has_gone(service: LocalService) -> None:
    """A caller who hangs up costs no more processor time."""
    with limited(service, seconds=60.0) as questions:

        async def leaving() -> float:
            left = await asyncio.gather(*(get(service, "/v1/roadmap", leave=0.2) for _ in range(4)))
            await freed(questions)
            assert max(each.seconds for each in left) < SOON_S
            begun = time.process_time()
            await asyncio.sleep(0.5)
            return time.process_time() - begun

        assert run(leaving) < 0.2


@pytest.mark.usefixtures("endless")
def test_a_caller_who_leaves_the_queue_leaves_it_to_others(service: LocalService) -> None:
    """A query whose caller disconnects while waiting is never run."""
    lane = LaneLimits(running=1, running_each=1, waiting=1, waiting_each=1)
    with limited(service, seconds=1.0, heavy=lane) as questions:

        async def waiting() -> Response:
            first = asyncio.create_task(get(service, "/v1/roadmap"))
            await asyncio.sleep(0.1)
            second = asyncio.create_task(get(service, "/v1/roadmap", leave=0.1))
            await asyncio.sleep(0.4)
            assert second.done()
            third = await get(service, "/v1/fields")
            await first
            await freed(questions)
            return third

        assert run(waiting).status == 200


@pytest.mark.usefixtures("endless")
def test_a_full_queue_sends_callers_away(service: LocalService) -> None:
    """One caller fills only their share; another caller is answered meanwhile."""
    bob = service.log.tokens.create(service.person("Bob"))[1]
    lane = LaneLimits(running=2, running_each=1, waiting=8, waiting_each=2)
    with limited(service, seconds=1.0, wait_s=0.5, heavy=lane):

        async def crowd() -> tuple[list[Response], Response]:
            many = [asyncio.create_task(get(service, "/v1/roadmap")) for _ in range(6)]
            await asyncio.sleep(0.2)
            other = await get(service, "/v1/fields", bob)
            return await asyncio.gather(*many), other

        many, other = run(crowd)
    assert other.status == 200
    assert other.seconds < 0.5
    assert [each.status for each in many] == [503] * 6
    at_once = [each for each in many if each.seconds < 0.2]
    waited = [each for each in many if 0.4 < each.seconds < 0.9]
    assert (len(at_once), len(waited)) == (3, 2)
    assert {each.headers["retry-after"] for each in (*at_once, *waited)} == {"5"}
    assert "try again in 5 seconds" in at_once[0].detail


@pytest.mark.usefixtures("endless")
@pytest.mark.slow
def test_cheap_routes_answer_while_expensive_questions_fill_the_server(service: LocalService) -> None:
    """With 45 expensive questions open, who I am, the log, a product and health are answered at once."""
    service.post("/products", {"key": "tide", "title": "Tide"})
    service.get("/products/tide")
    with limited(service, seconds=2.0):

        async def crowd() -> list[Response]:
            many = [asyncio.create_task(get(service, "/v1/roadmap")) for _ in range(45)]
            await asyncio.sleep(0.2)
            paths = ("/v1/me", "/v1/log", "/v1/products/tide", "/v1/health", "/v1/status", "/v1/log/entries/1")
            found = [await get(service, path) for path in paths]
            assert not all(each.done() for each in many)
            await asyncio.gather(*many)
            return found

        found = run(crowd)
    assert [each.status for each in found] == [200] * 6
    assert max(each.seconds for each in found) < 1.0


@pytest.mark.usefixtures("endless")
def test_health_says_that_questions_wait_for_long(service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health is degraded while there is always somebody in the queue, and ok again afterwards."""
    monkeypatch.setattr(admission, "SATURATED_AFTER_S", 0.2)
    with limited(service, seconds=1.0):

        async def crowd() -> Response:
            many = [asyncio.create_task(get(service, "/v1/roadmap")) for _ in range(6)]
            await asyncio.sleep(0.5)
            found = await get(service, "/v1/health")
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
