"""Who speaks when a command line writes, and to what: the log's files, or the server that has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from cli.errors import CannotGoOn
from cli.remote import server_of
from cli.secret import token_of
from cli.settings import Settings
from cli.wiring import local_caller, reading, writer, writing
from domain.access import THE_LOG_ITSELF, may_speak
from domain.errors import Forbidden, Refused
from domain.people import RegisterPerson
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.log import DecisionLog

NOBODY_YET: Final = "service:terminal"
"""Who asks where the log knows no owner yet."""


class Recipient(Protocol):
    """What takes units."""

    async def execute_many(self, transactions: Sequence[Transaction]) -> Sequence[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        ...


def owner_of(log: DecisionLog, name: str, to: Recipient | None = None) -> str:
    """The person as whom this machine speaks under a name.

    A name is resolved once, by the directory, and the person is registered if nobody goes by it; from then on the id is
    remembered, whoever else is registered under the same name. `to` is where to register them if it is not the log.

    Raises:
        CannotGoOn: more than one person went by the name when it was first used, or its person has left.
    """
    known = log.owners.find(name)
    owner = known or _found(log, name) or _registered(log, name, to)
    if known and not may_speak(owner, log.state):
        sentence = f"{name} ({owner}) has left this log. Choose another name with --owner or DECISIONLOG_OWNER."
        raise CannotGoOn(sentence)
    return owner if known or to else log.owners.remember(name, owner)


def _found(log: DecisionLog, name: str) -> str | None:
    """The one person who goes by a name in the directory.

    Raises:
        CannotGoOn: more than one does.
    """
    found = _called(log, name)
    if len(found) > 1:
        sentence = f"{name} may be {' or '.join(found)}. Choose another name with --owner or DECISIONLOG_OWNER."
        raise CannotGoOn(sentence)
    return found[0] if found else None


def _only(log: DecisionLog, name: str) -> str | None:
    """The person who goes by a name, if there is just one."""
    found = _called(log, name)
    return found[0] if len(found) == 1 else None


def _called(log: DecisionLog, name: str) -> list[str]:
    return [who for who in log.directory.find(name) if who.startswith("person:") and may_speak(who, log.state)]


def _registered(log: DecisionLog, name: str, to: Recipient | None) -> str:
    # Nobody is there yet to have done it, so it is the log's own act.
    transaction = Transaction((RegisterPerson(name=name),), Caller(THE_LOG_ITSELF, "none", "cli"))
    (outcome,) = asyncio.run(_sent(to or log, transaction))
    if isinstance(outcome, Refused):
        raise outcome
    return outcome.recorded[0].subject


async def _sent(to: Recipient, transaction: Transaction) -> Sequence[Receipt | Refused]:
    return await to.execute_many([transaction])


def speaker_of(log: DecisionLog, settings: Settings, channel: str, to: Recipient | None = None) -> Caller:
    """Who speaks where nobody serves: the holder of the token that is set, else the owner, who may do everything.

    `to` is where an owner that is not known yet is registered; the log itself, if silent.

    Raises:
        CannotGoOn: the token is unknown or was revoked.
    """
    secret = token_of(settings)
    if secret is None:
        return local_caller(owner_of(log, settings.owner, to), channel)
    return _holder_of(log, secret, channel)


def known_speaker(log: DecisionLog, settings: Settings, channel: str) -> Caller:
    """Who asks where nobody serves: as `speaker_of`, but an owner that is not known yet is not registered for it.

    Raises:
        CannotGoOn: the token is unknown or was revoked.
    """
    secret = token_of(settings)
    if secret is not None:
        return _holder_of(log, secret, channel)
    return local_caller(log.owners.find(settings.owner) or _only(log, settings.owner) or NOBODY_YET, channel)


def _holder_of(log: DecisionLog, secret: str, channel: str) -> Caller:
    token = log.tokens.find(secret)
    if token is None or not may_speak(token.actor, log.state):
        sentence = (
            "The token that is set (DECISIONLOG_TOKEN, or the file DECISIONLOG_TOKEN_FILE) is unknown or was revoked, or its holder has left. Unset it to speak as the log's owner, "
            "or make another with `decisionlog token create`."
        )
        raise CannotGoOn(sentence)
    return token.caller(channel)


def must_have(caller: Caller, right: str) -> None:
    """Refuses whoever does not have a right.

    Raises:
        Forbidden: they do not.
    """
    if right not in caller.rights:
        msg = f"your token does not have the right to {right}"
        raise Forbidden(msg)


@contextmanager
def as_it_stands(settings: Settings) -> Iterator[DecisionLog]:
    """The log to read; where there is none yet an empty one, of which nothing is left afterwards."""
    if settings.store or settings.log_file.exists():
        with reading(settings) as log:
            yield log
        return
    with TemporaryDirectory(prefix="decisionlog-") as folder:
        elsewhere = settings.model_copy(update={"data": Path(folder), "token": None, "store": ""})
        with writing(elsewhere) as log:
            yield log


def rehearsing_speaker(log: DecisionLog, settings: Settings, channel: str, to: Recipient) -> Caller:
    """Who would speak if it were no rehearsal: to the server, where there is one."""
    serving = writer(settings)
    if serving is None:
        return speaker_of(log, settings, channel, to)
    with server_of(serving, settings) as server:
        return server.speaker(channel)
