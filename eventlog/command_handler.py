"""The command handler: turns a transaction of commands into an append.

It fills in keys, resolves names of people to ids, decides each command by the rules of the domain, and serializes the
resulting events. A `CommandHandler` decides transactions one after the other; each sees the results of those before it,
although none is in the log yet. It reads through views and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, Protocol

from domain import credentials, policy
from domain.any_subject import EraseTexts, VoidEntry
from domain.catalog import EVENT_NAMES, decide
from domain.credentials import LOCAL_CREDENTIAL, Access, TokenRevoked
from domain.decision_messages import SUPERSEDED_BY
from domain.delegation import DelegateActions, resolve_delegation
from domain.errors import Forbidden, Malformed, NotAllowed, Refused, Stale, Unknown, unknown_subject
from domain.fields import AnyState, PendingState, Subjects, SubjectState
from domain.held_roles import FoundRoles
from domain.ids import key_from_title
from domain.messages import Command, CommandContext, Draft, copy_with, replace_in_fields, strings_of_kind
from domain.names import name_taken_error, normalize_name
from domain.ownership import DelegateOwnership
from domain.people import RegisterPerson
from domain.product import DefineProduct, IssueReport
from domain.read_access import find_unreadable, require_readable, withhold_unreadable
from domain.scopes import IMPORT_SCOPE, scopes_for
from domain.values import MAX_INTEGER, StringKind, is_subject, to_micros
from eventlog.canonical import NotCanonicalError
from eventlog.codec import encode
from eventlog.entry import Delegate, Entry, Metadata, Origin, Transaction
from eventlog.idempotency import IMPORT, idempotency_claim, idempotency_record
from eventlog.ids import new_id, new_key
from eventlog.library_application import pending_state
from eventlog.records import Append, Head, NameRow, NewEvent, UniqueClaim, build_name_rows
from eventlog.text_erasure import find_erased_positions
from eventlog.token_ends import TokenEnds

CLOCK_LEEWAY_US: Final = 60_000_000
"""How far a caller's clock may be ahead of this one."""
MAX_COMMANDS_PER_TRANSACTION: Final = 1000
_DELEGATIONS: Final = (DelegateOwnership, DelegateActions)
_NAMES_POSITION: Final = (VoidEntry, IssueReport)


