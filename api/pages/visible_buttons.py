"""Which buttons a caller sees: only those of commands that their roles allow. The log itself still judges every command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from api.pages.command_forms import commands_of
from api.services import Services
from domain import policy
from domain.actions import ADMINISTER, ADMINISTERED_KINDS, MANAGE
from domain.fields import Subjects
from domain.held_roles import HeldRoles, Principal, lines_of_subject, may, may_anywhere
from domain.messages import Command
from domain.values import kind_of
from eventlog.entry import Caller
from eventlog.handler_views import CommittedView
from identity.decision_log import DecisionLog


class Permissions:
    """What one caller may record now; nothing on a replica."""

    def __init__(self, services: Services, caller: Caller, now: int) -> None:
        self._services = services
        self._caller = caller
        self._now = now

    @cached_property
    def _roles(self) -> tuple[HeldRoles, Subjects] | None:
        log = self._services.book
        if not isinstance(log, DecisionLog):
            return None
        view = CommittedView(log)
        subjects = Subjects(view.state, view.superseded_by)
        caller = self._caller
        principal = Principal(caller.actor, caller.scopes, caller.credential, caller.groups)
        return HeldRoles(principal, subjects, view, self._now), subjects

    def may_anywhere(self, name: str) -> bool:
        """Return whether the caller may send a command for any product, such as one that creates a subject."""
        return self._roles is not None and self._is_allowed(commands_of(name), None)

    def of(self, names: Iterable[str], subject: str) -> list[str]:
        """Return those of the commands that the caller may send about a subject."""
        return [name for name in names if self._may_about(name, subject)]

    def _may_about(self, name: str, subject: str) -> bool:
        return self._roles is not None and self._is_allowed(commands_of(name), subject)

    def _is_allowed(self, commands: Sequence[type[Command]], subject: str | None) -> bool:
        rule = policy.RULES.get(commands[0])
        if rule is None or self._roles is None:
            return False
        held, subjects = self._roles
        actions = [rule.action, *([rule.own] if rule.own else [])]
        if subject is None or rule.anywhere or commands[0].creates:
            return any(may_anywhere(held, action) is None for action in actions)
        if kind_of(subject) in ADMINISTERED_KINDS:
            actions = [ADMINISTER if action is MANAGE else action for action in actions]
        lines = list(lines_of_subject(subject, subjects, self._now))
        return any(may(held, action, lines) is None for action in actions)
