"""What the HTTP API serves: a log or a replica of one, and its read model. The caller puts it together."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Annotated, Final, Protocol

from fastapi import Depends, Request

from api.admission import Admission
from api.problems import HttpProblem
from api.quotas import Quotas
from domain.errors import Malformed, Unknown, format_alternatives, unknown_subject
from domain.fields import SubjectState
from domain.ids import SUBJECT_PATTERN, key_of, kind_of
from domain.read_access import CONFIDENTIAL_EVENTS, is_readable
from domain.values import MAX_INTEGER, is_subject
from eventlog.entry import Caller
from eventlog.log import RawEntry
from eventlog.worker_status import WorkerStatus
from identity.decision_log import DecisionLog
from projections.answer_types.meta import Positions
from projections.queries.names import find_by_name
from projections.queries.suggestions import describe_other_kind, similar_names, similar_subjects
from projections.queries.timepoint import NOW, resolve_time
from projections.read_model.model import Read, ReadModel, ReadModelDamagedError
from projections.read_model.query_limits import UNBOUNDED, Bounds
from projections.read_model.replica_state import Replica
from projections.read_model.runner import Runner
from projections.read_model.visibility import limit

if TYPE_CHECKING:
    from identity.oidc.provider import Provider  # needs an optional dependency

MAX_ACTIVE_CALLERS: Final = 10_000
_NAMED: Final = re.compile(rf'"({SUBJECT_PATTERN})"')


class SessionFinder(Protocol):
    """Finds people by the sessions of their browsers."""

    async def find(self, secret: str) -> Caller | None:
        """Return the person behind the secret of a session, or None."""


class LazyStates(Mapping[str, SubjectState]):
    """The states of subjects, each fetched on first use, as the policy reads them."""

    def __init__(self, fetch: Callable[[str], SubjectState]) -> None:
        self._fetch = fetch
        self._known: dict[str, SubjectState] = {}

    def __getitem__(self, subject: str) -> SubjectState:
        state = self._known.get(subject)
        if state is None:
            state = self._known[subject] = self._fetch(subject)
        return state

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


@dataclass(frozen=True)
class Services:
    """A log or its replica, the read model that follows it, and a way to find callers by their tokens.

    `sign_in` returns the holder of a secret, or None; it may be awaitable. `wait_seconds` is how long a read waits for a
    position. `workers` returns the status of every worker process, each with whether it is running. `upstream` is the
    address of a replica's log, if known. `questions` limits how many queries run at once, and for how long. `sessions`
    finds people who signed in with a browser; without it, only tokens are accepted. `zone` is the time zone of pages for
    readers whose browsers run no scripts. `provider` is the OpenID provider that people sign in with, if any.
    `quotas` limit what one token and one person use. `anonymous` is the caller of reads without a token; usually none.
    """

    book: DecisionLog | Replica
    model: ReadModel
    runner: Runner
    sign_in: Callable[[str], Caller | Awaitable[Caller | None] | None]
    wait_seconds: float = 5.0
    workers: Callable[[], Sequence[tuple[WorkerStatus, bool]]] = tuple
    last_verification: Callable[[], WorkerStatus | None] = lambda: None
    upstream: str = ""
    questions: Admission = field(default_factory=Admission)
    products: frozenset[str] | None = None
    """The products that the caller may read, with those of their lines; None if they may read everything."""
    reads_accounts_of: Callable[[str], bool] = lambda _person: False
    """Whether the caller may see which accounts at a provider sign in a person."""
    sessions: SessionFinder | None = None
    provider: Provider | None = None
    quotas: Quotas = field(default_factory=Quotas)
    anonymous: Caller | None = None
    load_demo: Callable[[str], Awaitable[None]] | None = None
    """Writes the demo into the log, for the person who asks for it; None if this server has none."""
    zone: tzinfo = UTC
    active_callers: dict[str, SubjectState] = field(default_factory=dict)
    """Callers who were found to have access, each with the state that showed it; a later state is another object."""

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

    def is_readable(self, subject: str) -> bool:
        """Return whether the caller may read a subject."""
        states = LazyStates(self.book.cached_state)
        return is_readable(subject, self.products, states, MAX_INTEGER)

    def is_entry_readable(self, raw: RawEntry) -> bool:
        """Return whether the caller may read an entry as it was hashed.

        If their reading is limited, it is about a subject that they may read, grants no role, and names no subject that
        they may not read.
        """
        if self.products is None:
            return True
        if raw.type in CONFIDENTIAL_EVENTS or not self.is_readable(raw.subject):
            return False
        return all(map(self._is_shown, set(_NAMED.findall(raw.entry.decode()))))

    def _is_shown(self, subject: str) -> bool:
        """Return whether the caller may learn that an entry names a subject: it is readable, or not in the log."""
        return not self.book.cached_state(subject).version or self.is_readable(subject)

    @contextmanager
    def read(self, bounds: Bounds = UNBOUNDED) -> Iterator[Read]:
        """Open a snapshot of the read model in which the caller sees what they may read."""
        with self.model.read(bounds) as found:
            read = replace(found, reads_accounts_of=self.reads_accounts_of)
            yield read if self.products is None else limit(read, self.products)

    def misdirected(self) -> HttpProblem:
        """Return the refusal of a request that a replica cannot answer, with the address of the server that can."""
        where = f" at {self.upstream}" if self.upstream else ""
        return HttpProblem(421, f"this server is a read-only replica; send this request to the log's own server{where}")

    def positions(self) -> Positions:
        """Return the log's last position, the read model's position, and the number of entries between them.

        On a replica, the first is the last position that it has received word of.
        """
        if isinstance(self.book, Replica):
            found = self.book.read_state()
            return {"position": found.known_position, "read_model": found.position, "lag": found.lag}
        recorded, projected = self.book.head().size, self.runner.position
        return {"position": recorded, "read_model": projected, "lag": recorded - projected}

    async def lacks_projector(self) -> bool:
        """Whether no process brings the read model or the replica up to date, so that waiting for it is in vain."""
        return not await asyncio.to_thread(self.runner.has_projector)

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

    def find_named(self, subject: str, field: str) -> str | None:
        """Return the subject of a kind that bears or bore a name, as in `feature:shop-2`; None if there is none.

        Raises:
            Malformed: the name leads to several subjects.
        """
        kind, _, name = subject.partition(":")
        with self.read() as read:
            found = find_by_name(read, name, resolve_time(read, NOW), kind)
        if len(found) > 1:
            raise Malformed(f"{subject} may be {' or '.join(found[:10])}; use one of these ids", field=field)
        return found[0] if found else None

    def find_person(self, name: str, field: str) -> str:
        """Return a subject id unchanged, or the id of the person with this name, else of the one with this key.

        Raises:
            Unknown: no person has this name or key.
            Malformed: several people have this name.
        """
        if is_subject(name):
            return name
        found = self.book.directory.find(name)
        if not found and is_subject(by_key := f"person:{name}") and self.book.cached_state(by_key).version:
            found = (by_key,)
        if not found:
            similar = similar_names(name, (each.name for each in self.book.directory.list_people()))
            hint = f"did you mean {format_alternatives(similar)}?" if similar else "GET /v1/people lists the people"
            raise Unknown(f"no person named {name!r}; {hint}", field=field)
        with self.model.read() as read:
            people = sorted({read.surviving_id(each) for each in found})  # merged ids are one person
        if len(people) > 1:
            raise Malformed(f"{name!r} is ambiguous; use one of the ids {' or '.join(people)}", field=field)
        return people[0]

    def find_subject(self, name: str, field: str, *, kind: str | None = None) -> str:
        """Return the id of a subject in the log; with `kind`, its key is enough.

        Raises:
            HttpProblem: 422 if the name is not a subject id, or is one of another kind.
            Unknown: the log has no such subject.
        """
        subject = f"{kind}:{name}" if kind and ":" not in name else name
        if kind and is_subject(subject) and kind_of(subject) != kind:
            raise HttpProblem(
                422, f"{name} is of the kind {kind_of(subject)}, and `{field}` takes a {kind}: {kind}:KEY", field=field
            )
        if not is_subject(subject):
            form = f"{kind}:KEY" if kind else "kind:key, such as feature:gift-cards"
            raise HttpProblem(422, f"{name!r} is not a subject; write it as {form}", field=field)
        # A subject that existed once stays known.
        if self.book.cached_state(subject).version and self.is_readable(subject):
            return subject
        if (named := self.find_named(subject, field)) is not None:
            return named
        with self.read() as read:
            other_kind = describe_other_kind(read, key_of(subject), kind_of(subject))
            similar = [] if other_kind else similar_subjects(read, subject)
            raise unknown_subject(subject, field=field, similar=similar, hint=other_kind)


async def refuse_writes_on_replica(request: Request, services: ServiceDependency) -> None:
    """Refuse a request that would write, where this server serves a replica.

    Raises:
        HttpProblem: 421 with the address of the log's own server.
    """
    if isinstance(services.book, Replica) and request.method not in ("GET", "HEAD"):
        raise services.misdirected()


async def _get_services(request: Request) -> Services:
    # Once the caller is known, the services are those that are limited to what the caller may read.
    services: Services = getattr(request.state, "services", None) or request.app.state.services
    return services


ServiceDependency = Annotated[Services, Depends(_get_services, use_cache=False)]
