"""The roles that a caller holds, and whether they suffice for an action.

Roles are judged by what the log says now: those of the caller, of the people they were merged into, of their teams and
of their groups. Everything is read through `Subjects`, so a command is decided again if a grant that it rests on was
revoked in the meantime.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from domain import roles
from domain.actions import Action
from domain.credentials import LOCAL_CREDENTIAL
from domain.fields import Subjects, SubjectState
from domain.ids import LOG_SERVICE
from domain.messages import CommandContext
from domain.roles import Grant
from domain.values import MAX_INTEGER, kind_of


class AccessFacts(Protocol):
    """What the policy reads besides subjects."""

    @property
    def limits_reading(self) -> bool:
        """Whether callers read only what belongs to products for which they hold a role."""

    @property
    def default_role(self) -> str | None:
        """The role for all products of callers who hold none."""

    def teams_with_roles(self) -> Iterable[str]:
        """Return at least all teams that hold a role."""

    @property
    def found_roles(self) -> FoundRoles:
        """What was found before about the roles of callers."""

    def recorder_of(self, position: int) -> str | None:
        """Return the actor of the entry at a position, or None."""


class Principal(NamedTuple):
    """A caller as the policy sees them: who they are, their groups, and the scopes of their token."""

    actor: str
    scopes: frozenset[str]
    credential: str = ""
    groups: frozenset[str] = frozenset()


Line = tuple[str, ...]
"""A product with the lines it belongs to; empty for what belongs to no product, which needs a role for all of them."""
NO_PRODUCT: Final[Line] = ()


OF_PRODUCTS: Final = "products"
RoleQuestion = (
    tuple[str, frozenset[str], str, Line | None] | tuple[str, frozenset[str], str, tuple[str, ...], Literal["products"]]
)
"""A caller, their groups, a role, and a line (None means any), or products that are asked about together."""
MAX_FOUND_ROLES: Final = 10_000


class Grounds(NamedTuple):
    """What shows that a caller holds a role: it holds it from `since` until `until` while none of the states changes."""

    states: tuple[SubjectState, ...]
    since: int
    until: int


class FoundRoles:
    """Remembers the grounds on which callers hold roles: as members of a team, for example, or for the line of a product.

    A state is never modified, so the roles hold as long as each subject still has the very state that they were found
    in: a grant, a merge, a member that ends or a product that moves counts at once, in any process. Only what is held is
    remembered.
    """

    def __init__(self) -> None:
        self._grounds: dict[RoleQuestion, Grounds] = {}

    def find(
        self, question: RoleQuestion, subjects: Mapping[str, SubjectState], now: int
    ) -> tuple[SubjectState, ...] | None:
        """Return the states which show that a caller holds a role, if they were found before and still hold."""
        found = self._grounds.get(question)
        if found is None or not found.since <= now < found.until:
            return None
        for state in found.states:  # asked in nearly every command, where `all` would take twice as long
            if subjects[state.subject] is not state:
                return None
        return found.states

    def add(self, question: RoleQuestion, states: Sequence[SubjectState], now: int) -> None:
        """Remember the states that show now that a caller holds a role."""
        if len(self._grounds) >= MAX_FOUND_ROLES:
            self._grounds.clear()
        fields = (*roles.MEMBERSHIP_FIELDS, roles.LINE_FIELD)
        until = min((state.next_change(name, now) for state in states for name in fields), default=MAX_INTEGER)
        self._grounds[question] = Grounds(tuple(states), now, until)


class HeldRoles:
    """The roles that a caller holds now: their own, and those of whom they were merged into, their groups and teams."""

    __slots__ = ("_now", "_subjects", "facts", "principal")

    def __init__(
        self, principal: Principal | CommandContext, subjects: Mapping[str, SubjectState], facts: AccessFacts, now: int
    ) -> None:
        """Read grants through `subjects`, when a question needs them. The context of a command names its caller."""
        self.principal = principal
        self._subjects = subjects
        self.facts = facts
        self._now = now

    def include(self, role: str, line: Line) -> bool:
        """Return whether a role, or one that includes it, is held for a product."""
        return self._holds(role, line)

    def include_all(self, role: str, products: tuple[str, ...]) -> bool:
        """Return whether a role, or one that includes it, was granted for each of the products; if none, for all.

        What was found before is asked first: nearly every command is like one that its caller sent before.
        """
        principal, found_roles = self.principal, self.facts.found_roles
        question: RoleQuestion = (principal.actor, principal.groups, role, products, OF_PRODUCTS)
        if found_roles.find(question, self._subjects, self._now) is not None or _is_local(principal):
            return True
        grounds = self._find_grounds_of_all(role, products)
        if grounds is None:
            return False
        found_roles.add(question, grounds, self._now)
        return True

    def _find_grounds_of_all(self, role: str, products: tuple[str, ...]) -> Sequence[SubjectState] | None:
        actor = self._subjects[self.principal.actor]
        if roles.is_granted(actor, role, NO_PRODUCT):
            return (actor,)  # so the products need not be read
        states: list[SubjectState] = []
        for line in find_lines(products, self._subjects, self._now):
            grounds = self._find_grounds(role, line)
            if grounds is None:
                return None
            states += (*(self._subjects[each] for each in line), *grounds)
        return states

    def include_anywhere(self, role: str) -> bool:
        """Return whether a role, or one that includes it, is held for any product."""
        return self._holds(role, None)

    def _holds(self, role: str, line: Line | None) -> bool:
        if self._find_grounds(role, line) is not None:
            return True
        # The default role is that of callers who hold no other.
        return self.facts.default_role in roles.SATISFIED_BY[role] and not any(True for _ in self.grants())

    def _find_grounds(self, role: str, line: Line | None) -> tuple[SubjectState, ...] | None:
        """Return the states which show that a role was granted to the caller, whether directly or not, or None."""
        principal = self.principal
        if _is_local(principal):
            return ()
        actor = self._subjects[principal.actor]
        # Nearly every caller has a role of their own, which needs no look at merges, groups and teams.
        if _is_granted(actor, role, line):
            return (actor,)
        question = (principal.actor, principal.groups, role, line)
        if known := self.facts.found_roles.find(question, self._subjects, self._now):
            return known
        for holder in self._others():
            if _is_granted(holder, role, line):
                states = (*(self._subjects[each] for each in self.ids()), holder)
                self.facts.found_roles.add(question, states, self._now)
                return states
        return None

    def grants(self) -> Iterator[Grant]:
        """Yield every role that is granted to the caller, whether directly or not."""
        yield from roles.grants_of(self._subjects[self.principal.actor])
        for holder in self._others():
            yield from roles.grants_of(holder)

    def ids(self) -> list[str]:
        """Return the caller's id, followed by those it was merged into."""
        return roles.merge_path(self.principal.actor, self._subjects.__getitem__)

    def are_of(self, person: str) -> bool:
        """Return whether an id is the caller's, even if both were merged into a third one."""
        return roles.merge_path(person, self._subjects.__getitem__)[-1] == self.ids()[-1]

    def _others(self) -> Iterator[SubjectState]:
        ids = self.ids()
        yield from (self._subjects[each] for each in ids[1:])
        yield from (self._subjects[group] for group in sorted(self.principal.groups))
        for team in sorted(self.facts.teams_with_roles()):
            if roles.is_member(self._subjects[team], ids, self._now):
                yield self._subjects[team]


