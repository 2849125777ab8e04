"""The whole software on a folder: log, read model, HTTP API, and a client for it."""

from __future__ import annotations

import itertools
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fastapi import FastAPI

from api.app import create_app
from api.caller_lookup import SessionLookup
from api.services import Services
from domain.errors import Refused
from domain.scopes import SCOPES
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.records import TokenRow
from eventlog.worker_status import VERIFIER, workers_at
from identity.decision_log import DecisionLog
from identity.tokens import PREFIX
from projections.read_model.model import ReadModel
from projections.read_model.runner import Runner
from projections.read_model.sqlite import SqliteDatabase
from tests.support_client import AppClient, run

ALL_SCOPES = frozenset(SCOPES)
T0 = 1_735_689_600_000_000
"""2025-01-01T00:00Z in microseconds."""


@cache
def shared_app() -> FastAPI:
    """Return the application of this process: building it takes a second, and its only state are the services.

    So it serves the `LocalService` that was opened last.
    """
    return create_app(None)  # type: ignore[arg-type]


class Ticking:
    """A clock that moves a millisecond each time it is read, and can be set."""

    def __init__(self, start: int = T0) -> None:
        self.now = start

    def __call__(self) -> int:
        self.now += 1_000
        return self.now


def quiet_token(log: DecisionLog, actor: str, scopes: Collection[str]) -> str:
    """The secret of a token that has no entry, so that the positions of a test are those of what it does itself."""
    secret = PREFIX + urlsafe_b64encode(sha256(actor.encode()).digest()).rstrip(b"=").decode()
    row = TokenRow(
        sha256(actor.encode()).hexdigest()[:16],
        sha256(secret.encode()).digest(),
        actor,
        " ".join(sorted(scopes)),
        "",
        T0,
        None,
    )
    log._store.change(lambda beside: beside.put_token(row))
    return secret


class LocalService:
    """Opens everything on a folder. `ada` is a person with a token of all scopes; `client` speaks as her."""

    def __init__(self, folder: Path, clock: Callable[[], int] | None = None) -> None:
        self.folder = folder
        self.clock = clock or Ticking()
        self._numbers = itertools.count(1)
        self.log = DecisionLog.open(folder / "log.sqlite", clock=self.clock, entropy=self.random)
        self.log.default_role = "admin"  # so that the positions of a test are those of what it does itself
        self.model = ReadModel.open(SqliteDatabase(folder / "model.sqlite"), self.log, self.clock)
        self.runner = Runner(self.log, self.model, poll_s=0.05)
        self.log.on_append(lambda _: self.runner.wake())
        self.runner.start()
        self.ada = self.person("Ada Lovelace", "ada@example.org")
        self.token = quiet_token(self.log, self.ada, ALL_SCOPES)
        self.workers = workers_at(folder / "log.sqlite")
        sheets = lambda: [(sheet, sheet.is_working(self.clock())) for sheet in self.workers.all()]  # noqa: E731
        sessions = SessionLookup(self.log.sessions)
        services = Services(
            self.log,
            self.model,
            self.runner,
            self.sign_in,
            workers=sheets,
            sessions=sessions,
            load_demo=self.load_demo,
            last_verification=lambda: self.workers.find(VERIFIER),
        )
        self.app = shared_app()
        self.app.state.services = services
        self.client = self.client_of(self.token)

    async def load_demo(self, by: str) -> None:
        """Writes the demo into the log, as the button on an empty log does."""
        from cli.bootstrap import Runtime
        from cli.demo.writer import load_demo

        await load_demo(Runtime(self.log, self.model, self.runner), by)

    def random(self, n: int) -> bytes:
        """Bytes that never repeat, the same in every run."""
        return sha256(next(self._numbers).to_bytes(8)).digest()[:n]

    def sign_in(self, secret: str) -> Caller | None:
        token = self.log.tokens.find(secret)
        return token.caller("http") if token else None

    def client_of(self, token: str | None) -> AppClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return AppClient(self.app, headers=headers, raises=False)

    def browser(self, code: str | None = None) -> AppClient:
        """A browser on the server's own machine; with the code of a sign-in link, signed in."""
        client = AppClient(self.app, "http://localhost", headers={"Sec-Fetch-Site": "same-origin"})
        if code:
            assert client.post("/sign-in", data={"code": code}, follow_redirects=False).status_code == 303
        return client

    def caller(self, channel: str = "http") -> Caller:
        actor = getattr(self, "ada", "service:setup")
        return Caller(actor, "test", channel, ALL_SCOPES)

    def execute(self, *transactions: Transaction) -> list[Receipt | Refused]:
        return run(self.log.execute_many(transactions))

    def person(self, name: str, *also: str) -> str:
        from domain.people import RegisterPerson

        command = RegisterPerson(name=name, identifiers=also)
        (receipt,) = self.execute(Transaction((command,), self.caller()))
        assert isinstance(receipt, Receipt), receipt
        return receipt.recorded[0].subject

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(
            f"/v1{path}", json=body or {}, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def get(self, path: str, **params: Any) -> Any:
        """What a question answers, once it covers everything recorded."""
        response = self.client.get(f"/v1{path}", params={"min_position": self.log.head().size, **params})
        assert response.status_code == 200, response.text
        return response.json()

    def rows(self, path: str, **params: Any) -> Sequence[dict[str, Any]]:
        rows: Sequence[dict[str, Any]] = self.get(path, **params)["rows"]
        return rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.runner.stop()
        self.model.close()
        self.log.close()


class EmptyService(LocalService):
    """A log without registered people: the examples begin with that themselves, and Ann, the caller, leaves."""

    def person(self, name: str, *also: str) -> str:
        return "person:ann"

    def __init__(self, folder: Path, clock: Callable[[], int] | None = None) -> None:
        super().__init__(folder, clock)
        self.keeper = quiet_token(self.log, "service:keeper", ALL_SCOPES)

    def leave(self) -> None:
        """Ann has departed; a service goes on in her place."""
        self.token = self.keeper
        self.client = self.client_of(self.token)
