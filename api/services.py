"""What the HTTP API serves: a log or a replica of one, and its read model. The caller puts it together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request

from api.admission import Admission
from api.problems import HttpProblem
from domain import policy
from domain.errors import Malformed, Unknown
from domain.fields import Subjects, SubjectState
from domain.values import is_subject
from eventlog.entry import Caller
from eventlog.views import CommittedView
from eventlog.worker_status import WorkerStatus
from identity.decision_log import DecisionLog
from projections.names import find_by_name
from projections.read_model import ReadModel, ReadModelDamagedError
from projections.replica_state import Replica
from projections.runner import Runner
from projections.timepoint import NOW, resolve_time

MAX_ACTIVE_CALLERS: Final = 10_000


class SessionFinder(Protocol):
    """Finds people by the sessions of their browsers."""

    async def find(self, secret: str) -> Caller | None:
        """Return the person behind the secret of a session, or None."""


@dataclass(frozen=True)
class Services:
    """A log or its replica, the read model that follows it, and a way to find callers by their tokens.

    `sign_in` returns the holder of a secret, or None; it may be awaitable. `wait_seconds` is how long a read waits for a
    position. `workers` returns the status of every worker process, each with whether it is running. `upstream` is the
    address of a replica's log, if known. `questions` limits how many queries run at once, and for how long. `sessions`
    finds people who signed in with a browser; without it, only tokens are accepted.
    """

    book: DecisionLog | Replica
    model: ReadModel
    runner: Runner
    sign_in: Callable[[str], Caller | Awaitable[Caller | None] | None]
    wait_seconds: float = 5.0
    workers: Callable[[], Sequence[tuple[WorkerStatus, bool]]] = tuple
    upstream: str = ""
    questions: Admission = field(default_factory=Admission)
    sessions: SessionFinder | None = None
    active_callers: dict[str, SubjectState] = field(default_factory=dict)
    """Callers who were found to have access, each with the state that said so; a later state is another object."""

    def remember_active(self, caller: SubjectState) -> None:
        """Remember that a caller has access, as long as nothing more happens to them."""
        if len(self.active_callers) >= MAX_ACTIVE_CALLERS:
            self.active_callers.clear()
        self.active_callers[caller.subject] = caller

    @property
    def log(self) -> DecisionLog:
        """The log itself.

        Raises:
            HttpProblem: 421 if this server serves a replica.
        """
        if isinstance(self.book, Replica):
            raise self.misdirected()
        return self.book

    def misdirected(self) -> HttpProblem:
        """Return the refusal of a request that a replica cannot answer, with the address of the server that can."""
        where = f" at {self.upstream}" if self.upstream else ""
        return HttpProblem(421, f"this server is a read-only replica; send this request to the log's own server{where}")

    def positions(self) -> dict[str, int]:
        """Return the log's last position, the read model's position, and the number of entries between them.

        On a replica, the first is the last position that it has received word of.
        """
        if isinstance(self.book, Replica):
            found = self.book.read_state()
            return {"position": found.known, "read_model": found.position, "lag": found.lag}
        recorded, projected = self.book.head().size, self.runner.position
        return {"position": recorded, "read_model": projected, "lag": recorded - projected}

    def check_read_model(self) -> None:
        """Refuse to answer from a read model that is damaged or has stopped following the log.

        Raises:
            ReadModelDamagedError: the read model is damaged and being rebuilt.
            HttpProblem: 503 with the reason.
        """
        if self.model.damage:
            raise ReadModelDamagedError(self.model.damage)
        if self.runner.error is not None:
            detail = f"the read model stopped at position {self.runner.position}: {self.runner.error}"
            raise HttpProblem(503, f"{detail}; restart the server, or run `decisionlog rebuild`")

    def check_log(self) -> None:
        """Refuse to call a damaged log healthy.

        Raises:
            HttpProblem: 503 with what to do.
        """
        if isinstance(self.book, DecisionLog) and self.book.damage:
            raise HttpProblem(503, "the log file is damaged; run `decisionlog verify` on the server for details")

    def is_administrator(self, caller: Caller) -> bool:
        """Return whether a caller may administer the log: has the scope and the role `admin` for all products."""
        principal = policy.Principal(caller.actor, caller.scopes, caller.credential, caller.groups)
        view = CommittedView(self.log)
        with self.model.read() as read:
            now = read.now
        held = policy.HeldRoles(principal, Subjects(view.state, view.superseded_by), view, now)
        return policy.may(held, policy.ADMINISTER, [policy.NO_PRODUCT]) is None

    def find_named(self, subject: str, field: str) -> str | None:
        """Return the subject of a kind that bears or bore a name, as in `feature:shop-2`; None if there is none.

        Raises:
            Malformed: the name leads to several subjects.
        """
        kind, _, name = subject.partition(":")
        with self.model.read() as read:
            found = find_by_name(read, name, resolve_time(read, NOW), kind)
        if len(found) > 1:
            raise Malformed(f"{subject} may be {' or '.join(found[:10])}; use one of these ids", field=field)
        return found[0] if found else None

    def find_person(self, name: str, field: str) -> str:
        """Return a subject id unchanged, or the id of the person with this name.

        Raises:
            Unknown: no person has this name.
            Malformed: several people have this name.
        """
        if is_subject(name):
            return name
        found = self.book.directory.find(name)
        if not found:
            raise Unknown(f"no person named {name!r}; GET /v1/people lists the people", field=field)
        with self.model.read() as read:
            people = sorted({read.surviving_id(each) for each in found})  # merged ids are one person
        if len(people) > 1:
            raise Malformed(f"{name!r} is ambiguous; use one of the ids {' or '.join(people)}", field=field)
        return people[0]

    def find_subject(self, name: str, field: str, *, kind: str | None = None) -> str:
        """Return the id of a subject in the log; with `kind`, its key is enough.

        Raises:
            HttpProblem: 422 if the name is not a subject id or of another kind.
            Unknown: the log has no such subject.
        """
        subject = f"{kind}:{name}" if kind and ":" not in name else name
        if not is_subject(subject) or (kind and not subject.startswith(f"{kind}:")):
            form = f"{kind}:KEY" if kind else "kind:key, such as feature:gift-cards"
            raise HttpProblem(422, f"{name!r} is not a subject; write it as {form}", field=field)
        if not self.book.cached_state(subject).version:  # a subject that existed once stays known
            if (named := self.find_named(subject, field)) is not None:
                return named
            raise Unknown(f"there is no {subject} in the log", field=field, subject=subject)
        return subject


async def refuse_writes_on_replica(request: Request, services: ServiceDependency) -> None:
    """Refuse a request that would write, where this server serves a replica.

    Raises:
        HttpProblem: 421 with the address of the log's own server.
    """
    if isinstance(services.book, Replica) and request.method not in ("GET", "HEAD"):
        raise services.misdirected()


async def _get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServiceDependency = Annotated[Services, Depends(_get_services)]
