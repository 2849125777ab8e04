"""How a replica is begun and who may read from one, as a user sees it; what needs a broker is in tests/kafka."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from inspect import isawaitable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.authentication import LookupUnavailableError
from cli.bootstrap import open_for_write, open_runtime
from cli.commands.replica import keep_replica
from cli.commands.serve import run_server
from cli.commands.status import read_model_position, show_progress
from cli.errors import CommandFailed
from cli.replica_reader import open_replica
from cli.replica_sign_in import CACHE_TTL_S, GRACE_PERIOD_S, REPLICA_READER, ReplicaSignIn
from cli.settings import Settings
from consumers.kafka.log_api import LogApi, LogApiError
from projections.read_model.sqlite import SqliteDatabase
from tests.support_log import LocalService

ANNS, INVENTED, ANOTHER = (f"dlog_{letter * 42}A" for letter in "abc")


def who(sign_in: ReplicaSignIn, secret: str) -> str | None:
    """The actor behind a secret."""
    found = sign_in(secret)
    caller = asyncio.run(_await_value(found)) if isawaitable(found) else found
    return caller.actor if caller else None


async def _await_value(found: Any) -> Any:
    return await found


class Upstream:
    """The log's server: it knows Ann's token until that is revoked, and may be gone."""

    def __init__(self) -> None:
        self.good, self.gone, self.asked, self.now = True, False, 0, 0.0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        if self.gone:
            raise httpx2.ConnectError("nobody there")
        if self.good and request.headers["Authorization"] == f"Bearer {ANNS}":
            return httpx2.Response(200, json={"actor": "person:ann", "credential": "t", "scopes": ["read"]})
        return httpx2.Response(401, json={})

    def sign_in(self, own: str | None = None) -> ReplicaSignIn:
        return ReplicaSignIn("http://log", own, tick=lambda: self.now, transport=httpx2.MockTransport(self))


def test_the_word_of_the_log_holds_for_a_minute() -> None:
    """It is asked once, and again a minute later: then a token that was revoked is worth nothing."""
    log = Upstream()
    sign_in = log.sign_in()
    assert [who(sign_in, ANNS), who(sign_in, ANNS), who(sign_in, INVENTED)] == ["person:ann", "person:ann", None]
    assert log.asked == 2

    log.good, log.now = False, CACHE_TTL_S - 1
    assert who(sign_in, ANNS) == "person:ann"
    log.now = CACHE_TTL_S
    assert who(sign_in, ANNS) is None


def test_whoever_is_known_may_read_while_the_log_is_gone() -> None:
    """For a quarter of an hour; of others it cannot be said who they are, which is no refusal."""
    log = Upstream()
    sign_in = log.sign_in()
    assert who(sign_in, ANNS) == "person:ann"
    log.gone, log.now = True, GRACE_PERIOD_S - 1
    assert who(sign_in, ANNS) == "person:ann"
    with pytest.raises(LookupUnavailableError):
        who(sign_in, ANOTHER)
    log.now = GRACE_PERIOD_S
    with pytest.raises(LookupUnavailableError, match="cannot check this token"):
        who(sign_in, ANNS)


def test_a_replica_may_have_a_secret_of_its_own() -> None:
    """It lets in as nobody in particular, and the log is not asked."""
    log = Upstream()
    assert who(log.sign_in("s" * 20), "s" * 20) == REPLICA_READER
    assert who(ReplicaSignIn("", "s" * 20), ANNS) is None
    assert log.asked == 0


def test_the_logs_api_is_held_against_its_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come as they are in the log; what was changed on the way, is out of order or refused is no row."""
    with LocalService(tmp_path) as service:
        service.post("/decisions", {"title": "A", "decision": "B", "why": "C", "accountable": "Ada Lovelace"})
        api, change = LogApi("http://log", service.token), [str]

        def get(path: str, params: Any) -> httpx2.Response:
            answer = service.client.get(path, params=params)
            return httpx2.Response(answer.status_code, text=change[0](answer.text))

        monkeypatch.setattr(api._http, "get", get)
        size = service.log.head().size
        assert api.size() == (service.log.id, size)
        assert api.rows(1, 3) == service.log.rows(1, 3)
        assert api.rows(0, 1_000) == service.log.rows(0, 1_000)
        for wrong in (
            lambda text: text.replace('"position":2', '"position":3'),
            lambda text: text.replace('"person:', '"person:x'),
            lambda text: "\n".join(reversed(text.splitlines())),
            lambda text: text[: len(text) // 2],
        ):
            change[0] = wrong
            with pytest.raises(api.transient_errors):
                api.rows(0, 1_000)
        change[0] = str
        service.client.headers["Authorization"] = "Bearer no"
        with pytest.raises(LogApiError, match="401"):
            api.size()
        api.close()


def show_once(settings: Settings) -> None:
    show_progress(settings, as_json=False)


LOG = {"upstream": "http://log"}


@pytest.mark.parametrize(
    ("command", "given", "sentence"),
    [
        (keep_replica, {}, "Set the replica with"),
        (keep_replica, {"replica": "{data}/views.sqlite3"}, "belongs to the log itself"),
        (
            keep_replica,
            {"replica": "postgresql://h/d", "store": "postgresql://h/d"},
            "The log itself is at this address",
        ),
        (run_server, {"replica": "{data}/none", "port": 0}, "would accept no token"),
        (run_server, {"replica": "{data}/none", "port": 0, **LOG}, "No replica in"),
        (run_server, {"replica": "{data}/views.sqlite3", "port": 0, **LOG}, "belongs to the log itself"),
        (run_server, {"replica": "{data}/other/views.sqlite3", "port": 0, **LOG}, "No replica in"),
        (show_once, {"replica": "{data}/none"}, "No replica in"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    tmp_path: Path, command: Any, given: dict[str, Any], sentence: str
) -> None:
    """And nothing is begun where nothing was."""
    other = tmp_path / "other" / "views.sqlite3"
    other.parent.mkdir()
    SqliteDatabase(other).recreate()
    named = {name: said.format(data=tmp_path) if isinstance(said, str) else said for name, said in given.items()}

    with pytest.raises(CommandFailed, match=sentence):
        command(Settings(data=tmp_path, **named))

    assert not (tmp_path / "none").exists()


def test_status_can_be_asked_whether_one_is_at_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The projector that runs is; a publisher of which nothing was ever heard is not."""
    settings = Settings(data=tmp_path)
    with open_for_write(settings) as log, open_runtime(log, settings) as built:
        built.runner.wait_for(1, 10)
        show_progress(settings, as_json=True, working="projector")
        with pytest.raises(CommandFailed, match="publisher is not working"):
            show_progress(settings, as_json=True, working="publisher")
    with pytest.raises(CommandFailed, match="projector is not working"):
        show_progress(settings, as_json=True, working="projector")

    assert json.loads(capsys.readouterr().out.splitlines()[0])["lag"] == 0


def test_a_disk_that_fails_is_told_where_the_models_cannot_be_read(tmp_path, monkeypatch):
    """`status` goes on without a position, and a replica is not served, with a sentence that says why."""
    with open_for_write(Settings(data=tmp_path / "data", owner="ann")):
        pass
    settings = Settings(data=tmp_path / "data", replica=str(tmp_path / "replica.sqlite3"))
    for path in (settings.model_file, tmp_path / "replica.sqlite3"):
        path.touch()

    def failing(_: Path) -> sqlite3.Connection:
        failure = sqlite3.OperationalError("disk I/O error")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR  # type: ignore[attr-defined]
        raise failure

    monkeypatch.setattr("projections.read_model.sqlite.connect", failing)

    assert read_model_position(settings) is None
    with pytest.raises(CommandFailed, match="disk I/O error"), open_replica(settings):
        pass
