"""Given-when-then tests for the rules of the domain, with a log that is a dictionary in memory.

    given(fact("decision:tea", DecisionProposed(title="Tea"))).when(
        AcceptDecision(subject="decision:tea")
    ).then(fact("decision:tea", DecisionAccepted(deciders=("person:ann",))))

Every story starts with Ann, Bob, a team and a product. The facts of `given` take effect on consecutive days, starting
with day 1. By default, a command is sent by Ann on day 100.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from domain.catalog import EVENT_NAMES, decide
from domain.delegation import resolve_delegation
from domain.errors import Refused
from domain.fields import Subjects, SubjectState, Value, evolve
from domain.messages import Command, CommandContext, Draft, Event
from domain.people import PersonRegistered, TeamRegistered
from domain.product import ProductDefined
from domain.values import from_micros, to_micros

TODAY = 100
HOUR_US = 3_600 * 1_000_000


def day(number: int) -> int:
    """Return the start of a numbered day of the story, in microseconds since 1970."""
    return to_micros(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=number))


def day_time(number: int) -> datetime:
    """Return the start of a numbered day of the story."""
    return from_micros(day(number))


def fact(subject: str, event: Event) -> Draft:
    """Return an event of a subject."""
    return Draft(subject, event)


BACKGROUND = (
    fact("person:ann", PersonRegistered()),
    fact("person:bob", PersonRegistered()),
    fact("team:core", TeamRegistered(title="Core")),
    fact("product:shop", ProductDefined(title="Shop")),
)


@dataclass
class Story:
    """A log; positions start at 1, and `BACKGROUND` takes 1 to 4."""

    states: dict[str, SubjectState] = field(default_factory=dict)
    position: int = 0

    def state(self, subject: str) -> SubjectState:
        return self.states.get(subject, SubjectState(subject))

    def record(self, draft: Draft, effective_at: int) -> None:
        self.position += 1
        self.states[draft.subject] = evolve(
            self.state(draft.subject),
            position=self.position,
            type_=EVENT_NAMES[type(draft.event)],
            effective_at=effective_at,
            changes=draft.event.field_changes(),
            voids=draft.event.voided_position(),
            is_imported=draft.event.is_imported,
        )

    def value(self, subject: str, name: str, *, on: int = TODAY) -> Value:
        """Return the value of a field on a day."""
        return self.state(subject).value_at(name, day(on))

    def when(
        self,
        *commands: Command,
        on: int = TODAY,
        hour: int = 0,
        actor: str = "person:ann",
        scopes: Iterable[str] = (),
    ) -> Outcome:
        """Decide the commands as one transaction, and return the events they lead to or the refusal."""
        after = Story(dict(self.states), self.position)
        recorded: list[Draft] = []
        now = day(on) + hour * HOUR_US
        for command in commands:
            effective_at = to_micros(command.effective_at) if command.effective_at else now
            context = CommandContext(
                now,
                effective_at,
                actor,
                command.on_behalf_of or actor,
                frozenset(scopes),
                lambda: "random",
                is_only_command=len(commands) == 1,
            )
            try:
                subjects = Subjects(after.state, lambda _: after.states)
                drafts = decide(command, resolve_delegation(command, context, subjects), subjects)
            except Refused as refusal:
                return Outcome(self, [], refusal)
            for draft in drafts:
                after.record(draft, effective_at)
            recorded += drafts
        return Outcome(after, recorded, None)


@dataclass
class Outcome:
    """The events that a transaction leads to, or its refusal."""

    story: Story
    drafts: list[Draft]
    refusal: Refused | None

    def then(self, *drafts: Draft) -> Story:
        """Assert that exactly these events were recorded, and return the story after them."""
        assert self.refusal is None, self.refusal
        assert len(self.drafts) == len(drafts)
        assert list(map(_without_unexpected, self.drafts, drafts)) == list(drafts)
        return self.story

    def recorded(self) -> Story:
        """Assert that any events were recorded, and return the story after them."""
        assert self.refusal is None, self.refusal
        assert self.drafts
        return self.story

    def refused(self, error: type[Refused], field: str | None = None, containing: str = "") -> None:
        """Assert that it was refused with exactly this error class and field, and with this text in the message."""
        if self.refusal is None:
            pytest.fail(f"recorded {self.drafts}")
        assert (type(self.refusal), self.refusal.field) == (error, field), self.refusal
        assert containing in str(self.refusal), self.refusal


WORKED_OUT = ("authority", "by")
"""Fields of the events of decisions that the tests of authority check; elsewhere they may be left out."""


def _without_unexpected(draft: Draft, expected: Draft) -> Draft:
    left_out = {name: None for name in WORKED_OUT if getattr(expected.event, name, ...) is None}
    return Draft(draft.subject, draft.event.model_copy(update=left_out) if left_out else draft.event)


def given(*facts: Draft) -> Story:
    """Return a log in which these events happened, a day apart."""
    story = Story()
    for draft in BACKGROUND:
        story.record(draft, day(0))
    for number, draft in enumerate(facts, start=1):
        story.record(draft, day(number))
    return story


def backdated(command: Command, number: int) -> Command:
    """Return the command with the effective time set to a day."""
    return command.model_copy(update={"effective_at": day_time(number)})


__all__ = ["Outcome", "Story", "backdated", "day", "day_time", "fact", "given"]