class View(Protocol):
    """What a command handler reads: the log, and the people directory."""

    def state(self, subject: str) -> SubjectState:
        """Return a subject as the rules see it."""

    def new_subject_state(self, subject: str) -> SubjectState:
        """Return the state of a subject that a command creates."""

    def find_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a normalized name."""

    def people_of_new_name(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a normalized name that a command gives to a new person."""

    def identified_by(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of the people whom a normalized email address or handle identifies, not merely names."""

    def entry(self, position: int) -> Entry | None:
        """Return the entry at a position, or None."""

    def superseded_by(self, decision: str) -> frozenset[str]:
        """Return the decisions that a decision may have superseded."""

    def access(self) -> Access:
        """Return who can reach the log."""

    @property
    def default_role(self) -> str | None:
        """The role of callers who hold none."""

    @property
    def limits_reading(self) -> bool:
        """Whether callers read only what belongs to products for which they hold a role."""

    def teams_with_roles(self) -> Iterable[str]:
        """Return at least all teams that hold a role."""

    @property
    def found_roles(self) -> FoundRoles:
        """What was found before about the roles of callers."""

    @property
    def token_ends(self) -> TokenEnds:
        """When the tokens of each holder end."""

    def recorder_of(self, position: int) -> str | None:
        """Return the actor of the entry at a position, or None."""

    def report_sha256(self, command: IssueReport) -> str | None:
        """Return the SHA-256 of the report that a command issues, as the log computes it; None if it cannot."""

    def head(self) -> Head:
        """Return the head of the log, as committed."""


@dataclass(slots=True)
class UnitOfWork:
    """A transaction that is being decided: what its commands share, and their results so far."""

    transaction: Transaction
    id: str
    now: int
    subjects: Subjects
    entries: list[Entry] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    names: dict[str, tuple[NameRow, ...]] = field(default_factory=dict)
    """The names of new people, by normalized name."""
    resolved_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The ids that normalized names were resolved to, without the people that this transaction registers."""
    signed_out: set[str] = field(default_factory=set)
    """The people whose sessions end."""


def must_be_valid_transaction(transaction: Transaction) -> None:
    """Check the number of commands.

    Raises:
        Malformed: it has no command, or more than 1,000.
    """
    if not 1 <= len(transaction.commands) <= MAX_COMMANDS_PER_TRANSACTION:
        raise Malformed(
            f"a transaction has 1 to {MAX_COMMANDS_PER_TRANSACTION} commands, not {len(transaction.commands)}",
            field="commands",
        )


class _SnapshotAdvanced(Exception):
    """A state holds later entries than the head that the handler works on."""


class CommandHandler:
    """Decides transactions in order on top of the log, and remembers their results until they are written.

    It reads through the first view. When a command is refused on one view, it is decided again on the next, which is
    then used for all that follow.
    """

    def __init__(
        self, views: Sequence[View], head: Head, *, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        self._view, *self._other_views = views
        self._clock = clock
        self._entropy = entropy
        self._committed_size = head.size
        self._size = head.size
        self._last = head.recorded_at
        self._started_at = max(clock(), head.recorded_at + 1)
        # What the transactions decided so far have added to the log:
        self._states: dict[str, AnyState] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._identifiers: dict[str, tuple[str, ...]] = {}
        self._keys: set[UniqueClaim] = set()
        self._revoked: set[str] = set()
        # What was read from the view, for all transactions that are decided on this head:
        self._loaded: dict[str, SubjectState] = {}
        self._directory: dict[str, tuple[str, ...]] = {}
        self._new_subjects: set[str] = set()
        """Subjects that a command creates."""

    def must_wait_for_commit(self, transaction: Transaction) -> bool:
        """Whether a transaction can be decided only after those before it are committed.

        That is so if it repeats one of them, or if it takes effect after they were started: their recorded times are
        not known yet, so nothing can be decided to lie before or after them.
        """
        if self._size == self._committed_size:
            return False
        return idempotency_claim(transaction) in self._keys or any(
            c.effective_at and to_micros(c.effective_at) >= self._started_at for c in transaction.commands
        )

    def decide(self, transaction: Transaction) -> Append:
        """Return the append that a transaction results in.

        Raises:
            Refused: one of its kinds; the field starts with `commands.N.` if the transaction has several commands.
        """
        while True:
            try:
                return self._decide_transaction(transaction)
            except _SnapshotAdvanced:
                self._advance_head()
            except Refused:
                if not self._other_views:
                    raise
                self._view = self._other_views.pop(0)
                self._directory.clear()
                self._advance_head()

    def state(self, subject: str) -> SubjectState:
        """Return a subject after the transactions decided so far."""
        return self._find_decided(subject) or self._view.state(subject)

    def find_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a normalized name, after the transactions decided so far."""
        return tuple(sorted({*self._view.find_people(normalized), *self._names.get(normalized, ())}))

    def spellings(self) -> set[str]:
        """Return every normalized name that the transactions decided so far add to the directory."""
        return set(self._names)

    def _advance_head(self) -> None:
        """Continue on the current head, so that no event gets a time before what it is based on."""
        self._loaded.clear()
        head = self._view.head()
        self._size += head.size - self._committed_size
        self._committed_size = head.size
        self._last = max(self._last, head.recorded_at)

    def _decide_transaction(self, transaction: Transaction) -> Append:
        work = UnitOfWork(
            transaction,
            new_id(self._entropy),
            max(self._clock(), self._last + 1),
            Subjects(self._load, self._find_referencing),
        )
        self._must_have_valid_token(work)
        self._must_match_expected(work)
        for n, command in enumerate(transaction.commands):
            try:
                self._decide_command(command, work)
            except Refused as refused:
                if self._view.limits_reading:
                    withhold_unreadable(
                        refused, command, self._build_context(command, work)[1], work.subjects, self._view
                    )
                if len(transaction.commands) > 1:
                    refused.field = f"commands.{n}.{refused.field}" if refused.field else f"commands.{n}"
                raise
        append = self._build_append(work)
        self._remember(append, work)
        return append

    def _must_have_valid_token(self, work: UnitOfWork) -> None:
        """Check that the caller's token has not ended; it was valid when the request arrived."""
        caller = work.transaction.caller
        if caller.credential == LOCAL_CREDENTIAL:
            return
        decided = work.subjects[caller.actor]  # so that an entry that revokes the token meanwhile is a conflict
        committed = decided if caller.actor not in self._states else self._view.state(caller.actor)
        ends = self._view.token_ends.of(committed)  # which remembers them: what is only decided may never be committed
        if caller.credential in self._revoked or ends.get(caller.credential, MAX_INTEGER) <= work.now:
            raise Forbidden("your token was revoked, or has expired, before this was recorded")

    def _must_match_expected(self, work: UnitOfWork) -> None:
        """Check that each subject has the version that the caller has read; only those who may write it learn more."""
        for subject, version in work.transaction.expected.items():
            current = work.subjects[subject].version
            if current == version:
                continue
            for given in work.transaction.commands:
                command = self._fill_in_keys(given, work.subjects)
                context = self._build_context(command, work)[1]
                if current or not command.creates or command.subject_id() != subject:
                    require_readable([("expected", subject)], context, work.subjects, self._view)
                policy.require_permission(command, context, work.subjects, self._view)
            detail = (
                f"{subject} is at version {current}, not {version}: it has changed since you read it"
                if current
                else f"{subject} does not exist, so it is not at version {version}"
            )
            raise Stale(detail, subject=subject, version=current, field=f"expected.{subject}")

    # One command

    def _decide_command(self, command: Command, work: UnitOfWork) -> None:
        command = self._fill_in_keys(command, work.subjects)
        if command.creates and command.corrects is None:  # a correction may create the same subject again
            self._new_subjects.add(command.subject_id())
        stored_effective_at, context = self._build_context(command, work)
        _must_not_be_in_the_future(command, work.now)
        _must_have_source(command, context.scopes)
        # Before anything else is looked up: who may not read a subject must not learn whether it exists.
        policy.require_permission(command, context, work.subjects, self._view)
        command = self._resolve_people(command, work)
        if command.on_behalf_of and command.on_behalf_of != context.principal:
            context = context._replace(principal=command.on_behalf_of)
        self._must_reference_recorded(command, context, work.subjects)
        context = resolve_delegation(command, context, work.subjects)
        drafts = self._apply_rules(command, context, work)
        if isinstance(command, IssueReport):
            self._must_be_the_report(command)
        self._reserve_names(command, work)
        changes_identity = any(credentials.changes_identity(draft, work.subjects) for draft in drafts)
        access_before = self._summarize_access(work) if changes_identity else None
        for draft in drafts:
            self._add_event(draft, self._build_metadata(command, context, stored_effective_at, work), work)
        if access_before:
            self._revoke_lost_access(access_before, command, context, work)

    def _must_be_the_report(self, command: IssueReport) -> None:
        """Check that the hash of an issued report is that of the report which the log gives."""
        actual = self._view.report_sha256(command)
        if actual is None:
            raise NotAllowed(
                f"the report up to position {command.position} cannot be computed here yet; try again, or send the "
                "command to a server of the log",
                field="position",
                subject=command.subject,
            )
        if actual != command.sha256:
            raise NotAllowed(
                f"the report of {command.subject} for this period and position has the SHA-256 {actual}; read the report "
                "again and issue that one",
                field="sha256",
                subject=command.subject,
            )

    def _build_context(self, command: Command, work: UnitOfWork) -> tuple[int | None, CommandContext]:
        """Return the effective time to store, None if it is the recorded time, and the context."""
        caller = work.transaction.caller
        stored_effective_at, effective_at = _effective_times(command, work.now)
        return stored_effective_at, CommandContext(
            now=work.now,
            effective_at=effective_at,
            actor=caller.actor,
            principal=command.on_behalf_of or caller.actor,
            scopes=scopes_for(caller.scopes, command.source.system if command.source else None),
            new_key=self._new_key,
            credential=caller.credential,
            groups=caller.groups,
            is_only_command=len(work.transaction.commands) == 1,
            preceding=self._size,
        )

    def _new_key(self) -> str:
        return new_key(self._entropy)

    def _apply_rules(self, command: Command, context: CommandContext, work: UnitOfWork) -> list[Draft]:
        if isinstance(command, credentials.AccessCommand):
            return credentials.decide(command, context, work.subjects, self._access(work))
        return decide(command, context, work.subjects)

    def _access(self, work: UnitOfWork) -> Access:
        """Return who can reach the log, after what was decided so far."""
        known = self._view.access()
        revoked = self._revoked.union(_find_revoked(work.entries))
        tokens = tuple(token for token in known.tokens if token.id not in revoked)
        return replace(known, tokens=tokens, teams=frozenset(self._view.teams_with_roles()))

    def _summarize_access(self, work: UnitOfWork) -> tuple[Access, credentials.AccessSummary]:
        """Return who can reach the log before a change of an identity."""
        known = self._access(work)
        return known, credentials.summarize_access(work.subjects, known, work.now)

    def _revoke_lost_access(
        self,
        before: tuple[Access, credentials.AccessSummary],
        command: Command,
        context: CommandContext,
        work: UnitOfWork,
    ) -> None:
        """Revoke the tokens that a change of identity invalidates; refuse it if no administrator would be left."""
        known, standing = before
        credentials.require_access_kept(standing, context, work.subjects, known)
        for token in credentials.orphaned_tokens(work.subjects, known):
            self._add_event(
                credentials.build_revocation(token), self._build_metadata(command, context, None, work), work
            )
        work.signed_out.update(credentials.signed_out_people(work.subjects, known))

    def _add_event(self, draft: Draft, metadata: Metadata, work: UnitOfWork) -> None:
        """Add an event to the transaction, as it will be in the log if nothing comes between."""
        before = work.subjects[draft.subject]
        entry = Entry(
            position=self._size + metadata.index,
            recorded_at=work.now,
            subject=draft.subject,
            type=EVENT_NAMES[type(draft.event)],
            version=before.version + 1,
            event=draft.event,
            metadata=metadata,
        )
        work.entries.append(entry)
        work.events.append(self._serialize(entry))
        work.subjects.put(pending_state(before, entry))

    def _build_metadata(
        self, command: Command, context: CommandContext, effective_at: int | None, work: UnitOfWork
    ) -> Metadata:
        caller = work.transaction.caller
        return Metadata(
            id=new_id(self._entropy),
            transaction=work.id,
            index=len(work.entries) + 1,
            actor=context.actor,
            credential=caller.credential,
            source=_build_origin(command, caller.channel),
            on_behalf_of=(Delegate(context.principal, context.delegation),)
            if context.principal != context.actor
            else (),
            effective_at=effective_at,
            because=command.because,
            references=command.references,
            note=command.note,
            corrects=command.corrects,
        )

    def _fill_in_keys(self, command: Command, subjects: Subjects) -> Command:
        """Generate the key of a new subject, if the caller gave none."""
        if command.creates and getattr(command, "key", None) is None:
            key = key_from_title(command.title) if isinstance(command, DefineProduct) else None
            if key is None or subjects[f"product:{key}"].version:
                key = new_key(self._entropy)
            return copy_with(command, "key", key)
        if isinstance(command, _DELEGATIONS) and command.delegation is None:
            return copy_with(command, "delegation", new_key(self._entropy))
        return command

    def _resolve_people(self, command: Command, work: UnitOfWork) -> Command:
        """Replace each name of a person by the person's id."""
        ids = {
            value: self._resolve_person(value, ".".join(map(str, place)), work)
            for place, value in strings_of_kind(command, StringKind.PERSON)
            if not is_subject(value)
        }
        return replace_in_fields(command, StringKind.PERSON, ids) if ids else command

    def _resolve_person(self, name: str, place: str, work: UnitOfWork) -> str:
        normalized = normalize_name(name)
        found = self._find_people(normalized, work, self._view.find_people)
        if len(found) > 1:
            found = work.subjects.canonical_ids(self._identified_by(normalized, work) or found)
        if not found and is_subject(by_key := f"person:{name}") and work.subjects[by_key].version:
            return by_key
        if not found:
            raise Unknown(f"no person named {name!r}; register them first, or use an id", field=place)
        if len(found) > 1:
            raise Malformed(f"{name!r} may be {' or '.join(found)}; use an id", field=place)
        return found[0]

    def _find_people(
        self, normalized: str, work: UnitOfWork, find: Callable[[str], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """Return the ids of all people with a name, including those that this transaction registers."""
        if normalized not in self._directory:
            self._directory[normalized] = find(normalized)
        known = self._directory[normalized]
        if normalized in self._names:
            known = tuple(sorted({*known, *self._names[normalized]}))
        work.resolved_names[normalized] = known
        if normalized in work.names:
            return tuple(sorted({*known, *(name.person for name in work.names[normalized])}))
        return known

    def _identified_by(self, normalized: str, work: UnitOfWork) -> tuple[str, ...]:
        """Return the ids whom an identifier identifies, including people that this transaction registers."""
        new = (name.person for name in work.names.get(normalized, ()) if not name.shown)
        return tuple(sorted({*self._view.identified_by(normalized), *self._identifiers.get(normalized, ()), *new}))

    def _reserve_names(self, command: Command, work: UnitOfWork) -> None:
        """Add the names of a new person. Two people may share a name; an email address or handle is one person's."""
        if not isinstance(command, RegisterPerson):
            return
        for n, identifier in enumerate(command.identifiers):
            others = self._find_people(normalize_name(identifier), work, self._view.people_of_new_name)
            if others and normalize_name(identifier) != normalize_name(command.name):
                raise name_taken_error(identifier, others[0], f"identifiers.{n}")
        normalized = normalize_name(command.name)
        known = self._find_people(normalized, work, self._view.people_of_new_name)
        if known and (others := self._identified_by(normalized, work)):
            raise name_taken_error(command.name, others[0], "name")
        for name in build_name_rows(command.subject_id(), command.name, command.identifiers):
            work.names[name.normalized] = (*work.names.get(name.normalized, ()), name)

    def _must_reference_recorded(self, command: Command, context: CommandContext, subjects: Subjects) -> None:
        """Check that decisions and positions that a command refers to are committed."""
        for n, decision in enumerate(command.because):
            if not subjects[decision].version:
                raise unknown_subject(decision, field=f"because.{n}")
        for name, position in _named_positions(command):
            if position > self._committed_size:
                raise Unknown(f"no position {position}: the log ends at position {self._committed_size}", field=name)
        if command.corrects is not None:
            self._must_correct_voided(command, command.corrects, context, subjects)

    def _must_correct_voided(
        self, command: Command, position: int, context: CommandContext, subjects: Subjects
    ) -> None:
        """Check that a corrected entry is voided and of the same subject, unless the correction creates a new one."""
        entry = self._view.entry(position)
        assert entry is not None  # the position was checked to be committed
        if entry.subject != command.subject_id() and find_unreadable([entry.subject], context, subjects, self._view):
            raise Unknown(f"no entry that you may read has the position {position}", field="corrects")
        if not command.creates and entry.subject != command.subject_id():
            raise NotAllowed(
                f"the entry at position {position} is one of {entry.subject}, not of {command.subject_id()}",
                field="corrects",
                subject=entry.subject,
            )
        if not subjects[entry.subject].events[position].is_voided:
            raise NotAllowed(
                f"the entry at position {position} is not voided; void it first, then record its correction",
                field="corrects",
                subject=entry.subject,
            )

    # The append

    def _serialize(self, entry: Entry) -> NewEvent:
        try:
            own, texts = encode(entry.event, entry.metadata, self._entropy)
        except NotCanonicalError as error:
            raise Malformed(str(error)) from error
        return NewEvent(entry.subject, entry.version, entry.type, own, texts)

    def _build_append(self, work: UnitOfWork) -> Append:
        return Append(
            events=tuple(work.events),
            read_versions=work.subjects.read_versions,
            resolved_names=work.resolved_names,
            idempotency=idempotency_record(work.transaction, self._entropy),
            names=tuple(chain.from_iterable(work.names.values())),
            erased_positions=find_erased_positions(work.entries),
            entries=tuple(work.entries),
            alongside=work.transaction.alongside,
            revoked=_find_revoked(work.entries),
            signed_out=tuple(sorted(work.signed_out)),
        )

    def _remember(self, append: Append, work: UnitOfWork) -> None:
        self._states.update({event.subject: work.subjects.get_unresolved(event.subject) for event in append.events})
        self._size += len(append.events)
        self._last = work.now + len(append.events) - 1
        for name in append.names:
            self._names[name.normalized] = (*self._names.get(name.normalized, ()), name.person)
            if not name.shown:
                self._identifiers[name.normalized] = (*self._identifiers.get(name.normalized, ()), name.person)
        if append.idempotency:
            self._keys.add(append.idempotency.claim)
        self._revoked.update(append.revoked)

    def _find_referencing(self, subject: str) -> set[str]:
        """Return the decisions that a decision may have superseded."""
        states = {other: self._find_decided(other) for other in self._states}
        decided = {other for other, state in states.items() if state and SUPERSEDED_BY in state.rows}
        return decided | self._view.superseded_by(subject)

    def _find_decided(self, subject: str) -> SubjectState | None:
        """Return a subject that the transactions decided so far have changed, or None."""
        state = self._states.get(subject)
        if isinstance(state, PendingState):
            state = self._states[subject] = state.resolve()
        return state

    def _load(self, subject: str) -> SubjectState:
        state = self._states.get(subject) or self._loaded.get(subject)
        if type(state) is SubjectState:  # in nearly every case, and asked several times in each command
            return state
        if isinstance(state, PendingState):
            resolved = self._states[subject] = state.resolve()
            return resolved
        if subject in self._new_subjects:
            loaded = self._view.new_subject_state(subject)
        else:  # a new subject is read once, by the transaction that creates it; others are shared by a batch
            loaded = self._loaded[subject] = self._view.state(subject)
        if loaded.position > self._committed_size:
            raise _SnapshotAdvanced
        return loaded


def _named_positions(command: Command) -> Iterator[tuple[str, int]]:
    """Yield each field of a command that names positions, with the last of them."""
    if command.corrects is not None:
        yield "corrects", command.corrects
    if isinstance(command, _NAMES_POSITION):
        yield "position", command.position
    if isinstance(command, EraseTexts):
        yield "positions", max(command.positions)


def _find_revoked(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple([entry.event.token for entry in entries if isinstance(entry.event, TokenRevoked)])


def _must_have_source(command: Command, scopes: frozenset[str]) -> None:
    """Check that only an importer names a source, or a service that made the change there."""
    if command.source is not None and IMPORT_SCOPE not in scopes:
        raise Forbidden(
            f"only a token with the scope `{IMPORT_SCOPE}`, or `{IMPORT_SCOPE}:{command.source.system}`, may give this source",
            field="source",
        )
    if command.source is None and (command.on_behalf_of or "").startswith("service:"):
        raise Malformed(
            "must be a person; only an imported change may have been made by a service", field="on_behalf_of"
        )


def _effective_times(command: Command, now: int) -> tuple[int | None, int]:
    """Return the effective time to store, None if it is the recorded time, and the one to decide by."""
    if command.effective_at is None:
        return None, now
    effective_at = to_micros(command.effective_at)
    return (None, now) if effective_at >= now else (effective_at, effective_at)


def _must_not_be_in_the_future(command: Command, now: int) -> None:
    if command.effective_at is not None and to_micros(command.effective_at) > now + CLOCK_LEEWAY_US:
        raise Malformed(
            "a command cannot take effect in the future; if something starts or ends later, use its `from` or `until`",
            field="effective_at",
        )


def _build_origin(command: Command, channel: str) -> Origin:
    source = command.source
    if source is None:
        return Origin(channel)
    return Origin(IMPORT, source.system, source.reference, to_micros(source.at) if source.at else None)
