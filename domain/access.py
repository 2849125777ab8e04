"""Who may speak to the log, and who may change whom: the access policy, in one place and pure.

Access is held by *tokens*, each of a person or a service with some rights, and by *local owners*, the persons as whom
the commands of the log's own machine speak. The rules get both as `Access` and look up the rest in the world:

* Who has left, was removed or was merged into somebody who has, does not speak.
* Who holds access, and who has left, is changed by administrators only. Anybody may say of themselves that they left.
* A local owner stays, and so does the last administrator.
* Who can no longer speak loses their tokens for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple, assert_never

from pydantic import Field, StringConstraints

from domain.errors import Forbidden, Malformed, NotAllowed, NothingChanges, Unknown
from domain.fields import EXISTS, MERGED_INTO, STATUS, Subjects, SubjectState
from domain.messages import Command, CommandContext, Draft, Event
from domain.people import PersonLeft, PersonRegistered
from domain.values import KEY_PATTERN, MAX_INTEGER, Code, StringKind, kind_of

ADMIN_RIGHT: Final = "admin"
LOCAL: Final = "local"
"""The credential of a command that speaks as a local owner, with the key of the log's own machine."""
THE_LOG_ITSELF: Final = "service:decisionlog"
IDENTITY: Final = frozenset({EXISTS, STATUS, MERGED_INTO})
"""The fields that decide whether somebody may speak, and as whom."""

HolderId = Annotated[str, StringKind.SUBJECT, StringConstraints(pattern=rf"^(?:person|service):{KEY_PATTERN}$")]


class CreateToken(Command):
    """Make a token for a person or a service. Never public: the secret lies outside of the log."""

    type: Literal["CreateToken"] = "CreateToken"
    subject: HolderId
    token: Code
    rights: tuple[Code, ...] = ()


class TokenCreated(Event):
    """A person or a service got a token."""

    token: Code
    rights: tuple[Code, ...] = ()


class RevokeToken(Command):
    """Make a token worthless. Never public."""

    type: Literal["RevokeToken"] = "RevokeToken"
    subject: HolderId
    token: Code


class TokenRevoked(Event):
    """A token of a person or a service became worthless: it was revoked, or its holder can no longer speak."""

    token: Code
    reason: Literal["revoked", "left"]


class ChangeNames(Command):
    """Change what a person or a service is called. Never public: the names lie in the directory, outside of the log."""

    type: Literal["ChangeNames"] = "ChangeNames"
    subject: HolderId
    change: Literal["added", "renamed", "moved", "erased"]


class NamesChanged(Event):
    """What a person or a service is called was changed in the directory; the names themselves are not told here."""

    change: Literal["added", "renamed", "moved", "erased"] = Field(
        description="What was done: a spelling was added, another name is shown, a spelling moved to or from somebody "
        "else, or spellings were erased."
    )


AccessCommand = CreateToken | RevokeToken | ChangeNames
AccessEvent = TokenCreated | TokenRevoked | NamesChanged


class HeldToken(NamedTuple):
    """A token that is good."""

    id: str
    holder: str
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class Access:
    """Who can reach the log: the tokens that are good, and the local owners."""

    tokens: tuple[HeldToken, ...] = ()
    owners: frozenset[str] = frozenset()

    def holders(self) -> frozenset[str]:
        """Whoever has a token or is a local owner."""
        return self.owners.union(token.holder for token in self.tokens)


# Who may speak -------------------------------------------------------------------------------------------------------


def may_speak(who: str, fetch: Callable[[str], SubjectState]) -> bool:
    """Whether somebody may speak: neither they nor anyone they were merged into has left or was removed."""
    return all(_is_here(fetch(one)) for one in _path_of(who, fetch))


def _path_of(who: str, fetch: Callable[[str], SubjectState]) -> list[str]:
    """An id and those it was merged into, one after the other."""
    path = [who]
    while (row := fetch(path[-1]).latest_row(MERGED_INTO)) is not None and row.value is not None:
        if row.value in path:
            break
        path.append(str(row.value))
    return path


def _is_here(state: SubjectState) -> bool:
    if not state.version:  # a service needs no registration
        return True
    # No field of these has a period, so what holds in the end holds now.
    if state.value_at(STATUS, MAX_INTEGER) == "departed":
        return False
    exists = state.value_at(EXISTS, MAX_INTEGER)
    return exists is not False if kind_of(state.subject) == "service" else exists is True


# Who may change whom -------------------------------------------------------------------------------------------------


def changes_identity(draft: Draft) -> bool:
    """Whether an event may decide who can speak: a person or a service leaves, returns, is merged or removed."""
    if kind_of(draft.subject) not in ("person", "service") or isinstance(draft.event, PersonRegistered | AccessEvent):
        return False
    return draft.event.voided_position() is not None or any(
        step.field in IDENTITY for step in draft.event.field_changes()
    )


def must_be_permitted(drafts: Iterable[Draft], context: CommandContext, subjects: Subjects, access: Access) -> None:
    """Refuse a change of somebody by a caller who may not make it; `world` is as it was before.

    Raises:
        Forbidden: only an administrator may.
    """
    if ADMIN_RIGHT in context.rights:
        return
    reachable = {subjects.canonical_id(holder) for holder in access.holders()}
    for draft in drafts:
        if isinstance(draft.event, PersonLeft) and subjects.canonical_id(context.actor) == subjects.canonical_id(
            draft.subject
        ):
            continue
        for who in _named(draft):
            if subjects.canonical_id(who) in reachable:
                msg = f"{who} has access to this log, so only an administrator may do this"
                raise Forbidden(msg, field="subject", subject=who)
            if not may_speak(who, subjects.__getitem__):
                msg = f"{who} has left or was removed; only an administrator may bring them back"
                raise Forbidden(msg, field="subject", subject=who)


