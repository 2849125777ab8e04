"""The access policy: who may do what, for which products, and what the refusal says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from domain import catalog, credentials, policy, roles
from domain.any_subject import AssignToProducts, ImportChanges, ImportedChange, RemoveSubject, SubjectRemoved, VoidEntry
from domain.decision_messages import AcceptDecision, DecisionProposed, ProposeDecision, RecordDecision, ReviseDecision
from domain.decision_rights import DecisionRightsSet
from domain.errors import Forbidden, NothingChanges, Refused
from domain.feature import FeatureProposed, PrioritizeFeature
from domain.fields import Subjects
from domain.held_roles import FoundRoles
from domain.messages import Command, CommandContext, Source
from domain.ownership import AssignOwnership, HandOverOwnership, OwnershipAssigned
from domain.people import MergePeople, PersonMerged, PersonRegistered, RecordPersonLeft, RegisterPerson, TeamRegistered
from domain.product import DefineProduct, ProductDefined, SetVision, VisionSet
from domain.roles import GrantRole, RevokeRole, RoleGranted, RoleRevoked
from domain.scopes import DEFAULT_SCOPES, SCOPES
from tests.support_story import TODAY, Story, day, fact, given

EVERYTHING = frozenset(SCOPES)
LINE = (
    fact("product:line", ProductDefined(title="Line")),
    fact("product:in-line", ProductDefined(title="In line", line="product:line")),
    fact("feature:card", FeatureProposed(title="Card", products=("product:in-line",))),
    fact("decision:tea", DecisionProposed(title="Tea", products=("product:shop", "product:in-line"))),
    fact("decision:none", DecisionProposed(title="No product")),
)


@dataclass
class Log:
    """What the policy reads besides subjects."""

    default_role: str | None = None
    limits_reading: bool = False
    recorders: tuple[str, ...] = ()
    found_roles: FoundRoles = field(default_factory=FoundRoles)

    def teams_with_roles(self) -> Iterable[str]:
        return ["team:core"]

    def recorder_of(self, position: int) -> str | None:
        return dict(enumerate(self.recorders, start=1)).get(position, "person:someone")


def judge(
    story: Story,
    command: Command,
    *,
    actor: str = "person:ann",
    scopes: Iterable[str] = EVERYTHING,
    log: Log | None = None,
    **context: object,
) -> str:
    """Return why a command is refused; empty if it is allowed."""
    circumstances = CommandContext(day(TODAY), day(TODAY), actor, actor, frozenset(scopes), **context)  # type: ignore[arg-type]
    try:
        policy.require_permission(command, circumstances, Subjects(story.state, lambda _: ()), log or Log())
    except Forbidden as refused:
        return refused.detail
    return ""


def holding(role: str, product: str | None = None, *, holder: str = "person:ann") -> Story:
    return given(*LINE, fact(holder, RoleGranted(role=role, product=product)))


PROPOSE = ProposeDecision(key="new", title="New", products=("product:shop",))
RECORD = RecordDecision(
    key="new", title="New", decision="Yes.", why="So.", accountable="person:ann", products=("product:shop",)
)
PRIORITIZE = PrioritizeFeature(subject="feature:card", horizon="now")


def test_every_command_has_a_rule():
    """Each command of the catalog, and each internal one, has exactly one row, and no row is left over."""
    internal = {credentials.CreateToken, credentials.CreateSignInLink, credentials.RevokeToken, credentials.ChangeNames}
    internal |= {credentials.ConnectAccount, credentials.DisconnectAccount}
    assert set(policy.RULES) == {*catalog.COMMANDS.values(), *internal}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", []),
        ("auditor", []),
        ("contributor", [PROPOSE]),
        ("manager", [PROPOSE, RECORD, PRIORITIZE]),
        ("admin", [PROPOSE, RECORD, PRIORITIZE, GrantRole(subject="person:bob", role="viewer")]),
    ],
)
def test_a_role_allows_what_the_roles_below_it_allow(role: str, allowed: list[Command]):
    """Viewers and auditors record nothing, contributors propose, managers decide, administrators grant roles."""
    commands = [PROPOSE, RECORD, PRIORITIZE, GrantRole(subject="person:bob", role="viewer")]
    assert [each for each in commands if not judge(holding(role), each)] == allowed


def test_without_a_role_nothing_is_allowed():
    """A caller to whom no role was granted records nothing, unless callers have a default role."""
    assert "need the role `contributor` for product:shop" in judge(given(*LINE), PROPOSE)
    assert not judge(given(*LINE), PROPOSE, log=Log(default_role="contributor"))
    assert judge(given(*LINE), RECORD, log=Log(default_role="contributor"))


def test_the_default_role_is_for_those_who_hold_none():
    """Who was granted any role, for any product, does not have the default role."""
    story = holding("viewer", "product:line")
    assert judge(story, PROPOSE, log=Log(default_role="manager"))


def test_a_refusal_names_the_role_the_product_and_the_remedy():
    """A sentence says which role is missing for which product, and the command by which an administrator grants it."""
    assert judge(holding("viewer"), RECORD) == (
        "to decide and change, you need the role `manager` for product:shop; an administrator can grant it: "
        "`decisionlog role grant person:ann manager --product shop`"
    )


def test_a_token_never_exceeds_its_scopes():
    """An administrator with a token that only reads records nothing; a source needs the scope `import` in place of `write`."""
    story = holding("admin")
    assert judge(story, RECORD, scopes={"read"}) == "your token does not have the scope `write`"
    assert judge(story, GrantRole(subject="person:bob", role="viewer"), scopes=DEFAULT_SCOPES)
    register = RegisterPerson(key="cas", name="Cas")  # a role for any product is enough
    manager = holding("manager", "product:shop")
    assert judge(manager, register, scopes={"read"}) == "your token does not have the scope `write`"
    assert not judge(manager, register)
    sourced = RECORD.model_copy(update={"source": Source(system="jira")})
    assert not judge(story, sourced, scopes={"import"})
    assert judge(story, sourced, scopes=DEFAULT_SCOPES)


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_a_scope_without_a_role_allows_nothing(scope: str):
    """A token of a contributor with every scope neither imports, nor erases, nor administers."""
    change = ImportChanges(
        subject="feature:x", changes=(ImportedChange(field="exists", value=True),), source=Source(system="jira")
    )
    for command in (change, MergePeople(subject="person:bob", into="person:ann"), RECORD):
        assert judge(holding("contributor"), command, scopes={scope, "write"})


def test_a_role_for_a_line_covers_its_products():
    """A role for a product line is good for the products of the line, and a role for one product not for the line."""
    assert not judge(holding("manager", "product:line"), PRIORITIZE)
    assert judge(holding("manager", "product:shop"), PRIORITIZE)
    assert judge(holding("manager", "product:in-line"), SetVision(subject="product:line", vision="V."))


def test_a_command_on_several_products_needs_the_role_for_all():
    """Accepting a decision of two products needs the role for both, and moving a feature for the old and the new."""
    accept = AcceptDecision(subject="decision:tea", deciders=("person:ann",))
    move = AssignToProducts(subject="feature:card", products=("product:shop",))
    for command in (accept, move):
        assert "product:in-line" in judge(holding("manager", "product:shop"), command)
        assert "product:shop" in judge(holding("manager", "product:in-line"), command)
        both = given(
            *LINE,
            fact("person:ann", RoleGranted(role="manager", product="product:shop")),
            fact("person:ann", RoleGranted(role="manager", product="product:line")),
        )
        assert not judge(both, command)


def test_superseding_needs_the_role_on_what_is_superseded():
    """A recorded decision that supersedes one of another product needs the role for that product too."""
    command = RECORD.model_copy(update={"supersedes": ("decision:tea",)})
    assert "product:in-line" in judge(holding("manager", "product:shop"), command)


@pytest.mark.parametrize(
    "command",
    [
        ProposeDecision(key="new", title="New"),
        ReviseDecision(subject="decision:none", why="W."),
        DefineProduct(key="p", title="P"),
    ],
)
def test_what_has_no_product_needs_a_role_for_all_products(command: Command):
    """A manager of one product does not change what belongs to no product."""
    assert "for all products" in judge(holding("manager", "product:shop"), command)
    assert not judge(holding("manager"), command)


@pytest.mark.parametrize(
    "command",
    [
        MergePeople(subject="person:bob", into="person:ann"),
        RecordPersonLeft(subject="person:bob"),
        RemoveSubject(subject="person:bob", why="W."),
        RemoveSubject(subject="product:shop", why="W."),
        VoidEntry(subject="decision:tea", position=8, why="W."),
        AssignOwnership(subject="team:core", role="member", holders=("person:ann",)),
        GrantRole(subject="person:ann", role="admin"),
    ],
)
def test_what_concerns_everybody_needs_an_administrator(command: Command):
    """Merging people, ending somebody's time, removing products, voiding, teams and roles are for administrators."""
    assert "`admin`" in judge(holding("manager"), command)
    assert judge(holding("admin"), command, scopes=DEFAULT_SCOPES) == "your token does not have the scope `admin`"
    assert not judge(holding("admin"), command)


