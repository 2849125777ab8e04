"""What questions have in common: when, about what, how much of it, and in which form the answer goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Query, Request, Response

from api import tables
from api.problems import HttpProblem
from api.security import Speaker
from api.services import Served, Services
from domain.errors import Unknown
from domain.values import Instant, micros
from projections.decisions import NotThere
from projections.model import Read
from projections.reading import Answer, BadCursor, Filter, When
from projections.runner import Stopped

MAX_LIMIT: Final = 10_000


MinCount = Annotated[int, Query(ge=1, description="Only what is counted at least so often.")]


def words(description: str) -> Any:
    """A query parameter that may be given several times: any of the words will do."""
    return Query(default_factory=list, max_length=200, description=description)


def span(begin: Instant | None, end: Instant | None) -> tuple[int | None, int | None]:
    """A half-open span in microseconds; None is without end."""
    return (None if begin is None else micros(begin), None if end is None else micros(end))


def _when(
    as_of: Annotated[Instant | None, Query(description="What was in effect at this instant; now if silent.")] = None,
    known_at: Annotated[
        Instant | None, Query(description="By what the log had recorded at this instant; now if silent.")
    ] = None,
) -> When:
    return When(*span(as_of, known_at))


AskedWhen = Annotated[When, Depends(_when)]


@dataclass(frozen=True, slots=True)
class Page:
    """How much of an answer, and from where on."""

    limit: int
    cursor: str | None


def _page(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most this many rows.")] = 1000,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next` of an earlier answer.")] = None,
) -> Page:
    return Page(limit, cursor)


AskedPage = Annotated[Page, Depends(_page)]


def _filter(
    *,
    served: Served,
    kind: Annotated[list[str], words("Kinds of subject, such as `feature`.")],
    subject: Annotated[list[str], words("Subjects, as `kind:key`.")],
    product: Annotated[list[str], words("Products the subject belongs to.")],
    field: Annotated[list[str], words("Fields, or `target.*` for every field that begins so.")],
    value: Annotated[list[str], words("What the cell holds or has in its list, in our meaning.")],
    word: Annotated[list[str], words("What it holds, in the source's word.")],
    holder: Annotated[list[str], words("Who or what it names: an id, or a name the directory knows.")],
    status: Annotated[list[str], words("Status of the subject, in our meaning or the source's word.")],
    include_absent: Annotated[bool, Query(description="Also what is not, or no longer, on the record.")] = False,
) -> Filter:
    return Filter(
        kinds=kind,
        subjects=[served.somebody(each, "subject") for each in subject],
        products=[each if ":" in each else f"product:{each}" for each in product],
        fields=field, values=value, words=word,
        holders=[served.somebody(each, "holder") for each in holder],
        statuses=status, absent=include_absent,
    )  # fmt: skip


AskedFilter = Annotated[Filter, Depends(_filter)]


class Asked:
    """Puts questions to the read model in one snapshot, once it has caught up, and sends the answer out."""

    def __init__(
        self, request: Request, served: Served, _: Speaker,
        after: Annotated[
            int | None, Query(ge=0, description="Wait until the answer covers this position: read your own writes.")
        ] = None,
        format: Annotated[  # noqa: A002  (the parameter's name outside)
            tables.Format | None, Query(description="`json`, `csv` or `jsonl`; else as `Accept` says.")
        ] = None,
    ) -> None:  # fmt: skip
        self.served: Services = served
        self._after = after
        self._format = tables.chosen_format(request, format)

    def __call__(self, question: Callable[[Read], Answer], *, etag: bool = False) -> Response:
        """The answer to a question, in the format asked for; with `etag`, its version as one.

        Raises:
            Unknown: it is about a subject of which the read model has never heard.
            HttpProblem: 504 when the position asked to wait for is not there in time, 503 when it never will be.
        """
        self._wait()
        with self.served.model.read() as read:
            try:
                answer = question(read)
            except BadCursor as error:
                raise HttpProblem(422, str(error), field="cursor") from None
            except NotThere as error:
                raise Unknown(str(error)) from None
        response = tables.responded(answer, self._format, self.served.log.directory)
        if etag:
            response.headers["ETag"] = f'"{answer.about["version"]}"'
        return response

    def _wait(self) -> None:
        runner = self.served.runner
        if self._after is None or runner.position >= self._after:
            return
        size = self.served.log.head().size
        if self._after > size:
            raise HttpProblem(422, f"the log ends at position {size}; nothing can cover {self._after}", field="after")
        try:
            there = runner.wait_for(self._after, self.served.wait_seconds)
        except Stopped as stopped:
            raise HttpProblem(503, f"{stopped}; restart the server, or run `decisionlog rebuild`") from None
        if not there:
            detail = f"the read model is at position {runner.position}; ask again for {self._after}"
            raise HttpProblem(504, detail, field="after", headers={"Retry-After": "1"})


AskedFor = Annotated[Asked, Depends(Asked)]
