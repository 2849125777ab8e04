"""No body, head or connection takes the service away from others: attacks on a real server, over sockets."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from api import json_parsing
from api.authentication import LookupUnavailableError
from api.bodies import MAX_BODY
from api.bulk import CHUNK_COMMANDS, execute_in_chunks
from api.caller_lookup import MAX_NEW, MAX_UNKNOWN, TokenLookup, UnknownSecrets
from api.connections import (
    BODY_TIMEOUT_S,
    DISCARD_BYTES_PER_S,
    HEAD_TIMEOUT_S,
    LINGER_BYTES,
    LINGER_IDLE_S,
    PIPELINED_REQUESTS,
    READ_BYTES_PER_S,
    STALLED_S,
    SWEEP_INTERVAL_S,
    WHOLE_BYTES,
    BoundedProtocol,
    Pool,
    protocol_of,
)
from api.problems import HttpProblem
from api.routes import commands
from api.routes.commands import MAX_COMMANDS
from domain.people import RegisterPerson
from eventlog.entry import Receipt, Transaction
from tests.support_log import LocalService
from tests.support_serving import COMMAND, Serving, serving

DESCRIPTORS = 512
STALLED_BYTES = int(READ_BYTES_PER_S * STALLED_S)
SLOW = 200
SIZE = 3_900_000
WAIT_S = 60.0
HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Attacked:
    """A server with few descriptors, and slow connections that have been open since it began."""

    def __init__(self, server: Serving, stack: ExitStack) -> None:
        self.server = server
        self.pid = server.process.pid
        self.stack = stack
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
        self.client = stack.enter_context(httpx2.Client(base_url=server.address, headers=headers, timeout=WAIT_S))
        assert self.client.post("/v1/people", json={"name": "Warm Up"}).status_code == 201
        self.began = time.monotonic()
        self.half_heads = [self.connect(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nX-A: ") for _ in range(SLOW)]
        head = f"POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
        self.half_body = self.connect(f"{head}Content-Length: 1000\r\n\r\n{{".encode())

    def connect(self, sent: bytes = b"") -> socket.socket:
        """A connection over which something was sent."""
        address = urlsplit(self.server.address)
        made = self.stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=WAIT_S))
        made.sendall(sent)
        return made

    def post_large(self, body: bytes) -> httpx2.Response:
        """The answer to a large body, once those that were sent before and given up are gone from the server."""
        deadline = time.monotonic() + WAIT_S
        while True:
            answer = self.client.post("/v1/commands", content=body)
            if answer.status_code != 503 or time.monotonic() > deadline:
                return answer
            time.sleep(0.05)

    def answer(self, *sent: bytes) -> bytes:
        """Everything that is answered until the server closes; what cannot be sent any more is left out."""
        with self.connect() as made:
            with suppress(OSError):
                for part in sent:
                    made.sendall(part)
            return until_closed(made)

    def health_cpu_s(self) -> float:
        """The CPU time that the server takes until it has answered health, over a new connection.

        It is what the answer waits for on a quiet machine, and the same on a busy one.
        """
        before = self._cpu_s()
        with self.connect(HEALTH) as made:
            assert made.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        return self._cpu_s() - before

    def _cpu_s(self) -> float:
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory(self, kind: str = "VmRSS") -> int:
        """The resident memory in MiB; with VmHWM, its peak since `forget_peak`."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{kind}:\s+(\d+)", status)[1]) // 1024

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


def until_closed(made: socket.socket) -> bytes:
    got = b""
    with suppress(ConnectionError):
        while part := made.recv(1 << 16):
            got += part
    return got


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    limited = ("bash", "-c", f'ulimit -n {DESCRIPTORS}; exec "$0" "$@"', COMMAND)
    with ExitStack() as stack, serving(tmp_path_factory.mktemp("attacked"), command=limited) as server:
        yield Attacked(server, stack)


