"""Who may read what: everything, or, where reading is limited, only what belongs to products for which one holds a role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from domain.actions import ADMINISTERED_KINDS, AUDIT
from domain.catalog import EVENT_NAMES
from domain.credentials import AccountConnected, AccountDisconnected
from domain.errors import Refused
from domain.fields import Subjects, SubjectState
from domain.held_roles import NO_PRODUCT, AccessFacts, HeldRoles, lines_of_subject, may
from domain.ids import SUBJECT_IN_TEXT
from domain.messages import Command, CommandContext
from domain.references import referenced_subjects, unknown_error
from domain.roles import VIEWER, RoleGranted, RoleRevoked
from domain.values import kind_of

OPEN_KINDS: Final = ADMINISTERED_KINDS
"""Subjects of these kinds are readable with any role that reads."""
ACCOUNT_EVENTS: Final = frozenset(EVENT_NAMES[each] for each in (AccountConnected, AccountDisconnected))
"""The names of the events whose data, an account at a provider, only auditors, administrators and its person may read."""
CONFIDENTIAL_EVENTS: Final = ACCOUNT_EVENTS.union(EVENT_NAMES[each] for each in (RoleGranted, RoleRevoked))
"""The names of the events that are hidden from readers who may read only some products: who has which role and which sign-in account."""


def readable_products(held: HeldRoles) -> frozenset[str] | None:
    """Return the products that a caller may read, each with those of its line; None if they may read everything."""
    if not held.facts.limits_reading or held.include(VIEWER, NO_PRODUCT):
        return None
    return frozenset(grant.product for grant in held.grants() if grant.product)


def may_read_accounts(held: HeldRoles, person: str) -> bool:
    """Return whether a caller may see the sign-in accounts of a person: their own, or any if they may audit."""
    return held.are_of(person) or may(held, AUDIT, [NO_PRODUCT]) is None


def is_readable(subject: str, products: Collection[str] | None, subjects: Mapping[str, SubjectState], now: int) -> bool:
    """Return whether a caller who may read some products, or everything if None, may read a subject."""
    if products is None or kind_of(subject) in OPEN_KINDS:
        return True
    return any(not set(line).isdisjoint(products) for line in lines_of_subject(subject, subjects, now))


def find_unreadable(
    named: Iterable[str], context: CommandContext, subjects: Subjects, facts: AccessFacts
) -> frozenset[str]:
    """Return which of some subjects a caller may not read. If their reading is limited, those that are not in the log, too."""
    if not facts.limits_reading:
        return frozenset()
    products = readable_products(HeldRoles(context, subjects, facts, context.now))
    return frozenset(each for each in named if not is_readable(each, products, subjects, context.now))


def require_readable(
    named: Iterable[tuple[str, str]], context: CommandContext, subjects: Subjects, facts: AccessFacts
) -> None:
    """Check that a caller may read subjects, given as fields and ids: one they may not read does not exist for them.

    If their reading is limited, one that is not in the log is refused here, too: later, the refusal could be another one.

    Raises:
        Unknown: as if the log had no such subject.
    """
    if not facts.limits_reading:
        return
    by_field = list(named)
    unreadable = find_unreadable((subject for _, subject in by_field), context, subjects, facts)
    for field, subject in by_field:
        if subject in unreadable:
            raise unknown_error(field, subject)


def withhold_unreadable(
    refused: Refused, command: Command, context: CommandContext, subjects: Subjects, facts: AccessFacts
) -> None:
    """Remove from a refusal the subjects that a caller may not read, other than those that their command names."""
    own = {command.subject_id(), *(subject for _, subject in referenced_subjects(command))}
    named = {*SUBJECT_IN_TEXT.findall(refused.detail), *([refused.subject] if refused.subject else [])}
    unreadable = find_unreadable(sorted(named - own), context, subjects, facts)
    if refused.subject in unreadable:
        refused.subject = None
    refused.detail = SUBJECT_IN_TEXT.sub(
        lambda found: "something that you may not read" if found[0] in unreadable else found[0], refused.detail
    )
    refused.args = (refused.detail,)
