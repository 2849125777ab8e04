"""What questions have in common: when, about what, how much of it, and in which form the answer goes out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, Final, get_origin

from fastapi import Depends, Path, Query, Request, Response

from api import answers, tables
from api.admission import LaneName, TooBusy
from api.delivery import LargeResponse
from api.problems import HttpProblem, unprocessable
from api.security import Speaker
from api.services import Served, Services
from domain.errors import Unknown
from domain.values import (
    KEY_PATTERN,
    MAX_INTEGER,
    SUBJECT_KINDS,
    SUBJECT_PATTERN,
    Key,
    SubjectId,
    Timestamp,
    documented,
    to_micros,
)
from projections.bounds import UNBOUNDED, Abandoned, Bounds, ReadTooMuch, TookTooLong
from projections.decisions import NotFound
from projections.query import Answer, BadCursor, Filter, TimePoint
from projections.read_model import Read
from projections.replica_state import Replica, read_state

MAX_LIMIT: Final = 10_000
POLL_SECONDS: Final = 0.003
CURSOR: Final = "^(?:[0-9a-f]{2})+$"
BUSY_RETRY_S: Final = 5
TOO_LONG_RETRY_S: Final = 60
"""Longer than clients repeat a question by themselves."""
_CLIENT_CLOSED_REQUEST: Final = 499
"""A status that nobody gets to see."""


AskedKey = Annotated[Key, Path(description="The subject's key, without the kind.")]
AskedSubject = Annotated[SubjectId, Path(description="The subject, as `kind:key`.")]
MinCount = Annotated[int, Query(ge=1, le=MAX_INTEGER, description="Only what is counted at least so often.")]


SubjectWord = Annotated[str, documented(pattern=f"^{SUBJECT_PATTERN}$")]
"""A subject in a list of words; what it may be is checked where it is looked up."""
KindWord = Annotated[str, documented(enum=list(SUBJECT_KINDS))]


def key_of(kind: str) -> Any:
    """What documents a word as a subject of a kind, or its key alone."""
    return documented(pattern=f"^(?:{kind}:)?{KEY_PATTERN}$")


ProductWord = Annotated[str, key_of("product")]


def words(description: str) -> Any:
    """A query parameter that may be given several times: any of the words will do."""
    # A function of our own: of `list` pydantic would work out the signature from its documentation, in each request.
    return Query(default_factory=_nothing, max_length=200, description=description)


def _nothing() -> list[str]:
    return []


def span(begin: Timestamp | None, end: Timestamp | None, *, of: str = "until") -> tuple[int | None, int | None]:
    """A half-open span in microseconds; None is without end.

    Raises:
        HttpProblem: it ends before it begins; the parameter `of` is named.
    """
    if begin and end and end < begin:
        raise unprocessable(f"`{of}` must not be earlier than the beginning of the span", field=of)
    return (None if begin is None else to_micros(begin), None if end is None else to_micros(end))


def when_of(as_of: Timestamp | None, known_at: Timestamp | None) -> TimePoint:
    """The instants of a question; None is now."""
    return TimePoint(None if as_of is None else to_micros(as_of), None if known_at is None else to_micros(known_at))


async def _when(
    as_of: Annotated[Timestamp | None, Query(description="What was in effect at this instant; now if silent.")] = None,
    known_at: Annotated[
        Timestamp | None, Query(description="By what the log had recorded at this instant; now if silent.")
    ] = None,
) -> TimePoint:
    return when_of(as_of, known_at)


AskedWhen = Annotated[TimePoint, Depends(_when)]


@dataclass(frozen=True, slots=True)
class Page:
    """How much of an answer, and from where on."""

    limit: int
    cursor: str | None


Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most this many rows.")]


async def _page(
    limit: Limit = 1000,
    cursor: Annotated[
        str | None, Query(max_length=2000, pattern=CURSOR, description="`next` of an earlier answer.")
    ] = None,
) -> Page:
    return Page(limit, cursor)


AskedPage = Annotated[Page, Depends(_page)]


IncludeRemoved = Annotated[bool, Query(description="Also what is not, or no longer, on the record.")]


async def _named(
    served: Served,
    subject: Annotated[list[SubjectWord], words("Subjects, as `kind:key`.")],
    product: Annotated[list[ProductWord], words("Products the subject belongs to.")],
    status: Annotated[list[str], words("Status of the subject, in our meaning or the source's word.")],
) -> Filter:
    return Filter(
        subjects=[served.subject(each, "subject") for each in subject],
        products=[served.subject(each, "product", kind="product") for each in product],
        statuses=status,
    )


AskedNamed = Annotated[Filter, Depends(_named)]
"""Which subjects a question is about, where their kind is said already."""


async def _kinds(
    about: AskedNamed, kind: Annotated[list[KindWord], words("Kinds of subject, such as `feature`.")]
) -> Filter:
    return replace(about, kinds=known_kinds(kind))


AskedKinds = Annotated[Filter, Depends(_kinds)]


async def _subjects(about: AskedKinds, include_removed: IncludeRemoved = False) -> Filter:
    return replace(about, include_removed=include_removed)


AskedSubjects = Annotated[Filter, Depends(_subjects)]
"""Which subjects a question is about."""


async def _fields(
    about: AskedKinds, field: Annotated[list[str], words("Fields, or `target.*` for every field that begins so.")]
) -> Filter:
    return replace(about, fields=field)


AskedFields = Annotated[Filter, Depends(_fields)]
"""Which cells a question is about, whatever they hold."""


async def _cells(
    served: Served,
    about: AskedFields,
    value: Annotated[list[str], words("What the cell holds or has in its list, in our meaning.")],
    source_value: Annotated[list[str], words("What it holds, in the source's word.")],
    holder: Annotated[list[str], words("Who or what it names: an id, or a name the directory knows.")],
    include_removed: IncludeRemoved = False,
) -> Filter:
    holders = [served.somebody(each, "holder") for each in holder]
    return replace(about, values=value, source_values=source_value, holders=holders, include_removed=include_removed)


AskedCells = Annotated[Filter, Depends(_cells)]
"""Which cells a question is about, and what they hold."""


def known_kinds(kinds: list[str]) -> list[str]:
    """The kinds, all of which there are.

    Raises:
        HttpProblem: one of them is none.
    """
    for kind in kinds:
        if kind not in SUBJECT_KINDS:
            raise HttpProblem(422, f"there is no kind {kind!r}; there are {', '.join(SUBJECT_KINDS)}", field="kind")
    return kinds


async def only_known_parameters(request: Request) -> None:
    """Refuses a parameter that the route does not have: a misspelt `as_of` would be answered with today.

    Raises:
        HttpProblem: 422, naming it and the one that may be meant; or one that can be given once was given twice.
    """
    if not request.scope["query_string"]:
        return
    declared = dict(_declared(request.scope["route"].dependant))
    for name in request.query_params:
        if name not in declared:
            meant = get_close_matches(name, declared, 1)
            hint = f"did you mean `{meant[0]}`?" if meant else f"there are {', '.join(sorted(declared)) or 'none'}"
            raise HttpProblem(422, f"there is no parameter `{name}`; {hint}", field=name)
        if not declared[name] and len(request.query_params.getlist(name)) > 1:
            raise HttpProblem(422, f"`{name}` can be given only once", field=name)


def _declared(dependant: Any) -> Iterator[tuple[str, bool]]:
    """The query parameters of a route and of all it depends on, each with whether it may be given several times."""
    for parameter in dependant.query_params:
        yield parameter.alias, get_origin(parameter.field_info.annotation) is list
    for below in dependant.dependencies:
        yield from _declared(below)


class Asking:
    """One request that asks a question: who asks, and the bounds within which it is answered."""

    def __init__(self, request: Request, served: Services, caller: str) -> None:
        self.bounds: Bounds = UNBOUNDED
        self._request = request
        self._served = served
        self._caller = caller

    async def put(self, lane: LaneName, answered: Callable[[], Response]) -> Response:
        """The response, worked out in a thread of the lane when it is this caller's turn.

        Raises:
            HttpProblem: 503 when there was no turn or the deadline passed, 422 for a question that needs too much memory.
        """
        admission = self._served.questions

        def work(bounds: Bounds) -> Response:
            self.bounds = bounds
            return answered()

        try:
            response = await admission.ask(lane, self._caller, self._request.receive, work)
        except TooBusy:
            detail = (
                f"as many questions are being answered as this server takes on; ask again in {BUSY_RETRY_S} seconds"
            )
            raise HttpProblem(503, detail, headers={"Retry-After": str(BUSY_RETRY_S)}) from None
        except TookTooLong as error:
            detail = f"{_ENDED}: {error}; {_NARROW}, or ask again when the server has less to do"
            raise HttpProblem(503, detail, headers={"Retry-After": str(TOO_LONG_RETRY_S)}) from None
        except ReadTooMuch as error:
            raise HttpProblem(422, f"{_ENDED}: {error}; {_NARROW}") from None
        except Abandoned:
            return Response(status_code=_CLIENT_CLOSED_REQUEST)
        if isinstance(response, LargeResponse):
            response.count_in(admission)
        return response


_ENDED: Final = "the question was ended"
_NARROW: Final = "ask for less: one `product`, a shorter span, fewer fields, or a smaller `limit`"


async def _asking(request: Request, served: Served, speaker: Speaker) -> Asking:
    return Asking(request, served, speaker.actor)


AskingFor = Annotated[Asking, Depends(_asking)]


def question(endpoint: Callable[..., Response], lane: LaneName = "heavy") -> Callable[..., Any]:
    """The endpoint of a route, bounded: it runs in a thread of its lane when it is its caller's turn."""

    @wraps(endpoint)
    async def bounded(*, _asking: Asking, **given: Any) -> Response:
        return await _asking.put(lane, lambda: endpoint(**given))

    declared = signature(endpoint, eval_str=True)
    parameters = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in declared.parameters.values()]
    asks = Parameter("_asking", Parameter.KEYWORD_ONLY, annotation=AskingFor)
    bounded.__signature__ = declared.replace(parameters=[*parameters, asks])  # type: ignore[attr-defined]
    return bounded


