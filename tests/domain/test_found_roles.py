"""Roles that callers hold through teams, groups and merges are remembered, and never longer than they are held.

A naive reader knows a history as a list of facts and scans all of it for every question. It shares no code with
`domain.policy` or `domain.roles`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from random import Random
from typing import Any

from domain.any_subject import EntryVoided
from domain.fields import Subjects
from domain.held_roles import FoundRoles, HeldRoles, Principal
from domain.messages import Draft
from domain.ownership import OwnershipAssigned, OwnershipReleased
from domain.people import PersonMerged, PersonRegistered, TeamDisbanded, TeamRegistered
from domain.product import ProductDefined
from domain.roles import RoleGranted, RoleRevoked
from tests.support_story import BACKGROUND, Story, day, day_time, fact

PEOPLE = ("person:ann", "person:bob", "person:cy")
TEAMS = ("team:core", "team:web")
GROUP = "group:staff"
HOLDERS = (*PEOPLE, *TEAMS, GROUP)
ROLES = ("viewer", "contributor", "manager", "auditor", "admin")
LINES: tuple[tuple[str, ...], ...] = ((), ("product:shop",), ("product:in-line", "product:line"))
PRODUCTS = (None, "product:shop", "product:line")
NAMED: tuple[tuple[str, ...], ...] = ((), ("product:shop",), ("product:shop", "product:line"))
INCLUDING = {
    "viewer": {"viewer", "contributor", "manager", "auditor", "admin"},
    "contributor": {"contributor", "manager", "admin"},
    "manager": {"manager", "admin"},
    "auditor": {"auditor", "admin"},
    "admin": {"admin"},
}
STEPS = 60
SEEDS = (1, 9, 16, 20)
BACKGROUND_FACTS = len(BACKGROUND) + 2


@dataclass
class Fact:
    """Something that happened on a day, and whether it was voided since."""

    subject: str
    event: Any
    on: int
    is_voided: bool = False


class CountingRoles(FoundRoles):
    """Counts how often a role was found on grounds that were known."""

    def __init__(self) -> None:
        super().__init__()
        self.hits = 0

    def find(self, *question: Any) -> Any:
        found = super().find(*question)
        self.hits += found is not None
        return found


@dataclass
class Log:
    """What the policy reads besides subjects."""

    found_roles: CountingRoles = field(default_factory=CountingRoles)
    default_role: str | None = None
    limits_reading: bool = False

    def teams_with_roles(self) -> tuple[str, ...]:
        return TEAMS

    def recorder_of(self, _position: int) -> str | None:
        return None


# The naive reader ----------------------------------------------------------------------------------------------------


def current(facts: list[Fact], subject: str, *types: type) -> list[Fact]:
    return [f for f in facts if f.subject == subject and isinstance(f.event, types) and not f.is_voided]


def granted(facts: list[Fact], holder: str) -> set[tuple[str, str | None]]:
    held: set[tuple[str, str | None]] = set()
    for each in current(facts, holder, RoleGranted, RoleRevoked):
        grant = {(each.event.role, each.event.product)}
        held = held | grant if isinstance(each.event, RoleGranted) else held - grant
    return held


def ids(facts: list[Fact], person: str) -> list[str]:
    merges = current(facts, person, PersonMerged)
    return [person, *ids(facts, merges[-1].event.into)] if merges else [person]


def members(facts: list[Fact], team: str, on: int) -> tuple[str, ...]:
    if any(each.on <= on for each in current(facts, team, TeamDisbanded)):
        return ()
    begun = []
    for number, each in enumerate(current(facts, team, OwnershipAssigned, OwnershipReleased)):
        from_ = getattr(each.event, "from_", None)
        start = day(each.on) if from_ is None else int(from_.timestamp() * 1_000_000)
        if start <= day(on):
            begun.append((start, number, each.event))
    if not begun:
        return ()
    event = max(begun, key=lambda each: each[:2])[2]
    if isinstance(event, OwnershipReleased) or (event.until is not None and event.until <= day_time(on)):
        return ()
    return tuple(event.holders)


def grants(facts: list[Fact], person: str, groups: frozenset[str], on: int) -> set[tuple[str, str | None]]:
    own = ids(facts, person)
    holders = [*own, *groups, *(team for team in TEAMS if not set(own).isdisjoint(members(facts, team, on)))]
    return {grant for holder in holders for grant in granted(facts, holder)}


# Random histories ----------------------------------------------------------------------------------------------------


def choose_event(random: Random, facts: list[Fact], on: int) -> tuple[str, Any]:
    kind = random.choice(
        ("grant", "grant", "revoke", "member", "member", "release", "merge", "disband", "void", "void")
    )
    holder = random.choice(HOLDERS)
    if kind == "grant":
        return holder, RoleGranted(role=random.choice(ROLES), product=random.choice(PRODUCTS))
    if kind == "revoke" and (held := sorted(granted(facts, holder), key=str)):
        role, for_product = random.choice(held)
        return holder, RoleRevoked(role=role, product=for_product)
    if kind == "merge":
        person, into = random.sample(PEOPLE, 2)
        if person not in ids(facts, into):
            return person, PersonMerged(into=into)
    if kind == "void":
        chosen = random.randrange(BACKGROUND_FACTS, len(facts) + 1)
        if chosen < len(facts) and not facts[chosen].is_voided and not isinstance(facts[chosen].event, EntryVoided):
            return facts[chosen].subject, EntryVoided(position=chosen + 1, why="A mistake.")
    return random.choice(TEAMS), choose_change_of_team(random, kind, on)


def choose_change_of_team(random: Random, kind: str, on: int) -> Any:
    if kind == "release":
        return OwnershipReleased(role="member")
    if kind == "disband" and random.random() < 0.1:
        return TeamDisbanded()
    start = random.choice((None, None, on + random.randrange(0, 3)))
    until = random.choice((None, (on if start is None else start) + random.randrange(1, 4)))
    period = {"from": day_time(start) if start else None, "until": day_time(until) if until else None}
    people = tuple(random.sample(PEOPLE, random.randrange(1, 3)))
    return OwnershipAssigned.model_validate({"role": "member", "holders": people, **period})


def tell(random: Random) -> Iterator[tuple[Story, list[Fact], int]]:
    """Yield a history after each of its steps, with the day on which it is asked about."""
    story, facts, on = Story(), list[Fact](), 10
    extra = (fact("person:cy", PersonRegistered()), fact("team:web", TeamRegistered(title="Web")))
    background = [*BACKGROUND, *extra]
    for draft in background:
        story.record(draft, day(1))
        facts.append(Fact(draft.subject, draft.event, 1))
    for _ in range(STEPS):
        if random.random() < 0.5:
            on += random.choice((0, 1, 1, 2))
            yield story, facts, on
            continue
        subject, event = choose_event(random, facts, on)
        story.record(Draft(subject, event), day(on))
        facts.append(Fact(subject, event, on))
        if isinstance(event, EntryVoided):
            facts[event.position - 1].is_voided = True
        yield story, facts, on
        yield story, facts, max(on - 1, 1)  # another thread's clock may be behind


def test_remembered_roles_are_those_that_are_held() -> None:
    """After each grant, revocation, merge, change of members, void and passing of time, every answer is a naive reader's."""
    assert sum(map(compare_history, SEEDS)) > len(SEEDS) * STEPS  # so that what is remembered was used


