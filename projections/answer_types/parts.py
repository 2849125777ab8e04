"""What many answers contain: times, values, the event behind a value, and the frame of every answer."""

from typing import TYPE_CHECKING, Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from domain import fields

    Value = fields.Value
else:
    from pydantic import JsonValue as Value  # any JSON: generated clients stumble over a type that contains itself

At = Annotated[str, Field(pattern=r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$", json_schema_extra={"format": "date-time"})]
"""A time as every answer writes it: RFC 3339, in UTC, with six digits."""

Direction = Literal[
    "first", "cleared", "later", "earlier", "changed", "gained", "lost", "replaced", "reordered", "unchanged"
]
"""The kind of a change."""

ReasonKind = Literal["own", "inherited", "none"]
"""The origin of a reason."""

Absence = Literal["absent", "removed"]
"""Why a subject has no value: it did not exist yet, or was removed."""


class FieldValue(TypedDict):
    """The value of a field at one time."""

    value: Annotated[
        Value,
        Field(description="The value: text, a code, a number, or a list in its order; null if there is none."),
    ]
    source_value: Annotated[
        str | None, Field(description="The value in the source system, if it differs; otherwise null.")
    ]


class DelegationLink(TypedDict):
    """One link of the chain of delegation from the actor to the principal."""

    who: Annotated[str, Field(description="The person or team on whose behalf it was done.")]
    delegation: NotRequired[
        Annotated[
            int,
            Field(description="The position of the delegation that allows it; without one, it is only claimed."),
        ]
    ]


class EventSource(TypedDict):
    """How an event was recorded, and, if it was imported, where it comes from."""

    channel: Annotated[str, Field(description="The way it was recorded: `http`, `cli`, `import`.")]
    system: NotRequired[Annotated[str, Field(description="The system that it was imported from.")]]
    reference: NotRequired[Annotated[str, Field(description="That system's identifier of the change.")]]
    at: NotRequired[Annotated[At, Field(description="The time of the change in that system.")]]


class Blame(TypedDict):
    """The event that set a value: who recorded it, when and why."""

    position: Annotated[int, Field(description="The position of the event in the log.")]
    type: Annotated[str, Field(description="The stored name of the event, such as `DecisionAccepted.v1`.")]
    at: Annotated[At, Field(description="The time from which it is in effect.")]
    recorded_at: Annotated[At, Field(description="The time at which it was recorded.")]
    actor: Annotated[str, Field(description="Who recorded it, according to the token.")]
    principal: Annotated[str, Field(description="On whose behalf it was recorded; the actor, if there is no one else.")]
    on_behalf_of: NotRequired[
        Annotated[
            list[DelegationLink],
            Field(description="The chain of delegation from the actor to the principal, if they differ."),
        ]
    ]
    because: Annotated[list[str], Field(description="The decisions that it is based on.")]
    because_hidden: NotRequired[
        Annotated[bool, Field(description="True if it is based on decisions, and you may read none of them.")]
    ]
    note: NotRequired[Annotated[str, Field(description="A remark, or the reason if it is not based on a decision.")]]
    source: Annotated[EventSource, Field(description="How it was recorded, and where it comes from.")]
    corrects: NotRequired[Annotated[int, Field(description="The position of the voided entry that it replaces.")]]
    voided_by: NotRequired[Annotated[int, Field(description="The position of the event that voided it.")]]


class TitledSubject(TypedDict):
    """A subject and its title."""

    subject: Annotated[str, Field(description="The subject, as `kind:key`.")]
    title: Annotated[str | None, Field(description="The title of the subject; null if it has none.")]


class SubjectField(TitledSubject):
    """A field of a subject."""

    field: Annotated[str, Field(description="The name of the field, such as `horizon` or `role.accountable`.")]


class FieldState(FieldValue):
    """The value of a field, and the period for which it has it."""

    since: Annotated[At, Field(description="The time from which the field has this value.")]
    until: Annotated[At | None, Field(description="The time at which the value ends; null if it has no end.")]
    position: Annotated[int, Field(description="The position of the event that set the value.")]
    blame: NotRequired[Annotated[Blame, Field(description="Who set the value, when and why; present if asked for.")]]


class ListDifference(TypedDict):
    """The items added to a list and removed from it; missing if the value is not a list."""

    gained: NotRequired[Annotated[list[Value], Field(description="The added items, in order.")]]
    lost: NotRequired[Annotated[list[Value], Field(description="The removed items, in order.")]]


class GroupedFields(TypedDict):
    """The fields of a subject, in groups. A group is missing if it has no fields."""

    fields: Annotated[dict[str, FieldState], Field(description="The fields that are in no group, by name.")]
    roles: NotRequired[
        Annotated[dict[str, FieldState], Field(description="The people and teams in each role, by role.")]
    ]
    targets: NotRequired[
        Annotated[dict[str, FieldState], Field(description="The release or date of each milestone, by milestone.")]
    ]
    advice: NotRequired[
        Annotated[dict[str, FieldState], Field(description="The advice on a decision, by the adviser's key.")]
    ]
    dissents: NotRequired[
        Annotated[dict[str, FieldState], Field(description="The dissents from a decision, by the dissenter's key.")]
    ]
    delegations: NotRequired[Annotated[dict[str, FieldState], Field(description="The delegations, by key.")]]
    acknowledgments: NotRequired[
        Annotated[dict[str, FieldState], Field(description="The acknowledgments of ownership, by the holder's key.")]
    ]
    links: NotRequired[
        Annotated[
            dict[str, FieldState],
            Field(
                description="What evidence is `for` or `against`, and what an assumption is `under`, each as `KIND.KEY`."
            ),
        ]
    ]
    afterward: NotRequired[
        Annotated[
            dict[str, FieldState],
            Field(description="Whether the option chosen turned out valuable, usable, feasible and viable."),
        ]
    ]
    constraint_checks: NotRequired[
        Annotated[
            dict[str, FieldState],
            Field(description="Whether an option meets a constraint, by their numbers: `2.option.1`."),
        ]
    ]
    expectations: NotRequired[
        Annotated[dict[str, FieldState], Field(description="The expected outcomes, by their number.")]
    ]
    outcomes: NotRequired[
        Annotated[dict[str, FieldState], Field(description="What came of each expected outcome, by its number.")]
    ]


class SubjectRow(TitledSubject, GroupedFields):
    """A subject in a list, with the fields that the list shows."""


class Money(TypedDict):
    """An amount of money."""

    amount: Annotated[int, Field(description="The amount, in whole units of the currency.")]
    currency: Annotated[str, Field(description="The currency, as an ISO 4217 code.")]


class ReadAnswer(TypedDict):
    """What every answer of the read model contains."""

    position: Annotated[int, Field(description="The position of the log that the answer covers.")]
    as_of: Annotated[At, Field(description="The valid time: the answer shows what was in effect at this time.")]
    known_at: NotRequired[
        Annotated[
            At,
            Field(
                description="The transaction time: the answer shows what was recorded by this time; missing if it shows "
                "everything."
            ),
        ]
    ]
    titles: Annotated[
        dict[str, str],
        Field(description="What each subject in the answer is called, by id: its title, version, or display name."),
    ]


class TableAnswer(ReadAnswer):
    """An answer with rows, which is also available as CSV and JSON Lines."""

    next: NotRequired[
        Annotated[str, Field(description="The value of `cursor` for the next page; missing on the last page.")]
    ]
