"""The shape of every answer of the server, written once.

The OpenAPI document, the reference pages and the Python client's types are made from these classes. The client's copy is
generated: run `python -m tools.client_answers` after a change. A key that may be missing is `NotRequired`; one that may
be null has a type that includes null.

Annotations are evaluated here (no `from __future__ import annotations`): otherwise Python 3.11 takes every key for
required.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from domain.fields import Value
else:
    from pydantic import JsonValue as Value  # any JSON: generated clients stumble over a type that contains itself

At = Annotated[str, Field(pattern=r"^[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$", json_schema_extra={"format": "date-time"})]
"""A time as every answer writes it: RFC 3339, in UTC, with six digits."""
Direction = Literal[
    "first", "cleared", "later", "earlier", "changed", "gained", "lost", "replaced", "reordered", "unchanged"
]
"""The kind of a change."""
Section = Literal[
    "goals",
    "releases",
    "course",
    "decisions",
    "shipped",
    "slipped",
    "overdue",
    "dropped",
    "moved",
    "handed_over",
    "next",
    "waiting",
    "unowned",
    "undecided",
    "late",
]
"""The sections of a progress report, in its order."""
ReasonKind = Literal["own", "inherited", "none"]
"""The origin of a reason."""
ArrivalReason = Literal[
    "evidence_recorded", "assumption_confirmed", "assumption_broken", "decision_settled", "release_due", "day_come"
]
"""What a deferred decision waited for has happened."""
FlagReason = Literal[
    "broken_assumption", "withdrawn_evidence", "superseded_evidence", "expired_evidence", "unchecked_assumption"
]
"""What is wrong with a ground."""
DebtCode = Literal[
    "no_reason",
    "undecided",
    "review_overdue",
    "outcome_overdue",
    "unratified",
    "unconfirmed_decider",
    "no_owner",
    "owner_left",
    "unconfirmed_owner",
    "ending_delegation",
    "stale",
    "task_overdue",
    "minutes_missing",
    "broken_assumption",
    "unchecked_assumption",
    "withdrawn_evidence",
    "superseded_evidence",
    "expired_evidence",
]
"""What is left undone about a decision or another subject."""
MinuteKind = Literal["advice", "dissent", "approval", "abstention", "decision", "task", "other"]
"""What an item of the minutes of a meeting is."""
Scopes = Annotated[
    list[str],
    Field(description="What the token may be used for, at most: `read`, `write`, `import`, `erase`, `admin`."),
]
SubjectRelation = Literal["replaces", "replaced_by", "rests_on", "supports"]
"""How a subject relates to another."""
Relation = Literal["holds", "owes", "waits_for"]
"""What a person has to do with a subject."""
SlipReason = Literal["decision", "assumption", "dependency", "reason", "none"]
"""What made a target move."""
Absence = Literal["absent", "removed"]
"""Why a subject has no value: it did not exist yet, or was removed."""


# Errors --------------------------------------------------------------------------------------------------------------


class FieldProblem(TypedDict):
    """What is wrong with one field."""

    field: Annotated[str, Field(description="The path of the field; empty for the whole.")]
    detail: Annotated[str, Field(description="What is wrong with it, and how to fix it.")]


class Problem(TypedDict):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Field(description="The type of problem, as `urn:decisionlog:problem:TYPE`.")]
    title: Annotated[str, Field(description="The type in words.")]
    status: Annotated[int, Field(description="The HTTP status.")]
    detail: Annotated[str, Field(description="What is wrong, and how to fix it.")]
    field: NotRequired[
        Annotated[str | None, Field(description="The path of the first field, parameter or header that is wrong.")]
    ]
    subject: NotRequired[Annotated[str | None, Field(description="The subject that the problem is about.")]]
    version: NotRequired[Annotated[int | None, Field(description="The current version of that subject.")]]
    errors: NotRequired[Annotated[list[FieldProblem] | None, Field(description="Every field that is wrong.")]]


# Parts of rows -------------------------------------------------------------------------------------------------------


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


class WithState(TypedDict):
    """What other fields of the subject are, or were at the time of a change."""

    state: NotRequired[
        Annotated[dict[str, FieldValue], Field(description="The fields that `show` names; present if asked for.")]
    ]


class FieldRow(FieldState, SubjectField, WithState):
    """A field of a subject with its value."""


class RoleRow(FieldRow):
    """A role, a delegation or an acknowledgment."""

    role: Annotated[
        str | None,
        Field(description="The role, such as `accountable`; null for delegations and acknowledgments."),
    ]
    status: Annotated[str | None, Field(description="The status of the subject; null if it has none.")]


class ListDifference(TypedDict):
    """The items added to a list and removed from it; missing if the value is not a list."""

    gained: NotRequired[Annotated[list[Value], Field(description="The added items, in order.")]]
    lost: NotRequired[Annotated[list[Value], Field(description="The removed items, in order.")]]


class FieldChange(ListDifference):
    """One change of one field."""

    field: Annotated[str, Field(description="The name of the field.")]
    before: Annotated[FieldValue, Field(description="The value before the change.")]
    after: Annotated[FieldValue, Field(description="The value after the change.")]
    direction: Annotated[Direction, Field(description="The kind of change.")]
    at: Annotated[At, Field(description="The time at which the change took effect.")]
    ended: Annotated[
        bool, Field(description="Whether the value ended because its period was over; there is no event for that.")
    ]


class NextValue(FieldValue):
    """The value that followed another one."""

    position: Annotated[int, Field(description="The position of the event that ended the earlier value.")]


class Held(TypedDict):
    """How long a value held."""

    until: Annotated[At | None, Field(description="The time of the next change to another value; null if it holds.")]
    days: Annotated[
        float,
        Field(
            description="The duration in days of 24 hours; of a value that still holds, until the time of the answer."
        ),
    ]
    next: Annotated[NextValue | None, Field(description="The value that followed; null if it still holds.")]


class FieldChangeRow(FieldChange, SubjectField, WithState):
    """One change of one field of a subject, with the event that made it."""

    position: Annotated[int, Field(description="The position of the event that made the change.")]
    held: NotRequired[
        Annotated[Held, Field(description="How long the value of the change held; present if asked for.")]
    ]
    blame: Annotated[Blame, Field(description="Who made the change, when and why.")]


class VoidedEvent(TypedDict):
    """An event that was voided."""

    position: Annotated[int, Field(description="The position of the voided event.")]
    reason: Annotated[str, Field(description="Why it was voided.")]
    blame: Annotated[Blame, Field(description="Who voided it, when and why.")]


class FieldDifference(ListDifference, SubjectField):
    """A field whose values at two times differ."""

    before: Annotated[FieldValue, Field(description="The value at the first time.")]
    after: Annotated[FieldValue, Field(description="The value at the second time.")]
    direction: Annotated[Direction, Field(description="The kind of change, all changes taken together.")]
    missing_before: NotRequired[
        Annotated[
            Absence,
            Field(description="Why the subject has no value at the first time: it did not exist yet, or was removed."),
        ]
    ]
    missing_after: NotRequired[
        Annotated[
            Absence,
            Field(description="Why the subject has no value at the second time: it did not exist yet, or was removed."),
        ]
    ]
    changes: Annotated[list[FieldChangeRow], Field(description="The changes between the two times, in order.")]
    voided: Annotated[list[VoidedEvent], Field(description="The events on this field that were voided in between.")]


class Slip(SubjectField):
    """A target date or release that moved."""

    count: Annotated[int, Field(description="The number of matching moves.")]
    later: Annotated[int, Field(description="The number of moves to a later date or release.")]
    earlier: Annotated[int, Field(description="The number of moves to an earlier date or release.")]
    first: Annotated[FieldValue, Field(description="The first target.")]
    now: Annotated[FieldValue, Field(description="The current target.")]
    against_first: Annotated[
        Direction,
        Field(description="The current target compared with the first; `unchanged` if they are equal."),
    ]
    moves: Annotated[list[FieldChangeRow], Field(description="The matching moves, in order.")]


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
    expectations: NotRequired[
        Annotated[dict[str, FieldState], Field(description="The expected outcomes, by their number.")]
    ]
    outcomes: NotRequired[
        Annotated[dict[str, FieldState], Field(description="What came of each expected outcome, by its number.")]
    ]


class SubjectRow(TitledSubject, GroupedFields):
    """A subject in a list, with the fields that the list shows."""


class Card(SubjectRow):
    """A feature, or another subject, on the roadmap."""

    milestone: NotRequired[
        Annotated[
            str,
            Field(description="In columns of releases: the milestone whose target is the release of the column."),
        ]
    ]


class Column(TypedDict):
    """A column of the board, or a period of the timeline."""

    column: Annotated[
        str, Field(description="The value that the cards of the column share; `unplanned` if they have none.")
    ]
    title: Annotated[str | None, Field(description="The title of the subject that the column stands for, if any.")]
    count: Annotated[int, Field(description="The number of cards in the column.")]
    cards: Annotated[list[Card], Field(description="The cards, by rank and title.")]


class DecisionRow(SubjectRow):
    """A decision in a list."""

    number: Annotated[dict[str, int], Field(description="The decision's number in each of its products, by product.")]


class AuditEvent(Blame):
    """An event in the audit trail."""

    subject: Annotated[str, Field(description="The subject in whose stream the event is.")]
    version: Annotated[int, Field(description="The version of the subject after the event.")]
    transaction: Annotated[str, Field(description="The id of the transaction.")]
    index: Annotated[int, Field(description="The index in the transaction, counted from 0.")]
    credential: Annotated[str | None, Field(description="The id of the token.")]
    references: Annotated[
        list[dict[str, str]], Field(description="External ids and links: `id`, and `system` if it was given.")
    ]
    data: Annotated[dict[str, Value], Field(description="The complete event; its type determines its fields.")]
    title: Annotated[str | None, Field(description="The title of the subject; null if it has none.")]


class HistoryEvent(AuditEvent):
    """An event of a subject, with the changes it made."""

    changes: Annotated[list[FieldChange], Field(description="The changes of fields, in order.")]


_FromSubject = TypedDict(
    "_FromSubject", {"from": Annotated[str, Field(description="The subject that the edge leaves.")]}
)


class GraphEdge(_FromSubject):
    """A relation between two subjects: one replaces the other, or is based on it."""

    to: Annotated[str, Field(description="The subject that the edge leads to.")]
    relation: Annotated[
        SubjectRelation,
        Field(description="The relation of `from` to `to`."),
    ]
    distance: Annotated[int, Field(description="The number of edges from the subject that was asked about.")]


class GraphNode(TitledSubject):
    """A subject of the graph."""

    status: Annotated[str | None, Field(description="The status; null if it has none.")]


class FlagRow(TitledSubject):
    """A subject, or one of its fields, that rests on a ground that no longer holds."""

    field: Annotated[str | None, Field(description="The field of the roadmap; null for the whole subject.")]
    reason: Annotated[FlagReason, Field(description="What is wrong with the ground.")]
    cause: Annotated[str, Field(description="The ground: an assumption or a piece of evidence.")]
    through: Annotated[
        list[str], Field(description="The decisions and assumptions that lead from the ground to it; empty if direct.")
    ]
    since: Annotated[At, Field(description="The time from which it rests on a ground that does not hold.")]
    position: Annotated[
        int | None,
        Field(description="The position of the event that ended the ground; null if a date has passed."),
    ]
    accountable: Annotated[list[str], Field(description="The people or teams accountable for it.")]


class ArrivalRow(TitledSubject):
    """A deferred decision, and something it waited for that has come."""

    reason: Annotated[ArrivalReason, Field(description="What has happened.")]
    awaited: Annotated[str | None, Field(description="What it waited for; null for a day.")]
    since: Annotated[At, Field(description="The time from which the decision is back.")]
    accountable: Annotated[list[str], Field(description="The people or teams accountable for it.")]


class ContributionRow(TypedDict):
    """A way from a goal to a release; null where it skips a step, or ends before it."""

    goal: Annotated[str, Field(description="The goal.")]
    decision: Annotated[str | None, Field(description="The decision that contributes to it.")]
    feature: Annotated[str | None, Field(description="The feature that carries it out.")]
    release: Annotated[str | None, Field(description="The release that the feature targets.")]


class ContributionEdge(_FromSubject):
    """An edge from a subject of a way to the next one."""

    to: Annotated[str, Field(description="The subject that the edge leads to.")]


class ContributionGap(TitledSubject):
    """A goal that nothing contributes to, or a decision or feature that contributes to no goal."""

    status: Annotated[str | None, Field(description="The status; null if it has none.")]
    reason: Annotated[
        Literal["no_goal", "no_contribution"],
        Field(description="`no_contribution` for a goal, `no_goal` for a decision or feature."),
    ]


class CostAmount(TypedDict):
    """An amount of money."""

    amount: Annotated[int, Field(description="The amount, in whole units of the currency.")]
    currency: Annotated[str, Field(description="The currency, as its code of ISO 4217.")]


class DurationAmount(TypedDict):
    """A length of time."""

    amount: Annotated[int, Field(description="How many of the unit.")]
    unit: Annotated[
        Literal["days", "weeks", "months", "quarters", "years"],
        Field(description="The unit."),
    ]


class OptionFinding(TypedDict):
    """Whether an option is valuable, usable, feasible or viable."""

    risk: Annotated[Literal["valuable", "usable", "feasible", "viable"], Field(description="What was judged.")]
    answer: Annotated[Literal["yes", "no", "unclear"], Field(description="Whether it is.")]
    finding: Annotated[str | None, Field(description="What was found.")]
    evidence: Annotated[list[str], Field(description="The evidence that shows it.")]


class WeighedOption(TypedDict):
    """An option of a decision, with what speaks for it."""

    title: Annotated[str | None, Field(description="The title of the option.")]
    chosen: Annotated[bool, Field(description="Whether it is the option chosen.")]
    cost_amount: Annotated[CostAmount | None, Field(description="Its cost; null if none was stated as an amount.")]
    cost_fit: Annotated[
        Literal["within", "exceeds", "unclear"] | None,
        Field(description="Whether its cost keeps the limit; null without a limit."),
    ]
    duration: Annotated[DurationAmount | None, Field(description="The time it takes; null if none was stated.")]
    time_fit: Annotated[
        Literal["within", "exceeds", "unclear"] | None,
        Field(description="Whether the time it takes keeps the limit; null without a limit."),
    ]
    findings: Annotated[list[OptionFinding], Field(description="What was found before the decision.")]
    afterward: Annotated[list[OptionFinding], Field(description="What turned out; only for the option chosen.")]


class UnownedRow(TitledSubject):
    """A subject without an accountable person or team."""

    left: Annotated[list[str], Field(description="The people who were accountable and have left.")]
    source_value: Annotated[str | None, Field(description="A name that is not in the directory, such as `TBD`.")]


class SearchHit(SubjectField):
    """A text that contains the words of a search."""

    position: Annotated[int, Field(description="The position of the event that contains the text.")]
    snippet: Annotated[str, Field(description="An excerpt in which each match is between « and ».")]
    current: Annotated[bool, Field(description="Whether the field still has this text.")]


class PersonRow(TypedDict):
    """A person in the directory."""

    id: Annotated[str, Field(description="The id, as `person:key`.")]
    name: Annotated[str | None, Field(description="The display name; null if it was erased.")]
    spellings: Annotated[list[str], Field(description="All names, e-mail addresses and handles of the person.")]


class HeldRole(TypedDict):
    """A role, for one product or for all."""

    role: Annotated[str, Field(description="`viewer`, `contributor`, `manager`, `auditor` or `admin`.")]
    product: Annotated[
        str | None, Field(description="The product that it is for, with the products of its line; null for all.")
    ]


class GrantRow(HeldRole):
    """A role that was granted to a person, team, service or group."""

    holder: Annotated[str, Field(description="Who holds the role.")]
    since: Annotated[At, Field(description="The time at which it was granted.")]
    position: Annotated[int, Field(description="The position of the event that granted it.")]
    blame: Annotated[Blame, Field(description="Who granted it, when and why.")]


class TokenRow(TypedDict):
    """A token, without its secret."""

    id: Annotated[str, Field(description="The id, which is needed to revoke it.")]
    holder: Annotated[str, Field(description="The person or service that the token is for.")]
    scopes: Scopes
    label: Annotated[str, Field(description="The purpose of the token.")]
    created_at: Annotated[At, Field(description="The time at which it was created.")]
    expires_at: Annotated[At | None, Field(description="The time until which it is valid; null if it never expires.")]
    used_at: Annotated[At | None, Field(description="The time of its last use, to the hour; null if it was not used.")]
    revoked_at: Annotated[At | None, Field(description="The time at which it was revoked; null if it was not.")]


class AccessJournalRow(TypedDict):
    """A row of the access journal."""

    number: Annotated[int, Field(description="The number of the row; numbers have no gaps.")]
    at: Annotated[At, Field(description="The time of the first of the attempts.")]
    kind: Annotated[
        str, Field(description="`sign-in`, `denied`, `refused` (a command), `export`, `audit`, or `lost` (rows).")
    ]
    who: Annotated[str | None, Field(description="The person or service; null if unknown.")]
    credential: Annotated[str | None, Field(description="The id of their token or session; null if unknown.")]
    what: Annotated[str | None, Field(description="The method and path; null for a sign-in.")]
    reason: Annotated[str | None, Field(description="Why it was refused; null if it was not.")]
    times: Annotated[int, Field(description="The number of equal attempts within about a second.")]


class SessionRow(TypedDict):
    """A session: a person who signed in with a browser."""

    id: Annotated[str, Field(description="The id, which is needed to end it.")]
    person: Annotated[str, Field(description="The person who signed in.")]
    current: Annotated[bool, Field(description="Whether this request was made in this session.")]
    provider: Annotated[str | None, Field(description="The OpenID provider; null for a sign-in link.")]
    created_at: Annotated[At, Field(description="The time of the sign-in.")]
    used_at: Annotated[At, Field(description="The time of the last request, to a few minutes.")]
    expires_at: Annotated[At, Field(description="The time at which it ends, however much it is used.")]


class FieldCount(TypedDict):
    """A number of fields; the other key is the one that `group` names."""

    holder: NotRequired[Annotated[str | None, Field(description="The person or team that the value names.")]]
    value: NotRequired[Annotated[Value, Field(description="The value.")]]
    source_value: NotRequired[Annotated[str | None, Field(description="The value in the source system.")]]
    field: NotRequired[Annotated[str | None, Field(description="The name of the field.")]]
    kind: NotRequired[Annotated[str | None, Field(description="The kind of the subject.")]]
    product: NotRequired[Annotated[str | None, Field(description="A product of the subject.")]]
    subject: NotRequired[Annotated[str | None, Field(description="The subject.")]]
    count: Annotated[int, Field(description="The number of fields.")]


_FromValue = TypedDict(
    "_FromValue",
    {"from": NotRequired[Annotated[Value, Field(description="The value before the changes; null if there is none.")]]},
)


class FieldChangeCount(_FromValue):
    """A number of changes; the other keys are those that `group` names."""

    subject: NotRequired[Annotated[str, Field(description="The subject.")]]
    field: NotRequired[Annotated[str, Field(description="The name of the field.")]]
    direction: NotRequired[Annotated[Direction, Field(description="The kind of change.")]]
    actor: NotRequired[Annotated[str, Field(description="Who recorded the changes.")]]
    principal: NotRequired[Annotated[str, Field(description="On whose behalf they were recorded.")]]
    kind: NotRequired[Annotated[str | None, Field(description="The kind of the subject.")]]
    product: NotRequired[Annotated[str | None, Field(description="A product of the subject; null if it has none.")]]
    from_source_value: NotRequired[Annotated[str | None, Field(description="The source value before the changes.")]]
    to: NotRequired[Annotated[Value, Field(description="The value after the changes; null if there is none.")]]
    to_source_value: NotRequired[Annotated[str | None, Field(description="The source value after the changes.")]]
    year: NotRequired[Annotated[str | None, Field(description="The year in UTC, such as `2024`.")]]
    quarter: NotRequired[Annotated[str | None, Field(description="The quarter in UTC, such as `2024-Q1`.")]]
    month: NotRequired[Annotated[str | None, Field(description="The month in UTC, such as `2024-03`.")]]
    week: NotRequired[Annotated[str | None, Field(description="The ISO 8601 week in UTC, such as `2024-W09`.")]]
    count: Annotated[int, Field(description="The number of changes.")]


# Answers of the read model -------------------------------------------------------------------------------------------


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


class FieldTable(TableAnswer):
    """Fields, by subject and name."""

    rows: Annotated[list[FieldRow], Field(description="The fields.")]


class FieldCounts(TableAnswer):
    """Numbers of fields, largest first."""

    rows: Annotated[list[FieldCount], Field(description="The numbers.")]


class FieldChangeTable(TableAnswer):
    """Changes of fields, in the order in which they took effect."""

    rows: Annotated[list[FieldChangeRow], Field(description="The changes.")]


class FieldChangeCounts(TableAnswer):
    """Numbers of changes, largest first; numbers by year, quarter, month or week in the order of time."""

    rows: Annotated[list[FieldChangeCount], Field(description="The numbers.")]


class ReportChange(TypedDict):
    """A field that changed, or its value at the end of the period."""

    field: Annotated[str, Field(description="The name of the field, such as `status` or `target.ship`.")]
    before: NotRequired[
        Annotated[FieldValue, Field(description="The value before; missing if the field did not change.")]
    ]
    after: Annotated[FieldValue, Field(description="The value after the change, or at the end of the period.")]
    direction: NotRequired[
        Annotated[Direction, Field(description="The kind of change; missing if the field did not change.")]
    ]


class ReportSlips(TypedDict):
    """How often a target moved."""

    later: Annotated[
        int, Field(description="The number of moves to a later date, from the first target to the end of the period.")
    ]
    first: Annotated[FieldValue | None, Field(description="The first target; null if none was understood.")]


class ReportReason(TypedDict):
    """Why an event happened. A reason is never that of something else."""

    kind: Annotated[
        ReasonKind,
        Field(description="Whether the event states its reason, inherits that of a decision it cites, or has none."),
    ]
    text: Annotated[str | None, Field(description="Its own reason, or that of the first decision it cites.")]
    decisions: Annotated[list[str], Field(description="The decisions that it cites.")]


class ReleaseFeatures(TypedDict):
    """The features of a release."""

    planned: Annotated[int, Field(description="The number of features that have the release as a target.")]
    shipped: Annotated[int, Field(description="How many of them were shipped.")]


class ReportIssue(TypedDict):
    """By whom a report was issued."""

    position: Annotated[int, Field(description="The position at which it was issued.")]
    by: Annotated[str, Field(description="Who issued it.")]
    at: Annotated[At, Field(description="When it was issued.")]
    summary: Annotated[str | None, Field(description="The summary of who issued it; null if there is none.")]


class ReportLine(TitledSubject):
    """A line of a progress report."""

    section: Annotated[Section, Field(description="The section of the report.")]
    at: Annotated[At, Field(description="The time at which it took effect.")]
    by: Annotated[list[str], Field(description="Who decided it, or on whose behalf it was recorded.")]
    reason: Annotated[ReportReason, Field(description="Why the event of this line happened.")]
    weight: Annotated[int, Field(description="Lines with a larger weight come first in a section about the past.")]
    changes: Annotated[list[ReportChange], Field(description="The fields that the line is about.")]
    blame: Annotated[Blame, Field(description="The event: who recorded it, based on what, with which note.")]
    link: Annotated[str, Field(description="The path of the subject.")]
    current: NotRequired[
        Annotated[
            bool,
            Field(
                description="Whether the fields still have these values at the end of the period; missing if they do."
            ),
        ]
    ]
    slips: NotRequired[
        Annotated[
            ReportSlips,
            Field(description="For a slipped target or a release: how often it moved, and from where."),
        ]
    ]
    due: NotRequired[
        Annotated[str, Field(description="The day on which it is due at the end of the period, if there is one.")]
    ]
    measure: NotRequired[Annotated[str, Field(description="For a goal: how to measure whether it is met.")]]
    features: NotRequired[Annotated[ReleaseFeatures, Field(description="For a release: its features.")]]
    left: NotRequired[
        Annotated[
            list[str],
            Field(description="For what has no accountable person: those who were accountable and have left."),
        ]
    ]
    voids: NotRequired[Annotated[int, Field(description="For a correction: the position of the voided entry.")]]


class ReportContent(TypedDict):
    """What a report is about, and how much there is of it."""

    product: Annotated[str, Field(description="The product, as `product:key`.")]
    title: Annotated[str | None, Field(description="The title of the product; null if it has none.")]
    since: Annotated[At, Field(description="The start of the period.")]
    until: Annotated[At, Field(description="The end of the period, which it excludes; `as_of` is just before it.")]
    counts: Annotated[dict[Section, int], Field(description="The number of lines in each section.")]


class ReportSummary(ReportContent):
    """What a report is about, with the hash by which it can be recognized."""

    sha256: Annotated[str, Field(description="The SHA-256 of its canonical JSON without texts and titles, in hex.")]
    issued: NotRequired[
        Annotated[ReportIssue | None, Field(description="Who issued it, if it was asked for with `issued_at`.")]
    ]


class Report(TableAnswer, ReportSummary):
    """The progress of a product in a period, by section. Its CSV has a line for every field that changed."""

    rows: Annotated[list[ReportLine], Field(description="The lines.")]


class Roadmap(TableAnswer):
    """The columns of a board or timeline. With `layout=table`, the rows are cards."""

    rows: Annotated[
        list[Column] | list[Card], Field(description="The columns in their order; with `layout=table`, the cards.")
    ]


class Since(TypedDict):
    """The first of two times."""

    position: Annotated[int, Field(description="The position of the log that it covers.")]
    as_of: Annotated[At, Field(description="The valid time.")]
    known_at: Annotated[At | None, Field(description="The transaction time; null if everything is included.")]


ComparedTimes = TypedDict("ComparedTimes", {"from": Annotated[Since, Field(description="The first time.")]})


class Changes(TableAnswer, ComparedTimes):
    """The differences between two times; `as_of` and `known_at` are the second."""

    rows: Annotated[list[FieldDifference], Field(description="The fields that differ.")]


class SlipTotals(TypedDict):
    """The number of moves of all targets that were asked about."""

    later: Annotated[int, Field(description="The number of moves to a later date or release.")]
    earlier: Annotated[int, Field(description="The number of moves to an earlier date or release.")]


class SlipSummary(TypedDict):
    """How often all targets moved."""

    totals: Annotated[SlipTotals, Field(description="All moves, including those that `min_count` leaves out.")]


class Slips(TableAnswer, SlipSummary):
    """Targets that moved, most frequent first."""

    rows: Annotated[list[Slip], Field(description="The targets.")]


class Decisions(TableAnswer):
    """Decisions, in the order in which they were recorded."""

    rows: Annotated[list[DecisionRow], Field(description="The decisions.")]


class Money(TypedDict):
    """An amount of money."""

    amount: Annotated[int, Field(description="The amount, in whole units of the currency.")]
    currency: Annotated[str, Field(description="The currency, as its code of ISO 4217.")]


class RuleUse(TypedDict):
    """What a rule of the decision rights says."""

    rule: Annotated[int, Field(description="The number of the rule, from 1; 0 if no rule entitles the decider.")]
    mode: Annotated[str, Field(description="`record` or `enforce`.")]
    role: Annotated[str | None, Field(description="The role by which the rule entitles; null if it is by name.")]
    role_of: Annotated[str | None, Field(description="The product or line that the role is on.")]
    delegation: Annotated[int | None, Field(description="The position of the delegation it depends on, if any.")]
    cost_limit: Annotated[Money | None, Field(description="The highest cost covered; null if there is no limit.")]
    approvals: Annotated[int, Field(description="How many people have to support the decision.")]
    quorum: Annotated[int, Field(description="How many people have to take part.")]
    rights_of: Annotated[str, Field(description="The product or line that the decision rights were set on.")]
    rights: Annotated[int, Field(description="The position of the decision rights.")]
    rests_on: Annotated[list[int], Field(description="The positions that this rests on, in order.")]


class AuthorityFinding(RuleUse):
    """What the decision rights of one product say of a decider."""

    product: Annotated[str, Field(description="The product of the decision.")]
    verdict: Annotated[str, Field(description="`within`, `exceeds` or `not_judged`.")]
    reason: Annotated[str, Field(description="The reason, as a code, such as `over_limit`.")]
    holder: Annotated[str | None, Field(description="Whom the rule entitles: the decider, a team or a delegator.")]
    support: Annotated[int, Field(description="How many of the people entitled by the rule support the decision.")]
    participation: Annotated[int, Field(description="How many of the people entitled by the rule took part.")]


class AuthorityRow(TypedDict):
    """The verdict on one decider, in one event."""

    position: Annotated[int, Field(description="The position of the event.")]
    type: Annotated[str, Field(description="The stored name of the event, such as `DecisionAccepted.v1`.")]
    at: Annotated[At, Field(description="The time from which it is in effect, and for which it was judged.")]
    recorded_at: Annotated[At, Field(description="The time at which it was recorded.")]
    decider: Annotated[str, Field(description="The decider.")]
    verdict: Annotated[str, Field(description="As judged then: `within`, `exceeds`, `no_rule` or `not_judged`.")]
    basis: Annotated[str, Field(description="`own`, `delegated`, `claimed` or `confirmed` before it was decided.")]
    confirmed: Annotated[int | None, Field(description="The position at which the decider confirmed a claim.")]
    flags: Annotated[list[str], Field(description="`self_approved` and `backdated`, where they apply.")]
    explanation: Annotated[list[str], Field(description="The verdict in sentences, as judged then.")]
    verdict_now: Annotated[str, Field(description="The verdict with what is known at the requested time.")]
    explanation_now: Annotated[list[str], Field(description="That verdict in sentences.")]
    kind: Annotated[str | None, Field(description="The kind of decision that was judged; null without a rule.")]
    cost: Annotated[Money | None, Field(description="The cost that was judged; null if there was none.")]
    delegation: Annotated[int | None, Field(description="The position of the delegation the actor decided with.")]
    approvals: Annotated[list[int], Field(description="The positions of the approvals that counted.")]
    findings: Annotated[list[AuthorityFinding], Field(description="What the rights of each product said then.")]


class AuthorityVerdict(TypedDict):
    """The verdict on a decision, and whether it still has to be ratified."""

    verdict: Annotated[
        str | None, Field(description="The verdict on the latest acceptance or rejection; null if there is none.")
    ]
    needs_ratification: Annotated[bool, Field(description="Whether it exceeds, and nobody entitled has ratified it.")]
    ratified: Annotated[int | None, Field(description="The position of the ratification that resolved it, if any.")]


class AuthoritySummary(TitledSubject, AuthorityVerdict):
    """A decision with the verdict on it."""


class DecisionAuthority(TableAnswer, AuthoritySummary):
    """The authority behind a decision: a row for each decider of each acceptance, rejection and ratification."""

    rows: Annotated[list[AuthorityRow], Field(description="The verdicts, in the order of the log.")]


class DeciderRow(RuleUse):
    """A person or team that the decision rights of a product entitle."""

    holder: Annotated[str, Field(description="The person or team.")]
    members: Annotated[list[str], Field(description="The members of a team, as far as they are recorded.")]
    verdict: Annotated[str, Field(description="`within` if the rule covers the cost, `exceeds`, or `not_judged`.")]
    explanation: Annotated[str, Field(description="The reason as a clause.")]


class DecidersQuestion(TypedDict):
    """The decision that the deciders are for."""

    product: Annotated[str, Field(description="The product.")]
    kind: Annotated[str, Field(description="The kind of decision.")]
    cost: Annotated[Money | None, Field(description="The cost, if it was given.")]


class Deciders(TableAnswer, DecidersQuestion):
    """Who may decide about a product; no rows if no decision rights apply."""

    rows: Annotated[list[DeciderRow], Field(description="The people and teams, those whom the rights cover first.")]


class ExpectedOutcomeRow(TitledSubject):
    """What a decision or feature was expected to bring, and what came of it."""

    expectation: Annotated[str, Field(description="Its number or key on the subject.")]
    state: Annotated[Literal["open", "overdue", "recorded"], Field(description="Whether its outcome is recorded.")]
    measure: Annotated[str, Field(description="What is measured.")]
    baseline: Annotated[str | None, Field(description="The value when it was stated; null if none was given.")]
    target: Annotated[str, Field(description="The value or state that counts as met.")]
    due_on: Annotated[str, Field(description="The date by which it is expected.")]
    days_late: Annotated[int, Field(description="The days since that date, if its outcome is overdue; otherwise 0.")]
    probability: Annotated[int | None, Field(description="How likely it was held to be, in percent; null if unsaid.")]
    by: Annotated[str, Field(description="The person who expected it.")]
    is_claim: Annotated[bool, Field(description="Whether another person said that they expected it.")]
    judge: Annotated[str | None, Field(description="Who is to say what came of it; null for the owner.")]
    replaces: Annotated[str | None, Field(description="The earlier forecast that it replaces; null if none.")]
    stated_at: Annotated[At, Field(description="The time from which it was expected.")]
    position: Annotated[int, Field(description="The position of the event that stated it.")]
    result: Annotated[str | None, Field(description="`met`, `not-met` or `unclear`; null if not recorded.")]
    actual: Annotated[str | None, Field(description="The value that was measured.")]
    finding: Annotated[str | None, Field(description="How it was found, and what it means.")]
    evidence: Annotated[list[str], Field(description="The evidence for it.")]
    judged_by: Annotated[str | None, Field(description="The person who judged it.")]
    judged_at: Annotated[At | None, Field(description="The time from which it was known.")]
    outcome_position: Annotated[int | None, Field(description="The position of the event that recorded it.")]


class OutcomeCounts(TypedDict):
    """How many expected outcomes there are, by state and result."""

    open: Annotated[int, Field(description="Those whose date is still to come.")]
    overdue: Annotated[int, Field(description="Those without an outcome after their date.")]
    met: Annotated[int, Field(description="Those that were met.")]
    not_met: Annotated[int, Field(description="Those that were not met.")]
    unclear: Annotated[int, Field(description="Those whose result is unclear.")]


class ExpectedOutcomesSummary(TypedDict):
    """How many expected outcomes match."""

    counts: Annotated[OutcomeCounts, Field(description="How many match, by state and result.")]


class ExpectedOutcomes(TableAnswer, ExpectedOutcomesSummary):
    """What decisions and features were expected to bring, ordered by date."""

    rows: Annotated[list[ExpectedOutcomeRow], Field(description="The expected outcomes.")]


class ReviewFinding(TypedDict):
    """One review of a decision, of its reasoning or of its result."""

    judgment: Annotated[str, Field(description="`sound`, `partly-sound`, `unsound`; `better`, `as-expected`, `worse`.")]
    finding: Annotated[str | None, Field(description="What the review found.")]
    learned: Annotated[str | None, Field(description="What to do differently next time.")]
    by: Annotated[list[str], Field(description="The people who reviewed it.")]
    at: Annotated[At, Field(description="The time from which it is in effect.")]
    position: Annotated[int, Field(description="The position of the event.")]


class KnownThen(GroupedFields):
    """A decision as it was known when it was decided."""

    rests_on: Annotated[list[TitledSubject], Field(description="The decisions that its events were based on.")]


class DecisionReview(TableAnswer):
    """A decision as it is to be reviewed: what was known then, how it was reasoned, and what came of it."""

    subject: Annotated[str, Field(description="The decision, as `decision:key`.")]
    title: Annotated[str | None, Field(description="The title.")]
    decided_at: Annotated[At | None, Field(description="The time from which it was in effect; null if open.")]
    recorded_at: Annotated[At | None, Field(description="The time at which that was recorded.")]
    then: Annotated[KnownThen | None, Field(description="What was known then; null if it is not decided.")]
    reasoning: Annotated[ReviewFinding | None, Field(description="The review of the reasoning; null if there is none.")]
    result: Annotated[ReviewFinding | None, Field(description="The review of the result; null if none or hidden.")]
    result_hidden: Annotated[bool, Field(description="Whether the result is left out, as the reasoning comes first.")]
    rows: Annotated[list[ExpectedOutcomeRow], Field(description="What was expected, with what came of it if shown.")]


class CurvePoint(TypedDict):
    """A point of the reliability curve. All but `count` are in percent."""

    probability: Annotated[int, Field(description="A probability that was given.")]
    count: Annotated[int, Field(description="How many forecasts gave it.")]
    observed: Annotated[float, Field(description="How often such forecasts came true, by isotonic regression.")]
    low: Annotated[float, Field(description="The lower end of where it lies by chance if all are calibrated.")]
    high: Annotated[float, Field(description="The upper end.")]


class ScoreParts(TypedDict):
    """The parts of a Brier score: miscalibration − discrimination + uncertainty."""

    miscalibration: Annotated[float, Field(description="How far the probabilities are from what came true.")]
    discrimination: Annotated[float, Field(description="How well they tell what comes true from what does not.")]
    uncertainty: Annotated[float, Field(description="How hard the questions were.")]


class Calibration(TableAnswer):
    """How good the forecasts of a person, or of all people together, were; the rows are the reliability curve."""

    who: Annotated[str | None, Field(description="The person; null for all together.")]
    shown: Annotated[bool, Field(description="Whether the score is shown to the caller.")]
    why_not: Annotated[str | None, Field(description="Why it is not shown; null if it is.")]
    counts: Annotated[
        dict[str, int], Field(description="How many forecasts are `counted`, and how many are not, by the reason.")
    ]
    score: Annotated[float | None, Field(description="The Brier score: 0 is perfect, always saying 50 % is 0.25.")]
    low: Annotated[float | None, Field(description="The lower end of its interval of 90 %.")]
    high: Annotated[float | None, Field(description="The upper end.")]
    climate: Annotated[float | None, Field(description="The score of always saying how often they came true.")]
    parts: Annotated[ScoreParts | None, Field(description="Its parts; null below 30 forecasts.")]
    rows: Annotated[list[CurvePoint], Field(description="The curve; empty below 30 forecasts.")]


class SlipCause(SubjectField):
    """One move of a target or a release to later."""

    before: Annotated[Value, Field(description="The target before the move.")]
    after: Annotated[Value, Field(description="The target after the move.")]
    first: Annotated[Value, Field(description="The first target: what was promised first.")]
    days: Annotated[int | None, Field(description="The days by which it moved; null if it is not a date.")]
    days_from_first: Annotated[int | None, Field(description="The days from the first target; null if not a date.")]
    cause: Annotated[SlipReason, Field(description="The kind of cause.")]
    because: Annotated[list[str], Field(description="The assumption, dependency or decisions that caused it.")]
    reason: Annotated[str | None, Field(description="The reason in words that the move gives itself; null if none.")]
    owners: Annotated[list[str], Field(description="Who was accountable for it at that time.")]
    quarter: Annotated[str, Field(description="The quarter in which it moved, such as `2026-Q2`.")]
    at: Annotated[At, Field(description="The time from which the new target was in effect.")]
    position: Annotated[int, Field(description="The position of the event that moved it.")]
    blame: Annotated[Blame, Field(description="Who moved it, when and why.")]


class SlipCauses(TableAnswer):
    """Each move of a target or a release to later, in order."""

    rows: Annotated[list[SlipCause], Field(description="The moves.")]
    counts: Annotated[dict[str, int], Field(description="The number of moves by cause.")]


class SlipCount(TypedDict):
    """The number of moves to later in one group."""

    group: Annotated[str | None, Field(description="The cause, release, owner or quarter; null if there is none.")]
    count: Annotated[int, Field(description="The number of moves.")]
    decision: Annotated[int, Field(description="Those based on a decision.")]
    assumption: Annotated[int, Field(description="Those that name an assumption or evidence.")]
    dependency: Annotated[int, Field(description="Those that name a feature, release or other subject to wait for.")]
    reason: Annotated[int, Field(description="Those that give only a reason in words.")]
    none: Annotated[int, Field(description="Those that give no reason.")]


class SlipCounts(TableAnswer):
    """How many moves to later there were in each group."""

    rows: Annotated[list[SlipCount], Field(description="The groups.")]


class SuccessionRow(TitledSubject):
    """One thing that a person holds, owes or waits for."""

    relation: Annotated[Relation, Field(description="`holds`, `owes` or `waits_for`.")]
    code: Annotated[
        str,
        Field(description="`role`, `delegation`, a code of decision debt, `open_decision`, or `overdue_outcome`."),
    ]
    part: Annotated[str | None, Field(description="The role, delegation or expected outcome that it is about.")]
    since: Annotated[At, Field(description="The time since which it is so.")]
    holders: Annotated[list[str], Field(description="All holders of the role; empty for anything else.")]


class Succession(TableAnswer):
    """Everything that a person or team holds, owes and waits for."""

    person: Annotated[str, Field(description="The person or team.")]
    to: Annotated[str | None, Field(description="Who is to take over; null if not given.")]
    commands: Annotated[
        list[dict[str, Value]], Field(description="The commands that hand over all roles in one transaction.")
    ]
    truncated: Annotated[bool, Field(description="Whether there are more commands than one transaction takes.")]
    rows: Annotated[list[SuccessionRow], Field(description="What the person holds, owes and waits for, in this order.")]


class DebtRow(TitledSubject):
    """One thing about a decision, a feature or another subject that is left undone."""

    code: Annotated[DebtCode, Field(description="What is left undone.")]
    part: Annotated[
        str | None,
        Field(description="The expected outcome, delegation or person that it is about; null for the whole subject."),
    ]
    since: Annotated[At, Field(description="The time since which it is owed.")]
    days: Annotated[int, Field(description="The days since then.")]
    owners: Annotated[list[str], Field(description="The people and teams who should do it; empty if there are none.")]
    detail: Annotated[
        dict[str, Value],
        Field(description="What makes it owed: `fields`, `due_on`, `until`, `last_confirmed`, `cause` and the like."),
    ]
    action: Annotated[str, Field(description="The command that clears it, such as `ReviewDecision`.")]
    link: Annotated[str, Field(description="The path of the form for that command, on the pages of this server.")]


class DebtSummary(TypedDict):
    """How many items there are."""

    counts: Annotated[dict[str, int], Field(description="The number of items of each code.")]


class Debt(TableAnswer, DebtSummary):
    """What is left undone about decisions, the oldest first."""

    rows: Annotated[list[DebtRow], Field(description="The items.")]


class DebtMonth(TypedDict):
    """The number of items of one code that a product had at the end of a month."""

    month: Annotated[str, Field(description="The month, such as `2026-05`.")]
    as_of: Annotated[At, Field(description="The time that was asked about: the end of the month, at most the present.")]
    product: Annotated[str | None, Field(description="The product; null for what belongs to none.")]
    code: Annotated[DebtCode, Field(description="What is left undone.")]
    count: Annotated[int, Field(description="The number of items.")]


class DebtByMonth(TableAnswer):
    """Decision debt month by month."""

    rows: Annotated[list[DebtMonth], Field(description="The counts that are not zero, by month, product and code.")]


class MinuteRow(TitledSubject):
    """Something that was recorded at a meeting."""

    kind: Annotated[MinuteKind, Field(description="What it is.")]
    type: Annotated[str, Field(description="The type of the event, such as `DecisionAccepted`.")]
    people: Annotated[list[str], Field(description="Who said or decided it, or is to do it.")]
    said: Annotated[str | None, Field(description="The advice, the decision or the task; null if there are no words.")]
    why: Annotated[str | None, Field(description="The reason; null if none was given.")]
    due_on: Annotated[str | None, Field(description="Tasks only: the day by which it is to be done.")]
    status: Annotated[str | None, Field(description="The status of the subject at the time asked.")]
    unconfirmed: Annotated[
        list[str], Field(description="The people for whom another person recorded it, and who have not confirmed it.")
    ]
    at: Annotated[At, Field(description="The time at which it took effect.")]
    position: Annotated[int, Field(description="The position of the event.")]


class MinutesSummary(TypedDict):
    """A meeting: its plan, and who was there."""

    subject: Annotated[str, Field(description="The meeting.")]
    status: Annotated[str | None, Field(description="`planned`, `held` or `canceled`.")]
    held_on: Annotated[str | None, Field(description="The day of the meeting.")]
    agenda: Annotated[list[str], Field(description="The decisions that were up, in order.")]
    invited: Annotated[list[str], Field(description="The people who were invited.")]
    attendees: Annotated[list[str], Field(description="The people who were there.")]
    notes: Annotated[str | None, Field(description="What else was said, or is to be discussed.")]
    recorded_by: Annotated[list[str], Field(description="Who wrote it up.")]
    claims: Annotated[int, Field(description="The number of items that somebody has not confirmed.")]


class Minutes(TableAnswer, MinutesSummary):
    """The minutes of a meeting: what was recorded in one transaction with it."""

    rows: Annotated[list[MinuteRow], Field(description="The items, in order.")]


class Flags(TableAnswer):
    """What rests on grounds that no longer hold, the oldest first."""

    rows: Annotated[list[FlagRow], Field(description="The flags.")]


class Arrivals(TableAnswer):
    """Deferred decisions whose waiting is over, the oldest first."""

    rows: Annotated[list[ArrivalRow], Field(description="The decisions, once for each thing that has come.")]


class Contributions(TableAnswer):
    """What contributes to which goal."""

    rows: Annotated[list[ContributionRow], Field(description="Each way from a goal to a release.")]
    nodes: Annotated[list[GraphNode], Field(description="The subjects on these ways.")]
    edges: Annotated[list[ContributionEdge], Field(description="The edges between them.")]


class ContributionGaps(TableAnswer):
    """Goals that nothing contributes to, and work that contributes to no goal."""

    rows: Annotated[list[ContributionGap], Field(description="The goals, decisions and features.")]


class WeighedOptions(TableAnswer):
    """The options of a decision, in their order."""

    subject: Annotated[str, Field(description="The decision.")]
    cost_limit: Annotated[str | None, Field(description="What an option may cost at most, such as `500 EUR`.")]
    time_limit: Annotated[str | None, Field(description="How long an option may take at most, such as `6 weeks`.")]
    rows: Annotated[list[WeighedOption], Field(description="The options.")]


class Subjects(TableAnswer):
    """Subjects of one kind: features, products, goals, teams, evidence and the like by title; releases in their order."""

    rows: Annotated[list[SubjectRow], Field(description="The subjects, each with its main fields.")]


class RelatedSubjects(TypedDict):
    """The decisions that a subject replaces and rests on, and what replaces it and rests on it."""

    replaces: Annotated[list[TitledSubject], Field(description="The decisions that it superseded or reversed.")]
    replaced_by: Annotated[list[TitledSubject], Field(description="The decisions that superseded or reversed it.")]
    rests_on: Annotated[list[TitledSubject], Field(description="The decisions that its events are based on.")]
    supports: Annotated[list[TitledSubject], Field(description="The subjects with events that are based on it.")]


class SubjectDetails(DecisionRow, RelatedSubjects):
    """A subject with its fields, its version and its relations."""

    version: Annotated[int, Field(description="The version, also the ETag; send it as `If-Match`.")]
    current: Annotated[bool, Field(description="False if the subject was removed, or did not exist yet.")]


class SubjectPage(ReadAnswer, SubjectDetails):
    """One subject with all its fields, each with its blame. Its CSV has a line for every field."""


class History(TableAnswer):
    """The events of a subject."""

    rows: Annotated[list[HistoryEvent], Field(description="The events.")]


class GraphNodes(TypedDict):
    """The subjects of a graph, and whether it is whole."""

    nodes: Annotated[list[GraphNode], Field(description="The subjects that the edges connect.")]
    truncated: Annotated[bool, Field(description="Whether there are more edges.")]


class Graph(TableAnswer, GraphNodes):
    """The decisions that a subject replaces and is based on, and what is based on it; the rows are edges."""

    rows: Annotated[list[GraphEdge], Field(description="The edges.")]


class Roles(TableAnswer):
    """Roles of people and teams."""

    rows: Annotated[list[RoleRow], Field(description="The roles.")]


class Unowned(TableAnswer):
    """Subjects without an accountable person or team."""

    rows: Annotated[list[UnownedRow], Field(description="The subjects.")]


class AuditTrail(TableAnswer):
    """Events, in the order in which they were recorded."""

    rows: Annotated[list[AuditEvent], Field(description="The events.")]


class SearchResults(TableAnswer):
    """The texts that a search found, best match first."""

    rows: Annotated[list[SearchHit], Field(description="The texts.")]


class People(TableAnswer):
    """The people in the directory."""

    rows: Annotated[list[PersonRow], Field(description="The people.")]


class Grants(TableAnswer):
    """Who holds which role."""

    rows: Annotated[list[GrantRow], Field(description="The roles, ordered by holder and role.")]


class AccessJournal(TableAnswer):
    """Rows of the access journal, newest first."""

    rows: Annotated[list[AccessJournalRow], Field(description="The rows.")]


class Tokens(TableAnswer):
    """All tokens, including revoked ones."""

    rows: Annotated[list[TokenRow], Field(description="The tokens.")]


class Sessions(TableAnswer):
    """The sessions of a person, newest first."""

    rows: Annotated[list[SessionRow], Field(description="The sessions.")]


# Answers about the log and the server --------------------------------------------------------------------------------


class Head(TypedDict):
    """The head of the log."""

    log: Annotated[str, Field(description="The id of the log.")]
    size: Annotated[int, Field(description="The number of entries, which is the last position.")]
    root: Annotated[str, Field(description="The root of the Merkle tree over all entries (RFC 6962), in hex.")]
    recorded_at: Annotated[At, Field(description="The time at which the last entry was recorded.")]
    read_model: Annotated[int, Field(description="The position that answers of the read model cover.")]


class Entry(TypedDict):
    """An entry in the form that is hashed."""

    entry: Annotated[
        dict[str, Any], Field(description="The entry. In JSON Lines it is in its canonical form, byte for byte.")
    ]
    leaf: Annotated[str, Field(description="The SHA-256 of a zero byte and the canonical entry, in hex.")]
    texts: Annotated[
        dict[str, Annotated[list[str], Field(min_length=2, max_length=2)]],
        Field(description="Its texts that were not erased, each as a pair of salt and text, by JSON pointer."),
    ]


class Me(TypedDict):
    """The identity of the caller."""

    actor: Annotated[str, Field(description="The person or service that the token or session is for.")]
    credential: Annotated[str, Field(description="The id of the token or session.")]
    scopes: Scopes
    roles: Annotated[
        list[HeldRole], Field(description="The roles of its holder: their own, and those of their teams and groups.")
    ]


class CreatedToken(TypedDict):
    """A new token."""

    id: Annotated[str, Field(description="The id, which is needed to revoke it.")]
    holder: Annotated[str, Field(description="The person or service that the token is for.")]
    scopes: Scopes
    secret: Annotated[
        str, Field(description="The token itself: send it as `Authorization: Bearer SECRET`. It is shown only once.")
    ]
    expires_at: Annotated[At | None, Field(description="The time until which it is valid; null if it never expires.")]


class MadeSignInLink(TypedDict):
    """A new sign-in link."""

    person: Annotated[str, Field(description="The person who can sign in with it.")]
    url: Annotated[str, Field(description="The link. It works once, and is shown only in this answer.")]
    expires_at: Annotated[At, Field(description="The time until which it works.")]


class EndedSessions(TypedDict):
    """How many sessions were ended."""

    ended: Annotated[int, Field(description="The number of sessions that were ended.")]


class Positions(TypedDict):
    """How far the log and its read model are."""

    position: Annotated[int, Field(description="The number of entries in the log.")]
    read_model: Annotated[int, Field(description="The position that answers of the read model cover.")]
    lag: Annotated[int, Field(description="The number of entries that the read model is behind.")]


class Health(Positions):
    """Whether the server can answer."""

    status: Annotated[
        Literal["ok", "degraded"],
        Field(description="`ok`, or `degraded` while expensive queries wait long; a failure is a 503."),
    ]


class Worker(TypedDict):
    """A process that publishes the log, or feeds it."""

    name: Annotated[str, Field(description="The kind of process: `publisher`, `consumer`, ...")]
    place: Annotated[str, Field(description="The topic or database that it works on.")]
    working: Annotated[
        bool, Field(description="Whether it works: it reported within the last seconds, and has no current error.")
    ]
    position: Annotated[int, Field(description="The last position that it has finished.")]
    lag: Annotated[int, Field(description="The number of entries or messages that it has left.")]
    seen_at: Annotated[At, Field(description="The time of its last report.")]
    error: Annotated[str | None, Field(description="Its last error, which may be over.")]
    error_at: Annotated[At | None, Field(description="The time of that error.")]


class Status(Positions):
    """The log, the read model, and the processes that publish or feed the log."""

    workers: Annotated[list[Worker], Field(description="Every process that ever reported; empty without a stream.")]


class Version(TypedDict):
    """The version of the server."""

    service: Annotated[str, Field(description="`decisionlog`.")]
    version: Annotated[str, Field(description="The version of the program.")]
    api: Annotated[str, Field(description="The version of the HTTP interface.")]


class Catalog(TypedDict):
    """All commands and events."""

    commands: Annotated[dict[str, str], Field(description="The description of each command, by name.")]
    events: Annotated[dict[str, list[str]], Field(description="The fields of each event, by stored name.")]


class RecordedEvent(TypedDict):
    """A recorded event."""

    position: Annotated[int, Field(description="The position in the log.")]
    subject: Annotated[str, Field(description="The subject in whose stream it is.")]
    version: Annotated[int, Field(description="The version of the subject after the event.")]
    type: Annotated[str, Field(description="The stored name, such as `DecisionAccepted.v1`.")]
    recorded_at: Annotated[At, Field(description="The time at which it was recorded.")]


class Receipt(TypedDict):
    """The result of a transaction."""

    position: Annotated[
        int, Field(description="The last position written; pass it as `min_position` to read your own write.")
    ]
    subject: Annotated[str, Field(description="The subject of the first command.")]
    version: Annotated[int, Field(description="The current version of that subject; also the ETag.")]
    recorded: Annotated[list[RecordedEvent], Field(description="The recorded events, in order.")]
    replayed: Annotated[bool, Field(description="Whether this repeats the result of an earlier idempotency key.")]


class Outcome(TypedDict):
    """The result of one transaction of a bulk request: a receipt or a problem."""

    receipt: NotRequired[Annotated[Receipt, Field(description="The receipt, if it was recorded.")]]
    refused: NotRequired[Annotated[Problem, Field(description="The problem, if it was refused.")]]


class Outcomes(TypedDict):
    """The results of a bulk request."""

    results: Annotated[list[Outcome], Field(description="The result of each transaction, in the order of the request.")]
