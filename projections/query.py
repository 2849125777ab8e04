"""What every question has in common: the two instants it is asked for, the cells it is about, and its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeVar

from domain.fields import CHANGES_PER_EVENT, Value
from domain.values import format_micros
from projections.read_model import Read
from projections.schema import dumps, members
from projections.tokenizer import tokenize

Row = dict[str, Any]

LIMIT: Final = 1_000
PART: Final = 1_000
"""Rows of a large page that are worked out at once."""

One = TypeVar("One")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class TimePoint:
    """The instants a question is asked for, in microseconds since 1970.

    `as_of`: what was in effect then; `known_at`: by what the log had recorded then. None is now.
    """

    as_of: int | None = None
    known_at: int | None = None


NOW: Final = TimePoint()


@dataclass(frozen=True)
class ResolvedTime:
    """A `When` in one snapshot: its instant, and the position up to which the log was known."""

    when: TimePoint
    at: int
    position: int
    latest: bool
    """Whether all that is recorded is known. Then `et` alone says which row of a cell holds."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What the SQL of `counts` and `holds` refers to."""
        return {"t": self.at, "p": self.position, "b": (self.position + 1) * CHANGES_PER_EVENT}

    def counts(self, alias: str) -> str:
        """SQL: this row of `cell` was recorded by then, and not yet voided."""
        if self.latest:
            return f"{alias}.void is null"
        return f"({alias}.id < :b and ({alias}.void is null or {alias}.void > :p))"

    def in_turn(self, alias: str, at: str = ":t") -> str:
        """SQL: this row of `cell` is the last of its cell not after an instant. Its term may be over."""
        holds = f"({alias}.et is null or {alias}.et > {at})"
        if self.latest:
            return f"({alias}.eff <= {at} and {holds})"
        # What follows the row is as it was known then, unless it came later and took over, or a row of the cell was voided
        # later.
        n = f"{alias}_n"
        return f"""({alias}.eff <= {at} and {self.counts(alias)} and case
            when ({alias}.et <= {at} and {alias}.et_id >= :b) or ({alias}.subject, {alias}.field) in (select z.subject, z.field from cell z where z.void > :p)
            then not exists (
                select 1 from cell {n} where {n}.subject = {alias}.subject and {n}.field = {alias}.field
                and ({n}.eff, {n}.id) > ({alias}.eff, {alias}.id) and {n}.eff <= {at} and {self.counts(n)})
            else {holds} end)"""

    def holds(self, alias: str, at: str = ":t") -> str:
        """SQL: this row of `cell` is the one that says what the cell holds at an instant."""
        return f"({self.in_turn(alias, at)} and ({alias}.until is null or {alias}.until > {at}))"

    def exists(self, subject: str, at: str = ":t") -> str:
        """SQL: this subject has begun by then, and is not struck from the record."""
        x = "x_" + re.sub(r"\W", "_", subject)
        return f"""exists (select 1 from cell {x} where {x}.subject = {subject} and {x}.field = 'exists'
            and {x}.value = 'true' and {self.holds(x, at)})"""

    def value(self, subject: str, name: str, column: str = "value") -> str:
        """SQL: what one cell of this subject holds, as JSON text."""
        v = f"v_{name}"
        return f"""(select {v}.{column} from cell {v} where {v}.subject = {subject} and {v}.field = '{name}'
            and {self.holds(v)})"""


