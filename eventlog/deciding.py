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
from domain.catalogue import EVENT_NAMES, decide
from domain.cells import State, World
from domain.decision import SUPERSEDED_BY
from domain.errors import Forbidden, Malformed, NotAllowed, Refused, Stale, Unknown
from domain.messages import Act, Command, Draft, leaf_paths, replaced_at, values_at
from domain.ownership import DelegateOwnership
from domain.people import RegisterPerson
from domain.product import IssueReport
from domain.record import MAY_IMPORT, ForgetTexts, Observe, TextsForgotten, VoidEntry
from domain.values import Mark, is_subject, micros
from eventlog.application import evolved
from eventlog.canonical import NotCanonicalError
from eventlog.codec import SALT_BYTES, encode
from eventlog.committer import Answer, Append, Claim, Head, Name, NewEvent
from eventlog.directory import folded, names_of, taken
from eventlog.entry import Entry, Envelope, Link, Origin, Unit
from eventlog.ids import new_id, new_key

LEEWAY: Final = 60_000_000
"""How far ahead of ours a caller's clock may be, in microseconds."""
COMMANDS_PER_UNIT: Final = 1000
IMPORT: Final = "import"


class View(Protocol):
    """What a chain reads: the log as last committed, and who is meant by a name."""

    def state(self, subject: str) -> State:
        """A subject as the rules see it."""

    def state_to_begin(self, subject: str) -> State:
        """A subject that a command is about to begin, as the rules see it."""

    def known_as(self, fold: str) -> tuple[str, ...]:
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
class Work:
    """A unit being judged: what its commands share, and what they have come to so far."""

    unit: Unit
    id: str
    now: int
    world: World
    entries: list[Entry] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    names: dict[str, tuple[Name, ...]] = field(default_factory=dict)
    """The new spellings, by what they fold to."""
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Whom spellings were taken for, by what they fold to; those that the unit itself brings are not among them."""


def scope_of(unit: Unit) -> str:
    """Whom an idempotency key belongs to: its caller, or for imported lines the system they come from."""
    source = unit.commands[0].source
    if source is not None and MAY_IMPORT in unit.caller.rights:
        return f"{IMPORT}:{source.system}"
    return unit.caller.actor


def key_of(unit: Unit) -> Claim | None:
    """The claim to a unit's idempotency key, if it has one."""
    return None if unit.key is None else Claim("key", scope_of(unit), unit.key)


def digest(unit: Unit, salt: bytes) -> bytes:
    """The salted hash by which the same request is known again.

    Of each command all that was said, in the order of its model's fields: a test keeps that order as it is.
    """
    told = sha256(salt)
    for command in unit.commands:
        told.update(command.model_dump_json(by_alias=True, exclude_none=True).encode())
    return told.digest()


def must_be_a_unit(unit: Unit) -> None:
    """Refuses what is no unit at all.

    Raises:
        Malformed: it has no command, or more than 1,000.
    """
    if not 1 <= len(unit.commands) <= COMMANDS_PER_UNIT:
        msg = f"a unit has 1 to {COMMANDS_PER_UNIT} commands, not {len(unit.commands)}"
        raise Malformed(msg, field="commands")


class _MovedOn(Exception):
    """A state holds more than the log did when judging began."""


