"""From a unit of commands to an append: keys and persons filled in, each command judged, each event serialised.

A `Chain` judges units one after the other, each seeing what those before it have come to, though none of it is in the
log yet. It reads through what it is given and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Protocol

from domain import access
from domain.access import Access, TokenRevoked
from domain.any_subject import IMPORT_RIGHT, EraseTexts, ImportChanges, TextsErased, VoidEntry
from domain.catalog import EVENT_NAMES, decide
from domain.decision import SUPERSEDED_BY
from domain.errors import Forbidden, Malformed, NotAllowed, Refused, Stale, Unknown
from domain.fields import Subjects, SubjectState
from domain.messages import Command, CommandContext, Draft, replace_strings, string_paths, strings_at
from domain.ownership import DelegateOwnership
from domain.people import RegisterPerson
from domain.product import IssueReport
from domain.values import StringKind, is_subject, to_micros
from eventlog.appender import Append, Head, IdempotencyRecord, NameRow, NewEvent, UniqueClaim
from eventlog.application import apply_entry
from eventlog.canonical import NotCanonicalError
from eventlog.codec import SALT_BYTES, encode
from eventlog.directory import name_rows, name_taken_error, normalize_name
from eventlog.entry import Delegate, Entry, Metadata, Origin, Transaction
from eventlog.ids import new_id, new_key

CLOCK_LEEWAY_US: Final = 60_000_000
"""How far ahead of ours a caller's clock may be, in microseconds."""
MAX_COMMANDS_PER_TRANSACTION: Final = 1000
IMPORT: Final = "import"