class Asked:
    """Puts questions to the read model in one snapshot, and sends the answer out."""

    def __init__(self, served: Services, format_: tables.Format, model: type[answers.Spoken], asking: Asking) -> None:
        self._served = served
        self._format: tables.Format = format_
        self._model = model
        self._asking = asking

    def __call__(self, question: Callable[[Read], Answer], *, etag: bool = False) -> Response:
        """The answer to a question, in the format asked for; with `etag`, its version as one.

        Raises:
            Unknown: it is about a subject of which the read model has never heard.
            HttpProblem: 422 for a cursor that no answer gave, 503 when the read model has stopped.
        """
        self._served.must_follow()
        bounds = self._asking.bounds
        with self._served.model.read(bounds) as read:
            lag = lag_of(read, self._served)
            try:
                answer = question(read)
            except BadCursor as error:
                raise unprocessable(str(error), field="cursor") from None
            except NotFound as error:
                raise Unknown(str(error)) from None
        response = tables.responded(answer, self._format, self._served.book.directory, self._model, bounds)
        response.headers.update(lag)
        if etag:
            response.headers["ETag"] = f'"{answer.about["version"]}"'
        return response


def lag_of(read: Read, served: Services) -> dict[str, str]:
    """The header in which a replica says how many entries it is behind; the log itself has none."""
    return {"Decisionlog-Lag": str(read_state(read.rows).lag)} if isinstance(served.book, Replica) else {}