def full_of(member: str, head: str, tail: str) -> bytes:
    return (head + ",".join([member] * (SIZE // (len(member) + 1))) + tail).encode()


def padded(head: str, filler: str, tail: str) -> bytes:
    return (head + filler * (SIZE // len(filler)) + tail).encode()


def numbered(head: str, tail: str) -> bytes:
    return (head + ",".join(f'"{n}":0' for n in range(SIZE // 11)) + tail).encode()


PERSON = '{"type":"RegisterPerson","name":"n",'
OBSERVE = '{"type":"ImportChanges","subject":"feature:f","source":{"system":"x"},'
BODIES: dict[str, Callable[[], bytes]] = {
    "texts": partial(full_of, '""', PERSON + '"identifiers":[', "]}"),
    "objects": partial(full_of, "{}", '{"commands":[', "]}"),
    "numbers": partial(full_of, "0", '{"commands":[', "]}"),
    "changes": partial(full_of, "{}", OBSERVE + '"changes":[', "]}"),
    "nulls": partial(full_of, "null", '{"commands":[', "]}"),
    "expected": partial(numbered, '{"commands":[],"expected":{', "}}"),
    "transactions": partial(full_of, "{}", '{"transactions":[', "]}"),
    "unknown fields": partial(numbered, PERSON, "}"),
    "one field again and again": partial(full_of, '"a":0', PERSON, "}"),
    "lists of lists": partial(full_of, "[[[]]]", PERSON + '"identifiers":[', "]}"),
    "one long name": partial(padded, PERSON + '"', "k", '":1}'),
    "one long type": partial(padded, '{"type":"', "t", '"}'),
    "depth": partial(padded, '{"a":', "[", "}"),
    "one long number": partial(padded, PERSON + '"note":', "9", "}"),
    "large numbers": partial(full_of, "1e308", '{"commands":[', "]}"),
    "commas in a text": partial(padded, PERSON + '"note":"', ",", '"}'),
    "quotes in a text": partial(padded, PERSON + '"note":"', '\\"', '"}'),
    "just within the bounds": (
        PERSON + '"identifiers":[' + '{"a":0},' * 9_999 + '0],"because":[' + '{"a":[]},' * 9_999 + "0]}"
    ).encode,
    "many unknown fields within": (
        PERSON + '"source":{' + ",".join(f'"s{n}":0' for n in range(1_000)) + '},"x":0}'
    ).encode,
}


def test_no_body_costs_much_memory_or_stops_others(attacked: Attacked) -> None:
    """Each hostile body, two at once, is refused within 100 MiB, and health is answered meanwhile."""
    bodies = {name: make() for name, make in BODIES.items()}
    slowest, done = [0.0], threading.Event()
    watching = threading.Thread(target=_watch, args=(attacked, slowest, done))
    before = attacked.memory()
    attacked.forget_peak()
    watching.start()

    def send(name: str) -> int:
        path = "/v1/bulk" if name == "transactions" else "/v1/commands"
        return attacked.client.post(path, content=bodies[name]).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = dict(zip(bodies, pool.map(send, bodies), strict=True))
    done.set()
    watching.join()

    assert {name: status for name, status in statuses.items() if status not in (400, 413, 422)} == {}
    assert attacked.memory("VmHWM") - before < 100
    assert slowest[0] < 0.75


def test_nobody_uses_up_the_memory_for_large_bodies(attacked: Attacked) -> None:
    """The third large body of one person at a time is refused before it is received, and that of another person is received."""
    other = attacked.client.post("/v1/people", json={"name": "Olga Other"}).json()["subject"]
    token = attacked.client.post("/v1/tokens", json={"holder": other, "role": "contributor"}).json()["secret"]
    held = [attacked.connect(post_of(attacked.server.token, MAX_BODY, "Expect: 100-continue\r\n")) for _ in range(2)]
    assert all(each.recv(100).startswith(b"HTTP/1.1 100 ") for each in held)  # the server now waits for their bodies

    refused = attacked.answer(post_of(attacked.server.token, MAX_BODY))
    accepted = attacked.client.post(
        "/v1/commands", content=b" " * MAX_BODY, headers={"Authorization": f"Bearer {token}"}
    )
    for each in held:
        each.close()

    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"send one after another" in refused
    assert accepted.status_code == 400


def _watch(attacked: Attacked, slowest: list[float], done: threading.Event) -> None:
    while not done.wait(0.05):
        slowest[0] = max(slowest[0], attacked.health_cpu_s())


def test_an_answer_repeats_little_of_what_was_sent(attacked: Attacked) -> None:
    """The name of a field that is megabytes long comes back in part."""
    answer = attacked.post_large(BODIES["one long name"]())

    assert answer.status_code == 422
    assert len(answer.content) < 5_000


def received(parts: Iterable[bytes]) -> json_parsing.ReceivedBody:
    """A body of which these parts were received."""

    async def receive() -> None:
        for part in parts:
            await body.add(part)

    body = json_parsing.ReceivedBody()
    asyncio.run(receive())
    return body


def test_members_are_counted_across_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """However a body is sliced, commas and brackets outside strings are counted, up to the limit."""
    monkeypatch.setattr(json_parsing, "REST_S", 0)
    random = Random(7)
    pieces = ['"a"', '"\\\\"', '"\\""', '"\\\\\\" , [ {"', "[", "{", ",", " 1 ", '"[,]"', '""']
    for size in (1, 2, 3, 5, 1 << 15):
        monkeypatch.setattr(json_parsing, "SLICE_BYTES", size)
        for _ in range(20):
            body = "".join(random.choices(pieces, k=30))
            members = len(re.findall(r"[,\[{]", re.sub(r'"(?:[^"\\]|\\.)*"', "", body)))
            parts = [body[:17].encode(), body[17:].encode()]
            monkeypatch.setattr(json_parsing, "MAX_MEMBERS", members)
            assert received(parts).content == body.encode()
            monkeypatch.setattr(json_parsing, "MAX_MEMBERS", members - 1)
            with pytest.raises(HttpProblem, match=f"at most {members - 1} members"):
                received(parts)


def test_members_are_counted_outside_texts() -> None:
    """Prose has commas and brackets, which are no members."""
    prose = json.dumps({"a": '[,{"\\' * 100_000}).encode()

    assert json_parsing.parse(received([prose, b""]).content) == json.loads(prose)


def test_the_rest_of_a_body_with_too_many_members_is_not_read() -> None:
    """A body is refused at the part that has its first member over the limit."""
    part = b"{}," * 10_000

    numbers = iter(range(1_000))
    with pytest.raises(HttpProblem, match="at most") as refused:
        received(part for _ in numbers)

    assert (refused.value.status, refused.value.headers) == (413, {"Connection": "close"})
    assert next(numbers) == json_parsing.MAX_MEMBERS // 20_000 + 1


def test_the_next_large_body_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a large body, valid or not, others have twice the time that it took, before the next one is parsed."""
    done: list[object] = []
    times = count(1.0, 0.25)
    clock = SimpleNamespace(thread_time=lambda: next(times), sleep=done.append)
    monkeypatch.setattr(json_parsing, "time", clock)
    blank = b" " * json_parsing.INLINE_BYTES

    async def send_two() -> None:
        with pytest.raises(HttpProblem):
            await json_parsing.validate(blank + b"{", done.append)
        await json_parsing.validate(blank + b"{}", done.append)
        await json_parsing.validate(b"[]", done.append)

    asyncio.run(send_two())
    json_parsing._POOL.submit(int).result()

    assert sorted(done, key=str) == [0.5, 0.5, [], {}]
    assert done.index(0.5) < done.index({})


def test_the_error_of_a_body_does_not_keep_it_in_memory() -> None:
    """Errors wait for the garbage collector, and each would hold megabytes."""
    body = bytearray(b" " * json_parsing.INLINE_BYTES + b"{")
    with pytest.raises(HttpProblem, match="not JSON") as caught:
        asyncio.run(json_parsing.validate(body, lambda value: value))

    assert not [each for each in gc.get_referrers(body) if each is not sys._getframe()]
    assert caught.value.status == 400


@pytest.mark.slow
def test_others_write_between_the_units_of_a_bulk_request(attacked: Attacked) -> None:
    """A single command waits for a chunk of 3,000, not for all of them."""
    transaction = {"commands": [{"type": "RegisterPerson", "name": "Member"}] * 3}
    positions, done = [], threading.Event()

    def write() -> None:
        with httpx2.Client(base_url=attacked.server.address, headers=attacked.client.headers, timeout=WAIT_S) as other:
            while not done.wait(0.01):
                positions.append(other.post("/v1/people", json={"name": "Beside"}).json()["position"])

    beside = threading.Thread(target=write)
    beside.start()
    answer = attacked.client.post("/v1/bulk", json={"transactions": [transaction] * 1_000}, timeout=60)
    done.set()
    beside.join()

    assert answer.status_code == 200, answer.text[:200]
    receipts = [result["receipt"]["position"] for result in answer.json()["results"]]
    assert sum(receipts[0] < position < receipts[-1] for position in positions) > 3


@pytest.mark.slow
def test_a_single_command_waits_for_one_chunk_of_a_bulk_request(tmp_path: Path) -> None:
    """Between two commands that one caller sends one after the other, a bulk request records a chunk or two.

    Counted in positions and not in seconds, so that it holds on a busy machine.
    """
    with LocalService(tmp_path) as service:

        def transaction(size: int) -> Transaction:
            return Transaction(tuple(RegisterPerson(name="Member") for _ in range(size)), service.caller())

        async def write() -> tuple[list[Any], list[int]]:
            bulk = asyncio.create_task(execute_in_chunks(service.log, [transaction(3)] * 1_000))
            positions = []
            while not bulk.done():
                positions.append((await service.log.execute(transaction(1))).position)
            return await bulk, positions

        receipts, positions = asyncio.run(write())

    recorded_between = [after - before - 1 for before, after in pairwise(positions)]
    assert all(isinstance(receipt, Receipt) for receipt in receipts)
    assert len(positions) > 3_000 / (2 * CHUNK_COMMANDS)
    assert max(recorded_between) <= 2 * CHUNK_COMMANDS


def test_the_largest_bulk_request_is_within_every_bound() -> None:
    """10,000 decisions in 1,000 units, each with all that an import says of it."""
    decision = {
        "type": "RecordDecision",
        "title": "T",
        "decision": "D",
        "why": "W",
        "accountable": "ann",
        "note": "N",
        "effective_at": "2025-01-01T00:00:00Z",
        "tags": ["a"],
        "source": {"system": "x", "reference": "1"},
    }
    body = json.dumps({"transactions": [{"commands": [decision] * (MAX_COMMANDS // 1_000)}] * 1_000}).encode()

    assert len(body) < MAX_BODY
    assert len(commands._parse_bulk(json_parsing.parse(body)).transactions) == 1_000


def test_more_commands_than_that_are_refused(attacked: Attacked) -> None:
    """What a bulk request holds is counted over all its units, and refused whole."""
    transaction = {"commands": [{"type": "RegisterPerson", "name": "Member"}] * 101}

    answer = attacked.client.post("/v1/bulk", json={"transactions": [transaction] * 100})

    assert (answer.status_code, answer.json()["field"]) == (422, "transactions")
    assert str(MAX_COMMANDS) in answer.json()["detail"]


GET = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n"
LARGE = [b"a" * 65_536] * 160
CODED = b"POST /v1/me HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: %s\r\n\r\n"
EMPTY = b"0\r\n\r\n"
HEADS: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "a value without an end": (431, (GET + b"X-A: ", *LARGE)),
    "a name without an end": (431, (GET + b"X-", *LARGE)),
    "a target without an end": (414, (b"GET /", *LARGE)),
    "a query without an end": (414, (b"GET /v1/health?a=", *LARGE)),
    "a method without an end": (400, (b"G", *LARGE)),
    "many fields": (431, (GET, b"X-A: b\r\n" * 100_000, b"\r\n")),
    "a trailer without an end": (
        431,
        (
            b"POST /v1/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-A: ",
            *LARGE,
        ),
    ),
    "a long target": (414, (b"GET /v1/health?a=" + b"b" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",)),
    "no host": (400, (b"GET /v1/health HTTP/1.1\r\n\r\n",)),
    "two hosts": (400, (GET + b"Host: localhost\r\n\r\n",)),
    "two authorizations": (400, (GET + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",)),
    "two origins": (400, (GET + b"Origin: http://localhost\r\nOrigin: http://evil.example\r\n\r\n",)),
    "a coding that is not read": (400, (CODED % b"gzip, chunked" + EMPTY,)),
    "two codings": (400, (CODED % b"chunked\r\nTransfer-Encoding: chunked" + EMPTY,)),
    "a coding of another name": (400, (CODED % b"xchunked" + EMPTY,)),
    "a coding in HTTP/1.0": (400, (CODED.replace(b"HTTP/1.1", b"HTTP/1.0") % b"chunked" + EMPTY,)),
    "HTTP/0.9": (400, (b"GET /v1/health\r\n\r\n",)),
    "HTTP/2.0": (400, (b"GET /v1/health HTTP/2.0\r\nHost: localhost\r\n\r\n",)),
    "no HTTP": (400, (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",)),
    "a host of elsewhere": (421, (b"GET /v1/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",)),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_out_of_bounds_is_refused_and_the_connection_closed(attacked: Attacked, name: str) -> None:
    """With a problem document, and without keeping what came."""
    status, sent = HEADS[name]
    attacked.forget_peak()
    before = attacked.memory()

    answer = attacked.answer(*sent)

    head, _, body = answer.partition(b"\r\n\r\n")
    if name == "a trailer without an end":  # the route may be refused before its body has come
        assert head.split(b" ")[1] in (b"401", b"405", b"431")
    else:
        assert int(head.split(b" ")[1]) == status
        assert b"connection: close" in head.lower()
        assert json.loads(body)["status"] == status
    assert attacked.memory("VmHWM") - before < 20


def post_of(token: str, length: int, more: str = "") -> bytes:
    head = f"POST /v1/commands HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{more}"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize("size", [MAX_BODY + 1, 40_000_000])
def test_a_client_reads_why_its_body_was_refused(attacked: Attacked, size: int) -> None:
    """Also if it writes the whole body before it reads, and the server refused the body at its first byte."""
    for _ in range(3):
        with attacked.connect(post_of(attacked.server.token, size)) as made:
            for _ in range(0, size, 1 << 16):
                made.sendall(b"a" * (1 << 16))
            time.sleep(0.1)
            answer = until_closed(made)

        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in head.lower()
        assert json.loads(body)["status"] == 413


def sent_until_cut_off(made: socket.socket, part: bytes, most: int, pause_s: float = 0.0) -> int:
    """How many bytes a client can write before its connection is gone; `most` if it stays."""
    sent = 0
    with suppress(ConnectionError):
        while sent < most:
            sent += made.send(part)
            time.sleep(pause_s)
    return sent


@pytest.mark.slow
def test_a_client_that_goes_on_after_its_refusal_is_cut_off(attacked: Attacked) -> None:
    """When it has sent a bounded number of bytes, and when it goes silent."""
    endless = post_of(attacked.server.token, 1 << 40)
    with attacked.connect(endless) as made:
        sent = sent_until_cut_off(made, b"a" * (1 << 20), 4 * LINGER_BYTES)
    assert LINGER_BYTES / 2 < sent < 2 * LINGER_BYTES

    with attacked.connect(endless) as made:
        assert until_closed(made).startswith(b"HTTP/1.1 413 ")
        assert sent_until_cut_off(made, b"a", 5, LINGER_IDLE_S + 2 * SWEEP_INTERVAL_S) < 5


def test_a_body_is_discarded_up_to_a_bound_on_a_kept_connection(attacked: Attacked) -> None:
    """A request that is refused for its token is answered at once, and its body is read to its end, if it has one."""
    with attacked.connect(post_of("unknown", 10_000_000)) as made:
        made.sendall(b"a" * 10_000_000 + HEALTH)
        got = b""
        while b'"status":"ok"' not in got:
            got += made.recv(1 << 16)
    assert got.startswith(b"HTTP/1.1 401 ")

    with attacked.connect(post_of("unknown", 1 << 40)) as made:
        assert sent_until_cut_off(made, b"a" * (1 << 20), 4 * LINGER_BYTES) < 2 * LINGER_BYTES


def test_an_old_client_needs_no_host(attacked: Attacked) -> None:
    """HTTP/1.0 has none."""
    assert attacked.answer(b"GET /v1/health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests_are_bounded(attacked: Attacked) -> None:
    """The first are answered in order, the others dropped with the connection."""
    answer = attacked.answer(HEALTH * 2_000)

    assert 1 <= answer.count(b'"status":"ok"') <= 2 * (PIPELINED_REQUESTS + 1)
    assert b"connection: close" in answer


def test_ordinary_pipelining_works(attacked: Attacked) -> None:
    """A few requests at once have an answer each."""
    answer = attacked.answer(HEALTH * 4, HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    assert answer.count(b'"status":"ok"') == 5


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_is_answered_and_ends_the_connection(attacked: Attacked, protocol: bytes) -> None:
    """The connection is closed, and nothing that follows on it is read as a request."""
    upgrade = b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n"
    answer = attacked.answer(HEALTH.replace(b"\r\n\r\n", b"\r\n" + upgrade) + HEALTH)

    assert answer.count(b'"status":"ok"') == 1
    assert b"connection: close" in answer.lower()


def test_health_is_quick_while_slow_connections_hang(attacked: Attacked) -> None:
    """Hundreds that have sent half a request hold nothing up."""
    assert statistics.median(attacked.health_cpu_s() for _ in range(20)) < 0.05


def test_slow_connections_are_closed(attacked: Attacked) -> None:
    """Half a head, and a body that does not come, are answered 408 when their time is over."""
    time.sleep(max(0.0, attacked.began + max(HEAD_TIMEOUT_S, BODY_TIMEOUT_S) + 3 - time.monotonic()))

    answers = [until_closed(made) for made in [*attacked.half_heads, attacked.half_body]]

    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers), answers[0]
    assert attacked.client.get("/v1/health").status_code == 200


def test_more_connections_than_descriptors_keep_nobody_out(attacked: Attacked) -> None:
    """Those that wait longest make room; new callers are answered, and files can still be opened."""
    idle = [attacked.connect() for _ in range(2 * DESCRIPTORS)]
    half = [attacked.connect(GET) for _ in range(DESCRIPTORS)]

    assert statistics.median(attacked.health_cpu_s() for _ in range(20)) < 0.25
    with httpx2.Client(base_url=attacked.server.address, headers=attacked.client.headers) as new:
        assert new.post("/v1/people", json={"name": "Newcomer"}).status_code == 201
        assert new.get("/v1/people").status_code == 200
    assert len(list(Path(f"/proc/{attacked.pid}/fd").iterdir())) < DESCRIPTORS - 60
    for made in idle + half:
        made.close()


class Unread(asyncio.Transport):
    """A connection to a client that reads nothing, or only as much as `left` says."""

    left = 20 * STALLED_BYTES

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.left

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


async def _never_ending(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.sleep(WAIT_S)


@pytest.mark.parametrize("bytes_each", [0, 1, STALLED_BYTES - 1])
def test_who_reads_too_little_of_an_answer_is_cut_off(bytes_each: int) -> None:
    """Half a minute after the last that was fast enough, and not before: a drop now and then holds no connection."""

    async def answer() -> None:
        connection, transport, now = await _answering()
        for n in range(10):
            transport.left -= STALLED_BYTES
            connection.check_deadlines(now + n * STALLED_S)
        transport.left -= bytes_each
        connection.check_deadlines(now + 9.5 * STALLED_S)
        assert not transport.aborted
        connection.check_deadlines(now + 10 * STALLED_S + 1)
        assert transport.aborted

    asyncio.run(answer())


def test_who_reads_the_rest_of_an_answer_is_not_cut_off() -> None:
    """However little it is, and however long the server takes for what comes next."""

    async def answer() -> None:
        connection, transport, now = await _answering()
        transport.left = 10
        connection.check_deadlines(now)
        for n in range(1, 5):
            transport.left = 0
            connection.check_deadlines(now + n * STALLED_S - 1)
            transport.left = 10
            connection.check_deadlines(now + n * STALLED_S)
        assert not transport.aborted

    asyncio.run(answer())


async def _answering() -> tuple[BoundedProtocol, Unread, float]:
    """A connection whose answer does not end, and the time."""
    loop, transport = asyncio.get_running_loop(), Unread()
    config = Config(_never_ending, http=BoundedProtocol, access_log=False)
    connection = protocol_of(Pool(limit=10))(config, ServerState(), {}, loop)
    connection.connection_made(transport)
    connection.data_received(HEALTH)
    await asyncio.sleep(0)
    return connection, transport, loop.time()


def test_a_pipelined_request_ends_when_its_client_leaves() -> None:
    """The first of several gets the disconnect, and what it still answers goes nowhere, without an error."""
    told: list[str] = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        told.extend([(await receive())["type"], (await receive())["type"]])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"too late"})

    async def answer() -> None:
        transport = Closed()
        connection = protocol_of(Pool(limit=10))(
            Config(app, http=BoundedProtocol), ServerState(), {}, asyncio.get_running_loop()
        )
        connection.connection_made(transport)
        connection.data_received(HEALTH * 3)
        await asyncio.sleep(0)
        transport.abort()
        connection.connection_lost(None)
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(answer())
    assert told == ["http.request", "http.disconnect"]


def test_a_large_answer_is_not_copied_for_each_client() -> None:
    """What is the same for all, such as the OpenAPI document, is passed on as it is, however many clients read it slowly."""
    body = bytes(WHOLE_BYTES + 1)
    written: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        length = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": body})

    async def answer() -> None:
        transport = Closed()
        transport.write = written.append
        connection = protocol_of(Pool(limit=10))(
            Config(app, http=BoundedProtocol), ServerState(), {}, asyncio.get_running_loop()
        )
        connection.connection_made(transport)
        connection.data_received(HEALTH)
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(answer())
    assert any(each is body for each in written)


class Closed(Unread):
    """A connection on which nothing can be written any more once it is closed."""

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        self.aborted = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.aborted, data


class Closing(Unread):
    """A connection to a client that still sends after its refusal."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass


def test_closing_connections_share_a_rate() -> None:
    """However many clients go on sending after their refusal, only 50 MiB a second are read and discarded."""

    async def go_on() -> None:
        loop, pool = asyncio.get_running_loop(), Pool(limit=10)
        made = [protocol_of(pool)(Config(_never_ending, access_log=False), ServerState(), {}, loop) for _ in range(3)]
        for each in made:
            each.connection_made(Closing())
            each.data_received(b"this is no request\r\n\r\n")
        begun = loop.time()
        for each in made:
            each.data_received(b"a" * DISCARD_BYTES_PER_S)
        assert not any(each.transport.reads for each in made)
        assert pool.next_discard >= begun + 3
        made[2].connection_lost(ConnectionResetError())
        assert made[2]._read_on_timer.cancelled()
        assert pool.take_discard_turn(begun + 100, 0) == begun + 100

    asyncio.run(go_on())


def test_a_closing_connection_keeps_nothing_of_its_body() -> None:
    """What was received of a body that no one will read is freed, however long the connection stays."""

    async def refuse() -> None:
        connection = protocol_of(Pool(limit=10))(
            Config(_refusing, access_log=False), ServerState(), {}, asyncio.get_running_loop()
        )
        connection.connection_made(Closing())
        connection.data_received(post_of("t", 1_000_000) + b"a" * 60_000)
        assert len(connection.cycle.body) == 60_000
        await asyncio.gather(*connection.tasks)
        assert connection.cycle.body == b""

    asyncio.run(refuse())


async def _refusing(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


# Tokens --------------------------------------------------------------------------------------------------------------


def secret_of(number: int) -> str:
    return f"dlog_{number:042d}A"


class SomeTokens:
    """Tokens that take long to be looked up; one of them was looked up before."""

    def __init__(self, known: str) -> None:
        self.known, self.asked, self.release = known, [], threading.Event()

    def cached(self, secret: str) -> tuple[Any, bool]:
        return None, secret == self.known

    def find(self, secret: str) -> Any:
        self.asked.append(secret)
        if secret == self.known:
            return SimpleNamespace(caller=lambda channel: channel)
        self.release.wait(WAIT_S)
        return None


def test_a_secret_of_another_form_is_not_looked_up() -> None:
    """Its length and letters say that it is nobody's."""
    tokens = SomeTokens("none")
    find = TokenLookup(tokens)  # type: ignore[arg-type]

    assert [find(secret) for secret in ("", "dlog_", "x" * 48, f"dlog_{'a' * 43}", secret_of(1) + "A")] == [None] * 5
    assert tokens.asked == []


def test_a_flood_of_unknown_tokens_does_not_keep_known_ones_waiting() -> None:
    """A limited number is looked up, the others get a retry response; each once, and then cached as unknown."""
    tokens = SomeTokens(secret_of(0))
    find = TokenLookup(tokens)  # type: ignore[arg-type]

    async def flood() -> None:
        unknown = [asyncio.create_task(find(secret_of(n))) for n in range(1, MAX_NEW + 1) for _ in range(2)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        with pytest.raises(LookupUnavailableError):
            await find(secret_of(MAX_NEW + 1))  # type: ignore[misc]
        assert await asyncio.wait_for(find(secret_of(0)), 5) == "http"  # type: ignore[arg-type]
        tokens.release.set()
        assert set(await asyncio.gather(*unknown)) == {None}
        assert find(secret_of(1)) is None

    asyncio.run(flood())
    assert len(tokens.asked) == MAX_NEW + 1


@pytest.mark.slow
def test_unknown_secrets_are_remembered_up_to_a_number() -> None:
    """The oldest goes first."""
    unknown = UnknownSecrets()
    for n in range(MAX_UNKNOWN + 1):
        unknown.add(secret_of(n))

    assert secret_of(0) not in unknown
    assert secret_of(MAX_UNKNOWN) in unknown
