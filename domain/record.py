"""What can be said of any subject: its title, attributes and aliases; where it belongs; that it is off the record;
that an entry was wrong; what was observed elsewhere; and that texts are to be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.cells import EXISTS, STATUS, State, Step, Value, World, code, refs, text
from domain.decision import OPEN as OPEN_DECISION
from domain.decision import SUPERSEDED, SUPERSEDED_BY
from domain.errors import Forbidden, NotAllowed, NothingChanges, Unknown
from domain.messages import Act, Command, Draft, Event, Message
from domain.rules import must_be_in
from domain.values import (
    COMBINATION,
    Code,
    Holder,
    Line,
    Mark,
    Position,
    ProductId,
    RawText,
    SubjectId,
    Text,
    Whole,
    Word,
    format_micros,
    is_subject,
    kind_of,
)  # fmt: skip

FieldName = Annotated[
    str, Mark.CODE, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}(\.[a-z0-9][a-z0-9_.~-]{0,99})?$")
]
LogId = Annotated[str, Mark.SUBJECT, StringConstraints(pattern=r"^log:[a-z0-9][a-z0-9._~-]{0,99}$")]

MAY_IMPORT: Final = "import"
MAY_FORGET: Final = "forget"
ON_ACCESS: Final = ("TokenCreated.", "TokenRevoked.", "NamesChanged.")


class LogOpened(Event):
    """The first entry of every log."""

    def steps(self) -> Iterable[Step]:
        yield code(EXISTS, True)


# Names and places --------------------------------------------------------------------------------------------------


class Retitle(Command):
    """Give a subject another title. A decision that is taken keeps its own."""

    type: Literal["Retitle"] = "Retitle"
    subject: SubjectId
    title: Line = Field(description="What it is called from now on.")


class Retitled(Event):
    """A subject got another title."""

    title: Line

    def steps(self) -> Iterable[Step]:
        yield text("title", self.title)


class SetAliases(Command):
    """Say what else a subject is called: numbers, keys elsewhere. The list is the whole list."""

    type: Literal["SetAliases"] = "SetAliases"
    subject: SubjectId
    aliases: tuple[Code, ...] = Field(max_length=100, description="Its other names and numbers, all of them anew.")


class AliasesSet(Event):
    """It was said what else a subject is called, whole."""

    aliases: tuple[Code, ...]

    def steps(self) -> Iterable[Step]:
        yield code("aliases", list(self.aliases))


class SetAttribute(Command):
    """Set an attribute of your own on a subject; without a value it is emptied. Read as the field `x.NAME`."""

    type: Literal["SetAttribute"] = "SetAttribute"
    subject: SubjectId
    name: Word = Field(description="The attribute; its cell is `x.NAME`.")
    value: Text | None = Field(None, description="What it holds; silent empties it.")


class AttributeSet(Event):
    """An attribute of one's own was set on a subject, or emptied."""

    name: Word
    value: Text | None = None

    def steps(self) -> Iterable[Step]:
        yield text(f"x.{self.name}", self.value)


class Place(Command):
    """Say which products a subject belongs to. The list is the whole list."""

    type: Literal["Place"] = "Place"
    subject: SubjectId
    products: tuple[ProductId, ...] = Field(max_length=50, description="The products it belongs to, all of them anew.")


class Placed(Event):
    """It was said which products a subject belongs to, whole."""

    products: tuple[ProductId, ...]

    def steps(self) -> Iterable[Step]:
        yield refs("products", self.products)


# Off the record and back -------------------------------------------------------------------------------------------


class Strike(Command):
    """Strike a subject from the record: it was recorded, and no longer counts. This is no status."""

    type: Literal["Strike"] = "Strike"
    subject: SubjectId
    why: Text = Field(description="The reason.")


class Struck(Event):
    """A subject was struck from the record."""

    why: Text

    def steps(self) -> Iterable[Step]:
        yield code(EXISTS, False)
        yield text("struck_because", self.why)


class Restore(Command):
    """Put a struck subject back on the record."""

    type: Literal["Restore"] = "Restore"
    subject: SubjectId
    why: Text = Field(description="The reason.")


class Restored(Event):
    """A struck subject was put back on the record."""

    why: Text

    def steps(self) -> Iterable[Step]:
        yield code(EXISTS, True)
        yield text("restored_because", self.why)


