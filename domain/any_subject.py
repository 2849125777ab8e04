"""Commands that apply to any subject: its title, aliases, attributes and products; removing and restoring it; voiding
an entry; importing changes; and erasing text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal, TypeVar, assert_never

from pydantic import ConfigDict, Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from domain.decision_messages import ENDED_BY, REVISIT_ON, SUPERSEDED, SUPERSEDED_BY
from domain.decision_messages import OPEN as OPEN_DECISION
from domain.decision_rights import RIGHTS_FIELD
from domain.errors import NotAllowed, NothingChanges, Unknown
from domain.fields import EXISTS, MERGED_INTO, STATUS, FieldChange, Subjects, SubjectState, Value, code, refs, text
from domain.guards import require_status
from domain.judgment import Judgment
from domain.messages import Command, CommandContext, Draft, Event, Message, Source, copy_with
from domain.outcome import SHARING_FIELD
from domain.roles import GRANT_PREFIX
from domain.settled_decisions import judge_change
from domain.values import (
    COMBINATION,
    KEY_PATTERN,
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
)

FIELD_NAME_PATTERN: Final = r"^[a-z][a-z0-9_]{0,63}(\.[a-z0-9][a-z0-9_.~-]{0,99})?$"
LOG_PATTERN: Final = rf"^log:{KEY_PATTERN}$"
FieldName = Annotated[str, StringKind.CODE, StringConstraints(pattern=FIELD_NAME_PATTERN)]
LogId = Annotated[str, StringKind.SUBJECT, StringConstraints(pattern=LOG_PATTERN)]

E = TypeVar("E", bound=Event)

MAX_ERASED: Final = 1_000
"""Positions in one erasure, so that no single command erases a whole log."""
ACCESS_EVENT_PREFIXES: Final = (
    *("TokenCreated.", "TokenRevoked.", "SignInLinkCreated.", "NamesChanged."),
    *("AccountConnected.", "AccountDisconnected."),
    *("RoleGranted.", "RoleRevoked."),
)

OWN_CHOICE_PREFIXES: Final = ("DelegationRevoked.", "CalibrationShared.")
"""The events of a person that withdraw a consent, or give it, which only this person can do."""

STILL_VALID: Final = "still_valid"
STILL_VALID_BECAUSE: Final = "still_valid_because"
"""The field with the reason of the latest confirmation that a subject still holds; for one field, `.FIELD` follows."""

NOT_IMPORTED: Final = frozenset({"service", "group", "log"})
NOT_IMPORTED_FIELDS: Final = frozenset({MERGED_INTO, RIGHTS_FIELD, SHARING_FIELD, "authority", "ratification"})
NOT_IMPORTED_PREFIXES: Final = (
    *(GRANT_PREFIX, "delegation.", "authority."),
    *("approval.", "abstention.", "confirmed.", "ratified.", "acknowledged."),
)
"""Fields that say who may act or decide, what people did with their own credentials, or what the log judged itself."""
ROLE_PREFIX: Final = "role."
_SINGLE_FIELDS: Final = (
    *(STATUS, "title", "kind", "horizon", "version", "line", "measure", "unit", "baseline", "target", "current"),
    *("due_on", "held_on", "check_on", "valid_until", "review_on", REVISIT_ON),
    *("reversed_by", "proposed_by", "collected_by"),
)
_LIST_FIELDS: Final = (
    *("products", "deciders", "goals", SUPERSEDED_BY, ENDED_BY, "awaits", "releases", "tags", "aliases", "options"),
    *("attendees", "invited", "agenda", "settled_by", "decisions", "features", "review.by", "review.reasoning_by"),
)
_FORMS: Final[Mapping[str, type]] = MappingProxyType(
    dict.fromkeys(_SINGLE_FIELDS, str) | dict.fromkeys(_LIST_FIELDS, list)
)
"""What the values of fields are: queries and pages rely on it."""


class LogOpened(Event):
    """The log was created."""

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)


# Titles and products------------------------------------------------------------------------------------------------


class ChangeTitle(Command):
    """Change the title of a subject. The title of an accepted decision is frozen."""

    type: Literal["ChangeTitle"] = "ChangeTitle"
    subject: SubjectId
    title: Line = Field(description="The new title.")


class TitleChanged(Event):
    """The title of a subject was changed."""

    title: Line

    def field_changes(self) -> Iterable[FieldChange]:
        yield text("title", self.title)


class SetAliases(Command):
    """Set the aliases of a subject, such as numbers or keys in other systems. The list replaces the previous one."""

    type: Literal["SetAliases"] = "SetAliases"
    subject: SubjectId
    aliases: tuple[Code, ...] = Field(max_length=100, description="All aliases.")


class AliasesSet(Event):
    """The aliases of a subject were set."""

    aliases: tuple[Code, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        yield code("aliases", list(self.aliases))


class SetAttribute(Command):
    """Set or clear a custom attribute of a subject. Queries return it as the field `x.NAME`."""

    type: Literal["SetAttribute"] = "SetAttribute"
    subject: SubjectId
    name: Slug = Field(description="The name of the attribute; its field is `x.NAME`.")
    value: Text | None = Field(None, description="The value; omit it to clear the attribute.")


class AttributeSet(Event):
    """A custom attribute of a subject was set or cleared."""

    name: Slug
    value: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        yield text(f"x.{self.name}", self.value)


class AssignToProducts(Command):
    """Assign a subject to products. The list replaces the previous one."""

    type: Literal["AssignToProducts"] = "AssignToProducts"
    subject: SubjectId
    products: tuple[ProductId, ...] = Field(max_length=50, description="All products it belongs to.")


class ProductsAssigned(Event):
    """A subject was assigned to products."""

    products: tuple[ProductId, ...]
    authority: Judgment | None = Field(
        None, description="Whether the person was entitled to assign it, if it is a settled decision."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        yield refs("products", self.products)
        if self.authority and (verdict := self.authority.verdict_on(self.products)) != "no_rule":
            yield code("authority", verdict)
            yield code("ratification", None)


# Confirming that it holds --------------------------------------------------------------------------------------------


class ConfirmStillValid(Command):
    """Confirm that a subject, or one of its fields, still holds. A confirmation with a reason clears its flags."""

    type: Literal["ConfirmStillValid"] = "ConfirmStillValid"
    subject: SubjectId
    field: FieldName | None = Field(None, description="The field, such as `target.ship`; the whole subject by default.")
    why: Text | None = Field(None, description="The reason. Only a confirmation with a reason clears flags.")


class StillValidConfirmed(Event):
    """It was confirmed that a subject, or one of its fields, still holds."""

    field: FieldName | None = None
    why: Text | None = None

    def field_changes(self) -> Iterable[FieldChange]:
        suffix = f".{self.field}" if self.field else ""
        yield code(STILL_VALID + suffix, True)
        if self.why:
            yield text(STILL_VALID_BECAUSE + suffix, self.why)


# Removing and restoring ---------------------------------------------------------------------------------------------


class RemoveSubject(Command):
    """Remove a subject that should not have been recorded. Its history stays, and it can be restored."""

    type: Literal["RemoveSubject"] = "RemoveSubject"
    subject: SubjectId
    why: Text = Field(description="The reason.")


class SubjectRemoved(Event):
    """A subject was removed."""

    why: Text
    authority: Judgment | None = Field(
        None, description="Whether the person was entitled to remove it, if it is a settled decision."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, False)
        yield code("restored_because", None)
        yield text("removed_because", self.why)


class RestoreSubject(Command):
    """Restore a removed subject."""

    type: Literal["RestoreSubject"] = "RestoreSubject"
    subject: SubjectId
    why: Text = Field(description="The reason.")


class SubjectRestored(Event):
    """A removed subject was restored."""

    why: Text
    authority: Judgment | None = Field(
        None, description="Whether the person was entitled to restore it, if it is a settled decision."
    )

    def field_changes(self) -> Iterable[FieldChange]:
        yield code(EXISTS, True)
        yield code("removed_because", None)
        yield text("restored_because", self.why)


# Corrections -------------------------------------------------------------------------------------------------------


class VoidEntry(Command):
    """Void an incorrect entry of a subject. To replace it, send a command with its position in `corrects`."""

    type: Literal["VoidEntry"] = "VoidEntry"
    subject: SubjectId
    position: Position = Field(description="The position of the incorrect entry.")
    why: Text = Field(description="What is incorrect about it.")


class EntryVoided(Event):
    """An incorrect entry of a subject was voided."""

    position: int
    why: Text
    authority: Judgment | None = Field(
        None, description="Whether the person was entitled to void it, if that changes a settled decision."
    )

    def voided_position(self) -> int | None:
        return self.position


# Imported history --------------------------------------------------------------------------------------------------


class ImportedChange(Message):
    """One change of one field, as recorded in another system.

    At most one of `value`, `subjects`, `holders`, `text` and `texts` is the new value. With none of them the field is
    emptied, or, with a `source_value`, has a value that could not be mapped.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "anyOf": [
                    {"required": list(pair), "properties": {name: {"not": {"type": "null"}} for name in pair}}
                    for pair in combinations(("value", "subjects", "holders", "text", "texts"), 2)
                ]
            }
        }
    )

    field: FieldName = Field(description="The field that changed.")
    value: StrictBool | Integer | Code | None = Field(
        None, description="The new value: a code, a date, a number, true or false, or a single subject."
    )
    subjects: tuple[SubjectId, ...] | None = Field(
        None, max_length=1000, description="The new value, if it is a list of subjects."
    )
    holders: tuple[Holder, ...] | None = Field(
        None, max_length=1000, description="The new value, if it is a list of people or teams."
    )
    text: RawText | None = Field(None, description="The new value, if it is text.")
    texts: tuple[RawText, ...] | None = Field(
        None, max_length=1000, description="The new value, if it is a list of texts."
    )
    source_value: RawText | None = Field(None, description="The value as spelled in the source, if different.")
    contradicts: RawText | None = Field(
        None, description="The previous value according to the source, if it differs from the one recorded here."
    )

    @model_validator(mode="after")
    def _check_single_value(self) -> ImportedChange:
        values = (self.value, self.subjects, self.holders, self.text, self.texts)
        if values.count(None) < 4:  # noqa: PLR2004  (of five)
            raise PydanticCustomError(
                COMBINATION, "give only one of `value`, `subjects`, `holders`, `text` and `texts`"
            )
        return self

    def field_change(self) -> FieldChange:
        """The same change as a `FieldChange`."""
        referenced: tuple[str, ...] = self.holders or self.subjects or ()
        if isinstance(self.value, str) and is_subject(self.value):
            referenced = (self.value,)
        value: Value = self.value if self.text is None else self.text
        for items in (self.subjects, self.holders, self.texts):
            if items is not None:
                value = list(items)
        is_text = self.text is not None or self.texts is not None
        value = _in_form_of(self.field, value)
        return FieldChange(self.field, value, refs=referenced, source_value=self.source_value, is_searchable=is_text)


