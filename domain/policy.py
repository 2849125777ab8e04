"""The access policy: one function that says whether a caller may do something, or why not.

An action needs a *scope* of the token and a *role* of its holder, for every product it touches. A subject without
products, such as a person or the log, needs the role for all products. `RULES` has a row for each command.

Access is judged by what the log says now: the roles of the caller, of the people they were merged into, of their teams
and of their groups. Everything is read through `Subjects`, so a command is decided again if a grant that it rests on
was revoked in the meantime.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol, get_args

from domain import (
    any_subject,
    assumption,
    credentials,
    decision,
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
from domain.credentials import LOCAL_CREDENTIAL
from domain.errors import Forbidden
from domain.fields import Subjects, SubjectState
from domain.ids import LOG_SERVICE
from domain.messages import Command, CommandContext
from domain.references import referenced_subjects, unknown_error
from domain.roles import ADMIN, AUDITOR, CONTRIBUTOR, MANAGER, VIEWER, Grant
from domain.scopes import ADMIN_SCOPE, ERASE_SCOPE, IMPORT_SCOPE, READ_SCOPE, WRITE_SCOPE
from domain.values import MAX_INTEGER, kind_of


class Action(NamedTuple):
    """What one may do, the scope it needs, and the least role that may do it."""

    verb: str
    scope: str
    role: str


READ: Final = Action("read", READ_SCOPE, VIEWER)
AUDIT: Final = Action("read the access journal", READ_SCOPE, AUDITOR)
CONTRIBUTE: Final = Action("contribute", WRITE_SCOPE, CONTRIBUTOR)
MANAGE: Final = Action("decide and change", WRITE_SCOPE, MANAGER)
ADMINISTER: Final = Action("administer", ADMIN_SCOPE, ADMIN)
IMPORT: Final = Action("import", IMPORT_SCOPE, ADMIN)
ERASE: Final = Action("erase text", ERASE_SCOPE, ADMIN)


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
        decision.ProposeDecision: Rule(CONTRIBUTE),
        decision.ReviseDecision: Rule(MANAGE, own=CONTRIBUTE),
        decision.AdviseOnDecision: Rule(CONTRIBUTE),
        decision.DissentFromDecision: Rule(CONTRIBUTE),
        decision.ApproveDecision: Rule(CONTRIBUTE),
        decision.AbstainFromDecision: Rule(CONTRIBUTE),
        decision.AcceptDecision: Rule(MANAGE),
        decision.RecordDecision: Rule(MANAGE),
        decision.RejectDecision: Rule(MANAGE),
        decision.DeferDecision: Rule(MANAGE),
        decision.WithdrawDecision: Rule(MANAGE, own=CONTRIBUTE),
        decision.ReopenDecision: Rule(MANAGE),
        decision.SupersedeDecision: Rule(MANAGE),
        decision.ReverseDecision: Rule(MANAGE),
        decision.ConfirmDecision: Rule(CONTRIBUTE),
        decision.RatifyDecision: Rule(MANAGE),
        decision.ReviewReasoning: Rule(CONTRIBUTE),
        decision.ReviewDecision: Rule(MANAGE),
        decision.LinkDecision: Rule(MANAGE),
        decision.JudgeChoice: Rule(MANAGE),
        decision.CheckConstraint: Rule(CONTRIBUTE),
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
ROLE_COMMANDS: Final = frozenset(get_args(roles.RoleCommand))
REMOVALS: Final = frozenset({any_subject.RemoveSubject, any_subject.RestoreSubject})

ADMINISTERED_KINDS: Final = frozenset({"person", "team", "service", "group", "log"})
"""Only administrators change subjects of these kinds, which concern everybody."""


OPEN_KINDS: Final = ADMINISTERED_KINDS
"""Subjects of these kinds are readable with any role that reads."""
ACCOUNT_EVENTS: Final = (credentials.AccountConnected, credentials.AccountDisconnected)
"""Events whose data, an account at a provider, only auditors, administrators and its person may read."""
CONFIDENTIAL_EVENTS: Final = (roles.RoleGranted, roles.RoleRevoked, *ACCOUNT_EVENTS)
"""Events hidden from readers who may read only some products: who has which role and which sign-in account."""


class Evidence(Protocol):
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

    def __init__(
        self, principal: Principal | CommandContext, subjects: Mapping[str, SubjectState], evidence: Evidence, now: int
    ) -> None:
        """Read grants through `subjects`, when a question needs them. The context of a command names its caller."""
        self.principal = principal
        self._subjects = subjects
        self.evidence = evidence
        self._now = now

    def include(self, role: str, line: Line) -> bool:
        """Return whether a role, or one that includes it, is held for a product."""
        return self._holds(role, line)

    def include_all(self, role: str, products: tuple[str, ...]) -> bool:
        """Return whether the caller holds a role, or one that includes it, for each of the products; if none, for all."""
        found_roles = self.evidence.found_roles
        question: RoleQuestion = (self.principal.actor, self.principal.groups, role, products, OF_PRODUCTS)
        if found_roles.find(question, self._subjects, self._now) is not None:
            return True
        states: list[SubjectState] = []
        for line in _lines(products, self._subjects, self._now):
            grounds = self._find_grounds(role, line)
            if grounds is None:
                return False
            states += (*(self._subjects[each] for each in line), *grounds)
        found_roles.add(question, states, self._now)
        return True

    def include_anywhere(self, role: str) -> bool:
        """Return whether a role, or one that includes it, is held for any product."""
        return self._holds(role, None)

    def _holds(self, role: str, line: Line | None) -> bool:
        if self._find_grounds(role, line) is not None:
            return True
        # The default role is that of callers who hold no other.
        return self.evidence.default_role in roles.SATISFIED_BY[role] and not any(True for _ in self.grants())

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
        if known := self.evidence.found_roles.find(question, self._subjects, self._now):
            return known
        for holder in self._others():
            if _is_granted(holder, role, line):
                states = (*(self._subjects[each] for each in self.ids()), holder)
                self.evidence.found_roles.add(question, states, self._now)
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
        for team in sorted(self.evidence.teams_with_roles()):
            if roles.is_member(self._subjects[team], ids, self._now):
                yield self._subjects[team]


def _is_local(principal: Principal | CommandContext) -> bool:
    """Whether a caller works on the log's own machine, or is the log itself: they are administrators."""
    return principal.credential == LOCAL_CREDENTIAL or principal.actor == LOG_SERVICE


