"""Access: who may act on the log at all. What they may do is decided by `domain.policy`.

Access comes from *tokens*, each held by a person or a service, with some scopes, from the *sessions* of people who
signed in with a browser, and from *local owners*: the people on whose behalf commands run on the log's own machine. The
rules receive them as `Access` and look up everything else in the subjects:

* A person who has left, was removed, or was merged into a person who has left or was removed, cannot act.
* A local owner cannot be locked out, and neither can the last administrator.
* Losing the ability to act revokes a person's tokens permanently and ends their sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, NamedTuple, assert_never, get_args

from pydantic import Field, StringConstraints

from domain.errors import Forbidden, Malformed, NotAllowed, NothingChanges, unknown_subject
from domain.fields import EXISTS, MERGED_INTO, STATUS, Subjects, SubjectState
from domain.ids import LOG_SERVICE
from domain.messages import Command, CommandContext, Draft, Event
from domain.people import INACTIVE_STATUSES, PersonRegistered
from domain.roles import ADMIN, MEMBERSHIP_FIELDS, grants_of, holds, is_member, merge_path, revokes_administrator
from domain.scopes import ADMIN_SCOPE, SCOPES, has_scope
from domain.values import KEY_PATTERN, MAX_INTEGER, Code, Line, StringKind, Timestamp, kind_of, to_micros

LOCAL_CREDENTIAL: Final = "local"
"""The credential of a command that runs as a local owner, signed in with the key file of the log's own machine."""
IDENTITY_FIELDS: Final = frozenset({EXISTS, STATUS, MERGED_INTO})
"""The fields that decide whether a person or service may act, and under which id."""

PersonId = Annotated[str, StringKind.SUBJECT, StringConstraints(pattern=rf"^person:{KEY_PATTERN}$")]
HolderId = Annotated[str, StringKind.SUBJECT, StringConstraints(pattern=rf"^(?:person|service):{KEY_PATTERN}$")]


class CreateToken(Command):
    """Create a token for a person or a service. Internal: the secret is stored outside the log."""

    type: Literal["CreateToken"] = "CreateToken"
    subject: HolderId
    token: Code
    scopes: tuple[Code, ...] = ()
    expires_at: Timestamp | None = None


class TokenCreated(Event):
    """A token was created for a person or a service."""

    token: Code
    scopes: tuple[Code, ...] = ()
    expires_at: Timestamp | None = Field(None, description="When it expires; absent if it never does.")


class RevokeToken(Command):
    """Revoke a token. Internal."""

    type: Literal["RevokeToken"] = "RevokeToken"
    subject: HolderId
    token: Code


class TokenRevoked(Event):
    """A token was revoked, by an administrator or because its holder left."""

    token: Code
    reason: Literal["revoked", "left"]


class CreateSignInLink(Command):
    """Create a one-time link with which a person signs in to the pages. Internal: its code is stored outside the log."""

    type: Literal["CreateSignInLink"] = "CreateSignInLink"
    subject: PersonId
    expires_at: Timestamp


class SignInLinkCreated(Event):
    """A one-time link was created with which a person can sign in to the pages."""

    expires_at: Timestamp = Field(description="When it expires.")


class ConnectAccount(Command):
    """Connect an account at an OpenID provider to a person. Internal: accounts are looked up in tables outside the log."""

    type: Literal["ConnectAccount"] = "ConnectAccount"
    subject: PersonId
    issuer: Line
    account: Line


class AccountConnected(Event):
    """An account at an OpenID provider was connected to a person, who can sign in with it from then on."""

    issuer: Line = Field(description="The issuer of the provider.")
    account: Line = Field(description="The subject identifier of the account at the provider.")


class DisconnectAccount(Command):
    """Disconnect an account at an OpenID provider from its person. Internal."""

    type: Literal["DisconnectAccount"] = "DisconnectAccount"
    subject: PersonId
    issuer: Line
    account: Line


class AccountDisconnected(Event):
    """An account at an OpenID provider was disconnected from a person, who can no longer sign in with it."""

    issuer: Line = Field(description="The issuer of the provider.")
    account: Line = Field(description="The subject identifier of the account at the provider.")


class ChangeNames(Command):
    """Change the names of a person or a service. Internal: names are stored in the directory, outside the log."""

    type: Literal["ChangeNames"] = "ChangeNames"
    subject: HolderId
    change: Literal["added", "renamed", "moved", "erased"]


class NamesChanged(Event):
    """The names of a person or a service were changed in the directory; the names themselves are not recorded."""

    change: Literal["added", "renamed", "moved", "erased"] = Field(
        description="`added`: a name was added; `renamed`: the displayed name changed; `moved`: a name was moved to or "
        "from another person; `erased`: names were erased."
    )