def _form_of(name: str) -> type | None:
    """Return what the values of a field are, text or lists; None if they may be anything."""
    return list if name.startswith(ROLE_PREFIX) else _FORMS.get(name)


def _in_form_of(name: str, value: Value) -> Value:
    """Return an imported value as its field has it: one of a list as a list of one, and a number of a text as its digits."""
    form = _form_of(name)
    if form is list and isinstance(value, str) and (is_subject(value) or not name.startswith(ROLE_PREFIX)):
        return [value]
    if form is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None if form is str and value == [] else value


class ImportChanges(Command):
    """Import changes that were made in another system. Needs the `import` scope."""

    type: Literal["ImportChanges"] = "ImportChanges"
    subject: SubjectId
    changes: tuple[ImportedChange, ...] = Field(min_length=1, max_length=256, description="The changes, in order.")
    source: Source = Field(description="Where the changes were recorded originally.")


class ChangesImported(Event):
    """Changes that were made in another system were imported."""

    is_imported: ClassVar[bool] = True
    changes: tuple[ImportedChange, ...]

    def field_changes(self) -> Iterator[FieldChange]:
        return (change.field_change() for change in self.changes)


# Erasing -----------------------------------------------------------------------------------------------------------


class EraseTexts(Command):
    """Erase the text in some entries. The entries and all proofs stay valid. Needs the `erase` scope."""

    type: Literal["EraseTexts"] = "EraseTexts"
    subject: LogId = Field(description="The log itself.")
    positions: tuple[Position, ...] = Field(
        min_length=1,
        max_length=MAX_ERASED,
        description="The positions of the entries whose text to erase.",
    )
    reason_code: Slug = Field("request", description="The reason, as a code; it is stored permanently.")


