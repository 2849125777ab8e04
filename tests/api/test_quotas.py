"""Quotas: what one token and one person may use, and that others are served while a client wants too much."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import Any

import pytest

from api.admission import Admission, LaneName
from api.problems import HttpProblem
from api.quotas import WINDOW_S, QuotaLimits, Quotas
from eventlog.entry import Caller
from tests.support_log import LocalService

ANN = Caller("person:ann", "laptop", "http")
ANN_TOO = replace(ANN, credential="phone")
BOB = Caller("person:bob", "laptop-2", "http")


class Timer:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def served(quotas: Quotas, caller: Caller, count: int) -> int:
    """How many of some requests are served."""
    done = 0
    for _ in range(count):
        with suppress(HttpProblem):
            quotas.take_request(caller)
            done += 1
    return done


def test_a_token_has_its_quota_and_a_person_twice_as_much() -> None:
    """All at once, a token is served its quota; what several tokens of a person are served together is bounded too."""
    timer = Timer()
    quotas = Quotas(QuotaLimits(requests=100), timer)

    assert served(quotas, ANN, 1000) == 100
    assert served(quotas, ANN_TOO, 1000) == 100
    assert served(quotas, replace(ANN, credential="third"), 1000) == 0
    assert served(quotas, BOB, 1000) == 100
    timer.now += WINDOW_S / 10
    assert served(quotas, ANN, 1000) == 10
    assert served(quotas, ANN_TOO, 1000) == 10
    timer.now += 10 * WINDOW_S
    assert served(quotas, ANN, 1000) == 100


def test_retry_after_says_when(service: LocalService) -> None:
    """After the seconds that the answer names, the same request is served, and no sooner than one second before."""
    timer = Timer()
    quotas = Quotas(QuotaLimits(requests=10), timer)
    served(quotas, ANN, 10)
    with pytest.raises(HttpProblem) as refused:
        quotas.take_request(ANN)
    wait_s = int(refused.value.headers["Retry-After"])

    timer.now += wait_s - 1.01
    assert served(quotas, ANN, 1) == 0
    timer.now += 1.01
    assert served(quotas, ANN, 1) == 1


def test_more_commands_than_the_quota_need_an_unused_minute() -> None:
    """A transaction is not split: one that is larger than the quota is served, and what follows waits for it."""
    timer = Timer()
    quotas = Quotas(QuotaLimits(commands=100), timer)
    quotas.take_commands(ANN, 1000)

    with pytest.raises(HttpProblem):
        quotas.take_commands(ANN, 1)
    timer.now += 9 * WINDOW_S
    with pytest.raises(HttpProblem):
        quotas.take_commands(ANN, 1)
    timer.now += 0.61
    quotas.take_commands(ANN, 1)


def test_questions_are_counted_while_they_run() -> None:
    """A token has a number of questions at a time, and its person twice as many; one that ends makes room."""
    quotas = Quotas(QuotaLimits(questions=2))
    with ExitStack() as running:
        for caller in (ANN, ANN, ANN_TOO, ANN_TOO):
            running.enter_context(quotas.question(caller))
        for caller in (ANN, replace(ANN, credential="third")):
            with pytest.raises(HttpProblem), quotas.question(caller):
                pass
        with quotas.question(BOB):
            pass
    with quotas.question(ANN):
        pass
    assert not quotas._questions


def test_the_machine_itself_has_no_quota() -> None:
    """Commands on the log's own machine are not counted, and without limits no one is."""
    quotas = Quotas(QuotaLimits(1, 1, 1))
    local = replace(ANN, credential="local")

    assert served(quotas, local, 10) == 10
    assert served(Quotas(), ANN, 1000) == 1000


def limit(service: LocalService, **limits: int) -> None:
    service.app.state.services = replace(service.app.state.services, quotas=Quotas(QuotaLimits(**limits)))


def test_too_many_requests_are_answered_with_429(service: LocalService) -> None:
    """The problem document says what the quota is; single commands, bulk requests and forms count alike."""
    limit(service, requests=5, commands=3)
    answers = [service.post("/people", {"name": f"Ann {n}"}) for n in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    problem = answers[-1].json()
    assert (problem["type"], problem["status"]) == ("urn:decisionlog:problem:too-many-requests", 429)
    assert "3 commands a minute" in problem["detail"]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= WINDOW_S
    size = service.log.head().size
    bulk = {"transactions": [{"commands": [{"type": "RegisterPerson", "name": "Bob"}]}]}
    assert service.post("/bulk", bulk).status_code == 429
    assert service.client.get("/v1/me").status_code == 429
    assert service.log.head().size == size


def test_others_are_served_beside_a_client_at_ten_times_its_quota(
    service: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one client sends beyond its quota is refused before it is asked, and takes nothing of the quota of others."""
    other = service.person("Olga Other")
    client = service.client_of(service.post("/tokens", {"holder": other, "role": "contributor"}).json()["secret"])
    limit(service, requests=40)
    ask, asked = Admission.ask, Counter[str]()

    async def count(questions: Admission, lane: LaneName, caller: str, *more: Any) -> Any:
        asked[caller] += 1
        return await ask(questions, lane, caller, *more)

    monkeypatch.setattr(Admission, "ask", count)
    greedy: Counter[int] = Counter()
    for _ in range(40):
        greedy.update(service.client.get("/v1/teams").status_code for _ in range(10))
        assert client.get("/v1/teams").status_code == 200

    assert greedy.keys() == {200, 429}
    assert 40 <= greedy[200] < 50
    assert sorted(asked.values()) == [40, greedy[200]]


def test_no_one_is_anonymous_unless_the_operator_allows_it(service: LocalService) -> None:
    """Then every caller reads, and recording needs a token."""
    anonymous = service.client_of(None)
    assert anonymous.get("/v1/roadmap").status_code == 401

    caller = Caller("service:anonymous", "anonymous", "http", frozenset({"read"}))
    service.app.state.services = replace(service.app.state.services, anonymous=caller)

    assert anonymous.get("/v1/me").json()["actor"] == "service:anonymous"
    assert anonymous.get("/v1/roadmap").status_code == 200
    assert anonymous.post("/v1/people", json={"name": "Eve"}).status_code == 401
    assert anonymous.get("/v1/tokens").status_code == 403
    assert service.browser().get("/v1/me", headers={"Cookie": "decisionlog=x"}).status_code == 401
