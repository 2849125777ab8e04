"""Resolve the caller of a command: who it acts as, in the log's files or on the server that has them."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.bootstrap import find_writer, local_caller, open_for_write, open_read_only
from cli.display import to_single_line
from cli.errors import CommandFailed
from cli.remote_log import RemoteLog, connect_to_writer
from cli.settings import Settings
from cli.token_lookup import find_token
from decisionlog_client import questions
from domain.credentials import is_active
from domain.errors import Forbidden, Refused
from domain.ids import LOG_SERVICE, is_subject, kind_of
from domain.messages import Command
from domain.people import RegisterPerson
from domain.roles import ADMIN, GrantRole, merge_path
from domain.scopes import ADMIN_SCOPE, DEFAULT_SCOPES
from eventlog.entry import Caller, Receipt, Sink, Transaction
from identity.decision_log import DecisionLog

UNREGISTERED_OWNER: Final = "service:terminal"
"""The caller of reads in a log whose owner is not registered yet."""


def resolve_owner(log: DecisionLog, name: str, target: Sink | None = None) -> str:
    """Return the person that an owner name stands for on this machine.

    A name is resolved once, by the directory, and the person is registered if they are unknown. From then on the id is
    remembered, even if others are registered under the same name. Registration is sent to `target`; by default the log.

    Raises:
        CommandFailed: several people have this name when it is first used, or its person has left.
    """
    known = log.owners.find(name)
    owner = known or _find_only_person(log, name) or _register(log, name, target)
    if known and not is_active(owner, log.state):
        raise CommandFailed(f"{name} ({owner}) has left. Choose another owner with --owner or DECISIONLOG_OWNER.")
    return owner if known or target else log.owners.remember(name, owner)


def _find_only_person(log: DecisionLog, name: str) -> str | None:
    found = _find_people(log, name)
    if len(found) > 1:
        raise CommandFailed(
            f"{name} is ambiguous: {' or '.join(found)}. Choose another owner with --owner or DECISIONLOG_OWNER."
        )
    return found[0] if found else None


def _find_people(log: DecisionLog, name: str) -> list[str]:
    return [who for who in find_in_directory(log, name) if who.startswith("person:") and is_active(who, log.state)]


def find_in_directory(log: DecisionLog, name: str) -> list[str]:
    """Return the people with a name; the ids of a merged person are the one that is kept."""
    return list(dict.fromkeys(merge_path(who, log.state)[-1] for who in log.directory.find(name)))


def _register(log: DecisionLog, name: str, target: Sink | None) -> str:
    # The first person of a log is registered by the log itself, and is its administrator: there is no one else yet.
    is_new = log.head().size <= 1 and target is None
    key = log.new_key()
    commands: list[Command] = [RegisterPerson(key=key, name=name)]
    if is_new:
        commands.append(GrantRole(subject=f"person:{key}", role=ADMIN))
    _execute(target or log, commands, Caller(LOG_SERVICE, "none", "cli", DEFAULT_SCOPES | {ADMIN_SCOPE}))
    return f"person:{key}"


def _execute(target: Sink, commands: Sequence[Command], caller: Caller) -> None:
    (outcome,) = asyncio.run(_send(target, Transaction(tuple(commands), caller)))
    if isinstance(outcome, Refused):
        raise outcome


async def _send(target: Sink, transaction: Transaction) -> Sequence[Receipt | Refused]:
    return await target.execute_many([transaction])


def resolve_caller(log: DecisionLog, settings: Settings, channel: str, target: Sink | None = None) -> Caller:
    """Return the caller of a command that writes the files: the token's holder, else the owner, who has every scope.

    An unknown owner is registered, by way of `target`; by default in the log.

    Raises:
        CommandFailed: the token is unknown or was revoked.
    """
    secret = find_token(settings.location)
    if secret is None:
        return local_caller(resolve_owner(log, settings.owner, target), channel)
    return _find_token_holder(log, secret, channel)


def find_caller(log: DecisionLog, settings: Settings, channel: str) -> Caller:
    """Return the caller of a command that only reads. An unknown owner is not registered.

    Raises:
        CommandFailed: the token is unknown or was revoked.
    """
    secret = find_token(settings.location)
    if secret is not None:
        return _find_token_holder(log, secret, channel)
    owner = log.owners.find(settings.owner)
    if owner is None:
        found = _find_people(log, settings.owner)
        owner = found[0] if len(found) == 1 else UNREGISTERED_OWNER
    return local_caller(owner, channel)


def _find_token_holder(log: DecisionLog, secret: str, channel: str) -> Caller:
    token = log.tokens.find(secret)
    if token is None or not is_active(token.actor, log.state):
        raise CommandFailed(
            "The token in DECISIONLOG_TOKEN or DECISIONLOG_TOKEN_FILE is unknown or revoked, or its holder has left. "
            "Unset it to act as the log's owner, or create another with `decisionlog token create`."
        )
    return token.caller(channel)


def require_scope(caller: Caller, scope: str) -> None:
    """Check that a caller has a scope.

    Raises:
        Forbidden: they do not.
    """
    if scope not in caller.scopes:
        raise Forbidden(f"your token does not have the scope `{scope}`")


def require_administrator(log: DecisionLog, settings: Settings) -> Caller:
    """Return the caller of a command that only administrators may run.

    Raises:
        CommandFailed: the token is unknown or was revoked.
        Forbidden: the caller is not an administrator.
    """
    caller = resolve_caller(log, settings, "cli")
    require_scope(caller, ADMIN_SCOPE)
    return caller


def find_holder(log: DecisionLog, name: str) -> str:
    """Return the service `service:KEY`, or the person with a name or id, who can hold a token.

    Raises:
        CommandFailed: no person or several people have this name.
    """
    return name if is_subject(name) and kind_of(name) == "service" else find_person(log, name)


def find_person(log: DecisionLog, name: str) -> str:
    """Return the person with a name, an id or a key.

    Raises:
        CommandFailed: no person or several people have this name.
    """
    found = [name] if is_subject(name) else find_in_directory(log, name)
    if not found and is_subject(by_key := f"person:{name}"):
        found = [merge_path(by_key, log.state)[-1]]
    if len(found) > 1:
        raise CommandFailed(f"{name} is ambiguous. Use one of these ids: {', '.join(found)}.")
    if not found or kind_of(found[0]) != "person" or not log.state(found[0]).version:
        if similar := _find_similar_people(log, name):
            raise CommandFailed(f"No person named {name}. Did you mean {' or '.join(similar)}?")
        raise CommandFailed(
            f"No person named {name}. Add them with `decisionlog person add {shlex.quote(name)}` (HTTP: POST /v1/people). "
            "A service needs no registration: use service:KEY."
        )
    return found[0]


def call_holder(log: DecisionLog, holder: str) -> str:
    """Return what a person is called, with their id if others have the same name; a service by its id."""
    name = log.directory.name(holder)
    return label_holder(holder, name, find_in_directory(log, name) if name else ())


def call_remote_holder(server: RemoteLog, holder: str) -> str:
    """Return the same as `call_holder`, from the log of a server."""
    if kind_of(holder) != "person":
        return holder
    name = server.client.ask(questions.person(holder))["name"]
    same = server.client.ask(questions.people(name))["rows"] if name else ()
    return label_holder(holder, name, [each["id"] for each in same])


def label_holder(holder: str, name: str | None, same: Sequence[str]) -> str:
    """Return a name, with the id of its holder if it has several; the id if there is no name."""
    if name is None:
        return holder
    return f"{to_single_line(name)} ({holder})" if len(same) > 1 else to_single_line(name)


def _find_similar_people(log: DecisionLog, name: str) -> list[str]:
    """Return the people whose name, or a word of it, is spelled nearly so, each with their id."""
    from cli.candidates import MAX_SIMILAR, build_candidate, find_similar, fold  # noqa: PLC0415  (only for an error)

    candidates = [
        build_candidate(each.id, each.name or "", each.spellings)
        for each in log.directory.list_people()
        if kind_of(each.id) == "person"
    ]
    return [each.label for each in find_similar(fold(name), candidates)[:MAX_SIMILAR]]


@contextmanager
def open_or_empty(settings: Settings) -> Iterator[DecisionLog]:
    """Open the log for reading; if there is none, a temporary empty one."""
    if settings.store or settings.log_file.exists():
        with open_read_only(settings) as log:
            yield log
        return
    with TemporaryDirectory(prefix="decisionlog-") as folder:
        temporary = settings.model_copy(update={"data": Path(folder), "token": None, "store": ""})
        with open_for_write(temporary) as log:
            yield log


def resolve_dry_run_caller(log: DecisionLog, settings: Settings, channel: str, target: Sink) -> Caller:
    """Return the caller that the command would have without --dry-run."""
    serving = find_writer(settings)
    if serving is None:
        return resolve_caller(log, settings, channel, target)
    with connect_to_writer(serving, settings) as server:
        return server.caller(channel)
