"""What can be said of any subject: its title, attributes and aliases; where it belongs; that it is off the record;
that an entry was wrong; what was observed elsewhere; and that texts are to be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar, Final, Literal, assert_never

from pydantic import Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.decision import OPEN as OPEN_DECISION
from domain.decision import SUPERSEDED, SUPERSEDED_BY
from domain.errors import Forbidden, NotAllowed, NothingChanges, Unknown
from domain.fields import EXISTS, STATUS, FieldChange, Subjects, SubjectState, Value, code, refs, text
from domain.guards import must_have_status
from domain.messages import Command, CommandContext, Draft, Event, Message
from domain.values import (
    COMBINATION,
    Code,
    Holder,
    Integer,
    Line,
    Position,
    ProductId,
    RawText,
    Slug,
    StringKind,
    SubjectId,
    Text,
    format_micros,
    is_subject,
    kind_of,
)  # fmt: skip

FieldName = Annotated[
    str, StringKind.CODE, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}(\.[a-z0-9][a-z0-9_.~-]{0,99})?$")
]
LogId = Annotated[str, StringKind.SUBJECT, StringConstraints(pattern=r"^log:[a-z0-9][a-z0-9._~-]{0,99}$")]

IMPORT_RIGHT: Final = "import"
ERASE_RIGHT: Final = "erase"
ON_ACCESS: Final = ("TokenCreated.", "TokenRevoked.", "NamesChanged.")


class LogOpened(Event):
    """The first entry of every log."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)


# Names and places --------------------------------------------------------------------------------------------------


class ChangeTitle(Command):
    """Give a subject another title. A decision that is taken keeps its own."""

    type: Literal["ChangeTitle"] = "ChangeTitle"
    subject: SubjectId
    title: Line = Field(description="What it is called from now on.")


class TitleChanged(Event):
    """A subject got another title."""

    title: Line

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("title", self.title)


class SetAliases(Command):
    """Say what else a subject is called: numbers, keys elsewhere. The list is the whole list."""

    type: Literal["SetAliases"] = "SetAliases"
    subject: SubjectId
    aliases: tuple[Code, ...] = Field(max_length=100, description="Its other names and numbers, all of them anew.")


