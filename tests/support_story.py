"""Given, when, then for the rules of the domain: a log in a dictionary.

    given(fact("decision:tea", DecisionProposed(title="Tea"))).when(
        AcceptDecision(subject="decision:tea")
    ).then(fact("decision:tea", DecisionAccepted(deciders=("person:ann",))))

Ann, Bob, a team and a product are there in every story. Each fact of `given` takes effect a day after the one before
it, from day 1 on; a command comes on day 100, put by Ann, unless it is said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from domain.catalog import EVENT_NAMES, decide
from domain.errors import Refused
from domain.fields import Subjects, SubjectState, Value, evolve
from domain.messages import Command, CommandContext, Draft, Event
from domain.people import PersonRegistered, TeamRegistered
from domain.product import ProductDefined
from domain.values import from_micros, to_micros

TODAY = 100


def day(number: int) -> int:
    """Microseconds since 1970 at the beginning of a numbered day of the story."""
    return to_micros(datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=number))


def instant(number: int) -> datetime:
    """The same as an instant."""
    return from_micros(day(number))


def fact(subject: str, event: Event) -> Draft:
    """An event in a subject's stream."""
    return Draft(subject, event)


BACKGROUND = (
    fact("person:ann", PersonRegistered()),
    fact("person:bob", PersonRegistered()),
    fact("team:core", TeamRegistered(title="Core")),
    fact("product:shop", ProductDefined(title="Shop")),
)


@dataclass
class Story:
    """What has happened so far; `positions` counts from 1, so the background takes 1 to 4."""

    states: dict[str, SubjectState] = field(default_factory=dict)
    position: int = 0

    def state(self, subject: str) -> SubjectState:
        return self.states.get(subject, SubjectState(subject))

    def happen(self, draft: Draft, eff: int) -> None:
        self.position += 1
        self.states[draft.subject] = evolve(
            self.state(draft.subject), position=self.position, type_=EVENT_NAMES[type(draft.event)], effective_at=eff,
            changes=draft.event.field_changes(), voids=draft.event.voided_position(), is_imported=draft.event.is_imported,
        )  # fmt: skip

    def value(self, subject: str, name: str, *, on: int = TODAY) -> Value:
        """What a cell holds on a day."""
        return self.state(subject).value_at(name, day(on))

    def when(
        self, *commands: Command, on: int = TODAY, actor: str = "person:ann", rights: Iterable[str] = ()
    ) -> Outcome:
        """The outcome of a unit of commands: what it would record, or the refusal."""
        after = Story(dict(self.states), self.position)
        recorded: list[Draft] = []
        for command in commands:
            eff = to_micros(command.effective_at) if command.effective_at else day(on)
            act = CommandContext(
                day(on), eff, actor, command.on_behalf_of or actor, frozenset(rights), lambda: "random"
            )
            try:
                drafts = decide(command, act, Subjects(after.state, lambda _: after.states))
            except Refused as refusal:
                return Outcome(self, [], refusal)
            for draft in drafts:
                after.happen(draft, eff)
            recorded += drafts
        return Outcome(after, recorded, None)


@dataclass
class Outcome:
    """What a command came to."""

    story: Story
    drafts: list[Draft]
    refusal: Refused | None

    def then(self, *drafts: Draft) -> Story:
        """It recorded just these; the story goes on after them."""
        assert self.refusal is None, self.refusal
        assert self.drafts == list(drafts)
        return self.story

    def recorded(self) -> Story:
        """It was recorded, whatever it was."""
        assert self.refusal is None, self.refusal
        assert self.drafts
        return self.story

    def refused(self, kind: type[Refused], field: str | None = None, saying: str = "") -> None:
        """It was refused as just this kind, naming the field."""
        if self.refusal is None:
            pytest.fail(f"recorded {self.drafts}")
        assert (type(self.refusal), self.refusal.field) == (kind, field), self.refusal
        assert saying in str(self.refusal)


def given(*facts: Draft) -> Story:
    """A log in which these have happened, a day apart."""
    story = Story()
    for draft in BACKGROUND:
        story.happen(draft, day(0))
    for number, draft in enumerate(facts, start=1):
        story.happen(draft, day(number))
    return story


def dated(command: Command, number: int) -> Command:
    """The command, dated back to a day."""
    return command.model_copy(update={"effective_at": instant(number)})


__all__ = ["Outcome", "Story", "dated", "day", "fact", "given", "instant"]
