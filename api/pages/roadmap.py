"""The roadmap as a page: a board, a timeline of releases, or a table; at any time, and compared with another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api.pages.cards import PLACING_FIELDS, Card, Releases, complete_cards, placed_cards
from api.pages.command_forms import MOVE
from api.pages.comparison import LEGEND, find_changed_subjects, find_differences
from api.pages.labels import Mark
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.pages.value_formats import parse_day
from api.parameter_checks import check_choice
from api.query_parameters import ProductText, list_parameter
from projections.queries import listings
from projections.queries import roadmap as roadmap_query
from projections.queries import slips as slip_queries
from projections.queries.field_values import as_ids
from projections.queries.filters import Filter
from projections.queries.paging import Row
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read

LAYOUTS: Final = {"board": "Board", "timeline": "Timeline", "table": "Table"}
COLUMNS: Final = {"horizon": "Horizon", "status": "Status", "owner": "Owner"}
COMPARED: Final = (
    *("exists", "title", "status", "horizon", "target.*", "role.accountable", "definition", "products"),
    *("decisions", "goals"),
)
CARDS: Final = 60
"""Cards that a page shows at first, shared by its columns; each column has a link that shows all of its cards."""
MIN_PER_COLUMN: Final = 3
TABLE_ROWS: Final = 100
_UNPLANNED_TITLE: Final = {roadmap_query.UNPLANNED: "Not planned"}
HORIZON_TITLES: Final = {"now": "Now", "next": "Next", "later": "Later", roadmap_query.UNPLANNED: "Not planned"}


@dataclass(frozen=True, slots=True)
class ClosedCard:
    """A feature that is shipped or dropped, of which only the title and the status are shown."""

    subject: str
    title: str
    status: Mark


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the board, or a release of the timeline."""

    key: str
    title: str
    cards: list[Card]
    closed: list[ClosedCard]
    count: int
    """All open features at the page's time, shown or not."""
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column with all its cards, which have only what places them."""

    key: str
    title: str
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class TimelineSlip:
    """A release on the timeline: its first and its current day, as shares of the period that is drawn."""

    release: str
    first: str
    now: str
    first_x: float
    now_x: float
    days: int


def router() -> APIRouter:
    """Return the route of the roadmap."""
    routes = page_router()
    add_page(routes, "/roadmap", get_roadmap)
    return routes


def get_roadmap(  # noqa: PLR0917  (the parameters of the page)
    page: PageDependency,
    product: Annotated[list[ProductText], list_parameter("Only features of these products.")],
    owner: Annotated[list[str], list_parameter("Only features of these owners.")],
    status: Annotated[list[str], list_parameter("Only features with these statuses.")],
    layout: Annotated[str, Query()] = "board",
    columns: Annotated[str, Query()] = "horizon",
    show: Annotated[str, Query(max_length=300)] = "",
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    present: Annotated[bool, Query()] = False,
) -> Response:
    """Show the roadmap. `show` is the column of which every card is shown, or `all`; `skip` is for the table."""
    check_choice(layout, LAYOUTS, "layout")
    check_choice(columns, COLUMNS, "columns")
    products = [page.services.find_subject(each, "product", kind="product") for each in product]
    selection = Filter(
        kinds=("feature",),
        products=products,
        statuses=status,
        fields=("role.accountable",) if owner else (),
        holders=[page.services.find_person(each, "owner") for each in owner],
    )

    def build(read: Read) -> Context:
        compared = replace(selection.of_subjects(), statuses=(), fields=COMPARED)
        changed = find_changed_subjects(read, page.time, compared)
        releases = Releases(read)
        placed = place_cards(read, page, selection, changed, releases, layout=layout, by=columns)
        rows = skip, None if show == "all" else TABLE_ROWS
        found = _cut_table(placed, changed, *rows) if layout == "table" else _cut_columns(placed, changed, show)
        found = _complete(read, page, found, compared, changed, releases)
        timeline = _timeline(read, page, products, releases) if layout == "timeline" else NO_TIMELINE
        all_cards = {card.subject: card for column in placed for card in column.cards}
        existing = [card for card in all_cards.values() if not card.is_ghost]
        open_count = sum(not card.is_closed for card in existing)
        shown = {card.subject for column in found for card in column.cards if card.difference}
        return {
            "title": _title_of(read, page, products),
            "chosen_products": products,
            "chosen_owners": selection.holders,
            "chosen_statuses": status,
            "layout": layout,
            "layouts": LAYOUTS,
            "by": columns,
            "by_choices": COLUMNS,
            "columns": [_draw_slips(column, timeline["axis"]) for column in found],
            "open_count": open_count,
            "closed_count": len(existing) - open_count,
            "changed_count": len(changed & all_cards.keys()),
            "shown_changes": len(shown),
            "skip": skip,
            "shown_rows": sum(len(column.cards) for column in found),
            "row_count": sum(len(column.cards) for column in placed),
            "table_rows": TABLE_ROWS,
            "legend": LEGEND,
            **timeline,
            "release_products": _release_products(page, releases)
            if layout == "timeline" and len(products) != 1
            else {},
            "is_presentation": present,
            "can_move": page.time.is_now and page.permissions.may_anywhere(MOVE),
        }

    return page.render("roadmap.html", build)


def _release_products(page: Page, releases: Releases) -> dict[str, list[str]]:
    """Return the products of each release, also of those that exist only at the time that is compared."""
    then = {} if page.time.compared is None else releases.products(page.time.compared)
    return {**then, **releases.products(page.time.point)}


def _title_of(read: Read, page: Page, products: Sequence[str]) -> str:
    rows = listings.subjects(read, Filter(subjects=products or (), kinds=("product",)), (), page.time.point).rows
    return f"{rows[0]['title'] or rows[0]['subject']} roadmap" if len(rows) == 1 else "Roadmap"


# Placing --------------------------------------------------------------------------------------------------------------


def place_cards(
    read: Read, page: Page, selection: Filter, changed: AbstractSet[str], releases: Releases, *, layout: str, by: str
) -> list[PlacedColumn]:
    """Return the columns of the roadmap at the page's time, with all their cards.

    What exists only at the time it is compared with is in the column where it is then.
    """
    is_timeline = layout == "timeline"

    def ask(asked: Filter, when: TimePoint) -> Sequence[Row]:
        placed_by = "release" if is_timeline else by
        return roadmap_query.roadmap_columns(read, asked, when, by=placed_by, fields=PLACING_FIELDS).rows

    titles = HORIZON_TITLES if by == "horizon" and not is_timeline else _UNPLANNED_TITLE
    columns: dict[str, PlacedColumn] = {}

    def column_of(row: Row) -> PlacedColumn:
        key = row["column"]
        return columns.setdefault(key, PlacedColumn(key, titles.get(key) or row["title"] or key, []))

    build = placed_cards(read, page, page.time.point, releases)
    for row in ask(selection, page.time.point):
        _add_cards(column_of(row), map(build, row["cards"]))
    shown = {card.subject for column in columns.values() for card in column.cards}
    missing = sorted(changed - shown)
    if missing and page.time.compared is not None:
        build_ghost = placed_cards(read, page, page.time.compared, releases, is_ghost=True)
        for row in ask(replace(selection, subjects=missing, statuses=()), page.time.compared):
            _add_cards(column_of(row), map(build_ghost, row["cards"]))
    if is_timeline:
        days = releases.days(page.time.point)
        return sorted(columns.values(), key=lambda column: _timeline_rank(column.key, days))
    return _sort_columns(columns, titles)


def _add_cards(column: PlacedColumn, cards: Iterable[Card]) -> None:
    """Add cards to a column, each feature once even if several of its targets are in the column."""
    there = {card.subject for card in column.cards}
    for card in cards:
        if card.subject not in there:
            there.add(card.subject)
            column.cards.append(card)


def _timeline_rank(key: str, days: Mapping[str, str]) -> tuple[int, str]:
    """Return the rank of a timeline column: by day, then releases without a day, then features without a target."""
    day = days.get(key) or (key if parse_day(key) else "")
    return (0, day) if day else (2 if key == roadmap_query.UNPLANNED else 1, "")


def _sort_columns(columns: Mapping[str, PlacedColumn], titles: Mapping[str, str]) -> list[PlacedColumn]:
    """Return the columns in their order; now, next and later are shown even if they are empty."""
    if titles is _UNPLANNED_TITLE:
        return [*columns.values()]
    order = [*titles]
    found = {**{key: PlacedColumn(key, titles[key], []) for key in order[:3]}, **columns}
    return [found[key] for key in sorted(found, key=lambda key: order.index(key) if key in order else len(order))]


# Cutting and completing -----------------------------------------------------------------------------------------------


def _cut_columns(placed: Sequence[PlacedColumn], changed: AbstractSet[str], show: str) -> list[Column]:
    """Return the columns with as many cards as a page shows; what is closed is only named, unless it differs."""
    limit = max(MIN_PER_COLUMN, CARDS // max(1, len(placed)))
    return [
        _build_column(column, changed, None if show in ("all", column.key) else limit, fold=True) for column in placed
    ]


def _cut_table(placed: Sequence[PlacedColumn], changed: AbstractSet[str], skip: int, limit: int | None) -> list[Column]:
    """Return the rows of one page of the table, in the columns that they belong to."""
    full = [_build_column(column, changed, None, fold=False) for column in placed]
    rows = [(column.key, card) for column in full for card in column.cards]
    shown = rows[skip:] if limit is None else rows[skip : skip + limit]
    found = [replace(column, cards=[card for key, card in shown if key == column.key]) for column in full]
    return [column for column in found if column.cards]


def _build_column(column: PlacedColumn, changed: AbstractSet[str], limit: int | None, *, fold: bool) -> Column:
    shown = [card for card in column.cards if _is_shown(card, changed)]
    closed = [card for card in column.cards if not _is_shown(card, changed)]
    cards = shown if fold else shown + closed
    count = sum(not (card.is_closed or card.is_ghost) for card in column.cards)
    hidden = 0 if limit is None else max(0, len(cards) - limit)
    folded = [ClosedCard(card.subject, card.title, card.status) for card in closed] if fold else []
    return Column(column.key, column.title, cards[:limit], folded, count, hidden)


def _is_shown(card: Card, changed: AbstractSet[str]) -> bool:
    """Return whether a card is shown as such, and not only named among what is closed."""
    return not card.is_closed or (card.subject in changed and not card.is_ghost)


def _complete(
    read: Read,
    page: Page,
    columns: Sequence[Column],
    compared: Filter,
    changed: AbstractSet[str],
    releases: Releases,
) -> list[Column]:
    """Return the columns with the reasons, slips and differences of the cards that they show, read at once for all."""
    cards = {card.subject: card for column in columns for card in column.cards}
    differing = sorted(changed & cards.keys())
    differences = find_differences(read, page.time, replace(compared, subjects=differing)) if differing else {}
    here = [card for card in cards.values() if not card.is_ghost]
    ghosts = [card for card in cards.values() if card.is_ghost]
    full = {
        card.subject: card
        for card in (
            *complete_cards(read, page, here, differences, releases=releases),
            *complete_cards(read, page, ghosts, differences, page.time.compared, releases),
        )
    }
    return [replace(column, cards=[full[card.subject] for card in column.cards]) for column in columns]


@dataclass(frozen=True, slots=True)
class Axis:
    """The period that the timeline draws."""

    start: date
    days: int

    def share(self, day: date) -> float:
        """Return where a day is on the axis, as a percentage; a day outside the period is at the nearer end."""
        return min(100.0, max(0.0, round(100 * (day - self.start).days / self.days, 2)))


def _draw_slips(column: Column, axis: Axis | None) -> Column:
    """Return the column with the slips of its cards placed on the axis."""
    return column if axis is None else replace(column, cards=[_draw_slip(card, axis) for card in column.cards])


def _draw_slip(card: Card, axis: Axis) -> Card:
    first, now = parse_day(card.first_day), parse_day(card.target_day)
    return replace(card, slip_x=(axis.share(first), axis.share(now))) if first and now and first < now else card


NO_TIMELINE: Final[Context] = {"releases": [], "today_x": None, "axis": None}


def _timeline(read: Read, page: Page, products: Sequence[str], releases: Releases) -> Context:
    """Return the releases with their first and their current day, and today, to be drawn on one axis."""
    of_all = [row for row in releases.at(page.time.point) if parse_day(row.get("due_on"))]
    rows = [row for row in of_all if not products or not set(products).isdisjoint(as_ids(row.get("products")))]
    if not rows:
        return NO_TIMELINE
    subjects = [row["subject"] for row in rows]
    slips = slip_queries.slips(read, Filter(subjects=subjects, fields=("due_on",)), page.time.point).rows
    first = {row["subject"]: row["first"]["value"] for row in slips}
    days = {row["subject"]: (parse_day(first.get(row["subject"])), parse_day(row["due_on"])) for row in rows}
    pairs = {subject: (one or two, two) for subject, (one, two) in days.items() if two}
    ends = [day for pair in pairs.values() for day in pair if day]
    axis = Axis(min(ends), max(1, (max(ends) - min(ends)).days))
    today = page.time.today
    drawn = [
        TimelineSlip(subject, one.isoformat(), two.isoformat(), axis.share(one), axis.share(two), (two - one).days)
        for subject, (one, two) in sorted(pairs.items(), key=lambda item: item[1][1])
        if one
    ]
    today_x = axis.share(today) if axis.start <= today <= max(ends) else None
    return {"releases": drawn, "today_x": today_x, "axis": axis}
