"""Acting for others: the delegations by which a person lets a service, an agent or another person act on their behalf.

A delegation is a field of the person who gave it, `delegation.KEY`, with a period. It covers all products or some of
them with the products of their line, and all commands or only some kinds of decision and some commands.

* A service or agent acts on behalf of a person only with that person's delegation. Imports are the exception: what
  another system says of a person is a claim.
* A person who acts on behalf of another without a delegation makes a claim, which the other person can confirm.
* A delegation must cover both the time a command takes effect and the time it is recorded, so that backdating a command
  neither revives a delegation that ended nor extends one to before it began.
* The delegations of a person who left, or was removed, have ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from domain.credentials import is_active
from domain.errors import Forbidden, NotAllowed
from domain.fields import FieldChange, Subjects, SubjectState, Value
from domain.messages import Command, CommandContext, Draft
from domain.ownership import (
    DELEGATION_PREFIX,
    PeriodCommand,
    PeriodEvent,
    require_active_holder,
    require_unused_delegation,
)
from domain.references import changed_subjects, restarted_products, restarted_subject
from domain.roles import iterate_lines
from domain.values import Actor, Code, Key, PersonId, ProductId, Slug, kind_of

Basis = Literal["own", "delegated", "claimed", "confirmed"]
"""What shows that a person did something themselves.

`own`: they acted with their own credentials. `delegated`: a service or person acted with their recorded delegation.
`claimed`: another person named them. `confirmed`: another person named them, and they confirmed it with their own credentials.
"""


class DelegateActions(PeriodCommand):
    """Let a service, an agent or another person act on your behalf. Only you can do this, with your own credentials."""

    type: Literal["DelegateActions"] = "DelegateActions"
    subject: PersonId = Field(description="The person on whose behalf the other will act: you.")
    delegation: Key | None = Field(None, description="The key of the delegation, used to revoke it; random by default.")
    to: Actor = Field(description="The service, agent or person who may act on your behalf.")
    products: tuple[ProductId, ...] = Field(
        (), max_length=50, description="The products covered, each with the products of its line; all by default."
    )
    kinds: tuple[Slug, ...] = Field(
        (),
        max_length=50,
        description="The kinds of decision covered. If you give kinds but no `actions`, nothing else is covered.",
    )
    actions: tuple[Code, ...] = Field(
        (), max_length=100, description="The commands covered, such as `AcceptDecision`; all by default."
    )


class ActionsDelegated(PeriodEvent):
    """A person let a service, an agent or another person act on their behalf."""

    delegation: Key
    to: Actor
    products: tuple[ProductId, ...] = ()
    kinds: tuple[Slug, ...] = ()
    actions: tuple[Code, ...] = ()

    def field_changes(self) -> Iterable[FieldChange]:
        value: dict[str, Value] = {"to": self.to}
        for name in ("products", "kinds", "actions"):
            if listed := getattr(self, name):
                value[name] = [*listed]
        yield self.limit_to_period(
            FieldChange(f"{DELEGATION_PREFIX}{self.delegation}", value, refs=(self.to, *self.products))
        )


def decide(
    command: DelegateActions, context: CommandContext, subjects: Subjects, known_commands: Iterable[str]
) -> list[Draft]:
    """Decide who may act for a person; `known_commands` are the names of all commands.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    actor = subjects.canonical_id(context.actor)
    if actor != subjects.canonical_id(command.subject):
        raise Forbidden(
            "only the person named in `subject` can give this delegation, with their own credentials",
            field="subject",
            subject=command.subject,
        )
    if subjects.canonical_id(command.to) == actor:
        raise NotAllowed("you do not need a delegation to act for yourself", field="to", subject=command.to)
    _require_known_commands(command, known_commands)
    require_unused_delegation(command.subject, command.delegation, subjects)
    require_active_holder(command.to, context, subjects, field="to")
    event = ActionsDelegated(
        delegation=command.delegation or context.new_key(),
        to=command.to,
        products=command.products,
        kinds=command.kinds,
        actions=command.actions,
        **{"from": command.from_},
        until=command.until,
    )
    return [Draft(command.subject, event)]


def _require_known_commands(command: DelegateActions, known_commands: Iterable[str]) -> None:
    known = frozenset(known_commands)
    for n, name in enumerate(command.actions):
        if name not in known:
            raise NotAllowed(f"there is no command {name!r}", field=f"actions.{n}", subject=command.subject)


# Acting on a delegation ----------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """A part of what a command is about: a subject that it changes, or what it creates or names."""

    products: tuple[str, ...]
    kind: str | None


class Scope(NamedTuple):
    """What a command is about, as far as a delegation can be limited to it."""

    command: str
    parts: tuple[Part, ...]