AccessCommand = CreateToken | RevokeToken | CreateSignInLink | ConnectAccount | DisconnectAccount | ChangeNames
AccessEvent = TokenCreated | TokenRevoked | SignInLinkCreated | AccountConnected | AccountDisconnected | NamesChanged


class ActiveToken(NamedTuple):
    """A token that has not been revoked."""

    id: str
    holder: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Access:
    """Who has access to the log: active tokens, local owners, the role of callers who hold none, people with sessions.

    `teams` are at least all teams that hold a role.
    """

    tokens: tuple[ActiveToken, ...] = ()
    owners: frozenset[str] = frozenset()
    default_role: str | None = None
    sessions: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()


# Who may act ---------------------------------------------------------------------------------------------------------


def is_active(holder: str, fetch: Callable[[str], SubjectState]) -> bool:
    """Return whether a person or service may act: no id they are merged into has left or was removed."""
    return all(_is_present(fetch(one)) for one in merge_path(holder, fetch))


def _is_present(state: SubjectState) -> bool:
    if not state.version:  # a service does not have to be registered
        return True
    # None of these fields has a period, so the value at the end of time is the value now.
    if state.value_at(STATUS, MAX_INTEGER) in INACTIVE_STATUSES:
        return False
    exists = state.value_at(EXISTS, MAX_INTEGER)
    return exists is not False if kind_of(state.subject) == "service" else exists is True


# Who may change whom -------------------------------------------------------------------------------------------------


_NO_IDENTITY_CHANGES: Final = (PersonRegistered, *get_args(AccessEvent))


def changes_identity(draft: Draft, subjects: Subjects) -> bool:
    """Return whether an event may affect who can act: a person or service leaves, returns, is merged or removed, an
    administrator loses that role, or a team of administrators changes its members or ends.
    """
    kind = kind_of(draft.subject)
    if revokes_administrator(draft.event):
        return True
    if kind == "team" and holds(subjects[draft.subject], ADMIN):
        fields: Collection[str] = MEMBERSHIP_FIELDS
    elif kind in ("person", "service") and not isinstance(draft.event, _NO_IDENTITY_CHANGES):
        fields = IDENTITY_FIELDS
    else:
        return False
    return draft.event.voided_position() is not None or any(
        change.field in fields for change in draft.event.field_changes()
    )


@dataclass(frozen=True, slots=True)
class AccessSummary:
    """Who could act before a change: each active local owner with their canonical id, and whether there is an admin.

    A *lasting* administrator is one whose memberships do not end by themselves.
    """

    owners: tuple[tuple[str, str], ...]
    has_administrator: bool
    has_lasting_administrator: bool


def summarize_access(subjects: Subjects, access: Access, now: int) -> AccessSummary:
    """Return who can act now."""
    owners = (
        (owner, subjects.canonical_id(owner))
        for owner in sorted(access.owners)
        if is_active(owner, subjects.__getitem__)
    )
    return AccessSummary(tuple(owners), *(_has_administrator(access, subjects, at) for at in (now, MAX_INTEGER)))


def _has_administrator(access: Access, subjects: Subjects, at: int) -> bool:
    """Return whether a token with the scope `admin` belongs to an active administrator, with the members of a time."""
    return any(
        ADMIN_SCOPE in token.scopes
        and is_active(token.holder, subjects.__getitem__)
        and _is_administrator(token.holder, access, subjects, at)
        for token in access.tokens
    )


def _is_administrator(holder: str, access: Access, subjects: Subjects, at: int) -> bool:
    """Return whether the holder of a token has the role `admin` for all products: their own, or that of a team of theirs."""
    ids = merge_path(holder, subjects.__getitem__)
    teams = [team for team in sorted(access.teams) if is_member(subjects[team], ids, at)]
    if any(holds(subjects[each], ADMIN) for each in (*ids, *teams)):
        return True
    # The default role is that of callers who hold no other.
    return access.default_role == ADMIN and not any(any(grants_of(subjects[each])) for each in (*ids, *teams))


def require_access_kept(before: AccessSummary, context: CommandContext, subjects: Subjects, access: Access) -> None:
    """Check that a change locks out no local owner and not the last administrator; `subjects` are as after the change.

    Raises:
        NotAllowed: it would; the message says what to do first.
    """
    for owner, canonical_id in before.owners:
        is_replaced = _is_local(context, access) and context.actor != owner
        if not is_replaced and (
            subjects.canonical_id(owner) != canonical_id or not is_active(owner, subjects.__getitem__)
        ):
            raise NotAllowed(
                f"{owner} is a local owner of this log and cannot leave, be removed or be merged into another person. "
                "On the log's machine, choose another owner with --owner or DECISIONLOG_OWNER, and retry as that owner",
                field="subject",
                subject=owner,
            )
    for had_one, at in ((before.has_administrator, context.now), (before.has_lasting_administrator, MAX_INTEGER)):
        if had_one and not _has_administrator(access, subjects, at):
            raise NotAllowed(_LAST_ADMINISTRATOR, field="subject")