class AliasesSet(Event):
    """It was said what else a subject is called, whole."""

    aliases: tuple[Code, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("aliases", list(self.aliases))


class SetAttribute(Command):
    """Set an attribute of your own on a subject; without a value it is emptied. Read as the field `x.NAME`."""

    type: Literal["SetAttribute"] = "SetAttribute"
    subject: SubjectId
    name: Slug = Field(description="The attribute; its cell is `x.NAME`.")
    value: Text | None = Field(None, description="What it holds; silent empties it.")


class AttributeSet(Event):
    """An attribute of one's own was set on a subject, or emptied."""

    name: Slug
    value: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield text(f"x.{self.name}", self.value)


class AssignToProducts(Command):
    """Say which products a subject belongs to. The list is the whole list."""

    type: Literal["AssignToProducts"] = "AssignToProducts"
    subject: SubjectId
    products: tuple[ProductId, ...] = Field(max_length=50, description="The products it belongs to, all of them anew.")


class ProductsAssigned(Event):
    """It was said which products a subject belongs to, whole."""

    products: tuple[ProductId, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield refs("products", self.products)


# Off the record and back -------------------------------------------------------------------------------------------


class RemoveSubject(Command):
    """Strike a subject from the record: it was recorded, and no longer counts. This is no status."""

    type: Literal["RemoveSubject"] = "RemoveSubject"
    subject: SubjectId
    why: Text = Field(description="The reason.")


class SubjectRemoved(Event):
    """A subject was struck from the record."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, False)
        yield text("removed_because", self.why)


class RestoreSubject(Command):
    """Put a struck subject back on the record."""

    type: Literal["RestoreSubject"] = "RestoreSubject"
    subject: SubjectId
    why: Text = Field(description="The reason.")


class SubjectRestored(Event):
    """A struck subject was put back on the record."""

    why: Text

    def field_changes(self) -> Iterable[FieldChange]:
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

    def voided_position(self) -> int | None:
        return self.position


# Observed history --------------------------------------------------------------------------------------------------


class ImportedChange(Message):
    """One change of one field, as another system tells it.

    At most one of `value`, `subjects`, `holders`, `text` and `texts` says what it means; none of them empties the
    field, or, with a `word`, leaves the word standing as one that could not be understood.
    """

    field: FieldName = Field(description="The cell that changed.")
    value: StrictBool | Integer | Code | None = Field(
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
    source_value: RawText | None = Field(None, description="The source's own word, where it is another.")
    contradicts: RawText | None = Field(
        None, description="What the source says it was before, where that is not what it said before."
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> ImportedChange:
        meanings = (self.value, self.subjects, self.holders, self.text, self.texts)
        if meanings.count(None) < len(meanings) - 1:
            raise PydanticCustomError(
                COMBINATION, "give only one of `value`, `subjects`, `holders`, `text` and `texts`"
            )
        return self

    def field_change(self) -> FieldChange:
        """The change of the cell."""
        named: tuple[str, ...] = self.holders or self.subjects or ()
        if isinstance(self.value, str) and is_subject(self.value):
            named = (self.value,)
        value: Value = self.value if self.text is None else self.text
        for listed in (self.subjects, self.holders, self.texts):
            if listed is not None:
                value = list(listed)
        prose = self.text is not None or self.texts is not None
        return FieldChange(self.field, value, refs=named, source_value=self.source_value, is_searchable=prose)


class ImportChanges(Command):
    """Record what was decided elsewhere, as it is told there. Only an importer may."""

    type: Literal["ImportChanges"] = "ImportChanges"
    subject: SubjectId
    changes: tuple[ImportedChange, ...] = Field(
        min_length=1, max_length=256, description="The cells that changed, in order."
    )


class ChangesImported(Event):
    """What was decided elsewhere, as it is told there."""

    is_imported: ClassVar[bool] = True
    changes: tuple[ImportedChange, ...]

    def field_changes(self) -> Iterator[FieldChange]:
        return (change.field_change() for change in self.changes)


# Forgetting --------------------------------------------------------------------------------------------------------


class EraseTexts(Command):
    """Forget what people wrote in some entries. The entries stay, and so does every proof."""

    type: Literal["EraseTexts"] = "EraseTexts"
    subject: LogId = Field(description="The log itself.")
    positions: tuple[Position, ...] = Field(
        min_length=1, max_length=10_000, description="The entries whose texts are forgotten."
    )
    reason_code: Slug = Field("request", description="Why, in a word: this reason cannot be forgotten.")


class TextsErased(Event):
    """What people wrote in some entries was forgotten; the entries stay."""

    positions: tuple[int, ...]
    reason_code: Slug


AnySubjectCommand = (
    ChangeTitle | SetAliases | SetAttribute | AssignToProducts | RemoveSubject | RestoreSubject | VoidEntry | ImportChanges | EraseTexts
)  # fmt: skip


def decide(command: AnySubjectCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """What a command about the record itself comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    event: Event
    _must_be_open_to(command)
    match command:
        case ChangeTitle():
            if kind_of(command.subject) == "decision":
                must_have_status(subjects[command.subject], context, OPEN_DECISION, "be retitled", silent="proposed")
            event = TitleChanged(title=command.title)
        case SetAliases():
            event = AliasesSet(aliases=command.aliases)
        case SetAttribute():
            event = AttributeSet(name=command.name, value=command.value)
        case AssignToProducts():
            event = ProductsAssigned(products=command.products)
        case RemoveSubject():
            _must_take_hold(subjects[command.subject], context)
            event = SubjectRemoved(why=command.why)
        case RestoreSubject():
            if subjects[command.subject].exists_at(context.now):
                msg = f"{command.subject} is on the record already"
                raise NothingChanges(msg, field="subject", subject=command.subject)
            _must_take_hold(subjects[command.subject], context)
            event = SubjectRestored(why=command.why)
        case VoidEntry():
            _voidable(subjects[command.subject], command.position)
            _must_leave_nothing_replaced(command, context, subjects)
            event = EntryVoided(position=command.position, reason=command.reason)
        case ImportChanges():
            _may(context, IMPORT_RIGHT, "only a token with the right to import may observe")
            if subjects[command.subject].is_managed:
                msg = f"{command.subject} is adopted: it has been spoken of by an ordinary command, and is no longer observed"
                raise NotAllowed(msg, field="subject", subject=command.subject)
            event = ChangesImported(changes=command.changes)
        case EraseTexts():
            _may(context, ERASE_RIGHT, "only a token with the right to erase may do this")
            event = TextsErased(positions=tuple(sorted(set(command.positions))), reason_code=command.reason_code)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _must_be_open_to(command: AnySubjectCommand) -> None:
    """The log itself cannot be taken back, and what a person is called stands in the directory, where it can change."""
    kind = kind_of(command.subject)
    if kind == "log" and isinstance(command, RemoveSubject | VoidEntry):
        msg = "the log itself cannot be struck, nor its own entries voided"
        raise NotAllowed(msg, field="subject", subject=command.subject)
    if kind == "person" and isinstance(command, ChangeTitle | SetAliases):
        msg = "what a person is called is kept in the directory, not in the log"
        raise NotAllowed(msg, field="subject", subject=command.subject)


def _may(context: CommandContext, right: str, detail: str) -> None:
    if right not in context.rights:
        raise Forbidden(detail)


def _must_take_hold(state: SubjectState, context: CommandContext) -> None:
    """Striking and restoring change what is so now; dated before the one before it, either would change nothing."""
    latest = state.row_at(EXISTS, context.now)
    if latest is not None and context.effective_at < latest.valid_from:
        msg = (
            f"the entry at position {latest.position} took effect at {format_micros(latest.valid_from)}, and says whether "
            f"{state.subject} is on the record; date this no earlier"
        )
        raise NotAllowed(msg, field="effective_at", subject=state.subject)


def _must_leave_nothing_replaced(command: VoidEntry, context: CommandContext, subjects: Subjects) -> None:
    """What a decision replaced stays replaced only while the decision is taken."""
    if (
        not subjects[command.subject]
        .events[command.position]
        .type.startswith(("DecisionAccepted.", "DecisionRecorded."))
    ):
        return
    for old in subjects.get_referencing(command.subject, SUPERSEDED_BY):
        state = subjects[old]
        by = state.row_at(SUPERSEDED_BY, context.now)
        replaced = state.value_at(STATUS, context.now) == SUPERSEDED and command.subject in state.subjects_at(
            SUPERSEDED_BY, context.now
        )
        if by and replaced:
            msg = f"it supersedes {old}; void the DecisionSuperseded at position {by.position} of {old} first"
            raise NotAllowed(msg, field="position", subject=command.subject)


def _voidable(state: SubjectState, position: int) -> None:
    """An entry of this subject that counts, and, if it changed the status, the latest that did."""
    entry = state.events.get(position)
    if entry is None:
        msg = f"{state.subject} has no entry at position {position}"
        raise Unknown(msg, field="position", subject=state.subject)
    if entry.is_voided:
        msg = f"the entry at position {position} is void already"
        raise NothingChanges(msg, field="position", subject=state.subject)
    if entry.type.startswith("EntryVoided."):
        msg = f"position {position} voids another entry; record that one again, with `corrects`"
        raise NotAllowed(msg, field="position", subject=state.subject)
    if entry.type.startswith(ON_ACCESS):
        msg = f"position {position} tells what was done to a token or to names; that has happened, and cannot be voided"
        raise NotAllowed(msg, field="position", subject=state.subject)
    latest = state.latest_row(STATUS)
    if entry.changes_status and latest is not None and latest.position != position:
        msg = f"position {latest.position} is a later status act of {state.subject}; void that one first"
        raise NotAllowed(msg, field="position", subject=state.subject)