def test_people_undo_what_they_recorded_themselves():
    """Managers void their own entries, contributors revise their own proposals, and people record that they left."""
    ann = Log(recorders=("person:ann",) * 20)
    void = VoidEntry(subject="decision:tea", position=8, why="W.")
    revise = ReviseDecision(subject="decision:tea", why="W.")
    assert not judge(holding("manager"), void, log=ann)
    assert judge(holding("contributor"), void, log=ann)
    assert not judge(holding("contributor"), revise, log=ann)
    assert judge(holding("contributor"), revise)
    assert not judge(holding("viewer"), RecordPersonLeft(subject="person:ann"), scopes={"write"})
    assert judge(holding("viewer"), RecordPersonLeft(subject="person:ann"), scopes={"read"})


def test_what_sets_decision_rights_is_voided_by_administrators():
    """A manager does not void the line or the rights of a product, even if they recorded them; rights limit managers."""
    ann = Log(recorders=("person:ann",) * 20)
    story = given(
        *LINE,
        fact("person:ann", RoleGranted(role="manager")),
        fact("product:shop", DecisionRightsSet(rules=())),
        fact("product:shop", VisionSet(vision="V.")),
    )
    defined, *_, rights, vision = story.state("product:shop").events
    for position in (defined, rights):
        assert "`admin`" in judge(story, VoidEntry(subject="product:shop", position=position, why="W."), log=ann)
    assert not judge(story, VoidEntry(subject="product:shop", position=vision, why="W."), log=ann)