class View(Protocol):
    """What a chain reads: the log as last committed, and who is meant by a name."""

    def state(self, subject: str) -> SubjectState:
        """A subject as the rules see it."""

    def new_subject_state(self, subject: str) -> SubjectState:
        """A subject that a command is about to begin, as the rules see it."""

    def find_people(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling."""

    def entry(self, position: int) -> Entry | None:
        """The entry at a position, or None."""

    def identified_by(self, fold: str) -> tuple[str, ...]:
        """The ids that a folded spelling identifies, as an e-mail or a handle does; a name only names."""

    def superseded_by(self, decision: str) -> frozenset[str]:
        """The decisions that may name this one as what superseded them."""

    def access(self) -> Access:
        """Who can reach the log."""

    def head(self) -> Head:
        """The head of the log, as committed."""


@dataclass(slots=True)
class UnitOfWork:
    """A unit being judged: what its commands share, and what they have come to so far."""

    transaction: Transaction
    id: str
    now: int
    subjects: Subjects
    entries: list[Entry] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    names: dict[str, tuple[NameRow, ...]] = field(default_factory=dict)
    """The new spellings, by what they fold to."""
    resolved_names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Whom spellings were taken for, by what they fold to; those that the unit itself brings are not among them."""


def idempotency_scope(transaction: Transaction) -> str:
    """Whom an idempotency key belongs to: its caller, or for imported lines the system they come from."""
    source = transaction.commands[0].source
    if source is not None and IMPORT_RIGHT in transaction.caller.rights:
        return f"{IMPORT}:{source.system}"
    return transaction.caller.actor


def idempotency_claim(transaction: Transaction) -> UniqueClaim | None:
    """The claim to a unit's idempotency key, if it has one."""
    return None if transaction.key is None else UniqueClaim("key", idempotency_scope(transaction), transaction.key)


def request_digest(transaction: Transaction, salt: bytes) -> bytes:
    """The salted hash by which the same request is known again.

    Of each command all that was said, in the order of its model's fields: a test keeps that order as it is.
    """
    told = sha256(salt)
    for command in transaction.commands:
        told.update(command.model_dump_json(by_alias=True, exclude_none=True).encode())
    return told.digest()


def must_be_valid_transaction(transaction: Transaction) -> None:
    """Refuses what is no unit at all.

    Raises:
        Malformed: it has no command, or more than 1,000.
    """
    if not 1 <= len(transaction.commands) <= MAX_COMMANDS_PER_TRANSACTION:
        msg = f"a unit has 1 to {MAX_COMMANDS_PER_TRANSACTION} commands, not {len(transaction.commands)}"
        raise Malformed(msg, field="commands")


class _SnapshotAdvanced(Exception):
    """A state holds more than the log did when judging began."""


class CommandHandler:
    """Units judged in order on top of the log; what they come to is remembered until they are written.

    They are judged by the first view; who is refused by one is judged by the next, and so are all after them.
    """

    def __init__(
        self, views: Sequence[View], head: Head, *, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:  # fmt: skip
        self._view, *self._others = views
        self._clock = clock
        self._entropy = entropy
        self._recorded = head.size
        self._size = head.size
        self._last = head.recorded_at
        self._began = max(clock(), head.recorded_at + 1)
        self._states: dict[str, SubjectState] = {}
        self._directory: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._identified: dict[str, tuple[str, ...]] = {}
        self._new: set[str] = set()
        """Subjects that a command is about to begin."""
        self._keys: set[UniqueClaim] = set()
        self._revoked: set[str] = set()
        """Tokens that are good in the log still."""

    def must_wait_for_commit(self, transaction: Transaction) -> bool:
        """Whether the units before it must be written first: it repeats one of them, or is dated after they began.

        What is not written yet has no instant of its own, so nothing can be judged to lie before or after it.
        """
        if self._size == self._recorded:
            return False
        return idempotency_claim(transaction) in self._keys or any(
            c.effective_at and to_micros(c.effective_at) >= self._began for c in transaction.commands
        )

    def decide(self, transaction: Transaction) -> Append:
        """What a unit comes to.

        Raises:
            Refused: one of its kinds; the field begins with `commands.N.` where the unit has several.
        """
        while True:
            try:
                return self._decide_transaction(transaction)
            except _SnapshotAdvanced:
                self._advance_head()
            except Refused:
                if not self._others:
                    raise
                self._view = self._others.pop(0)
                self._directory.clear()
                self._advance_head()

    def state(self, subject: str) -> SubjectState:
        """A subject by what was judged so far."""
        return self._states.get(subject) or self._view.state(subject)

    def find_people(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling, by what was judged so far."""
        return tuple(sorted({*self._view.find_people(fold), *self._names.get(fold, ())}))

    def spellings(self) -> set[str]:
        """Every spelling of a person, folded, that the directory has from what was judged so far."""
        return set(self._names)

    def _advance_head(self) -> None:
        """Stands where the log stands now, so that nothing is judged at an instant before what it rests on."""
        head = self._view.head()
        self._size += head.size - self._recorded
        self._recorded = head.size
        self._last = max(self._last, head.recorded_at)

    def _decide_transaction(self, transaction: Transaction) -> Append:
        work = UnitOfWork(
            transaction,
            new_id(self._entropy),
            max(self._clock(), self._last + 1),
            Subjects(self._load, self._find_referencing),
        )
        _must_match_expected(transaction, work.subjects)
        for n, command in enumerate(transaction.commands):
            try:
                self._decide_command(command, work)
            except Refused as refused:
                if len(transaction.commands) > 1:
                    refused.field = f"commands.{n}.{refused.field}" if refused.field else f"commands.{n}"
                raise
        append = self._build_append(work)
        self._remember(append, work)
        return append

    # One command

    def _decide_command(self, command: Command, work: UnitOfWork) -> None:
        caller = work.transaction.caller
        command = self._resolve_people(self._fill_in_keys(command), work)
        if command.creates and command.corrects is None:  # what corrects may begin the same subject again
            self._new.add(command.subject_id())
        _must_have_source(command, caller.rights)
        self._must_reference_recorded(command, work.subjects)
        said, eff = _effective(command, work.now)
        context = CommandContext(
            now=work.now, effective_at=eff, actor=caller.actor, principal=command.on_behalf_of or caller.actor,
            rights=caller.rights, new_key=lambda: new_key(self._entropy), credential=caller.credential,
        )  # fmt: skip
        drafts = self._decide(command, context, work)
        self._reserve_names(command, work)
        guarded = any(map(access.changes_identity, drafts))
        before = self._must_be_permitted(drafts, context, work) if guarded else None
        for draft in drafts:
            self._add_event(draft, self._build_metadata(command, context, said, work), work)
        if before:
            self._take_access(before, command, context, work)

    def _decide(self, command: Command, context: CommandContext, work: UnitOfWork) -> list[Draft]:
        if isinstance(command, access.AccessCommand):
            return access.decide(command, context, work.subjects, self._access(work))
        return decide(command, context, work.subjects)

    def _access(self, work: UnitOfWork) -> Access:
        """Who can reach the log, by what was judged so far."""
        known = self._view.access()
        revoked = self._revoked.union(_revoked_by(work.entries))
        return replace(known, tokens=tuple(token for token in known.tokens if token.id not in revoked))

    def _must_be_permitted(
        self, drafts: list[Draft], context: CommandContext, work: UnitOfWork
    ) -> tuple[Access, access.Standing]:
        """Who can reach the log before somebody's identity changes, once it is known that the caller may change it."""
        known = self._access(work)
        access.must_be_permitted(drafts, context, work.subjects, known)
        return known, access.standing(work.subjects, known)

    def _take_access(
        self, before: tuple[Access, access.Standing], command: Command, context: CommandContext, work: UnitOfWork
    ) -> None:
        """Takes what a change of somebody's identity means for the tokens; refuses it if it would shut out too many."""
        known, standing = before
        access.must_leave_access(standing, context, work.subjects, known)
        for token in access.lost_tokens(work.subjects, known):
            self._add_event(access.revocation(token), self._build_metadata(command, context, None, work), work)

    def _add_event(self, draft: Draft, metadata: Metadata, work: UnitOfWork) -> None:
        """Takes an event into the unit, as it will stand in the log if nothing comes between."""
        entry = Entry(
            position=self._size + metadata.index, recorded_at=work.now, subject=draft.subject,
            type=EVENT_NAMES[type(draft.event)], version=work.subjects[draft.subject].version + 1, event=draft.event,
            metadata=metadata,
        )  # fmt: skip
        work.entries.append(entry)
        work.events.append(self._serialize(entry))
        work.subjects.put(apply_entry(work.subjects[entry.subject], entry))

    def _build_metadata(
        self, command: Command, context: CommandContext, said: int | None, work: UnitOfWork
    ) -> Metadata:
        caller = work.transaction.caller
        return Metadata(
            id=new_id(self._entropy), transaction=work.id, index=len(work.entries) + 1, actor=context.actor,
            credential=caller.credential, source=_origin(command, caller.channel),
            on_behalf_of=(Delegate(context.principal),) if context.principal != context.actor else (),
            effective_at=said, because=command.because, references=command.references, note=command.note,
            corrects=command.corrects,
        )  # fmt: skip

    def _fill_in_keys(self, command: Command) -> Command:
        """Gives what is created a random key, where the caller gave none."""
        if command.creates and getattr(command, "key", None) is None:
            return command.model_copy(update={"key": new_key(self._entropy)})
        if isinstance(command, DelegateOwnership) and command.delegation is None:
            return command.model_copy(update={"delegation": new_key(self._entropy)})
        return command

    def _resolve_people(self, command: Command, work: UnitOfWork) -> Command:
        """Puts the id of each person in the place of what the directory knows them by."""
        paths = string_paths(type(command), StringKind.PERSON)
        known = {
            value: self._resolve_person(value, ".".join(map(str, place)), work)
            for path in paths
            for place, value in strings_at(command, path)
            if not is_subject(value)
        }
        for path in paths if known else ():
            command = replace_strings(command, path, lambda value: known.get(value, value))
        return command

    def _resolve_person(self, spelling: str, place: str, work: UnitOfWork) -> str:
        found = self._find_people(normalize_name(spelling), work)
        if len(found) > 1:
            found = work.subjects.canonical_ids(self._identified_by(normalize_name(spelling), work) or found)
        if not found:
            msg = f"the directory knows nobody called {spelling!r}; register them first, or use an id"
            raise Unknown(msg, field=place)
        if len(found) > 1:
            msg = f"{spelling!r} may be {' or '.join(found)}; use an id"
            raise Malformed(msg, field=place)
        return found[0]

    def _find_people(self, fold: str, work: UnitOfWork) -> tuple[str, ...]:
        new = (name.person for name in work.names.get(fold, ()))
        if fold not in self._directory:
            self._directory[fold] = self._view.find_people(fold)
        work.resolved_names[fold] = tuple(sorted({*self._directory[fold], *self._names.get(fold, ())}))
        return tuple(sorted({*work.resolved_names[fold], *new}))

    def _identified_by(self, fold: str, work: UnitOfWork) -> tuple[str, ...]:
        """The ids that a spelling identifies, also by what was judged so far."""
        new = (name.person for name in work.names.get(fold, ()) if not name.shown)
        return tuple(sorted({*self._view.identified_by(fold), *self._identified.get(fold, ()), *new}))

    def _reserve_names(self, command: Command, work: UnitOfWork) -> None:
        """Takes the spellings of somebody new. Two people may share a name; an e-mail or a handle is one person's."""
        if not isinstance(command, RegisterPerson):
            return
        for n, spelling in enumerate(command.identifiers):
            others = self._find_people(normalize_name(spelling), work)
            if others and normalize_name(spelling) != normalize_name(command.name):
                raise name_taken_error(spelling, others[0], f"also.{n}")
        fold = normalize_name(command.name)
        if self._find_people(fold, work) and (others := self._identified_by(fold, work)):
            raise name_taken_error(command.name, others[0], "name")
        for name in name_rows(command.subject_id(), command.name, command.identifiers):
            work.names[name.normalized] = (*work.names.get(name.normalized, ()), name)

    def _must_reference_recorded(self, command: Command, subjects: Subjects) -> None:
        """What a command rests on or points at is in the log, and not only on its way there."""
        for n, decision in enumerate(command.because):
            if not subjects[decision].version:
                msg = f"the log knows no {decision}"
                raise Unknown(msg, field=f"because.{n}", subject=decision)
        named: dict[str, int | None] = {"corrects": command.corrects}
        if isinstance(command, VoidEntry | IssueReport):
            named["position"] = command.position
        if isinstance(command, EraseTexts):
            named["positions"] = max(command.positions)
        for name, position in named.items():
            if position is not None and position > self._recorded:
                msg = f"the log ends at position {self._recorded}; there is no {position}"
                raise Unknown(msg, field=name)
        if command.corrects is not None:
            self._must_correct_voided(command, command.corrects, subjects)

    def _must_correct_voided(self, command: Command, position: int, subjects: Subjects) -> None:
        """What an act replaces was voided, and spoke of the same subject, unless the act brings a new one into being."""
        entry = self._view.entry(position)
        assert entry is not None  # it has been looked whether the log goes so far
        if not command.creates and entry.subject != command.subject_id():
            msg = f"the entry at position {position} is one of {entry.subject}, not of {command.subject_id()}"
            raise NotAllowed(msg, field="corrects", subject=entry.subject)
        if not subjects[entry.subject].events[position].is_voided:
            msg = f"the entry at position {position} counts; void it first, and then record what replaces it"
            raise NotAllowed(msg, field="corrects", subject=entry.subject)

    # What it comes to

    def _serialize(self, entry: Entry) -> NewEvent:
        try:
            own, texts = encode(entry.event, entry.metadata, self._entropy)
        except NotCanonicalError as error:
            raise Malformed(str(error)) from error
        return NewEvent(entry.subject, entry.version, entry.type, own, texts)

    def _build_append(self, work: UnitOfWork) -> Append:
        forgotten = (entry.event.positions for entry in work.entries if isinstance(entry.event, TextsErased))
        return Append(
            events=tuple(work.events), read_versions=dict(work.subjects.read_versions), resolved_names=work.resolved_names, idempotency=self._idempotency_record(work.transaction),
            names=tuple(name for names in work.names.values() for name in names),
            erased_positions=tuple(position for positions in forgotten for position in positions),
            entries=tuple(work.entries), alongside=work.transaction.alongside,
            revoked=_revoked_by(work.entries),
        )  # fmt: skip

    def _idempotency_record(self, transaction: Transaction) -> IdempotencyRecord | None:
        key = idempotency_claim(transaction)
        if key is None:
            return None
        salt = self._entropy(SALT_BYTES)
        return IdempotencyRecord(key, salt, request_digest(transaction, salt))

    def _remember(self, append: Append, work: UnitOfWork) -> None:
        self._states.update({event.subject: work.subjects[event.subject] for event in append.events})
        self._size += len(append.events)
        self._last = work.now + len(append.events) - 1
        for name in append.names:
            self._names[name.normalized] = (*self._names.get(name.normalized, ()), name.person)
            if not name.shown:
                self._identified[name.normalized] = (*self._identified.get(name.normalized, ()), name.person)
        if append.idempotency:
            self._keys.add(append.idempotency.claim)
        self._revoked.update(append.revoked)

    def _find_referencing(self, subject: str) -> set[str]:
        """The decisions that another may have superseded."""
        judged = {other for other, state in self._states.items() if SUPERSEDED_BY in state.rows}
        return judged | self._view.superseded_by(subject)

    def _load(self, subject: str) -> SubjectState:
        state = self._states.get(subject)
        if state is None:
            state = self._view.new_subject_state(subject) if subject in self._new else self._view.state(subject)
            if state.position > self._recorded:
                raise _SnapshotAdvanced
        return state


def _revoked_by(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry.event.token for entry in entries if isinstance(entry.event, TokenRevoked))


def _must_match_expected(transaction: Transaction, subjects: Subjects) -> None:
    for subject, version in transaction.expected.items():
        now = subjects[subject].version
        if now != version:
            msg = f"{subject} is at version {now}, not {version}: it has changed since you looked"
            raise Stale(msg, subject=subject, version=now)


def _must_have_source(command: Command, rights: frozenset[str]) -> None:
    """Only an importer may say where an act was recorded first, and who observes must."""
    if command.source is not None and IMPORT_RIGHT not in rights:
        msg = "only a token with the right to import may give a source"
        raise Forbidden(msg, field="source")
    if isinstance(command, ImportChanges) and command.source is None:
        msg = "what is observed has a source: say which system tells it"
        raise Malformed(msg, field="source")


def _effective(command: Command, now: int) -> tuple[int | None, int]:
    """The effective instant to store, if it is not the log's own, and the one to judge by."""
    if command.effective_at is None:
        return None, now
    said = to_micros(command.effective_at)
    if said > now + CLOCK_LEEWAY_US:
        msg = "an act cannot take effect later than now; what begins in the future has a `from` or `until` of its own"
        raise Malformed(msg, field="effective_at")
    return (None, now) if said >= now else (said, said)


def _origin(command: Command, channel: str) -> Origin:
    source = command.source
    if source is None:
        return Origin(channel)
    return Origin(IMPORT, source.system, source.reference, to_micros(source.at) if source.at else None)