def _is_local(principal: Principal | CommandContext) -> bool:
    """Whether a caller works on the log's own machine, or is the log itself: they are administrators."""
    return principal.credential == LOCAL_CREDENTIAL or principal.actor == LOG_SERVICE


def _is_granted(holder: SubjectState, role: str, line: Line | None) -> bool:
    return roles.has_any_grant(holder, role) if line is None else roles.is_granted(holder, role, line)


def has_own_role_for_all(action: Action, context: CommandContext, subjects: Subjects) -> bool:
    """Return whether a caller may do an action on all products without being merged, or in a group or team."""
    if action.scope not in context.scopes:
        return False
    return _is_local(context) or roles.is_granted(subjects[context.actor], action.role, NO_PRODUCT)


def may(held: HeldRoles, action: Action, lines: Iterable[Line]) -> str | None:
    """Return None if a caller may do an action on all of some products, or else the reason why not, as a sentence."""
    if action.scope not in held.principal.scopes:
        return f"your token does not have the scope `{action.scope}`"
    for line in lines:
        if not held.include(action.role, line):
            return _explain(held.principal, action, line[0] if line else "all products")
    return None


def may_anywhere(held: HeldRoles, action: Action) -> str | None:
    """Return None if a caller may do an action on any product, or else the reason why not, as a sentence."""
    if action.scope not in held.principal.scopes:
        return f"your token does not have the scope `{action.scope}`"
    return None if held.include_anywhere(action.role) else _explain(held.principal, action, "a product")


def _explain(principal: Principal | CommandContext, action: Action, where: str) -> str:
    option = f" --product {where.partition(':')[2]}" if ":" in where else ""
    return (
        f"to {action.verb}, you need the role `{action.role}` for {where}; an administrator can grant "
        f"it: `decisionlog role grant {principal.actor} {action.role}{option}`"
    )


# Products and their lines --------------------------------------------------------------------------------------------


def lines_of_subject(subject: str, subjects: Mapping[str, SubjectState], now: int) -> Iterable[Line]:
    """Return the products that a subject belongs to, each with its lines."""
    if kind_of(subject) == "product":
        return find_lines([subject], subjects, now)
    return find_lines(subjects[subject].subjects_at("products", now), subjects, now)


def find_lines(products: Collection[str], subjects: Mapping[str, SubjectState], now: int) -> Iterable[Line]:
    """Return products, each with the lines it belongs to; none is what belongs to no product."""
    if not products:
        return (NO_PRODUCT,)
    return [tuple(roles.iterate_lines(each, subjects, now)) for each in products]
