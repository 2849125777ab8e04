"""What the HTTP interface serves: a log or a replica of one, and its read model, put together elsewhere and passed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.admission import Admission
from api.problems import HttpProblem
from domain.errors import Malformed, Unknown
from domain.values import is_subject
from eventlog.entry import Caller
from eventlog.log import DecisionLog
from eventlog.worker_status import WorkerStatus
from projections.read_model import ReadModel, ReadModelDamagedError
from projections.replica_state import Replica
from projections.runner import Runner


@dataclass(frozen=True)
class Services:
    """A log or its replica, the read model that follows it, and the way callers are known.

    `sign_in` answers who holds a secret, or None; it may have to ask elsewhere. `wait_seconds` is how long a read waits for
    a position. `workers` tells of the processes beside, each with whether it is at work. `upstream` is where a replica's
    log is served, if that is known. `questions` says how many questions are answered at once, and for how long each.
    """

    book: DecisionLog | Replica
    model: ReadModel
    runner: Runner
    sign_in: Callable[[str], Caller | Awaitable[Caller | None] | None]
    wait_seconds: float = 5.0
    workers: Callable[[], Sequence[tuple[WorkerStatus, bool]]] = tuple
    upstream: str = ""
    questions: Admission = field(default_factory=Admission)

    @property
    def log(self) -> DecisionLog:
        """The log itself, for what is only there.

        Raises:
            HttpProblem: 421, as this is a replica.
        """
        if isinstance(self.book, Replica):
            raise self.elsewhere()
        return self.book

    def elsewhere(self) -> HttpProblem:
        """The refusal of what a replica can't do, with the address of who can."""
        where = f"ask the log itself, at {self.upstream}" if self.upstream else "ask the log itself"
        return HttpProblem(421, f"this is a replica, from which the read models can be read; for anything else {where}")

    def extent(self) -> dict[str, int]:
        """The size of the log, the position up to which answers speak, and how many entries they are behind.

        A replica says how much of the log it has heard of, and what it has not read yet.
        """
        if isinstance(self.book, Replica):
            found = self.book.standing()
            return {"position": found.known, "read_model": found.position, "lag": found.lag}
        recorded, shown = self.book.head().size, self.runner.position
        return {"position": recorded, "read_model": shown, "lag": recorded - shown}

    def must_follow(self) -> None:
        """Refuses to answer from a read model that is damaged or no longer follows the log: it would be wrong without
        saying so.

        Raises:
            ReadModelDamagedError: it is damaged, and being built again.
            HttpProblem: 503, with the reason.
        """
        if self.model.damage:
            raise ReadModelDamagedError(self.model.damage)
        if self.runner.error is not None:
            detail = f"the read model stopped at position {self.runner.position}: {self.runner.error}"
            raise HttpProblem(503, f"{detail}; restart the server, or run `decisionlog rebuild`")

    def must_be_sound(self) -> None:
        """Refuses to call a log healthy that was found damaged.

        Raises:
            HttpProblem: 503, with what to do.
        """
        if isinstance(self.book, DecisionLog) and self.book.damage:
            raise HttpProblem(503, "the file of the log is damaged; `decisionlog verify` on the server says more")

    def somebody(self, spelling: str, field: str) -> str:
        """The id of a subject, or of the person who goes by a name.

        Raises:
            Unknown: nobody goes by it.
            Malformed: more than one person does.
        """
        if is_subject(spelling):
            return spelling
        found = self.book.directory.find(spelling)
        if not found:
            raise Unknown(f"the directory knows nobody called {spelling!r}; GET /v1/people lists them", field=field)
        with self.model.read() as read:
            persons = sorted({read.one_of(each) for each in found})  # two ids that were joined are one person
        if len(persons) > 1:
            raise Malformed(f"{spelling!r} may be {' or '.join(persons)}; use an id", field=field)
        return persons[0]

    def subject(self, named: str, field: str, *, kind: str | None = None) -> str:
        """A subject that the log knows; where only one kind will do, its key is enough.

        Raises:
            HttpProblem: 422; it is not of the shape of a subject, or of another kind.
            Unknown: the log has never heard of it.
        """
        full = f"{kind}:{named}" if kind and ":" not in named else named
        if not is_subject(full) or (kind and not full.startswith(f"{kind}:")):
            wanted = f"{kind}:KEY" if kind else "kind:key, such as feature:gift-cards"
            raise HttpProblem(422, f"{named!r} is no subject; one is written {wanted}", field=field)
        if not self.book.cached_state(full).version:  # what was begun once stays known
            raise Unknown(f"the log knows no {full}", field=field, subject=full)
        return full


async def only_reads_from_a_replica(request: Request, served: Served) -> None:
    """Refuses what would write, before it is looked at, where a replica is served.

    Raises:
        HttpProblem: 421, with the log's address.
    """
    if isinstance(served.book, Replica) and request.method not in ("GET", "HEAD"):
        raise served.elsewhere()


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(_services)]