def _is_granted(holder: SubjectState, role: str, line: Line | None) -> bool:
    return roles.has_any_grant(holder, role) if line is None else roles.is_granted(holder, role, line)


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


def readable_products(held: HeldRoles) -> frozenset[str] | None:
    """Return the products that a caller may read, each with those of its line; None if they may read everything."""
    if not held.evidence.limits_reading or held.include(VIEWER, NO_PRODUCT):
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


def _explain(principal: Principal | CommandContext, action: Action, where: str) -> str:
    option = f" --product {where.partition(':')[2]}" if ":" in where else ""
    return (
        f"to {action.verb}, {principal.actor} needs the role `{action.role}` for {where}; an administrator can grant "
        f"it: `decisionlog role grant {principal.actor} {action.role}{option}`"
    )


# Commands ------------------------------------------------------------------------------------------------------------


def require_permission(command: Command, context: CommandContext, subjects: Subjects, evidence: Evidence) -> None:
    """Check that a caller may send a command.

    Raises:
        Forbidden: the scope or a role is missing; the message says which, for what product, and who can grant it.
        Unknown: the caller may not read a subject that the command names.
    """
    rule = RULES.get(type(command))
    action = _needed_action(rule, command, context.actor) if rule is not None else None
    if action is not None and _has_own_role_for_all(action, context, subjects):
        return  # nearly every command, so that its products need not be read; who has it reads every product
    if evidence.limits_reading:
        require_readable(referenced_subjects(command), context, subjects, evidence)
    if rule is None or action is None:
        raise Forbidden(f"no role may send {type(command).__name__}")
    held = HeldRoles(context, subjects, evidence, context.now)
    reason = _judge(action, rule, command, context, held, subjects)
    if reason is None or (rule.own and _judge_own(rule.own, command, context, held, subjects, evidence) is None):
        return
    raise Forbidden(reason)