async def caught_up(
    served: Served,
    min_position: Annotated[
        int | None,
        Query(ge=0, le=MAX_INTEGER, description="Wait until the answer covers this position: read your own writes."),
    ] = None,
) -> None:
    """Waits, without keeping a thread, until the read model covers a position.

    Raises:
        HttpProblem: 422 for a position that was never given, 504 when it is not there in time, 503 when it never will be.
    """
    if min_position is None or served.runner.position >= min_position:
        return
    size = served.book.head().size
    if min_position > size and not isinstance(served.book, Replica):  # which may not have heard of it yet
        raise unprocessable(f"the log ends at position {size}; nothing can cover {min_position}", field="after")
    deadline = time.monotonic() + served.wait_seconds
    while served.runner.position < min_position:
        served.must_follow()
        if time.monotonic() > deadline:
            detail = f"the read model is at position {served.runner.position}; ask again for {min_position}"
            raise HttpProblem(504, detail, field="after", headers={"Retry-After": "1"})
        await asyncio.sleep(POLL_SECONDS)


async def _asked(
    request: Request,
    served: Served,
    asking: AskingFor,
    _: Annotated[None, Depends(caught_up)],
    format: Annotated[  # noqa: A002  (the parameter's name outside)
        tables.Format | None, Query(description="`json`, `csv` or `jsonl`; else as `Accept` says.")
    ] = None,
) -> Asked:
    declared = request.scope["route"].responses[200]["model"]
    return Asked(served, tables.chosen_format(request, format), declared, asking)


AskedFor = Annotated[Asked, Depends(_asked)]