def _named(draft: Draft) -> Iterator[str]:
    yield draft.subject
    for step in draft.event.field_changes():
        if step.field == MERGED_INTO:
            yield from step.refs


@dataclass(frozen=True, slots=True)
class Standing:
    """Who could speak before a change: the local owners, with whom each is read as, and whether anyone administers."""

    owners: tuple[tuple[str, str], ...]
    has_administrator: bool


def standing(subjects: Subjects, access: Access) -> Standing:
    """Who can speak now."""
    owners = (
        (owner, subjects.canonical_id(owner))
        for owner in sorted(access.owners)
        if may_speak(owner, subjects.__getitem__)
    )
    return Standing(tuple(owners), _has_administrator(access.tokens, subjects))


def _has_administrator(tokens: Iterable[HeldToken], subjects: Subjects) -> bool:
    return any(ADMIN_RIGHT in token.rights and may_speak(token.holder, subjects.__getitem__) for token in tokens)


def must_leave_access(before: Standing, context: CommandContext, subjects: Subjects, access: Access) -> None:
    """Refuse what would shut out a local owner or the last administrator; `world` is as it would be afterwards.

    Raises:
        NotAllowed: it would; the message says what to do first.
    """
    for owner, one in before.owners:
        replaced = _is_local(context, access) and context.actor != owner
        if not replaced and (subjects.canonical_id(owner) != one or not may_speak(owner, subjects.__getitem__)):
            msg = (
                f"{owner} is a local owner of this log and cannot leave it, be removed or be merged into another. "
                "On the log's machine, name another owner with --owner or DECISIONLOG_OWNER, and do it as that one"
            )
            raise NotAllowed(msg, field="subject", subject=owner)
    if before.has_administrator and not _has_administrator(access.tokens, subjects):
        raise NotAllowed(_LAST_ADMINISTRATOR, field="subject")


_LAST_ADMINISTRATOR: Final = (
    "nobody would be left with a token to administer this log. Make another first: "
    "`decisionlog token create NAME --right admin`"
)


def _is_local(context: CommandContext, access: Access) -> bool:
    owners = {*access.owners, THE_LOG_ITSELF}
    return context.credential == LOCAL and ADMIN_RIGHT in context.rights and context.actor in owners


def lost_tokens(subjects: Subjects, access: Access) -> list[HeldToken]:
    """The tokens of those who can no longer speak."""
    return [token for token in access.tokens if not may_speak(token.holder, subjects.__getitem__)]


def revocation(token: HeldToken) -> Draft:
    """The event that a token became worthless as its holder can no longer speak."""
    return Draft(token.holder, TokenRevoked(token=token.id, reason="left"))


# Tokens and names ----------------------------------------------------------------------------------------------------


def decide(command: AccessCommand, context: CommandContext, subjects: Subjects, access: Access) -> list[Draft]:
    """Decide what a command about tokens or names comes to.

    Raises:
        Refused: one of its kinds; see `domain.errors`.
    """
    if ADMIN_RIGHT not in context.rights:
        msg = f"your token does not have the right to {ADMIN_RIGHT}"
        raise Forbidden(msg)
    match command:
        case CreateToken():
            _must_be_able_to_hold(command, context, subjects)
            return [Draft(command.subject, TokenCreated(token=command.token, rights=command.rights))]
        case RevokeToken():
            _must_be_revocable(command, context, subjects, access)
            return [Draft(command.subject, TokenRevoked(token=command.token, reason="revoked"))]
        case ChangeNames():
            _must_be_known(command.subject, "subject", subjects)
            return [Draft(command.subject, NamesChanged(change=command.change))]
        case _:
            assert_never(command)


def _must_be_able_to_hold(command: CreateToken, context: CommandContext, subjects: Subjects) -> None:
    missing = set(command.rights) - context.rights
    if missing:
        msg = f"you do not have the right to {', '.join(sorted(missing))} yourself"
        raise Forbidden(msg, field="rights")
    if command.subject == THE_LOG_ITSELF:
        msg = f"{command.subject} is the log itself; choose another name for a service"
        raise Malformed(msg, field="holder")
    _must_be_known(command.subject, "holder", subjects)
    if not may_speak(command.subject, subjects.__getitem__):
        msg = f"{command.subject} has left or was removed"
        raise NotAllowed(msg, field="holder", subject=command.subject)


def _must_be_known(who: str, field: str, subjects: Subjects) -> None:
    """A person must be registered before they get a token or a name; a service need not be."""
    if kind_of(who) == "person" and not subjects[who].version:
        msg = f"the log knows no {who}"
        raise Unknown(msg, field=field, subject=who)


def _must_be_revocable(command: RevokeToken, context: CommandContext, subjects: Subjects, access: Access) -> None:
    rest = [token for token in access.tokens if token.id != command.token]
    if len(rest) == len(access.tokens):
        msg = f"the token {command.token} is revoked already"
        raise NothingChanges(msg, field="id", subject=command.subject)
    if _is_local(context, access):  # whose machine it is can make another at any time
        return
    if _has_administrator(access.tokens, subjects) and not _has_administrator(rest, subjects):
        raise NotAllowed(_LAST_ADMINISTRATOR, field="id", subject=command.subject)