def test_a_manager_merges_only_an_id_of_the_same_transaction():
    """A new spelling of a known person arrives as a new id that is merged at once; other merges are for administrators."""
    story = given(fact("person:ann", RoleGranted(role="manager")), fact("person:new", PersonRegistered()))
    merge = MergePeople(subject="person:new", into="person:bob")
    assert judge(story, merge)
    assert not judge(story, merge, preceding=5)
    assert judge(story, merge, preceding=6)


def test_an_administrator_of_a_product_grants_roles_for_it_only():
    """A role is granted by administrators of its product, or of all products."""
    story = holding("admin", "product:line")
    assert not judge(story, GrantRole(subject="person:bob", role="manager", product="product:in-line"))
    assert judge(story, GrantRole(subject="person:bob", role="manager", product="product:shop"))
    assert judge(story, GrantRole(subject="person:bob", role="viewer"))


def test_members_of_a_team_and_of_a_group_have_its_roles():
    """Roles of a team count for its members, and those of a group for people who signed in with it, and only for them."""
    team = [
        *LINE,
        fact("team:core", TeamRegistered(title="Core")),
        fact("team:core", RoleGranted(role="manager")),
        fact("team:core", OwnershipAssigned(role="member", holders=("person:ann",))),
    ]
    assert not judge(given(*team), RECORD)
    assert judge(given(*team), RECORD, actor="person:bob")
    removed = given(*team, fact("team:core", SubjectRemoved(why="It ended.")))
    assert judge(removed, RECORD)
    group = holding("manager", holder="group:pms")
    assert not judge(group, RECORD, groups=frozenset({"group:pms"}))
    assert judge(group, RECORD, groups=frozenset({"group:others"}))


def test_merged_people_keep_the_roles_of_the_id_they_were_merged_into():
    """A role is held under each id that was merged into its holder, but not the other way around."""
    story = given(
        *LINE,
        fact("person:alt", PersonRegistered()),
        fact("person:alt", PersonMerged(into="person:ann")),
        fact("person:ann", RoleGranted(role="manager")),
    )
    assert not judge(story, RECORD, actor="person:alt")
    only_alt = given(
        *LINE, fact("person:bob", PersonMerged(into="person:ann")), fact("person:bob", RoleGranted(role="manager"))
    )
    assert judge(only_alt, RECORD, actor="person:ann")