# Corrections -------------------------------------------------------------------------------------------------------


class VoidEntry(Command):
    """Say that an entry of a subject was wrong and does not count. What replaces it carries `corrects`."""

    type: Literal["VoidEntry"] = "VoidEntry"
    subject: SubjectId
    position: Position = Field(description="The position of the wrong entry.")
    reason: Text = Field(description="What is wrong with it.")


class EntryVoided(Event):
    """An entry of the subject was found wrong and no longer counts."""

    position: int
    reason: Text

    def voids(self) -> int | None:
        return self.position


# Observed history --------------------------------------------------------------------------------------------------


class ObservedStep(Message):
    """One change of one field, as another system tells it.

    At most one of `value`, `subjects`, `holders`, `text` and `texts` says what it means; none of them empties the
    field, or, with a `word`, leaves the word standing as one that could not be understood.
    """

    field: FieldName = Field(description="The cell that changed.")
    value: StrictBool | Whole | Code | None = Field(
        None, description="A word of our own, a day, a number or a single subject."
    )
    subjects: tuple[SubjectId, ...] | None = Field(
        None, max_length=1000, description="What it holds, where that is subjects."
    )
    holders: tuple[Holder, ...] | None = Field(
        None, max_length=1000, description="What it holds, where that is people or teams."
    )
    text: RawText | None = Field(None, description="What it holds, where that is prose.")
    texts: tuple[RawText, ...] | None = Field(
        None, max_length=1000, description="What it holds, where that is several texts."
    )
    word: RawText | None = Field(None, description="The source's own word, where it is another.")
    contradicts: RawText | None = Field(
        None, description="What the source says it was before, where that is not what it said before."
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> ObservedStep:
        meanings = (self.value, self.subjects, self.holders, self.text, self.texts)
        if meanings.count(None) < len(meanings) - 1:
            raise PydanticCustomError(
                COMBINATION, "give only one of `value`, `subjects`, `holders`, `text` and `texts`"
            )
        return self

    def step(self) -> Step:
        """The change of the cell."""
        named: tuple[str, ...] = self.holders or self.subjects or ()
        if isinstance(self.value, str) and is_subject(self.value):
            named = (self.value,)
        value: Value = self.value if self.text is None else self.text
        for listed in (self.subjects, self.holders, self.texts):
            if listed is not None:
                value = list(listed)
        prose = self.text is not None or self.texts is not None
        return Step(self.field, value, refs=named, word=self.word, searchable=prose)


class Observe(Command):
    """Record what was decided elsewhere, as it is told there. Only an importer may."""

    type: Literal["Observe"] = "Observe"
    subject: SubjectId
    steps: tuple[ObservedStep, ...] = Field(
        min_length=1, max_length=256, description="The cells that changed, in order."
    )


class Observed(Event):
    """What was decided elsewhere, as it is told there."""

    observed: ClassVar[bool] = True
    changes: tuple[ObservedStep, ...]

    def steps(self) -> Iterator[Step]:
        return (change.step() for change in self.changes)


# Forgetting --------------------------------------------------------------------------------------------------------


class ForgetTexts(Command):
    """Forget what people wrote in some entries. The entries stay, and so does every proof."""

    type: Literal["ForgetTexts"] = "ForgetTexts"
    subject: LogId = Field(description="The log itself.")
    positions: tuple[Position, ...] = Field(
        min_length=1, max_length=10_000, description="The entries whose texts are forgotten."
    )
    ground: Word = Field("request", description="Why, in a word: this reason cannot be forgotten.")


class TextsForgotten(Event):
    """What people wrote in some entries was forgotten; the entries stay."""

    positions: tuple[int, ...]
    ground: Word


RecordCommand = (
    Retitle | SetAliases | SetAttribute | Place | Strike | Restore | VoidEntry | Observe | ForgetTexts
)  # fmt: skip


def decide(command: RecordCommand, act: Act, world: World) -> list[Draft]:
    """What a command about the record itself comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    event: Event
    _must_be_open_to(command)
    match command:
        case Retitle():
            if kind_of(command.subject) == "decision":
                must_be_in(world[command.subject], act, OPEN_DECISION, "be retitled", silent="proposed")
            event = Retitled(title=command.title)
        case SetAliases():
            event = AliasesSet(aliases=command.aliases)
        case SetAttribute():
            event = AttributeSet(name=command.name, value=command.value)
        case Place():
            event = Placed(products=command.products)
        case Strike():
            _must_take_hold(world[command.subject], act)
            event = Struck(why=command.why)
        case Restore():
            if world[command.subject].exists(act.now):
                msg = f"{command.subject} is on the record already"
                raise NothingChanges(msg, field="subject", subject=command.subject)
            _must_take_hold(world[command.subject], act)
            event = Restored(why=command.why)
        case VoidEntry():
            _voidable(world[command.subject], command.position)
            _must_leave_nothing_replaced(command, act, world)
            event = EntryVoided(position=command.position, reason=command.reason)
        case Observe():
            _may(act, MAY_IMPORT, "only a token with the right to import may observe")
            if world[command.subject].adopted:
                msg = f"{command.subject} is adopted: it has been spoken of by an ordinary command, and is no longer observed"
                raise NotAllowed(msg, field="subject", subject=command.subject)
            event = Observed(changes=command.steps)
        case ForgetTexts():
            _may(act, MAY_FORGET, "only a token with the right to forget may do this")
            event = TextsForgotten(positions=tuple(sorted(set(command.positions))), ground=command.ground)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _must_be_open_to(command: RecordCommand) -> None:
    """The log itself cannot be taken back, and what a person is called stands in the directory, where it can change."""
    kind = kind_of(command.subject)
    if kind == "log" and isinstance(command, Strike | VoidEntry):
        msg = "the log itself cannot be struck, nor its own entries voided"
        raise NotAllowed(msg, field="subject", subject=command.subject)
    if kind == "person" and isinstance(command, Retitle | SetAliases):
        msg = "what a person is called is kept in the directory, not in the log"
        raise NotAllowed(msg, field="subject", subject=command.subject)


def _may(act: Act, right: str, detail: str) -> None:
    if right not in act.rights:
        raise Forbidden(detail)


def _must_take_hold(state: State, act: Act) -> None:
    """Striking and restoring change what is so now; dated before the one before it, either would change nothing."""
    latest = state.row(EXISTS, act.now)
    if latest is not None and act.eff < latest.eff:
        msg = (
            f"the entry at position {latest.position} took effect at {format_micros(latest.eff)}, and says whether "
            f"{state.subject} is on the record; date this no earlier"
        )
        raise NotAllowed(msg, field="effective_at", subject=state.subject)


def _must_leave_nothing_replaced(command: VoidEntry, act: Act, world: World) -> None:
    """What a decision replaced stays replaced only while the decision is taken."""
    if not world[command.subject].acts[command.position].type.startswith(("DecisionAccepted.", "DecisionRecorded.")):
        return
    for old in world.naming(command.subject, SUPERSEDED_BY):
        state = world[old]
        by = state.row(SUPERSEDED_BY, act.now)
        replaced = state.value(STATUS, act.now) == SUPERSEDED and command.subject in state.names(SUPERSEDED_BY, act.now)
        if by and replaced:
            msg = f"it supersedes {old}; void the DecisionSuperseded at position {by.position} of {old} first"
            raise NotAllowed(msg, field="position", subject=command.subject)


def _voidable(state: State, position: int) -> None:
    """An entry of this subject that counts, and, if it changed the status, the latest that did."""
    entry = state.acts.get(position)
    if entry is None:
        msg = f"{state.subject} has no entry at position {position}"
        raise Unknown(msg, field="position", subject=state.subject)
    if entry.voided:
        msg = f"the entry at position {position} is void already"
        raise NothingChanges(msg, field="position", subject=state.subject)
    if entry.type.startswith("EntryVoided."):
        msg = f"position {position} voids another entry; record that one again, with `corrects`"
        raise NotAllowed(msg, field="position", subject=state.subject)
    if entry.type.startswith(ON_ACCESS):
        msg = f"position {position} tells what was done to a token or to names; that has happened, and cannot be voided"
        raise NotAllowed(msg, field="position", subject=state.subject)
    latest = state.latest(STATUS)
    if entry.is_status and latest is not None and latest.position != position:
        msg = f"position {latest.position} is a later status act of {state.subject}; void that one first"
        raise NotAllowed(msg, field="position", subject=state.subject)