def resolve_time(read: Read, when: TimePoint) -> ResolvedTime:
    """Turns the instant of knowledge into a position, once, so that every part of an answer agrees."""
    at = read.now if when.as_of is None else when.as_of
    if when.known_at is None:
        return ResolvedTime(when, at, read.position, latest=True)
    found = read.one(
        "select position from act where recorded_at <= :k order by recorded_at desc limit 1", {"k": when.known_at}
    )
    position = int(found[0]) if found else 0
    return ResolvedTime(when, at, position, latest=position == read.position)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cells a question is about. Within a field any of the words will do; the fields together must all fit.

    `fields` may end in `*` for every field that begins so. `values` and `words` are what the cell holds, or has in its
    list; `holders` are subjects that it names, where a person stands for every id joined with theirs. `statuses` are
    those of the subject, by our meaning or the source's word. `products` are those it belongs to, and a product belongs
    to itself. A subject not on the record is left out, unless `absent`.
    """

    kinds: Sequence[str] = ()
    subjects: Sequence[str] = ()
    products: Sequence[str] = ()
    fields: Sequence[str] = ()
    values: Sequence[Value] = ()
    source_values: Sequence[str] = ()
    holders: Sequence[str] = ()
    statuses: Sequence[str] = ()
    include_removed: bool = False

    def of_subjects(self) -> Filter:
        """The same without what is said of the cell itself."""
        return replace(self, fields=(), values=(), source_values=(), holders=())


def fields_where(read: Read, asked: Filter, then: ResolvedTime, alias: str = "c") -> tuple[str, dict[str, Any]]:
    """SQL and parameters for the rows of `cell` that fit, whether or not they hold at the moment."""
    terms, parameters = subjects_where(read, asked, then, f"{alias}.subject")
    if asked.fields:
        terms += " and " + _fields(asked.fields, alias, parameters)
    if asked.values:
        parameters |= {"f_values": spellings(asked.values), "f_members": _texts(asked.values)}
        terms += f" and ({alias}.value in {members('f_values')} or {names(alias, 'f_members')})"
    if asked.source_values:
        parameters["f_words"] = list(asked.source_values)
        terms += f" and {alias}.word in {members('f_words')}"
    if asked.holders:
        parameters["f_holders"] = [one for who in asked.holders for one in read.all_of(who)]
        terms += f" and {names(alias, 'f_holders')}"
    return terms, parameters


def subjects_where(read: Read, asked: Filter, then: ResolvedTime, subject: str) -> tuple[str, dict[str, Any]]:
    """SQL and parameters for the subjects that fit, by what is said of subjects."""
    parameters: dict[str, Any] = then.parameters
    terms = ["1 = 1"]
    if asked.kinds:
        terms.append(_kinds(asked.kinds, subject, parameters))
    if asked.subjects:
        parameters["f_subjects"] = [one for named in asked.subjects for one in read.all_of(named)]
        terms.append(f"{subject} in {members('f_subjects')}")
    if asked.products:
        parameters["f_products"] = list(asked.products)
        terms.append(f"({subject} in {_members_of(then, 'f_products')} or {subject} in {members('f_products')})")
    if asked.statuses:
        parameters |= {"f_statuses": spellings(asked.statuses), "f_status_words": list(asked.statuses)}
        terms.append(f"""{subject} in (select s.subject from cell s where s.field = 'status' and {then.holds("s")}
            and (s.value in {members("f_statuses")} or s.word in {members("f_status_words")}))""")
    if not asked.include_removed:
        terms.append(then.exists(subject))
    return " and ".join(terms), parameters


def names(alias: str, parameter: str) -> str:
    """SQL: this row of `cell` names one of the members of a list."""
    # A list of keys and no correlated lookup, so that the database can begin with the few that are named.
    return f"""({alias}.subject, {alias}.field, {alias}.eff, {alias}.id) in (
        select r.subject, r.field, r.eff, r.id from cell_ref r where r.ref in {members(parameter)})"""


def spellings(values: Iterable[Value]) -> list[str]:
    """JSON texts a stored value may have to be the one meant: what comes from an address is always a string."""
    found = [dumps(value) for value in values]
    return found + [v for v in values if isinstance(v, str) and re.fullmatch(r"true|false|-?[0-9]{1,16}", v)]


def _texts(values: Iterable[Value]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _fields(patterns: Sequence[str], alias: str, parameters: dict[str, Any]) -> str:
    exact = [pattern for pattern in patterns if not pattern.endswith("*")]
    parameters["f_fields"] = exact
    terms = [f"{alias}.field in {members('f_fields')}"] if exact else []
    for n, pattern in enumerate(pattern for pattern in patterns if pattern.endswith("*")):
        terms.append(between(f"{alias}.field", f"f_field{n}", pattern[:-1], parameters))
    return f"({' or '.join(terms)})"


def _kinds(kinds: Sequence[str], subject: str, parameters: dict[str, Any]) -> str:
    terms = [between(subject, f"f_kind{n}", f"{kind}:", parameters) for n, kind in enumerate(kinds)]
    return f"({' or '.join(terms)})"


def between(column: str, name: str, prefix: str, parameters: dict[str, Any]) -> str:
    """SQL: the column begins with a prefix; a range, so that an index serves it."""
    parameters |= {f"{name}_from": prefix, f"{name}_to": prefix + "\U0010ffff"}
    return f"({column} >= :{name}_from and {column} < :{name}_to)"


def within(column: str, span: tuple[int | None, int | None], name: str, parameters: dict[str, Any]) -> str:
    """SQL that goes on with "and": the column lies in a half-open span, of which either end may be missing."""
    parameters |= {f"{name}_from": span[0], f"{name}_to": span[1]}
    begin = f" and {column} >= :{name}_from" if span[0] is not None else ""
    return begin + (f" and {column} < :{name}_to" if span[1] is not None else "")


def _members_of(then: ResolvedTime, parameter: str) -> str:
    return f"""(select m.subject from cell_ref r join cell m
        on m.subject = r.subject and m.field = r.field and m.eff = r.eff and m.id = r.id
        where r.ref in {members(parameter)} and r.field = 'products' and {then.holds("m")})"""


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows ready for JSON and CSV, with the position up to which they speak, and the cursor of what follows."""

    position: int
    as_of: str
    known_at: str | None
    rows: list[Row]
    next: str | None = None
    about: Row = field(default_factory=dict)

    def to_dict(self) -> Row:
        """The answer as one object; what is about the whole stands beside the rows."""
        whole = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "about"}
        return {**{name: value for name, value in whole.items() if value is not None}, **self.about}


def answer(then: ResolvedTime, rows: list[Row], *, following: str | None = None, about: Row | None = None) -> Answer:
    """Rows with what every answer says."""
    known = None if then.when.known_at is None else format_micros(then.when.known_at)
    return Answer(then.position, format_micros(then.at), known, rows, following, about or {})


