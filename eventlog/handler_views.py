"""What the command handler reads of a log: as committed, or first from the caches of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.fields import SubjectState
from domain.product import IssueReport

if TYPE_CHECKING:
    from eventlog.log import EventLog
    from eventlog.records import Head


class CommittedView:
    """A log as last committed. Where a state needs more than `at_most` entries, it raises LongReadError."""

    def __init__(self, log: EventLog, at_most: int | None = None) -> None:
        self._log = log
        self._at_most = at_most
        self._head: Head | None = None
        self.entry, self.find_people = log.entry, log.find_people
        self.access, self.identified_by = log.access, log.identified_by
        self.found_roles, self.token_ends = log.found_roles, log.token_ends

    @property
    def default_role(self) -> str | None:
        """The role of callers who hold none."""
        return self._log.default_role

    @property
    def limits_reading(self) -> bool:
        """Whether callers read only what belongs to products for which they hold a role."""
        return self._log.limits_reading

    def head(self) -> Head:
        """Return the size, root and last recorded time of the log, as committed now."""
        self._head = self._log.head()
        return self._head

    def initial_head(self) -> Head:
        """The head on which the first command is decided."""
        return self.head()

    def state(self, subject: str) -> SubjectState:
        """Return a subject as the rules see it."""
        return self._log.application.state(subject, at_most=self._at_most)

    def new_subject_state(self, subject: str) -> SubjectState:
        """Return the state of a subject that a command creates."""
        return self.state(subject)

    def people_of_new_name(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a name that a command gives to a new person."""
        return self.find_people(normalized)

    def superseded_by(self, decision: str) -> frozenset[str]:
        """Return the decisions that a decision superseded."""
        return self._log.superseded_by(decision, self._at_most)

    def teams_with_roles(self) -> frozenset[str]:
        """Return all teams that hold a role, and possibly others, as of the head that was read last."""
        head = self._head or self.head()
        return self._log.teams_with_roles(head.size, self._at_most)

    def report_sha256(self, command: IssueReport) -> str | None:
        """Return the SHA-256 of the report that a command issues, as the log computes it; None if it cannot."""
        compute = self._log.report_sha256
        return command.sha256 if compute is None else compute(command, in_loop=self._at_most is not None)

    def recorder_of(self, position: int) -> str | None:
        """Return the actor of the entry at a position, or None."""
        entry = self._log.entry(position)
        return entry.metadata.actor if entry else None


class CachedView(CommittedView):
    """A log as this process last saw it, read from caches where possible.

    It may be stale where other processes write. That is safe: an append is written only if nothing it read has changed,
    which is checked under the write lock, and a command that this view refuses is decided again on the committed log.
    """

    def __init__(self, log: EventLog, at_most: int | None = None) -> None:
        super().__init__(log, at_most)
        self.find_people = log.names.find_cached_people
        self._find_cached_state = log.application.cached_state

    def initial_head(self) -> Head:
        """The head as last seen."""
        return self._log.cached_head

    def teams_with_roles(self) -> frozenset[str]:
        """Return all teams that hold a role, and possibly others, as of the cached head."""
        return self._log.teams_with_roles(self._log.cached_head.size, self._at_most)

    def state(self, subject: str) -> SubjectState:
        """Return a subject from the cache, or else as committed."""
        return self._find_cached_state(subject) or super().state(subject)

    def new_subject_state(self, subject: str) -> SubjectState:
        """Return the state of a subject that a command creates: new, unless it is cached."""
        return self._find_cached_state(subject) or SubjectState(subject)

    def people_of_new_name(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a name that a command gives to a new person: nobody, unless cached."""
        return self._log.names.known_people(normalized)