class Chain:
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
        self._states: dict[str, State] = {}
        self._directory: dict[str, tuple[str, ...]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._identified: dict[str, tuple[str, ...]] = {}
        self._new: set[str] = set()
        """Subjects that a command is about to begin."""
        self._keys: set[Claim] = set()
        self._revoked: set[str] = set()
        """Tokens that are good in the log still."""

    def must_wait(self, unit: Unit) -> bool:
        """Whether the units before it must be written first: it repeats one of them, or is dated after they began.

        What is not written yet has no instant of its own, so nothing can be judged to lie before or after it.
        """
        if self._size == self._recorded:
            return False
        return key_of(unit) in self._keys or any(
            c.effective_at and micros(c.effective_at) >= self._began for c in unit.commands
        )

    def judge(self, unit: Unit) -> Append:
        """What a unit comes to.

        Raises:
            Refused: one of its kinds; the field begins with `commands.N.` where the unit has several.
        """
        while True:
            try:
                return self._judged(unit)
            except _MovedOn:
                self._catch_up()
            except Refused:
                if not self._others:
                    raise
                self._view = self._others.pop(0)
                self._directory.clear()
                self._catch_up()

    def state(self, subject: str) -> State:
        """A subject by what was judged so far."""
        return self._states.get(subject) or self._view.state(subject)

    def known_as(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling, by what was judged so far."""
        return tuple(sorted({*self._view.known_as(fold), *self._names.get(fold, ())}))

    def spellings(self) -> set[str]:
        """Every spelling of a person, folded, that the directory has from what was judged so far."""
        return set(self._names)

    def _catch_up(self) -> None:
        """Stands where the log stands now, so that nothing is judged at an instant before what it rests on."""
        head = self._view.head()
        self._size += head.size - self._recorded
        self._recorded = head.size
        self._last = max(self._last, head.recorded_at)

    def _judged(self, unit: Unit) -> Append:
        work = Work(unit, new_id(self._entropy), max(self._clock(), self._last + 1), World(self._state, self._naming))
        _must_be_as_seen(unit, work.world)
        for n, command in enumerate(unit.commands):
            try:
                self._judge_one(command, work)
            except Refused as refused:
                if len(unit.commands) > 1:
                    refused.field = f"commands.{n}.{refused.field}" if refused.field else f"commands.{n}"
                raise
        append = self._append(work)
        self._remember(append, work)
        return append

    # One command

    def _judge_one(self, command: Command, work: Work) -> None:
        caller = work.unit.caller
        command = self._with_ids(self._with_keys(command), work)
        if command.creates and command.corrects is None:  # what corrects may begin the same subject again
            self._new.add(command.addressed())
        _must_have_source(command, caller.rights)
        self._must_be_recorded(command, work.world)
        said, eff = _effective(command, work.now)
        act = Act(
            now=work.now, eff=eff, actor=caller.actor, principal=command.on_behalf_of or caller.actor,
            rights=caller.rights, new_key=lambda: new_key(self._entropy), credential=caller.credential,
        )  # fmt: skip
        drafts = self._decide(command, act, work)
        self._take_names(command, work)
        guarded = any(map(access.changes_identity, drafts))
        before = self._must_be_permitted(drafts, act, work) if guarded else None
        for draft in drafts:
            self._take(draft, self._envelope(command, act, said, work), work)
        if before:
            self._take_access(before, command, act, work)

    def _decide(self, command: Command, act: Act, work: Work) -> list[Draft]:
        if isinstance(command, access.AccessCommand):
            return access.decide(command, act, work.world, self._access(work))
        return decide(command, act, work.world)

    def _access(self, work: Work) -> Access:
        """Who can reach the log, by what was judged so far."""
        known = self._view.access()
        revoked = self._revoked.union(_revoked_by(work.entries))
        return replace(known, tokens=tuple(token for token in known.tokens if token.id not in revoked))

    def _must_be_permitted(self, drafts: list[Draft], act: Act, work: Work) -> tuple[Access, access.Standing]:
        """Who can reach the log before somebody's identity changes, once it is known that the caller may change it."""
        known = self._access(work)
        access.must_be_permitted(drafts, act, work.world, known)
        return known, access.standing(work.world, known)

    def _take_access(self, before: tuple[Access, access.Standing], command: Command, act: Act, work: Work) -> None:
        """Takes what a change of somebody's identity means for the tokens; refuses it if it would shut out too many."""
        known, standing = before
        access.must_leave_access(standing, act, work.world, known)
        for token in access.lost_tokens(work.world, known):
            self._take(access.revocation(token), self._envelope(command, act, None, work), work)

    def _take(self, draft: Draft, envelope: Envelope, work: Work) -> None:
        """Takes an event into the unit, as it will stand in the log if nothing comes between."""
        entry = Entry(
            position=self._size + envelope.place, recorded_at=work.now, subject=draft.subject,
            type=EVENT_NAMES[type(draft.event)], version=work.world[draft.subject].version + 1, event=draft.event,
            envelope=envelope,
        )  # fmt: skip
        work.entries.append(entry)
        work.events.append(self._serialised(entry))
        work.world.put(evolved(work.world[entry.subject], entry))

    def _envelope(self, command: Command, act: Act, said: int | None, work: Work) -> Envelope:
        caller = work.unit.caller
        return Envelope(
            id=new_id(self._entropy), unit=work.id, place=len(work.entries) + 1, actor=act.actor,
            credential=caller.credential, source=_origin(command, caller.channel),
            on_behalf_of=(Link(act.principal),) if act.principal != act.actor else (),
            effective_at=said, because=command.because, references=command.references, note=command.note,
            corrects=command.corrects,
        )  # fmt: skip

    def _with_keys(self, command: Command) -> Command:
        """Gives what is created a random key, where the caller gave none."""
        if command.creates and getattr(command, "key", None) is None:
            return command.model_copy(update={"key": new_key(self._entropy)})
        if isinstance(command, DelegateOwnership) and command.delegation is None:
            return command.model_copy(update={"delegation": new_key(self._entropy)})
        return command

    def _with_ids(self, command: Command, work: Work) -> Command:
        """Puts the id of each person in the place of what the directory knows them by."""
        paths = leaf_paths(type(command), Mark.PERSON)
        known = {
            value: self._one_person(value, ".".join(map(str, place)), work)
            for path in paths
            for place, value in values_at(command, path)
            if not is_subject(value)
        }
        for path in paths if known else ():
            command = replaced_at(command, path, lambda value: known.get(value, value))
        return command

    def _one_person(self, spelling: str, place: str, work: Work) -> str:
        found = self._known_as(folded(spelling), work)
        if len(found) > 1:
            found = work.world.ones(self._identified_by(folded(spelling), work) or found)
        if not found:
            msg = f"the directory knows nobody called {spelling!r}; register them first, or use an id"
            raise Unknown(msg, field=place)
        if len(found) > 1:
            msg = f"{spelling!r} may be {' or '.join(found)}; use an id"
            raise Malformed(msg, field=place)
        return found[0]

    def _known_as(self, fold: str, work: Work) -> tuple[str, ...]:
        new = (name.person for name in work.names.get(fold, ()))
        if fold not in self._directory:
            self._directory[fold] = self._view.known_as(fold)
        work.named[fold] = tuple(sorted({*self._directory[fold], *self._names.get(fold, ())}))
        return tuple(sorted({*work.named[fold], *new}))

    def _identified_by(self, fold: str, work: Work) -> tuple[str, ...]:
        """The ids that a spelling identifies, also by what was judged so far."""
        new = (name.person for name in work.names.get(fold, ()) if not name.shown)
        return tuple(sorted({*self._view.identified_by(fold), *self._identified.get(fold, ()), *new}))

    def _take_names(self, command: Command, work: Work) -> None:
        """Takes the spellings of somebody new. Two people may share a name; an e-mail or a handle is one person's."""
        if not isinstance(command, RegisterPerson):
            return
        for n, spelling in enumerate(command.also):
            others = self._known_as(folded(spelling), work)
            if others and folded(spelling) != folded(command.name):
                raise taken(spelling, others[0], f"also.{n}")
        fold = folded(command.name)
        if self._known_as(fold, work) and (others := self._identified_by(fold, work)):
            raise taken(command.name, others[0], "name")
        for name in names_of(command.addressed(), command.name, command.also):
            work.names[name.folded] = (*work.names.get(name.folded, ()), name)

    def _must_be_recorded(self, command: Command, world: World) -> None:
        """What a command rests on or points at is in the log, and not only on its way there."""
        for n, decision in enumerate(command.because):
            if not world[decision].version:
                msg = f"the log knows no {decision}"
                raise Unknown(msg, field=f"because.{n}", subject=decision)
        named: dict[str, int | None] = {"corrects": command.corrects}
        if isinstance(command, VoidEntry | IssueReport):
            named["position"] = command.position
        if isinstance(command, ForgetTexts):
            named["positions"] = max(command.positions)
        for name, position in named.items():
            if position is not None and position > self._recorded:
                msg = f"the log ends at position {self._recorded}; there is no {position}"
                raise Unknown(msg, field=name)
        if command.corrects is not None:
            self._must_be_void(command, command.corrects, world)

    def _must_be_void(self, command: Command, position: int, world: World) -> None:
        """What an act replaces was voided, and spoke of the same subject, unless the act brings a new one into being."""
        entry = self._view.entry(position)
        assert entry is not None  # it has been looked whether the log goes so far
        if not command.creates and entry.subject != command.addressed():
            msg = f"the entry at position {position} is one of {entry.subject}, not of {command.addressed()}"
            raise NotAllowed(msg, field="corrects", subject=entry.subject)
        if not world[entry.subject].acts[position].voided:
            msg = f"the entry at position {position} counts; void it first, and then record what replaces it"
            raise NotAllowed(msg, field="corrects", subject=entry.subject)

    # What it comes to

    def _serialised(self, entry: Entry) -> NewEvent:
        try:
            own, texts = encode(entry.event, entry.envelope, self._entropy)
        except NotCanonicalError as error:
            raise Malformed(str(error)) from error
        return NewEvent(entry.subject, entry.version, entry.type, own, texts)

    def _append(self, work: Work) -> Append:
        forgotten = (entry.event.positions for entry in work.entries if isinstance(entry.event, TextsForgotten))
        return Append(
            events=tuple(work.events), rests_on=dict(work.world.looked_at), named=work.named, answer=self._answer(work.unit),
            names=tuple(name for names in work.names.values() for name in names),
            forget=tuple(position for positions in forgotten for position in positions),
            entries=tuple(work.entries), alongside=work.unit.alongside,
            revoked=_revoked_by(work.entries),
        )  # fmt: skip

    def _answer(self, unit: Unit) -> Answer | None:
        key = key_of(unit)
        if key is None:
            return None
        salt = self._entropy(SALT_BYTES)
        return Answer(key, salt, digest(unit, salt))

    def _remember(self, append: Append, work: Work) -> None:
        self._states.update({event.subject: work.world[event.subject] for event in append.events})
        self._size += len(append.events)
        self._last = work.now + len(append.events) - 1
        for name in append.names:
            self._names[name.folded] = (*self._names.get(name.folded, ()), name.person)
            if not name.shown:
                self._identified[name.folded] = (*self._identified.get(name.folded, ()), name.person)
        if append.answer:
            self._keys.add(append.answer.claim)
        self._revoked.update(append.revoked)

    def _naming(self, subject: str) -> set[str]:
        """The decisions that another may have superseded."""
        judged = {other for other, state in self._states.items() if SUPERSEDED_BY in state.rows}
        return judged | self._view.superseded_by(subject)

    def _state(self, subject: str) -> State:
        state = self._states.get(subject)
        if state is None:
            state = self._view.state_to_begin(subject) if subject in self._new else self._view.state(subject)
            if state.position > self._recorded:
                raise _MovedOn
        return state


def _revoked_by(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry.event.token for entry in entries if isinstance(entry.event, TokenRevoked))


def _must_be_as_seen(unit: Unit, world: World) -> None:
    for subject, version in unit.expected.items():
        now = world[subject].version
        if now != version:
            msg = f"{subject} is at version {now}, not {version}: it has changed since you looked"
            raise Stale(msg, subject=subject, version=now)


def _must_have_source(command: Command, rights: frozenset[str]) -> None:
    """Only an importer may say where an act was recorded first, and who observes must."""
    if command.source is not None and MAY_IMPORT not in rights:
        msg = "only a token with the right to import may give a source"
        raise Forbidden(msg, field="source")
    if isinstance(command, Observe) and command.source is None:
        msg = "what is observed has a source: say which system tells it"
        raise Malformed(msg, field="source")


def _effective(command: Command, now: int) -> tuple[int | None, int]:
    """The effective instant to store, if it is not the log's own, and the one to judge by."""
    if command.effective_at is None:
        return None, now
    said = micros(command.effective_at)
    if said > now + LEEWAY:
        msg = "an act cannot take effect later than now; what begins in the future has a `from` or `until` of its own"
        raise Malformed(msg, field="effective_at")
    return (None, now) if said >= now else (said, said)


def _origin(command: Command, channel: str) -> Origin:
    source = command.source
    if source is None:
        return Origin(channel)
    return Origin(IMPORT, source.system, source.reference, micros(source.at) if source.at else None)