def loads(value: str | None) -> Value:
    """A stored value; None for nothing."""
    return None if value is None else json.loads(value)


class BadCursor(ValueError):
    """The cursor is not one that an answer gave."""


def encode_cursor(*parts: Any) -> str:
    """A place in an ordered answer, as an opaque word that fits into an address."""
    return dumps(parts).encode().hex()


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """The inverse.

    Raises:
        BadCursor: it is not one of these.
    """
    try:
        parts = json.loads(bytes.fromhex(cursor))
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(types):
        msg = "the cursor must be one that an earlier answer gave as `next`"
        raise BadCursor(msg)
    if any(isinstance(part, int) and abs(part) >= 1 << 63 for part in parts):
        msg = "the cursor must be one that an earlier answer gave as `next`"
        raise BadCursor(msg)
    return tuple(parts)


def page(rows: list[Row], limit: int, key: Sequence[str]) -> tuple[list[Row], str | None]:
    """At most `limit` rows of `limit + 1`, and the cursor of what follows them."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, encode_cursor(*(shown[-1][name] for name in key))


def taken(read: Read, rows: Iterable[One], limit: int) -> tuple[list[One], bool]:
    """At most `limit` rows, fewer once a page is full; and whether there are more."""
    found: list[One] = []
    for row in rows:
        if len(found) >= limit or (found and read.bounds.is_page_full()):
            return found, True
        found.append(row)
    return found, False


def filled(
    read: Read, items: Sequence[One], make: Callable[[Sequence[One]], list[Other]], size: int = PART
) -> list[Other]:
    """What is made of each item, part by part until the page is full; the items after the last one are for the next page."""
    found: list[Other] = []
    for begin in range(0, len(items), size):
        if begin and read.bounds.is_page_full():
            break
        found += make(items[begin : begin + size])
    return found


def page_after(
    rows: Iterable[Row], key: Callable[[Row], tuple[Any, ...]], types: Sequence[type], limit: int | None,
    cursor: str | None,
) -> tuple[list[Row], str | None]:  # fmt: skip
    """Of rows in the order of a key, whose parts are of these types, at most `limit` behind a cursor, or all; and the
    cursor of what follows them.

    Raises:
        BadCursor: it is not one of these.
    """
    shown = list(rows)
    if cursor is not None:
        after = decode_cursor(cursor, *types)
        shown = [row for row in shown if key(row) > after]
    if limit is None or len(shown) <= limit:
        return shown, None
    return shown[:limit], encode_cursor(*key(shown[limit - 1]))


ACT_COLUMNS: Final = (
    "a.position, a.recorded_at, a.eff, a.type, a.actor, a.principal, a.on_behalf_of, a.because, a.note, a.channel, "
    "a.source_system, a.source_reference, a.source_at, a.corrects, case when a.void <= :p then a.void end"
)
"""SQL: an act, and by what it was voided, if that was known at the moment whose parameters are given."""


def build_blame(columns: Sequence[Any]) -> Row:
    """Who, when and why, from `ACT_COLUMNS`. `at` is when it took effect."""
    (position, recorded, eff, type_, actor, principal, chain, because, note, channel, system, reference, at, corrects,
     void) = columns  # fmt: skip
    source = {"channel": channel, "system": system, "reference": reference, "at": at and format_micros(at)}
    found = {
        "position": position, "type": type_, "at": format_micros(eff), "recorded_at": format_micros(recorded),
        "actor": actor, "principal": principal, "on_behalf_of": loads(chain), "because": loads(because) or [],
        "note": note, "source": {name: said for name, said in source.items() if said is not None},
        "corrects": corrects, "void": void,
    }  # fmt: skip
    return {name: said for name, said in found.items() if said is not None}


def find_blames(read: Read, positions: Iterable[int], then: ResolvedTime) -> Mapping[int, Row]:
    """The blame of some positions as known at a moment, in one question."""
    sql = f"select {ACT_COLUMNS} from act a where a.position in {members('positions')}"
    rows = read.rows(sql, {"positions": sorted(set(positions)), **then.parameters})
    return {row[0]: build_blame(row) for row in rows}


def titles(read: Read, subjects: Iterable[str], then: ResolvedTime) -> Mapping[str, str]:
    """What these subjects are called at a moment, on the record or not; a release by its version."""
    sql = f"""select c.subject, c.value from cell c where c.subject in {members("named")}
        and c.field in ('title', 'version') and c.value is not null and {then.holds("c")} order by c.field desc"""
    found = read.rows(sql, {"named": sorted(set(subjects)), **then.parameters})
    return {subject: str(loads(value)) for subject, value in found}


def matching(alias: str, name: str, text: str, parameters: dict[str, Any]) -> str:
    """SQL: this row of `search` has all the words of a text, each as the beginning of one of its own."""
    words = tokenize(text)
    parameters[name] = " ".join(words)
    return f"matches({alias}, :{name})" if words else "1 = 0"
