"""A replica answers every question as the log's own server does, writes nothing, and says how far it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from api.services import Services
from domain.names import normalize_name
from projections.read_model import replica_state
from projections.read_model.database import PROJECTOR
from projections.read_model.model import ReadModel
from projections.read_model.projector import Projector
from projections.read_model.replica_state import Replica, ReplicaState
from projections.read_model.runner import Runner
from projections.read_model.sqlite import SqliteDatabase
from tests.api.test_answers import ASKED, _get, service
from tests.support_log import LocalService

__all__ = ["service"]

AT = "http://log.example:8737"
ONLY_THE_LOG = {
    *("/v1/log", "/v1/log/entries", "/v1/log/entries/{position}"),
    *("/v1/tokens", "/v1/sessions", "/v1/access-journal", "/v1/activity", "/v1/accounts"),
}
OPEN = {"/v1/me", "/v1/status", "/v1/health", "/v1/version", "/v1/catalog"}


def filled(service: LocalService, folder: Path, *, without: int = 0) -> ReadModel:
    """A replica that has read the log but for its last entries, and knows everybody's names."""
    database = SqliteDatabase(folder / "replica.sqlite3")
    database.recreate()
    size = service.log.head().size - without
    with closing(database.writer()) as writer, writer.transaction():
        Projector(writer).apply(service.log.read(0, size))
        replica_state.create_tables(writer)
        replica_state.write_state(
            writer, ReplicaState(service.log.id, "events", size, size, known_position=size + without, polled_at=1)
        )
        for somebody in service.log.directory.list_people():
            replica_state.replace_names(writer, somebody.id, somebody.spellings)
    return ReadModel(database, service.clock)


@contextmanager
def served(service: LocalService, model: ReadModel) -> Iterator[LocalService]:
    """The same routes over a replica."""
    before, book = service.app.state.services, Replica(model)
    book.default_role = "admin"
    runner = Runner(book, model, poll_s=0.01, external=True)
    runner.start()
    service.app.state.services = Services(book, model, runner, service.sign_in, 0.05, upstream=AT)
    try:
        yield service
    finally:
        service.app.state.services = before
        runner.stop()
        model.close()


@pytest.fixture(scope="module")
def model(service: LocalService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadModel]:
    with closing(filled(service, tmp_path_factory.mktemp("replica"))) as model:
        yield model


def members_of(answer: Any) -> Any:
    """An answer without the instant at which it was asked, which a report that ends then is made of."""
    return {name: said for name, said in answer.json().items() if name not in ("as_of", "until", "sha256")}


@pytest.mark.parametrize("path", sorted(ASKED.keys() - ONLY_THE_LOG - OPEN))
def test_a_replica_answers_as_the_log_does(service: LocalService, model: ReadModel, path: str) -> None:
    """Each question has the same answer, people are called the same, and the answer says that nothing is missing."""
    expected = [members_of(_get(service, path, asked)) for asked in ASKED[path]]

    with served(service, model):
        answers = [_get(service, path, asked) for asked in ASKED[path]]

    assert [members_of(answer) for answer in answers] == expected
    if path != "/v1/people/{key}":
        assert {answer.headers["Decisionlog-Lag"] for answer in answers} == {"0"}


def test_whatever_a_replica_cannot_do_names_who_can(service: LocalService, model: ReadModel) -> None:
    """Each route that writes, or that only the log can answer, is refused before it is looked at, with the log's address."""
    operations = [
        (method.upper(), path)
        for path, methods in service.app.openapi()["paths"].items()
        for method in methods
        if method != "get" or path in ONLY_THE_LOG
    ]
    assert len(operations) > 60

    with served(service, model):
        for method, path in operations:
            answer = service.client.request(method, re.sub(r"\{\w+\}", "1", path))
            assert answer.status_code == 421, (method, path, answer.text)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert AT in answer.json()["detail"]


def test_a_replica_lets_in_only_whom_it_knows(service: LocalService, model: ReadModel) -> None:
    """A token is needed there, too."""
    with served(service, model):
        assert service.client_of(None).get("/v1/roadmap").status_code == 401
        assert service.client_of("dlog_invented").get("/v1/roadmap").status_code == 401


def test_a_replica_behind_says_so(service: LocalService, tmp_path: Path) -> None:
    """It tells how far behind it is, and waits for a position that it has not heard of rather than deny it."""
    size = service.log.head().size
    copy = filled(service, tmp_path, without=3)
    with served(service, copy), closing(copy.database.writer()) as keeper:
        assert keeper.try_lock(PROJECTOR)
        health = service.client.get("/v1/health").json()
        answer = service.client.get("/v1/features")
        waited = service.client.get("/v1/features", params={"min_position": size + 10})

    assert health == {"status": "ok", "position": size, "read_model": size - 3, "lag": 3}
    assert answer.headers["Decisionlog-Lag"] == "3"
    assert answer.headers["Decisionlog-Position"] == str(size - 3)
    assert waited.status_code == 504


def test_a_replica_that_no_process_keeps_is_behind(service: LocalService, model: ReadModel) -> None:
    """It does not know what it has not heard of, so it is not called ok, and waiting for a position is in vain."""
    with served(service, model):
        health = service.client.get("/v1/health").json()
        late = service.client.get("/v1/features", params={"min_position": health["position"] + 1})

    assert (health["status"], health["lag"]) == ("behind", 0)
    assert "start one with `decisionlog replica`" in late.json()["detail"]


def test_states_are_those_of_the_log(service: LocalService, model: ReadModel) -> None:
    """What the rules see of any subject can be had from a replica."""
    book = Replica(model)
    book.default_role = "admin"
    subjects = {entry.subject for entry in service.log.read(0, 1_000)}

    assert len(subjects) > 10
    for subject in subjects:
        assert book.state(subject) == service.log.state(subject)
    assert book.state("feature:unheard-of").version == 0


def test_the_directory_is_that_of_the_log(service: LocalService, model: ReadModel) -> None:
    """Each person is found by every spelling, in any case; a removed person is not found."""
    names, known = Replica(model).directory, list(service.log.directory.list_people())

    assert list(names.list_people()) == known
    for somebody in known:
        for spelling in somebody.spellings:
            assert names.find(normalize_name(spelling).upper()) == service.log.directory.find(spelling)
    with closing(model.database.writer()) as writer, writer.transaction():
        replica_state.delete_names_except(writer, [known[0].id])
    assert [each.id for each in names.list_people()] == [known[0].id]