def resolve_delegation(command: Command, context: CommandContext, subjects: Subjects) -> CommandContext:
    """Return the context with the position of the delegation that lets the actor act on behalf of the principal.

    Without one, a person's `on_behalf_of` remains a claim, and so does that of an import.

    Raises:
        Forbidden: a service has no delegation that covers the command.
    """
    if context.actor == context.principal:
        return context
    position = find_delegation(command, context, subjects)
    if position is not None:
        return context._replace(delegation=position)
    if kind_of(context.actor) == "service" and command.source is None:
        remedy = f"{context.principal} can give one with DelegateActions"
        if not is_active(context.principal, subjects.__getitem__):
            remedy = f"those of {context.principal} ended when they left or were removed"
        raise Forbidden(
            f"{context.actor} has no delegation from {context.principal} that covers this; {remedy}",
            field="on_behalf_of",
            subject=context.principal,
        )
    return context


def find_delegation(command: Command, context: CommandContext, subjects: Subjects) -> int | None:
    """Return the position of a delegation that covers a command, at its effective time and when it is recorded."""
    actor, principal = subjects.canonical_id(context.actor), subjects.canonical_id(context.principal)
    if actor == principal or not is_active(context.principal, subjects.__getitem__):
        return None
    scope: Scope | None = None
    for person in dict.fromkeys((context.principal, principal)):
        for name in sorted(subjects[person].field_names(DELEGATION_PREFIX)):
            scope = scope or _find_scope(command, context, subjects)  # only few have delegated anything
            values = [subjects[person].value_at(name, at) for at in (context.now, context.effective_at)]
            if all(_covers(value, actor, scope, context.now, subjects) for value in values):
                row = subjects[person].row_at(name, context.effective_at)
                return row.position if row else None
    return None


def _covers(value: Value, actor: str, scope: Scope, now: int, subjects: Subjects) -> bool:
    if not isinstance(value, dict) or subjects.canonical_id(str(value["to"])) != actor:
        return False
    actions = _strings(value, "actions")
    if actions and scope.command not in actions:
        return False
    return all(_covers_part(value, part, now, subjects, has_actions=bool(actions)) for part in scope.parts)


def _covers_part(value: Mapping[str, Any], part: Part, now: int, subjects: Subjects, *, has_actions: bool) -> bool:
    kinds, products = _strings(value, "kinds"), _strings(value, "products")
    if kinds and part.kind not in kinds and not (part.kind is None and has_actions):
        return False
    return not products or (
        bool(part.products)
        and all(products.intersection(iterate_lines(product, subjects, now)) for product in part.products)
    )


def _strings(value: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(map(str, value.get(name, ())))


def _find_scope(command: Command, context: CommandContext, subjects: Subjects) -> Scope:
    """Return what a command is about: what it creates or names, and each subject that it changes.

    A subject without products is covered only by a delegation for all products.
    """
    parts = [_describe_subject(subjects[subject], context) for subject in changed_subjects(command)]
    named = tuple(sorted({*(getattr(command, "products", None) or ())}))
    if command.creates or named:
        created = getattr(command, "kind", None) if command.creates == "decision" else None
        parts.append(Part(named, created if command.creates else parts[0].kind))
    if restarted := restarted_subject(command, subjects):
        former = _describe_subject(subjects[restarted], context)
        parts.append(Part((*former.products, *restarted_products(command, subjects)), parts[-1].kind))
    return Scope(type(command).__name__, tuple(parts))


def _describe_subject(state: SubjectState, context: CommandContext) -> Part:
    """Return the products that a subject has now, or had at the effective time, and the kind of a decision."""
    if kind_of(state.subject) == "product":
        return Part((state.subject,), None)
    products = {each for at in (context.now, context.effective_at) for each in state.subjects_at("products", at)}
    kind = state.value_at("kind", context.now) if kind_of(state.subject) == "decision" else None
    return Part(tuple(sorted(products)), str(kind) if kind else None)


def is_claim(person: str, context: CommandContext, subjects: Subjects) -> Literal[True] | None:
    """Return True if nothing shows that a person did what a command says they did; else None, as events store it."""
    return True if find_basis(person, context, subjects) == "claimed" else None


def find_basis(person: str, context: CommandContext, subjects: Subjects) -> Basis:
    """Return what shows that a person did what a command says they did."""
    if person == context.actor:
        return "own"
    canonical_id = subjects.canonical_id(person)
    if canonical_id == subjects.canonical_id(context.actor):
        return "own"
    if context.delegation and canonical_id == subjects.canonical_id(context.principal):
        return "delegated"
    return "claimed"