_LAST_ADMINISTRATOR: Final = (
    "this would leave the log without an administrator token. Create another one first: "
    "`decisionlog token create NAME --all-scopes --role admin`"
)


def _is_local(context: CommandContext, access: Access) -> bool:
    owners = {*access.owners, LOG_SERVICE}
    return context.credential == LOCAL_CREDENTIAL and ADMIN_SCOPE in context.scopes and context.actor in owners


def orphaned_tokens(subjects: Subjects, access: Access) -> list[ActiveToken]:
    """The tokens whose holders can no longer act."""
    return [token for token in access.tokens if not is_active(token.holder, subjects.__getitem__)]


def signed_out_people(subjects: Subjects, access: Access) -> tuple[str, ...]:
    """The people with a session who can no longer act."""
    return tuple(person for person in sorted(access.sessions) if not is_active(person, subjects.__getitem__))


def build_revocation(token: ActiveToken) -> Draft:
    """Build the event that revokes a token because its holder left."""
    return Draft(token.holder, TokenRevoked(token=token.id, reason="left"))


# Tokens and names ----------------------------------------------------------------------------------------------------


def decide(command: AccessCommand, context: CommandContext, subjects: Subjects, access: Access) -> list[Draft]:
    """Decide a command about tokens or names.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    match command:
        case CreateToken():
            _require_grantable(command, context)
            _require_eligible_holder(command.subject, subjects)
            created = TokenCreated(token=command.token, scopes=command.scopes, expires_at=command.expires_at)
            return [Draft(command.subject, created)]
        case RevokeToken():
            _require_revocable(command, context, subjects, access)
            return [Draft(command.subject, TokenRevoked(token=command.token, reason="revoked"))]
        case CreateSignInLink():
            _require_every_scope("create a sign-in link", context)
            _require_eligible_holder(command.subject, subjects)
            return [Draft(command.subject, SignInLinkCreated(expires_at=command.expires_at))]
        case ConnectAccount():
            _require_every_scope("connect an account", context)
            _require_eligible_holder(command.subject, subjects)
            return [Draft(command.subject, AccountConnected(issuer=command.issuer, account=command.account))]
        case DisconnectAccount():
            return [Draft(command.subject, AccountDisconnected(issuer=command.issuer, account=command.account))]
        case ChangeNames():
            _require_registered(command.subject, "subject", subjects)
            return [Draft(command.subject, NamesChanged(change=command.change))]
        case _:
            assert_never(command)


def _require_grantable(command: CreateToken, context: CommandContext) -> None:
    missing = sorted(scope for scope in command.scopes if not has_scope(context.scopes, scope))
    if missing:
        raise Forbidden(f"you cannot grant scopes you do not have yourself: {', '.join(missing)}", field="scopes")
    if command.expires_at is not None and to_micros(command.expires_at) <= context.now:
        raise Malformed("the token would already be expired; give a later time", field="expires_at")


def _require_every_scope(action: str, context: CommandContext) -> None:
    """Check the scopes of a caller who lets a person sign in: a session has every scope, so theirs would grant others."""
    missing = [scope for scope in SCOPES if scope not in context.scopes]
    if missing:
        raise Forbidden(
            f"to {action}, you need a token with every scope, as the session has them all; yours does not have "
            f"{', '.join(missing)}"
        )


def _require_eligible_holder(holder: str, subjects: Subjects) -> None:
    if holder == LOG_SERVICE:
        raise Malformed(f"{holder} is reserved for the log; choose another service name", field="holder")
    _require_registered(holder, "holder", subjects)
    if not is_active(holder, subjects.__getitem__):
        raise NotAllowed(f"{holder} has left or was removed", field="holder", subject=holder)


def _require_registered(holder: str, field: str, subjects: Subjects) -> None:
    """A person must be registered before they get a token or a name; a service does not have to be."""
    if kind_of(holder) == "person" and not subjects[holder].version:
        raise unknown_subject(holder, field=field, hint="register them first")


def _require_revocable(command: RevokeToken, context: CommandContext, subjects: Subjects, access: Access) -> None:
    remaining = replace(access, tokens=tuple(token for token in access.tokens if token.id != command.token))
    if len(remaining.tokens) == len(access.tokens):
        raise NothingChanges(f"token {command.token} is already revoked", field="id", subject=command.subject)
    if _is_local(context, access):  # a local owner can create another token at any time
        return
    for at in (context.now, MAX_INTEGER):
        if _has_administrator(access, subjects, at) and not _has_administrator(remaining, subjects, at):
            raise NotAllowed(_LAST_ADMINISTRATOR, field="id", subject=command.subject)
