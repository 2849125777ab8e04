"""The roadmap as a page: a board, a timeline of releases, or a table; at any time, and compared with another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from api.dependencies import ProductText, check_choice, list_parameter
from api.pages.command_forms import MOVE
from api.pages.comparison import LEGEND, SubjectDifference, find_differences
from api.pages.fields import BlamedValue, Origin, Origins, flatten
from api.pages.page import Context, Page, PageDependency, add_page, page_router
from api.pages.words import Mark, count_of, status_mark, times_word
from domain.feature import CLOSED
from domain.values import from_micros
from projections import changes as change_queries
from projections import listings
from projections import roadmap as roadmap_query
from projections.field_groups import flat_fields
from projections.filters import Filter
from projections.paging import Row
from projections.read_model import Read
from projections.timepoint import TimePoint

LAYOUTS: Final = {"board": "Board", "timeline": "Timeline", "table": "Table"}
COLUMNS: Final = {"horizon": "Horizon", "status": "Status", "owner": "Owner"}
FIELDS: Final = ("title", "status", "horizon", "rank", "products", "target.*", "role.accountable")
COMPARED: Final = ("exists", "title", "status", "horizon", "target.*", "role.accountable", "definition", "products")
SHOWN_VALUES: Final = ("status", "horizon", "role.accountable")
CARDS_PER_COLUMN: Final = 60
"""Cards of a column that are shown at first; a link shows all of them."""
HORIZON_TITLES: Final = {"now": "Now", "next": "Next", "later": "Later", roadmap_query.UNPLANNED: "Not planned"}


@dataclass(frozen=True, slots=True)
class Card:
    """A feature on the roadmap, with its reason, its slips, and its differences."""

    subject: str
    title: str
    status: Mark
    is_closed: bool
    owners: list[str]
    target: BlamedValue | None
    target_day: str | None
    """The day of the target: its own, or that of its release."""
    slips: int
    days_late: int
    origin: Origin | None
    values: list[BlamedValue]
    difference: SubjectDifference | None
    is_ghost: bool = False
    """Whether it is shown only for the comparison, as it does not exist at the page's time."""

    @property
    def note(self) -> Mark:
        """What matters most about it: late, slipped, or its status."""
        if self.days_late:
            return Mark("bad", f"{count_of(self.days_late, 'day')} late")
        if self.slips and not self.is_closed:
            return Mark("warn", f"slipped {times_word(self.slips)}")
        return self.status


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the board, or a release of the timeline."""

    key: str
    title: str
    cards: list[Card]
    closed: list[Card]
    hidden: int = 0

    @property
    def count(self) -> int:
        return len(self.cards) + self.hidden - sum(card.is_ghost or card.is_closed for card in self.cards)


@dataclass(frozen=True, slots=True)
class TimelineSlip:
    """A release on the timeline: its first and its current day, as shares of the period that is drawn."""

    release: str
    first: str
    now: str
    first_x: float
    now_x: float
    days: int


@dataclass(frozen=True)
class _CardBuilder:
    """Builds cards from the roadmap's answer at one time."""

    page: Page
    origins: Origins
    slips: Mapping[tuple[str, str], Row]
    days: Mapping[str, str]
    differences: Mapping[str, SubjectDifference]

    def build(self, row: Row, *, is_ghost: bool = False) -> Card:
        fields = self.origins.values(dict(flat_fields(row)))
        target = self._target(fields)
        status = fields["status"].content[0] if "status" in fields and fields["status"].content else None
        is_closed = status in CLOSED
        day = self._day_of(target)
        slip = self.slips.get((row["subject"], target.field if target else "target.ship"))
        placing = [value for name, value in fields.items() if name != "title"]
        return Card(
            subject=row["subject"],
            title=str(row["title"] or row["subject"]),
            status=status_mark(status),
            is_closed=is_closed,
            owners=[str(each) for each in fields["role.accountable"].content] if "role.accountable" in fields else [],
            target=target,
            target_day=day,
            slips=slip["later"] if slip else 0,
            days_late=0 if is_closed or not day else self._days_since(day),
            origin=max((v.origin for v in placing if v.origin), key=lambda origin: origin.position, default=None),
            values=[fields[name] for name in SHOWN_VALUES if name in fields] + ([target] if target else []),
            difference=self.differences.get(row["subject"]),
            is_ghost=is_ghost,
        )

    def _target(self, fields: Mapping[str, BlamedValue]) -> BlamedValue | None:
        found = [value for name, value in sorted(fields.items()) if name.startswith("target.") and value.content]
        return next((each for each in found if each.field == "target.ship"), found[0] if found else None)

    def _day_of(self, target: BlamedValue | None) -> str | None:
        value = str(target.content[0]) if target else ""
        return self.days.get(value) or (value if _day_of(value) else None)

    def _days_since(self, day: str) -> int:
        due = _day_of(day)
        today = from_micros(self.page.time.valid_time).astimezone(self.page.time.zone).date()
        return max(0, (today - due).days) if due else 0