def require_readable(
    named: Iterable[tuple[str, str]], context: CommandContext, subjects: Subjects, evidence: Evidence
) -> None:
    """Check that a caller may read subjects, given as fields and ids: one they may not read does not exist for them.

    Raises:
        Unknown: as if the log had no such subject.
    """
    if not evidence.limits_reading:
        return
    products = readable_products(HeldRoles(context, subjects, evidence, context.now))
    for field, subject in named if products is not None else ():
        if subjects[subject].version and not is_readable(subject, products, subjects, context.now):
            raise unknown_error(field, subject)


def _has_own_role_for_all(action: Action, context: CommandContext, subjects: Subjects) -> bool:
    """Return whether a caller may do an action on all products without being merged, or in a group or team."""
    if action.scope not in context.scopes:
        return False
    return _is_local(context) or roles.is_granted(subjects[context.actor], action.role, NO_PRODUCT)


def _needed_action(rule: Rule, command: Command, actor: str) -> Action:
    """The action of a rule, for administrators if it concerns everybody; an import writes with its own scope."""
    action = rule.action
    if command.creates:
        return _with_import_scope(action, command)
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
    products = _find_named_products(command)
    if products is not None and action.scope in held.principal.scopes and held.include_all(action.role, products):
        return None
    if rule.anywhere or _is_unknown(command, subjects):
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
    evidence: Evidence,
) -> str | None:
    """Judge an action on what the caller recorded, or on themselves."""
    if isinstance(command, people.MergePeople):
        return may_anywhere(held, action) if _is_new(command.subject, subjects, evidence) else "not new"
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
    if kind_of(subject) in ADMINISTERED_KINDS or evidence.recorder_of(position) not in held.ids():
        return "not recorded by the caller"
    return may(held, _with_import_scope(action, command), lines_of(command, subjects, context.now))


def _is_new(person: str, subjects: Subjects, evidence: Evidence) -> bool:
    """Whether a person was registered by the same transaction: nobody acted under this id, or is accountable for it."""
    events = subjects[person].events
    return len(events) == 1 and evidence.recorder_of(min(events)) is None


def lines_of(command: Command, subjects: Subjects, now: int) -> Iterable[Line]:
    """Return the products that a command touches, each with the lines it belongs to."""
    products = _find_named_products(command)
    if products is not None:
        return _lines(products, subjects, now)
    named = getattr(command, "products", ())
    written = [*getattr(command, "supersedes", ())]
    if not command.creates:
        written.append(command.subject_id())
    lines = _lines(named, subjects, now) if named or command.creates else ()
    return {*lines}.union(*(lines_of_subject(subject, subjects, now) for subject in written))


def _find_named_products(command: Command) -> tuple[str, ...] | None:
    """Return the products that a command names, none for all of them; None if it also touches those of a subject."""
    if type(command) in FOR_ALL_PRODUCTS:
        return ()
    if type(command) in ROLE_COMMANDS:
        return (command.product,) if command.product else ()  # type: ignore[attr-defined]
    if type(command) is product.DefineProduct:
        return (command.line,) if command.line else ()
    superseded: tuple[str, ...] = getattr(command, "supersedes", ())
    if superseded or not command.creates:
        return None
    return tuple(getattr(command, "products", None) or ())


def lines_of_subject(subject: str, subjects: Mapping[str, SubjectState], now: int) -> Iterable[Line]:
    """Return the products that a subject belongs to, each with its lines."""
    if kind_of(subject) == "product":
        return _lines([subject], subjects, now)
    return _lines(subjects[subject].subjects_at("products", now), subjects, now)


def _lines(products: Collection[str], subjects: Mapping[str, SubjectState], now: int) -> Iterable[Line]:
    if not products:
        return (NO_PRODUCT,)
    return [roles.line_of(each, subjects.__getitem__, now) for each in products]
