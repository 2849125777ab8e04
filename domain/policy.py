"""The access policy: one function that says whether a caller may do something, or why not.

An action needs a *scope* of the token and a *role* of its holder, for every product it touches. A subject without
products, such as a person or the log, needs the role for all products. `RULES` has a row for each command.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final, NamedTuple, get_args

from domain import (
    any_subject,
    assumption,
    credentials,
    decision_messages,
    decision_rights,
    delegation,
    evidence,
    feature,
    meeting,
    outcome,
    ownership,
    people,
    product,
    roles,
    task,
)
from domain.actions import ADMINISTER, ADMINISTERED_KINDS, CONTRIBUTE, ERASE, IMPORT, MANAGE, Action
from domain.errors import Forbidden, key_taken_error
from domain.fields import Subjects
from domain.held_roles import (
    AccessFacts,
    HeldRoles,
    Line,
    find_lines,
    has_own_role_for_all,
    lines_of_subject,
    may,
    may_anywhere,
)
from domain.messages import Command, CommandContext
from domain.read_access import readable_products, require_readable
from domain.references import changed_subjects, referenced_subjects, restarted_products, restarted_subject
from domain.scopes import IMPORT_SCOPE, WRITE_SCOPE
from domain.values import kind_of


class Rule(NamedTuple):
    """Who may send a command: callers who may do `action`, or `own` on what they recorded themselves.

    With `anywhere`, a role for any one product is enough.
    """

    action: Action
    own: Action | None = None
    anywhere: bool = False


RULES: Final = MappingProxyType(
    {
        # products
        product.DefineProduct: Rule(MANAGE),
        product.SetVision: Rule(MANAGE),
        product.SetStrategy: Rule(MANAGE),
        product.OrderReleases: Rule(MANAGE),
        product.RetireProduct: Rule(MANAGE),
        product.ScheduleRelease: Rule(MANAGE),
        product.RescheduleRelease: Rule(MANAGE),
        product.SetGoal: Rule(MANAGE),
        product.ReviseGoal: Rule(MANAGE),
        product.RecordMeasurement: Rule(CONTRIBUTE),
        product.CloseGoal: Rule(MANAGE),
        product.IssueReport: Rule(MANAGE),
        # decisions
        decision_messages.ProposeDecision: Rule(CONTRIBUTE),
        decision_messages.ReviseDecision: Rule(MANAGE, own=CONTRIBUTE),
        decision_messages.AdviseOnDecision: Rule(CONTRIBUTE),
        decision_messages.DissentFromDecision: Rule(CONTRIBUTE),
        decision_messages.ApproveDecision: Rule(CONTRIBUTE),
        decision_messages.AbstainFromDecision: Rule(CONTRIBUTE),
        decision_messages.AcceptDecision: Rule(MANAGE),
        decision_messages.RecordDecision: Rule(MANAGE),
        decision_messages.RejectDecision: Rule(MANAGE),
        decision_messages.DeferDecision: Rule(MANAGE),
        decision_messages.WithdrawDecision: Rule(MANAGE, own=CONTRIBUTE),
        decision_messages.ReopenDecision: Rule(MANAGE),
        decision_messages.SupersedeDecision: Rule(MANAGE),
        decision_messages.ReverseDecision: Rule(MANAGE),
        decision_messages.ConfirmDecision: Rule(CONTRIBUTE),
        decision_messages.RatifyDecision: Rule(MANAGE),
        decision_messages.ReviewReasoning: Rule(CONTRIBUTE),
        decision_messages.ReviewDecision: Rule(MANAGE),
        decision_messages.LinkDecision: Rule(MANAGE),
        decision_messages.JudgeChoice: Rule(MANAGE),
        decision_messages.CheckConstraint: Rule(CONTRIBUTE),
        # evidence and assumptions
        evidence.RecordEvidence: Rule(CONTRIBUTE),
        evidence.LinkEvidence: Rule(CONTRIBUTE),
        evidence.UnlinkEvidence: Rule(MANAGE, own=CONTRIBUTE),
        evidence.SupersedeEvidence: Rule(MANAGE, own=CONTRIBUTE),
        evidence.WithdrawEvidence: Rule(MANAGE, own=CONTRIBUTE),
        assumption.StateAssumption: Rule(CONTRIBUTE),
        assumption.ReviseAssumption: Rule(MANAGE, own=CONTRIBUTE),
        assumption.LinkAssumption: Rule(CONTRIBUTE),
        assumption.UnlinkAssumption: Rule(MANAGE, own=CONTRIBUTE),
        assumption.ConfirmAssumption: Rule(MANAGE, own=CONTRIBUTE),
        assumption.BreakAssumption: Rule(MANAGE, own=CONTRIBUTE),
        # outcomes
        outcome.StateExpectedOutcome: Rule(CONTRIBUTE),
        outcome.RecordOutcome: Rule(CONTRIBUTE),
        outcome.ShareCalibration: Rule(CONTRIBUTE, anywhere=True),
        # meetings and tasks
        meeting.PlanMeeting: Rule(CONTRIBUTE),
        meeting.ReviseMeeting: Rule(MANAGE, own=CONTRIBUTE),
        meeting.HoldMeeting: Rule(CONTRIBUTE),
        meeting.RecordMeeting: Rule(CONTRIBUTE),
        meeting.AddMinutes: Rule(CONTRIBUTE),
        meeting.CancelMeeting: Rule(MANAGE, own=CONTRIBUTE),
        task.AssignTask: Rule(CONTRIBUTE),
        task.RescheduleTask: Rule(CONTRIBUTE),
        task.CompleteTask: Rule(CONTRIBUTE),
        task.DropTask: Rule(CONTRIBUTE),
        # features
        feature.ProposeFeature: Rule(CONTRIBUTE),
        feature.DefineFeature: Rule(MANAGE),
        feature.PrioritizeFeature: Rule(MANAGE),
        feature.TargetMilestone: Rule(MANAGE),
        feature.CommitFeature: Rule(MANAGE),
        feature.StartFeature: Rule(MANAGE),
        feature.PauseFeature: Rule(MANAGE),
        feature.ShipFeature: Rule(MANAGE),
        feature.DropFeature: Rule(MANAGE),
        feature.ReopenFeature: Rule(MANAGE),
        feature.LinkFeature: Rule(MANAGE),
        # ownership
        ownership.AssignOwnership: Rule(MANAGE),
        ownership.ReleaseOwnership: Rule(MANAGE),
        ownership.HandOverOwnership: Rule(MANAGE),
        ownership.AcknowledgeOwnership: Rule(CONTRIBUTE),
        ownership.DelegateOwnership: Rule(MANAGE),
        ownership.RevokeDelegation: Rule(MANAGE, own=CONTRIBUTE),  # own: what one gave, or was given, oneself
        delegation.DelegateActions: Rule(CONTRIBUTE, anywhere=True),
        decision_rights.SetDecisionRights: Rule(ADMINISTER),  # rights limit managers, so managers do not set them
        # people and access
        people.RegisterPerson: Rule(MANAGE, anywhere=True),
        people.RegisterTeam: Rule(MANAGE, anywhere=True),
        people.MergePeople: Rule(ADMINISTER, own=MANAGE),  # own: an id of the same transaction
        people.RecordPersonLeft: Rule(ADMINISTER, own=CONTRIBUTE),  # own: oneself
        people.DisbandTeam: Rule(ADMINISTER),
        roles.GrantRole: Rule(ADMINISTER),
        roles.RevokeRole: Rule(ADMINISTER),
        credentials.CreateToken: Rule(ADMINISTER),
        credentials.RevokeToken: Rule(ADMINISTER),
        credentials.CreateSignInLink: Rule(ADMINISTER),
        credentials.ConnectAccount: Rule(ADMINISTER, own=CONTRIBUTE),  # own: that of oneself
        credentials.DisconnectAccount: Rule(ADMINISTER),
        credentials.ChangeNames: Rule(ADMINISTER),
        # any subject
        any_subject.ChangeTitle: Rule(MANAGE),
        any_subject.SetAliases: Rule(MANAGE),
        any_subject.SetAttribute: Rule(MANAGE),
        any_subject.AssignToProducts: Rule(MANAGE),
        any_subject.ConfirmStillValid: Rule(MANAGE),
        any_subject.RemoveSubject: Rule(MANAGE),
        any_subject.RestoreSubject: Rule(MANAGE),
        any_subject.VoidEntry: Rule(ADMINISTER, own=MANAGE),
        any_subject.ImportChanges: Rule(IMPORT),
        any_subject.EraseTexts: Rule(ERASE),
    }
)
"""Who may send each command. A command without a row is refused, and a test fails."""

FOR_ALL_PRODUCTS: Final = frozenset(
    {
        credentials.CreateToken,
        credentials.RevokeToken,
        credentials.CreateSignInLink,
        credentials.ConnectAccount,
        credentials.DisconnectAccount,
        credentials.ChangeNames,
        any_subject.ImportChanges,
        any_subject.EraseTexts,
    }
)
"""Commands that need a role for all products, whatever their subject."""
_SETTING_RIGHTS: Final = ("ProductDefined.", "DecisionRightsSet.")
"""The events that say which decision rights a product has: its line, and its own. Only administrators void them."""
VOIDED_BY_ADMINISTRATORS: Final = ADMINISTERED_KINDS | {"product"}
"""Subjects of these kinds, whose first entry only administrators void, are started again by them alone."""
ROLE_COMMANDS: Final = frozenset(get_args(roles.RoleCommand))
REMOVALS: Final = frozenset({any_subject.RemoveSubject, any_subject.RestoreSubject})


def require_permission(command: Command, context: CommandContext, subjects: Subjects, facts: AccessFacts) -> None:
    """Check that a caller may send a command.

    Raises:
        Forbidden: the scope or a role is missing; the message says which, for what product, and who can grant it.
        Unknown: the caller may not read a subject that the command names.
    """
    rule = RULES.get(type(command))
    action = _needed_action(rule, command, context.actor, subjects) if rule is not None else None
    if facts.limits_reading and not (action is not None and has_own_role_for_all(action, context, subjects)):
        _require_readable(command, context, subjects, facts)
    if rule is None or action is None:
        raise Forbidden(f"no role may send {type(command).__name__}")
    held = HeldRoles(context, subjects, facts, context.now)
    products = _find_all_products(command, subjects)
    if products is None:
        if has_own_role_for_all(action, context, subjects):
            return  # so the products of its subject need not be read
    elif action.scope in context.scopes and held.include_all(action.role, products):
        return
    reason = _judge(action, rule, command, context, held, subjects)
    if reason is None or (rule.own and _judge_own(rule.own, command, context, held, subjects, facts) is None):
        return
    raise Forbidden(reason)


def _require_readable(command: Command, context: CommandContext, subjects: Subjects, facts: AccessFacts) -> None:
    """Check that a caller may read what a command names, unless it needs a role for all products anyway.

    Raises:
        AlreadyExists: it starts a subject again that they may not read.
        Unknown: it names another one that they may not read, or that is not in the log.
    """
    if type(command) in FOR_ALL_PRODUCTS:
        return
    named = referenced_subjects(command)
    if isinstance(command, decision_messages.DeferDecision):  # it can wait for evidence that is recorded later
        named = (each for each in named if not each[0].startswith("awaits") or subjects[each[1]].version)
    require_readable(named, context, subjects, facts)
    restarted = restarted_subject(command, subjects)
    if restarted is None:
        return
    products = readable_products(HeldRoles(context, subjects, facts, context.now))
    lines = _find_former_lines(restarted, command, subjects, context.now)
    if products is not None and any(products.isdisjoint(line) for line in lines):
        raise key_taken_error(restarted)


def _needed_action(rule: Rule, command: Command, actor: str, subjects: Subjects) -> Action:
    """The action of a rule, for administrators if it concerns all people; an import writes with its own scope."""
    action = rule.action
    restarted = restarted_subject(command, subjects)
    if restarted and kind_of(restarted) in VOIDED_BY_ADMINISTRATORS:
        return ADMINISTER
    if command.creates:
        return action if command.source is None else _with_import_scope(action, command)
    if isinstance(command, ownership.AcknowledgeOwnership) and command.on_behalf_of not in (None, actor):
        return ADMINISTER  # people acknowledge a role with their own credentials
    if action is MANAGE:
        kind = kind_of(command.subject_id())
        if kind in ADMINISTERED_KINDS or (kind == "product" and type(command) in REMOVALS):
            return ADMINISTER
    return _with_import_scope(action, command)


def _with_import_scope(action: Action, command: Command) -> Action:
    """A command with a source is part of an import, so the scope `import` replaces `write`."""
    return action._replace(scope=IMPORT_SCOPE) if command.source and action.scope == WRITE_SCOPE else action


def _judge(
    action: Action, rule: Rule, command: Command, context: CommandContext, held: HeldRoles, subjects: Subjects
) -> str | None:
    if (rule.anywhere and action.role == rule.action.role) or _is_unknown(command, subjects):
        return may_anywhere(held, action)
    return may(held, action, lines_of(command, subjects, context.now))


def _is_unknown(command: Command, subjects: Subjects) -> bool:
    """Whether a command is about a subject that is not in the log; it is refused later, for that reason."""
    return not command.creates and type(command) not in FOR_ALL_PRODUCTS and not subjects[command.subject_id()].version


def _judge_own(
    action: Action,
    command: Command,
    context: CommandContext,
    held: HeldRoles,
    subjects: Subjects,
    facts: AccessFacts,
) -> str | None:
    """Judge an action on what the caller recorded, or on themselves."""
    if isinstance(command, people.MergePeople):
        return may_anywhere(held, action) if _is_new(command.subject, subjects, context) else "not new"
    if isinstance(command, people.RecordPersonLeft | credentials.ConnectAccount):
        is_own = subjects.canonical_id(command.subject) == subjects.canonical_id(context.actor)
        return None if is_own and action.scope in context.scopes else "not the caller"
    if isinstance(command, ownership.RevokeDelegation):
        # A rule refuses all but the two who are concerned.
        is_personal = kind_of(command.subject) == "person"
        return may_anywhere(held, action) if is_personal else "not the caller's"
    subject = command.subject_id()
    position = (
        command.position if isinstance(command, any_subject.VoidEntry) else min(subjects[subject].events, default=0)
    )
    entry = subjects[subject].events.get(position)
    if isinstance(command, any_subject.VoidEntry) and entry and entry.type.startswith(_SETTING_RIGHTS):
        return "for administrators"
    if kind_of(subject) in ADMINISTERED_KINDS or facts.recorder_of(position) not in held.ids():
        return "not recorded by the caller"
    return may(held, _with_import_scope(action, command), lines_of(command, subjects, context.now))


def _is_new(person: str, subjects: Subjects, context: CommandContext) -> bool:
    """Whether a person was registered by the same transaction: no one acted under this id or is accountable for it."""
    events = subjects[person].events
    return len(events) == 1 and min(events) > context.preceding


def lines_of(command: Command, subjects: Subjects, now: int) -> Iterable[Line]:
    """Return the products that a command touches, each with the lines it belongs to."""
    products = _find_all_products(command, subjects)
    if products is not None:
        return find_lines(products, subjects, now)
    named = _find_named_products(command)
    lines = {*find_lines(named, subjects, now)} if named or command.creates else set()
    restarted = restarted_subject(command, subjects)
    if restarted:
        lines.update(_find_former_lines(restarted, command, subjects, now))
    return lines.union(*(lines_of_subject(subject, subjects, now) for subject in changed_subjects(command)))


def _find_former_lines(restarted: str, command: Command, subjects: Subjects, now: int) -> Iterable[Line]:
    """Return the lines of a subject that a command starts again: by the products that it has, and had before."""
    former = restarted_products(command, subjects)
    if kind_of(restarted) == "product":
        return [(restarted, *line) for line in find_lines(former, subjects, now)]
    return find_lines((*subjects[restarted].subjects_at("products", now), *former), subjects, now)


def _find_all_products(command: Command, subjects: Subjects) -> tuple[str, ...] | None:
    """Return the products that a command touches, none for all of them; None if those of a subject are among them."""
    if type(command) in ROLE_COMMANDS or type(command) in FOR_ALL_PRODUCTS:
        return _find_named_products(command)
    is_about_subjects = changed_subjects(command) or restarted_subject(command, subjects)
    return None if is_about_subjects else _find_named_products(command)


def _find_named_products(command: Command) -> tuple[str, ...]:
    """Return the products that a command names; none for all of them."""
    if type(command) in FOR_ALL_PRODUCTS:
        return ()
    if type(command) in ROLE_COMMANDS:
        return (command.product,) if command.product else ()  # type: ignore[attr-defined]
    if type(command) is product.DefineProduct:
        return (command.line,) if command.line else ()
    return tuple(getattr(command, "products", None) or ())