class TextsErased(Event):
    """The text in some entries was erased."""

    positions: tuple[int, ...]
    reason_code: Slug


AnySubjectCommand = (
    ChangeTitle
    | ConfirmStillValid
    | SetAliases
    | SetAttribute
    | AssignToProducts
    | RemoveSubject
    | RestoreSubject
    | VoidEntry
    | ImportChanges
    | EraseTexts
)


def decide(command: AnySubjectCommand, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command that applies to any subject.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event: Event
    _require_applicable(command)
    match command:
        case ChangeTitle():
            if kind_of(command.subject) == "decision":
                require_status(subjects[command.subject], context, OPEN_DECISION, "be retitled", default="proposed")
            event = TitleChanged(title=command.title)
        case SetAliases():
            event = AliasesSet(aliases=command.aliases)
        case SetAttribute():
            event = AttributeSet(name=command.name, value=command.value)
        case AssignToProducts():
            event = _with_authority(ProductsAssigned(products=command.products), command, context, subjects)
        case ConfirmStillValid():
            _require_field(command, subjects[command.subject], context)
            event = StillValidConfirmed(field=command.field, why=command.why)
        case RemoveSubject():
            _require_effective(subjects[command.subject], context)
            event = _with_authority(SubjectRemoved(why=command.why), command, context, subjects)
        case RestoreSubject():
            if subjects[command.subject].exists_at(context.now):
                raise NothingChanges(f"{command.subject} is not removed", field="subject", subject=command.subject)
            _require_effective(subjects[command.subject], context)
            event = _with_authority(SubjectRestored(why=command.why), command, context, subjects)
        case VoidEntry():
            _require_voidable(subjects[command.subject], command.position)
            _require_supersedes_nothing(command, context, subjects)
            voided = EntryVoided(position=command.position, why=command.why)
            event = _with_authority(voided, command, context, subjects)
        case ImportChanges():
            _require_importable(command, subjects[command.subject])
            if subjects[command.subject].is_managed:
                raise NotAllowed(
                    f"{command.subject} has been edited here, so imported updates are no longer accepted",
                    field="subject",
                    subject=command.subject,
                )
            event = ChangesImported(changes=command.changes)
        case EraseTexts():
            event = TextsErased(positions=tuple(sorted(set(command.positions))), reason_code=command.reason_code)
        case _:
            assert_never(command)
    return [Draft(command.subject, event)]


def _with_authority(event: E, command: Command, context: CommandContext, subjects: Subjects) -> E:
    """Return an event with the judgment on the person who changes a settled decision, if it changes one."""
    judgment = judge_change(Draft(command.subject_id(), event), context, subjects)
    return event if judgment is None else copy_with(event, "authority", judgment)


def _require_field(command: ConfirmStillValid, state: SubjectState, context: CommandContext) -> None:
    if command.field and state.value_at(command.field, context.now) is None:
        raise NotAllowed(
            f"{state.subject} has no value in its field `{command.field}`", field="field", subject=state.subject
        )


def _require_applicable(command: AnySubjectCommand) -> None:
    """The log itself cannot be removed or voided, and the names of people are changed in the directory."""
    kind = kind_of(command.subject)
    if kind == "log" and isinstance(command, RemoveSubject | VoidEntry):
        raise NotAllowed(
            "the log itself cannot be removed, and its own entries cannot be voided",
            field="subject",
            subject=command.subject,
        )
    if kind == "person" and isinstance(command, ChangeTitle | SetAliases):
        raise NotAllowed(
            "the names of people are stored in the directory, not in the log; change them there",
            field="subject",
            subject=command.subject,
        )


def _require_importable(command: ImportChanges, state: SubjectState) -> None:
    """What decides who may act is never imported: services, groups, the log itself, roles, merges and approvals.

    A service that is an author of imported changes gets its title by an import, if the log has nothing about it yet.
    """
    is_new_service = kind_of(command.subject) == "service" and state.version == 0
    only_introduces = all(
        change.field == "title" or (change.field == EXISTS and change.value is True) for change in command.changes
    )
    if kind_of(command.subject) in NOT_IMPORTED and not (is_new_service and only_introduces):
        raise NotAllowed(
            f"{command.subject} cannot be imported: it has no history in another system",
            field="subject",
            subject=command.subject,
        )
    for n, change in enumerate(command.changes):
        if change.field.startswith(GRANT_PREFIX):
            raise NotAllowed(
                f"`{change.field}` is a role, which cannot be imported; grant it with `decisionlog role grant`",
                field=f"changes.{n}.field",
                subject=command.subject,
            )
        if change.field in NOT_IMPORTED_FIELDS or change.field.startswith(NOT_IMPORTED_PREFIXES):
            raise NotAllowed(
                f"`{change.field}` says who may act or decide, or what a person did or the log judged here; it cannot be "
                "imported",
                field=f"changes.{n}.field",
                subject=command.subject,
            )
        _require_form(change, n, command.subject)


def _require_form(change: ImportedChange, n: int, subject: str) -> None:
    """A field whose values are texts or lists is filled with nothing else; it can always be emptied."""
    value, form = change.field_change().value, _form_of(change.field)
    if value is not None and form is not None and not isinstance(value, form):
        expected = "a list" if form is list else "a single code or text"
        raise NotAllowed(f"`{change.field}` must be {expected}", field=f"changes.{n}.field", subject=subject)


def _require_effective(state: SubjectState, context: CommandContext) -> None:
    """Removing and restoring change the current state; dated before the previous such change, they would not."""
    latest = state.row_at(EXISTS, context.now)
    if latest is not None and context.effective_at < latest.valid_from:
        raise NotAllowed(
            f"{state.subject} was created, removed or restored at {format_micros(latest.valid_from)} (position "
            f"{latest.position}); `effective_at` cannot be earlier",
            field="effective_at",
            subject=state.subject,
        )


def _require_supersedes_nothing(command: VoidEntry, context: CommandContext, subjects: Subjects) -> None:
    """An acceptance cannot be voided while another decision is superseded by the accepted one."""
    event = subjects[command.subject].events[command.position]
    if not event.type.startswith(("DecisionAccepted.", "DecisionRecorded.")):
        return
    for old in subjects.get_referencing(command.subject, SUPERSEDED_BY):
        state = subjects[old]
        row = state.row_at(SUPERSEDED_BY, context.now)
        is_superseded = state.value_at(STATUS, context.now) == SUPERSEDED and command.subject in state.subjects_at(
            SUPERSEDED_BY, context.now
        )
        if row and is_superseded:
            raise NotAllowed(
                f"{command.subject} supersedes {old}; void the DecisionSuperseded at position {row.position} of {old} "
                "first",
                field="position",
                subject=command.subject,
            )


def _require_voidable(state: SubjectState, position: int) -> None:
    """The entry belongs to this subject, is not voided, and, if it changed the status, is the latest that did."""
    event = state.events.get(position)
    if event is None:
        raise Unknown(f"{state.subject} has no entry at position {position}", field="position", subject=state.subject)
    if event.is_voided:
        raise NothingChanges(
            f"the entry at position {position} is already voided", field="position", subject=state.subject
        )
    if event.type.startswith("EntryVoided."):
        raise NotAllowed(
            f"position {position} voids another entry and cannot be voided; record that entry again with `corrects`",
            field="position",
            subject=state.subject,
        )
    if event.type.startswith(ACCESS_EVENT_PREFIXES):
        raise NotAllowed(
            f"position {position} records a change to a token, a role or names, which cannot be voided",
            field="position",
            subject=state.subject,
        )
    if kind_of(state.subject) == "person" and event.type.startswith(OWN_CHOICE_PREFIXES):
        raise NotAllowed(
            f"position {position} is a choice of {state.subject}, which cannot be voided; only they can choose again",
            field="position",
            subject=state.subject,
        )
    latest = state.latest_row(STATUS)
    if event.changes_status and latest is not None and latest.position != position:
        raise NotAllowed(
            f"position {latest.position} is a later status change of {state.subject}; void that one first",
            field="position",
            subject=state.subject,
        )