def _day_of(value: object) -> date | None:
    """Return the calendar day that a value is, if it is one."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def router() -> APIRouter:
    """Return the route of the roadmap."""
    routes = page_router()
    add_page(routes, "/roadmap", get_roadmap)
    return routes


def get_roadmap(
    page: PageDependency,
    product: Annotated[list[ProductText], list_parameter("Only features of these products.")],
    owner: Annotated[list[str], list_parameter("Only features of these owners.")],
    status: Annotated[list[str], list_parameter("Only features with these statuses.")],
    layout: Annotated[str, Query()] = "board",
    columns: Annotated[str, Query()] = "horizon",
    show: Annotated[str, Query()] = "",
    present: Annotated[bool, Query()] = False,
) -> Response:
    """Show the roadmap. `show=all` shows every card of every column."""
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
        cards = find_cards(read, page, selection, layout="timeline" if layout == "timeline" else "board", by=columns)
        limit = None if show == "all" or layout == "table" else CARDS_PER_COLUMN
        titles = HORIZON_TITLES if columns == "horizon" and layout == "board" else {}
        found = [_build_column(key, title, each, titles, limit) for key, title, each in cards]
        changed = {card.subject for column in found for card in column.cards + column.closed if card.difference}
        return {
            "title": _title_of(read, page, products),
            "chosen_products": products,
            "chosen_owners": selection.holders,
            "chosen_statuses": status,
            "layout": layout,
            "layouts": LAYOUTS,
            "by": columns,
            "by_choices": COLUMNS,
            "columns": found,
            "open_count": len(
                {card.subject for column in found for card in column.cards if not (card.is_ghost or card.is_closed)}
            )
            + sum(column.hidden for column in found),
            "closed_count": len(
                {
                    card.subject
                    for column in found
                    for card in column.cards + column.closed
                    if card.is_closed and not card.is_ghost
                }
            ),
            "changed_count": len(changed),
            "legend": LEGEND,
            "releases": _timeline(read, page, products) if layout == "timeline" else [],
            "release_products": _release_products(read, page) if layout == "timeline" and len(products) != 1 else {},
            "is_presentation": present,
            "can_move": page.time.is_now and page.permissions.may_anywhere(MOVE),
        }

    return page.render("roadmap.html", build)


def _release_products(read: Read, page: Page) -> dict[str, list[str]]:
    """Return the products of each release: two products may both have a release 1.0."""
    return {
        row["subject"]: flatten(row).get("products", []) for row in listings.releases(read, (), page.time.point).rows
    }


def _title_of(read: Read, page: Page, products: Sequence[str]) -> str:
    rows = listings.subjects(read, Filter(subjects=products or (), kinds=("product",)), (), page.time.point).rows
    return f"{rows[0]['title'] or rows[0]['subject']} roadmap" if len(rows) == 1 else "Roadmap"


def find_cards(
    read: Read, page: Page, selection: Filter, *, layout: roadmap_query.Layout, by: str
) -> list[tuple[str, str | None, list[Card]]]:
    """Return the columns of the roadmap at the page's time: key, title and cards.

    What exists only at the time it is compared with is in the column where it is then.
    """
    differences = find_differences(read, page.time, replace(selection.of_subjects(), statuses=(), fields=COMPARED))
    when = page.time.point
    if layout == "table":
        rows = roadmap_query.roadmap_table(read, selection, when, fields=FIELDS, blame=True).rows
        return [("", None, _build_cards(read, page, rows, differences))]
    placed_by = "release" if layout == "timeline" else by
    answer = roadmap_query.roadmap_columns(read, selection, when, by=placed_by, fields=FIELDS, blame=True)
    columns = {
        row["column"]: (row["title"], _build_cards(read, page, row["cards"], differences)) for row in answer.rows
    }
    shown = {card.subject for _, cards in columns.values() for card in cards}
    missing = [subject for subject in differences if subject not in shown]
    if missing and page.time.compared is not None:
        at = page.time.compared
        chosen = replace(selection, subjects=missing, statuses=())
        other = roadmap_query.roadmap_columns(read, chosen, at, by=placed_by, fields=FIELDS, blame=True)
        for row in other.rows:
            _title, cards = columns.setdefault(row["column"], (row["title"], []))
            cards += _build_cards(read, page, row["cards"], differences, at=at)
    return [(key, title, cards) for key, (title, cards) in _sorted_columns(columns, by, layout)]


def _sorted_columns(columns: Mapping[str, Any], by: str, layout: str) -> Iterable[tuple[str, Any]]:
    if layout != "board" or by != "horizon":
        return columns.items()
    order = [*HORIZON_TITLES]
    found = {**{key: (None, []) for key in order[:3]}, **columns}
    return sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))


def _build_cards(
    read: Read,
    page: Page,
    rows: Sequence[Row],
    differences: Mapping[str, SubjectDifference],
    at: TimePoint | None = None,
) -> list[Card]:
    when = at or page.time.point
    subjects = [row["subject"] for row in rows if row["fields"].get("status", {}).get("value") not in CLOSED]
    blames = (field["blame"] for row in rows for _, field in flat_fields(row))
    slips = change_queries.slips(read, Filter(subjects=subjects), when).rows if subjects else []
    builder = _CardBuilder(
        page,
        Origins(read, blames, when),
        {(row["subject"], row["field"]): row for row in slips},
        _release_days(read, when),
        differences,
    )
    return [builder.build(row, is_ghost=at is not None) for row in rows]


def _release_days(read: Read, when: TimePoint) -> dict[str, str]:
    rows = map(flatten, listings.releases(read, (), when).rows)
    return {row["subject"]: row["due_on"] for row in rows if row.get("due_on")}


def _build_column(
    key: str, title: str | None, cards: Sequence[Card], titles: Mapping[str, str], limit: int | None
) -> Column:
    is_open = Counter(id(card) for card in cards if not card.is_closed or (card.difference and not card.is_ghost))
    still_open = [card for card in cards if id(card) in is_open]
    closed = [card for card in cards if id(card) not in is_open]
    shown = still_open if limit is None else still_open[:limit]
    return Column(key, titles.get(key) or title or key, shown, closed, len(still_open) - len(shown))


def _timeline(read: Read, page: Page, products: Sequence[str]) -> list[TimelineSlip]:
    """Return the releases with their first and their current day, to be drawn on one axis."""
    rows = [row for row in map(flatten, listings.releases(read, products, page.time.point).rows) if row.get("due_on")]
    if not rows:
        return []
    subjects = [row["subject"] for row in rows]
    slips = change_queries.slips(read, Filter(subjects=subjects, fields=("due_on",)), page.time.point).rows
    first = {row["subject"]: row["first"]["value"] for row in slips}
    days = {row["subject"]: (_day_of(first.get(row["subject"])), _day_of(row["due_on"])) for row in rows}
    pairs = {subject: (one or two, two) for subject, (one, two) in days.items() if two}
    ends = [day for pair in pairs.values() for day in pair if day]
    start, length = min(ends), max(1, (max(ends) - min(ends)).days)

    def share(day: date) -> float:
        return round(100 * (day - start).days / length, 2)

    return [
        TimelineSlip(subject, one.isoformat(), two.isoformat(), share(one), share(two), (two - one).days)
        for subject, (one, two) in pairs.items()
        if one
    ]
