"""Features as cards: first what places them, and the reason, slips and differences of only those that are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from api.pages.comparison import SubjectDifference
from api.pages.fields import BlamedValue, Origin, Origins, content_of, flatten
from api.pages.labels import Mark, status_mark
from api.pages.page import Page
from api.pages.value_formats import count_of, parse_day, times_word
from domain.feature import CLOSED
from projections.queries import listings
from projections.queries import roadmap as roadmap_query
from projections.queries import slips as slip_queries
from projections.queries.field_groups import flat_fields
from projections.queries.field_values import as_ids
from projections.queries.filters import Filter
from projections.queries.paging import Row
from projections.queries.timepoint import TimePoint, resolve_time
from projections.read_model.model import Read

PLACING_FIELDS: Final = ("status", "horizon", "target.*", "role.accountable")
"""What is needed to count features, and to find those that are late."""
FIELDS: Final = ("title", "rank", "products", *PLACING_FIELDS)
SHOWN_VALUES: Final = ("status", "horizon", "role.accountable")


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
    first_promise: tuple[str, ...] = ()
    """The first target, if the target has since moved to a later one."""
    first_day: str | None = None
    """The day of the first target."""
    slip_x: tuple[float, float] | None = None
    """On the timeline: where the first and the current target are, as percentages of the period drawn."""

    @property
    def horizon(self) -> str | None:
        """Now, next or later; None if it is not planned."""
        return next((str(each.content[0]) for each in self.values if each.field == "horizon" and each.content), None)

    @property
    def note(self) -> Mark:
        """What matters most about it: late, slipped, or its status."""
        if self.days_late:
            return Mark("bad", f"{count_of(self.days_late, 'day')} late")
        if self.slips and not self.is_closed:
            return Mark("warn", f"slipped {times_word(self.slips)}")
        return self.status


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
        first = [*map(str, content_of(slip["first"]))] if slip and slip["later"] else []
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
            first_promise=tuple(first),
            first_day=self._find_day(first[0]) if first else None,
        )

    def _target(self, fields: Mapping[str, BlamedValue]) -> BlamedValue | None:
        found = [value for name, value in sorted(fields.items()) if name.startswith("target.") and value.content]
        return next((each for each in found if each.field == "target.ship"), found[0] if found else None)

    def _day_of(self, target: BlamedValue | None) -> str | None:
        return self._find_day(str(target.content[0])) if target else None

    def _find_day(self, value: str) -> str | None:
        return self.days.get(value) or (value if parse_day(value) else None)

    def _days_since(self, day: str) -> int:
        due = parse_day(day)
        return max(0, (self.page.time.today - due).days) if due else 0


class Releases:
    """The releases at each time that a page shows, in release order. Those of each time are listed once."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._lists: dict[TimePoint, list[Row]] = {}

    def at(self, when: TimePoint) -> list[Row]:
        """Return the releases that exist at a time, with their values next to `subject` and `title`."""
        if when not in self._lists:
            self._lists[when] = [*map(flatten, listings.releases(self._read, (), when).rows)]
        return self._lists[when]

    def days(self, when: TimePoint) -> dict[str, str]:
        """Return the day of each release that has one."""
        return {row["subject"]: row["due_on"] for row in self.at(when) if parse_day(row.get("due_on"))}

    def products(self, when: TimePoint) -> dict[str, list[str]]:
        """Return the products of each release: two products may both have a release 1.0."""
        return {row["subject"]: [*as_ids(row.get("products"))] for row in self.at(when)}


def list_cards(read: Read, page: Page, selection: Filter) -> list[Card]:
    """Return the features that a filter selects at the page's time, without reasons and slips; see `complete_cards`."""
    rows = roadmap_query.roadmap_table(read, selection, page.time.point, fields=PLACING_FIELDS).rows
    return [*map(placed_cards(read, page, page.time.point, Releases(read)), rows)]


def list_open_cards(read: Read, page: Page, selection: Filter) -> list[Card]:
    """Return those of the features that are neither shipped nor dropped."""
    return [card for card in list_cards(read, page, selection) if not card.is_closed]


def list_urgent_cards(read: Read, page: Page, horizon: str | None = None) -> list[Card]:
    """Return the open features that are late, and those of a horizon if one is given."""
    time = resolve_time(read, page.time.point)
    today = page.time.today
    due = {release: parse_day(day) for release, day in Releases(read).days(page.time.point).items()}
    passed = [release for release, day in due.items() if day and day < today]
    found = roadmap_query.features_perhaps_due(read, today.isoformat(), passed, time)
    if horizon is not None:
        found |= roadmap_query.features_of_horizon(read, horizon, time)
    cards = list_open_cards(read, page, Filter(subjects=sorted(found), kinds=("feature",))) if found else []
    return [card for card in cards if card.days_late or (horizon is not None and card.horizon == horizon)]


def placed_cards(
    read: Read, page: Page, when: TimePoint, releases: Releases, *, is_ghost: bool = False
) -> Callable[[Row], Card]:
    """Return a function that builds the card of a row of the roadmap from only the fields that place it.

    A feature with several targets is in several columns of the timeline, and its card is the same in each.
    """
    builder = _CardBuilder(page, Origins(read, (), when), {}, releases.days(when), {})
    built: dict[str, Card] = {}

    def place(row: Row) -> Card:
        subject = row["subject"]
        if subject not in built:
            built[subject] = builder.build(row, is_ghost=is_ghost)
        return built[subject]

    return place


def complete_cards(
    read: Read,
    page: Page,
    cards: Sequence[Card],
    differences: Mapping[str, SubjectDifference] | None = None,
    at: TimePoint | None = None,
    releases: Releases | None = None,
) -> list[Card]:
    """Return the same cards with who set their values, when and why, and how often they slipped.

    `at` is another time than the page's, for what exists only then.
    """
    if not cards:
        return []
    when = at or page.time.point
    selection = Filter(subjects=[card.subject for card in cards], kinds=("feature",), include_removed=True)
    rows = roadmap_query.roadmap_table(read, selection, when, fields=FIELDS, blame=True).rows
    is_open = {card.subject for card in cards if not card.is_closed}
    slips = slip_queries.slips(read, Filter(subjects=sorted(is_open)), when).rows if is_open else []
    builder = _CardBuilder(
        page,
        Origins(read, (field["blame"] for row in rows for _, field in flat_fields(row)), when),
        {(row["subject"], row["field"]): row for row in slips},
        (releases or Releases(read)).days(when),
        differences or {},
    )
    built = {row["subject"]: builder.build(row, is_ghost=at is not None) for row in rows}
    return [built[card.subject] for card in cards]
