"""What every page needs: the caller, the time, the titles of what it shows, and its response.

A page runs one function on one snapshot of the read model, so everything on it agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, cached_property
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from pydantic import ValidationError

from api import problems
from api.access_journal import record_refusal
from api.admission import LaneName
from api.authentication import CurrentCaller
from api.pages.errors import render_error
from api.pages.subject_addresses import is_subject_id, subject_path
from api.pages.templating import render_page
from api.pages.times import NAMES, PageTime, Preset, parse_page_time
from api.pages.value_formats import format_day, is_day, value_parts
from api.pages.visible_buttons import Permissions
from api.pages.visits import LOOKED_COOKIE, find_visits
from api.permissions import require
from api.problems import HttpProblem, unprocessable
from api.query_execution import ExecutionDependency, QueryExecution, run_as_query, wait_for_position
from api.query_parameters import check_parameters
from api.return_addresses import local_path
from api.services import ServiceDependency, Services
from domain.actions import READ
from domain.errors import Refused, Unknown
from domain.ids import key_of
from domain.product import REPORT_FIELD
from domain.values import format_micros, is_subject, parse_micros
from eventlog.entry import UNKNOWN_AUTHOR, Caller
from projections.queries import listings
from projections.queries.decisions import NotFound, decision_numbers
from projections.queries.field_values import field_values
from projections.queries.filters import Filter
from projections.queries.paging import BadCursor
from projections.queries.timepoint import resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read

Context = dict[str, Any]
SAFE_IN_QUERY: Final = ":,/"


def build_address(path: str, parameters: Mapping[str, Any]) -> str:
    """Return an address; parameters that are None or empty are left out, and lists are repeated."""
    given = {name: value for name, value in parameters.items() if value not in (None, "", [], ())}
    query = urlencode(given, doseq=True, safe=SAFE_IN_QUERY, quote_via=quote)
    separator = "&" if "?" in path else "?"
    return f"{path}{separator}{query}" if query else path


class Titles:
    """What the subjects and people on a page are called."""

    def __init__(self, titles: Mapping[str, str], numbers: Mapping[str, str]) -> None:
        self._titles = titles
        self._numbers = numbers

    def __call__(self, subject: str) -> str:
        """Return the title of a subject, else its key; for an author whom the imported system does not name, that."""
        if subject == UNKNOWN_AUTHOR:
            return "not known"
        if subject.startswith("log:"):
            return "this log"
        return self._titles.get(subject) or key_of(subject) or subject

    def number(self, decision: str) -> str:
        """Return the number of a decision by which people call it, such as `TIDE-11`; else its key."""
        return self._numbers.get(decision) or key_of(decision)

    def short(self, subject: str) -> str:
        """Return the number of a decision, the title of anything else."""
        return self.number(subject) if subject.startswith("decision:") else self(subject)

    def sort(self, subjects: Iterable[str]) -> list[str]:
        """Return subjects by what they are called, people before teams."""
        return sorted(subjects, key=lambda each: (each.partition(":")[0], self(each).casefold()))

    def value(self, value: Any) -> str:
        """Return a value in words: a subject by its title, a day as people write it, an object by its members."""
        if isinstance(value, str):
            return self(value) if is_subject(value) else format_day(value) if is_day(value) else value
        if isinstance(value, Mapping):
            return ", ".join(self(each) if is_subject_id(each) else str(each) for each in value_parts(value))
        return str(value)

    def values(self, values: Iterable[Any] | None) -> str:
        """Return several values in words; nothing for None, the value of what an import could not map."""
        return ", ".join(map(self.value, [values] if isinstance(values, str) else values or ()))


def find_ids(value: Any) -> set[str]:
    """Return the ids of all subjects that occur anywhere in the content of a page."""
    texts: set[str] = set()
    seen: set[int] = set()
    waiting: list[Any] = [value]
    while waiting:  # a page has ten thousand members, and a call for each takes longer than the rest
        member = waiting.pop()
        shape = _find_shape(member.__class__)
        if shape is str:
            texts.add(member)
        elif shape is dict:
            waiting += member.keys()
            waiting += member.values()
        elif shape is list:
            waiting += member
        elif shape and id(member) not in seen:
            seen.add(id(member))
            waiting += [getattr(member, name) for name in shape]
    return {text for text in texts if ":" in text and is_subject(text)}


@cache
def _find_shape(type_: Any) -> Any:
    """Return `str`, `dict` or `list` for a type that is like one of these, or the names of the fields of a dataclass."""
    if issubclass(type_, str):
        return str
    if issubclass(type_, Mapping):
        return dict
    if issubclass(type_, list | tuple | set | frozenset):
        return list
    return tuple(each.name for each in fields(type_)) if is_dataclass(type_) else ()


@dataclass(frozen=True)
class Page:
    """One page for one caller at one time."""

    request: Request
    services: Services
    execution: QueryExecution
    caller: Caller
    time: PageTime
    permissions: Permissions

    # Addresses

    @cached_property
    def _time_parameters(self) -> dict[str, str]:
        return self.time.parameters

    @cached_property
    def _time_query(self) -> str:
        return build_address("", self._time_parameters)

    def url(self, path: str, **parameters: Any) -> str:
        """Return an address within the pages that shows the same time."""
        if not parameters and "?" not in path:  # as of almost every link of a page
            return path + self._time_query
        return build_address(path, {**self._time_parameters, **parameters})

    def here(self, **changes: Any) -> str:
        """Return the address of this page with some parameters changed; None removes one."""
        query = self.request.query_params
        given: dict[str, Any] = {
            name: query.getlist(name) for name in query if name not in (*NAMES, "done", "min_position")
        }
        return build_address(self.request.url.path, {**given, **self._time_parameters, **changes})

    def link(self, subject: str) -> str:
        """Return the address of a subject's page at the same time."""
        return self.url(subject_path(subject))

    @property
    def now_address(self) -> str:
        """The address of this page as of now."""
        return self.here(as_of=None, known_at=None, compare=None, compare_known_at=None)

    def hidden_parameters(self, *without: str) -> list[tuple[str, str]]:
        """Return the parameters of this page that a form has to repeat, without those that it sets itself."""
        query = self.request.query_params
        own = (*NAMES, "done", "min_position")
        given = [(name, value) for name, value in query.multi_items() if name not in own]
        found = [*given, *self.time.parameters.items()]
        return [(name, value) for name, value in found if name not in without and value]

    # Content

    def render(
        self,
        template: str,
        build: Callable[[Read], Context],
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Return the page that a template makes of what `build` finds.

        Raises:
            Unknown: the read model does not know the subject.
            HttpProblem: 422 for a cursor that no page contained, 503 if the read model has stopped.
        """
        self.services.check_read_model()
        self.execution.bounds.end_pages_by_rows()
        with self.services.read(self.execution.bounds) as read:
            try:
                context = build(read)
            except BadCursor as error:
                raise unprocessable(str(error), field="cursor") from None
            except NotFound as error:
                kind, _, key = str(error).partition(":")
                raise Unknown(f"there is no {kind} “{key}”, or you may not read it") from None
            context = {**self._frame_context(read), **context}
            titles = self._find_titles(read, context)
        return render_page(self.request, template, {**context, "page": self, "titles": titles}, status, headers)

    def _frame_context(self, read: Read) -> Context:
        """Return what the frame of every page shows."""
        products = listings.subjects(read, Filter(kinds=("product",)), ("status", "line"), self.time.point).rows
        point, compared = self.time.point, self.time.compared
        times = {
            "shown_at": point.as_of,
            "known_at": point.known_at,
            "compared_at": compared.as_of if compared else None,
        }
        return {
            "products": products,
            "position": read.position,
            "me": self.caller.actor,
            "path": self.request.url.path,
            "done": self.request.query_params.get("done"),
            "presets": self._presets(read),
            **{name: None if at is None else format_micros(at) for name, at in times.items()},
        }

    def _presets(self, read: Read) -> list[Preset]:
        looked = find_visits(self.request, self.time.now)[0] if LOOKED_COOKIE in self.request.cookies else None
        fields = Filter(kinds=("product",), fields=(REPORT_FIELD,))
        reports = [parse_micros(row["since"]) for row in field_values(read, fields).rows]
        return self.time.presets(looked, max(reports, default=None))

    def _find_titles(self, read: Read, context: Context) -> Titles:
        time = resolve_time(read, self.time.point)
        ids = find_ids(context)
        titles = dict(find_titles(read, ids, time))
        if self.time.compared is not None:  # what exists only then is called what it is called then
            titles = {**find_titles(read, ids - titles.keys(), resolve_time(read, self.time.compared)), **titles}
        people = {each for each in ids if each.startswith(("person:", "service:"))}
        titles |= self.services.book.directory.display_names(sorted(people)) if people else {}
        decisions = [each for each in ids if each.startswith("decision:")]
        numbers = decision_numbers(read, decisions, time) if decisions else {}
        return Titles(titles, {each: format_number(found) for each, found in numbers.items() if found})


def format_number(numbers: Mapping[str, int]) -> str:
    """Return a decision's number in its first product, such as `TIDELINE-11`."""
    product, number = next(iter(numbers.items()))
    return f"{product.partition(':')[2].upper()}-{number}"


TimeText = Annotated[str, Query(max_length=40)]


async def _page(  # noqa: PLR0917  (the parameters of every page)
    request: Request,
    caller: CurrentCaller,
    _permission: Annotated[None, Depends(require(READ))],
    services: ServiceDependency,  # after the permission, which limits them to what the caller may read
    execution: ExecutionDependency,
    _: Annotated[None, Depends(wait_for_position)],
    as_of: TimeText = "",  # noqa: ARG001  (these are parsed together, and named here for `check_parameters`)
    known_at: TimeText = "",  # noqa: ARG001
    compare: TimeText = "",  # noqa: ARG001
    compare_known_at: TimeText = "",  # noqa: ARG001
    done: Annotated[int | None, Query(ge=1)] = None,  # noqa: ARG001  (what was just recorded, which the page confirms)
) -> Page:
    now = services.model.now()
    time = parse_page_time(request.query_params, now, services.zone)
    return Page(request, services, execution, caller, time, Permissions(services, caller, now))


PageDependency = Annotated[Page, Depends(_page)]


# Routes ---------------------------------------------------------------------------------------------------------------


class PageRoute(APIRoute):
    """A route whose errors are pages, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that handles a request."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except (HttpProblem, Refused, RequestValidationError, ValidationError) as error:
                if isinstance(error, HttpProblem) and error.status == 401 and request.method == "GET":  # noqa: PLR2004
                    return redirect_to_sign_in(request)
                return respond_with_error(request, error)

        return handle_page


def redirect_to_sign_in(request: Request) -> Response:
    """Send a browser that is not signed in to the page for that, from which it comes back here."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(build_address("/sign-in", {"next": f"{request.url.path}{query}"}), 303)


def find_form_address(request: Request) -> str:
    """Return the path of the page that sent a form, to return to after signing in; Home if it is not known."""
    sent_from = urlsplit(request.headers.get("referer", ""))
    query = f"?{sent_from.query}" if sent_from.query else ""
    return local_path(f"{sent_from.path}{query}") if sent_from.netloc == request.headers.get("host") else "/"


def respond_with_error(request: Request, error: Exception) -> Response:
    """Return a page that says what is wrong with a request, and how to fix it; the access journal has refusals, too."""
    headers: dict[str, str] = {}
    if isinstance(error, HttpProblem):
        record_refusal(request, error.status, error.detail)
    if isinstance(error, HttpProblem) and error.status == 401:  # noqa: PLR2004
        context = {"detail": error.detail, "form": find_form_address(request) if request.method == "POST" else None}
        return render_page(request, "signed_out.html", context, 401, error.headers)
    if isinstance(error, HttpProblem):
        document = problems.problem(error.status, error.name, error.detail, field=error.field)
        headers = error.headers or {}
    elif isinstance(error, Refused):
        document = problems.of_refusal(error)
    elif isinstance(error, RequestValidationError):
        document = problems.of_parameters(error)
    else:
        assert isinstance(error, ValidationError)
        document = problems.of_invalid(error)
    return render_error(request, document, headers)


def page_router() -> APIRouter:
    """Return a router for pages. They are not part of the API, so its document leaves them out."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(check_parameters)])


def add_page(router: APIRouter, path: str, endpoint: Callable[..., Response], lane: LaneName = "heavy") -> None:
    """Add a page that queries the read model within limits."""
    router.add_api_route(path, run_as_query(endpoint, lane), methods=["GET"], response_model=None)
