"""What the HTTP interface serves: one log and its read model, put together elsewhere and passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from domain.errors import Malformed, Unknown
from domain.values import is_subject
from eventlog.entry import Caller
from eventlog.log import DecisionLog
from projections.model import ReadModel
from projections.runner import Runner


@dataclass(frozen=True)
class Services:
    """A log, the read model that follows it, and the way callers are known.

    `sign_in` answers who holds a secret, or None. `wait_seconds` is how long a read waits for a position.
    """

    log: DecisionLog
    model: ReadModel
    runner: Runner
    sign_in: Callable[[str], Caller | None]
    wait_seconds: float = 5.0

    def somebody(self, spelling: str, field: str) -> str:
        """The id of a subject, or of the person who goes by a name.

        Raises:
            Unknown: nobody goes by it.
            Malformed: more than one person does.
        """
        if is_subject(spelling):
            return spelling
        found = self.log.directory.find(spelling)
        if not found:
            raise Unknown(f"the directory knows nobody called {spelling!r}", field=field)
        if len(found) > 1:
            raise Malformed(f"{spelling!r} may be {' or '.join(found)}; use an id", field=field)
        return found[0]


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(_services)]