def test_a_revoked_role_counts_no_more():
    """After a revocation the role is gone, and granting it again restores it."""
    revoked = given(
        *LINE, fact("person:ann", RoleGranted(role="manager")), fact("person:ann", RoleRevoked(role="manager"))
    )
    assert judge(revoked, RECORD)
    regranted = revoked.when(GrantRole(subject="person:ann", role="manager")).recorded()
    assert not judge(regranted, RECORD)


def test_the_local_owner_is_an_administrator_within_the_scopes():
    """A caller with the key of the log's own machine needs no role, and no more than their scopes."""
    assert not judge(given(*LINE), GrantRole(subject="person:bob", role="admin"), credential="local")
    assert judge(given(*LINE), GrantRole(subject="person:bob", role="admin"), credential="local", scopes=DEFAULT_SCOPES)


def test_a_manager_of_any_product_registers_people():
    """People and teams belong to no product; a manager of any product registers them."""
    assert not judge(holding("manager", "product:shop"), RegisterPerson(key="eve", name="Eve"))
    assert judge(holding("contributor"), RegisterPerson(key="eve", name="Eve"))


def test_an_administrator_of_one_product_makes_no_token_for_a_service_that_is_not_registered():
    """A token needs the role `admin` for all products, also if the log has no entry of its holder yet."""
    command = credentials.CreateToken(subject="service:new", token="t")
    assert "need the role `admin` for all products" in judge(holding("admin", "product:shop"), command)
    assert not judge(holding("admin"), command)


def test_an_unknown_subject_is_refused_as_such_only_with_a_role():
    """Who has the role for some product learns that a subject is unknown; who has none learns nothing."""
    command = HandOverOwnership(subject="decision:unknown", to="person:bob")
    assert not judge(holding("manager", "product:shop"), command)
    assert judge(given(), command)


def test_every_changed_subject_was_judged():
    """The subjects that a command changes are among those for which the policy looks up products."""
    story = given(*LINE, fact("decision:old", DecisionProposed(title="Old", products=("product:in-line",)))).when(
        AcceptDecision(subject="decision:old")
    )
    command = RECORD.model_copy(update={"supersedes": ("decision:old",)})
    drafts = story.recorded().when(command).drafts
    assert {draft.subject for draft in drafts} == {"decision:new", "decision:old"}
    products = {line[0] for line in policy.lines_of(command, Subjects(story.story.state, lambda _: ()), day(TODAY))}
    assert products == {"product:shop", "product:in-line"}


# Granting ------------------------------------------------------------------------------------------------------------


def test_a_grant_is_a_field_of_its_holder():
    """A grant for a product references the product, so that a product's roles can be listed."""
    story = given().when(
        GrantRole(subject="person:ann", role="manager", product="product:shop"),
        GrantRole(subject="service:ci", role="viewer"),
    )
    recorded = story.then(
        fact("person:ann", RoleGranted(role="manager", product="product:shop")),
        fact("service:ci", RoleGranted(role="viewer")),
    )
    assert recorded.value("person:ann", "access.manager.shop") == "product:shop"
    assert list(roles.grants_of(recorded.state("service:ci"))) == [("viewer", None)]


@pytest.mark.parametrize("command", [GrantRole, RevokeRole])
def test_roles_are_not_backdated(command: type[Command]):
    """A role is granted and revoked from now on: an earlier date would change who was allowed to act."""
    early = command.model_validate({"subject": "person:ann", "role": "viewer", "effective_at": "2025-01-02"})
    outcome = given().when(early)
    assert isinstance(outcome.refusal, Refused)
    assert outcome.refusal.field == "effective_at"


def test_a_repeated_grant_changes_nothing():
    """Granting a role twice is refused, and so is revoking one that is not held."""
    held = given(fact("person:ann", RoleGranted(role="viewer")))
    held.when(GrantRole(subject="person:ann", role="viewer")).refused(NothingChanges, "role")
    held.when(RevokeRole(subject="person:ann", role="manager")).refused(NothingChanges, "role")