def compare_history(seed: int) -> int:
    """Compare every answer about one history with a naive reader's; return how many rested on what was remembered."""
    log = Log()
    for story, facts, on in tell(Random(seed)):
        for person, groups in product(PEOPLE, (frozenset[str](), frozenset({GROUP}))):
            expected = grants(facts, person, groups, on)
            principal = Principal(person, frozenset(), groups=groups)
            held = HeldRoles(principal, Subjects(story.state, lambda _: ()), log, day(on))
            for role, line in product(ROLES, LINES):
                naive = any(r in INCLUDING[role] and p in (None, *line) for r, p in expected)
                assert held.include(role, line) == naive, (person, groups, role, line, on)
            for role, named in product(ROLES, NAMED):
                each_held = (held.include(role, line) for line in ([(one,) for one in named] or [()]))
                assert held.include_all(role, named) == all(each_held), (person, groups, role, named, on)
            for role in ROLES:
                assert held.include_anywhere(role) == any(r in INCLUDING[role] for r, _ in expected)
    return log.found_roles.hits


def test_a_role_for_a_line_ends_with_its_products_that_leave_it() -> None:
    """The manager of a line manages its products, also as remembered, until a product belongs to another line."""
    story, log = Story(), Log()
    for draft in (*BACKGROUND, fact("person:bob", RoleGranted(role="manager", product="product:line"))):
        story.record(draft, day(1))
    story.record(fact("product:line", ProductDefined(title="L")), day(1))
    story.record(fact("product:in-line", ProductDefined(title="P", line="product:line")), day(1))

    def may_manage() -> bool:
        held = HeldRoles(Principal("person:bob", frozenset()), Subjects(story.state, lambda _: ()), log, day(2))
        return held.include_all("manager", ("product:in-line",))

    assert may_manage()
    assert may_manage()
    assert log.found_roles.hits == 1
    story.record(fact("product:in-line", ProductDefined(title="P", line="product:shop")), day(2))
    assert not may_manage()
