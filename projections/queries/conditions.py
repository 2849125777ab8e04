"""Conditions on the fields of a subject, as a caller writes them, and the SQL that they stand for.

A condition compares a field with a value (`status=accepted`, `cost>=50000`, `review_on<2024-07-01`) or with another
field of the same subject (`deciders=field:proposed_by`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal

from domain.catalog import COMMANDS, EVENTS
from domain.fields import MERGED_INTO
from domain.judgment import AUTHORITY_FIELDS
from domain.values import format_timestamp, parse_micros, parse_timestamp
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import dumps, members, pairs

Operator = Literal["=", "!=", "<", "<=", ">", ">="]

ANY_VALUE: Final = "*"
OF_FIELD: Final = "field:"
"""What precedes the name of the field that a condition compares with."""
OF_CHANGE: Final = "change."
OF_SUBJECT: Final = "subject."

EVENT_PROPERTIES: Final = {"by": "principal", "actor": "actor", "note": "note", "because": "because"}
"""The properties of a change that a condition can name, as `change.by`, with their columns of `event`."""
SUBJECT_TIMES: Final = {"created": "min", "changed": "max"}
"""The times of a subject that a condition can name, as `subject.changed`: when its first and its last value began."""

_VERBS: Final = (
    *(
        "broken",
        "canceled",
        "closed",
        "confirmed",
        "dropped",
        "rejected",
        "removed",
        "reopened",
        "restored",
        "retired",
        "reversed",
    ),
    *("superseded", "withdrawn"),
)
FIELD_NAMES: Final = frozenset(
    (
        *(name for message in (*COMMANDS.values(), *EVENTS.values()) for name in message.model_fields),
        *(
            "calibration_shared",
            "current",
            "decision_rights",
            "deferred_until",
            "exists",
            "proposed_by",
            "ended_by",
            "report",
        ),
        *("reversed_by", "settled_by", "status", "still_valid", "still_valid_because", "superseded_by", MERGED_INTO),
        *("review.by", "review.finding", "review.learned", "review.outcome"),
        *("review.reasoning", "review.reasoning_by", "review.reasoning_finding"),
        *AUTHORITY_FIELDS,
        *("system", "lines", "unplaced", "remarks", "not_understood"),  # of the record of an import
        *(f"{verb}_because" for verb in _VERBS),
    )
)
"""The names of fields that commands can set, whether or not a subject has them yet: most are those of their members."""
SPELLED_GROUPS: Final = frozenset(
    ("role", "target", "x", *(name.partition(".")[0] for name in FIELD_NAMES if "." in name))
)
"""The groups of fields whose names people spell. Other groups have a key or a number there, such as `expectation.2`."""
SIMILARITY: Final = 0.8
"""How similar to a name in use a name must be, from 0 to 1, to be taken for a misspelling of it."""

_CONDITION: Final = re.compile(r"(?P<field>[^=<>!\s]+)\s*(?P<operator>!=|<=|>=|=|<|>)\s*(?P<value>.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"(?P<number>-?(?:[0-9]{1,16}(?:\.[0-9]{1,16})?|\.[0-9]{1,16}))(?: (?P<unit>\S{1,20}))?")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:$|[Tt ])")


DAY_US: Final = 86_400_000_000
_AFTER_DAY: Final[dict[Operator, Operator]] = {"<=": "<", ">": ">="}
"""How a time is compared with the end of a day that the range includes or excludes as a whole."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field of the subject.

    `field` is a name, or a prefix that ends in `*`; `change.by` and the like are properties of the change, `subject.changed`
    and `subject.created` times of the subject. `values` are the texts compared with; of several, one must match. With
    `ANY_VALUE` the field must have a value. With `other`, the two fields must have a value or a member in common. `!=`
    holds whenever `=` does not, so also for a field without a value.
    """

    field: str
    operator: Operator = "="
    values: tuple[str, ...] = (ANY_VALUE,)
    other: str | None = None

    @property
    def is_of_change(self) -> bool:
        """Whether it is about the change itself."""
        return self.field.startswith(OF_CHANGE)

    @property
    def names_people(self) -> bool:
        """Whether its values are people or teams, which a caller may write by name."""
        is_person = self.field.startswith("role.") or self.field in (
            "change.by",
            "change.actor",
            "deciders",
            "proposed_by",
        )
        return is_person and self.operator in ("=", "!=") and self.other is None and self.values != (ANY_VALUE,)


def is_absent(field: str) -> Condition:
    """Return the condition that a field has no value."""
    return Condition(field, "!=")


def parse_condition(text: str) -> Condition:
    """Return the condition in a text such as `status=accepted`.

    Raises:
        ValueError: it is none; says what would be right.
    """
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} is not a condition; write a field, one of = != < <= > >=, and a value, such as status=accepted"
        )
    field, operator, value = match["field"], match["operator"], match["value"].strip()
    other = value.removeprefix(OF_FIELD) if value.startswith(OF_FIELD) else None
    condition = Condition(field, operator, (value,), other)  # type: ignore[arg-type]
    _check(condition)
    return condition


def _check(condition: Condition) -> None:
    field, (value,) = condition.field, condition.values
    name, is_range = f"{field}{condition.operator}", condition.operator not in ("=", "!=")
    if not value:
        raise ValueError(f"`{name}` needs a value; `{field}={ANY_VALUE}` means that the field has any value")
    if is_range and not (_NUMBER.fullmatch(value) or _TIME.match(value)):
        raise ValueError(f"`{condition.operator}` compares numbers, days and times, and {value!r} is not one of these")
    if _TIME.match(value) and (is_range or field.startswith(OF_SUBJECT)):
        _check_time(name, value)
    if field.startswith(OF_CHANGE):
        _check_choice(field, OF_CHANGE, EVENT_PROPERTIES)
        if is_range:
            raise ValueError(f"`{field}` can be compared with = and != only")
    if field.startswith(OF_SUBJECT):
        _check_choice(field, OF_SUBJECT, SUBJECT_TIMES)
        if not is_range or not _TIME.match(value):
            raise ValueError(f"`{field}` is compared with a day or a time, such as {field}<2024-07-01")


def _check_time(name: str, value: str) -> None:
    try:
        parse_timestamp(value)
    except ValueError as error:
        raise ValueError(f"`{name}`: {error}") from None


def _check_choice(field: str, prefix: str, names: Iterable[str]) -> None:
    known = [prefix + name for name in names]
    if field not in known:
        close = get_close_matches(field, known, 1)
        raise ValueError(f"there is no `{field}`; {f'did you mean `{close[0]}`?' if close else ', '.join(known)}")


# Names of fields ------------------------------------------------------------------------------------------------------


class UnknownField(ValueError):
    """A condition names a field that does not exist. `name` is the name it gave."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail)
        self.name = name


def field_names(conditions: Iterable[Condition]) -> list[str]:
    """Return the names of the fields that some conditions compare, without properties of changes and subjects."""
    named = [name for each in conditions for name in (each.field, each.other) if name is not None]
    return [name for name in named if not name.startswith((OF_CHANGE, OF_SUBJECT))]


def check_field_names(read: Read, names: Iterable[str]) -> None:
    """Check that a subject has each of these fields or a command sets it. A name may be a prefix that ends in `*`.

    Raises:
        UnknownField: a name is misspelled; with the most similar name.
    """
    for name in dict.fromkeys(names):
        if name in FIELD_NAMES or _is_in_use(read, name) or _is_in_keyed_group(read, name):
            continue
        rows = read.rows("select distinct field from field_value", {})
        in_use = sorted({field for (field,) in rows})
        is_own = "." in name or name.endswith("*")  # people name roles, targets and attributes themselves
        roles = {each.removeprefix("role."): each for each in in_use if each.startswith("role.")}
        close = (
            get_close_matches(name, in_use, 1, SIMILARITY)
            if is_own
            else get_close_matches(name, {*FIELD_NAMES, *in_use, *roles}, 1)
        )
        if close or not is_own:
            hint = f"; did you mean `{roles.get(close[0], close[0])}`?" if close else ""
            raise UnknownField(name, f"there is no field `{name}`{hint}")


def _is_in_keyed_group(read: Read, name: str) -> bool:
    group, dot, _ = name.partition(".")
    return bool(dot) and group not in SPELLED_GROUPS and _is_in_use(read, f"{group}.*")


def _is_in_use(read: Read, name: str) -> bool:
    first, past = (name[:-1], name[:-1] + "\U0010ffff") if name.endswith("*") else (name, name + "\x01")
    sql = "select 1 from field_value where field >= :first and field < :past limit 1"
    return read.one(sql, {"first": first, "past": past}) is not None


# SQL ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConditionSql:
    """Builds the SQL of conditions on one subject at one time; collects its parameters in `parameters`.

    `subject` and `at` are the SQL of the subject and of the time; `event` is the alias of the change's event, if any.
    Aliases and parameters begin with `prefix`, so that two sets of conditions can be in one statement.
    """

    read: Read
    time: ResolvedTime
    parameters: dict[str, Any]
    subject: str
    at: str = ":as_of"
    event: str | None = None
    prefix: str = "w"

    def all_hold(self, conditions: Sequence[Condition]) -> list[str]:
        """Return the SQL of each condition.

        Raises:
            UnknownField: one is on a change, and there is none.
        """
        return [self._holds(f"{self.prefix}{n}", condition) for n, condition in enumerate(conditions)]

    def _holds(self, name: str, condition: Condition) -> str:
        sql = self._compare(name, condition)
        return f"not {sql}" if condition.operator == "!=" else sql

    def _compare(self, name: str, condition: Condition) -> str:
        if condition.is_of_change:
            return self._compare_event(name, condition)
        if condition.field.startswith(OF_SUBJECT):
            return self._compare_time(name, condition)
        return f"""exists (select 1 from field_value {name} where {name}.subject = {self.subject}
            and {self._match_name(name, condition.field)} and {self.time.is_in_effect(name, self.at)}
            and {self._match_content(name, condition)})"""

    def _match_name(self, name: str, field: str) -> str:
        if field.endswith("*"):
            self.parameters.update({f"{name}_field": field[:-1], f"{name}_past": field[:-1] + "\U0010ffff"})
            return f"({name}.field >= :{name}_field and {name}.field < :{name}_past)"
        self.parameters[f"{name}_field"] = field
        return f"{name}.field = :{name}_field"

    def _match_content(self, name: str, condition: Condition) -> str:
        if condition.other is not None:
            return self._match_other(name, condition.other)
        if condition.operator not in ("=", "!="):
            return self._match_range(name, condition)
        if condition.values == (ANY_VALUE,):
            return f"({name}.source_value is not null or ({name}.value is not null and {name}.value <> '[]'))"
        return self._match_values(name, condition.values)

    def _match_values(self, name: str, values: Sequence[str]) -> str:
        texts = [one for value in values for one in self.read.all_ids(value)]
        spelled = [dumps(text) for text in texts]
        spelled += [text for text in texts if re.fullmatch(r"true|false|-?[0-9]{1,16}", text)]
        self.parameters.update({f"{name}_values": spelled, f"{name}_source": list(values)})
        self.parameters.update({f"{name}_member{n}": dumps(text) for n, text in enumerate(texts)})
        is_listed = " or ".join(f"instr({name}.value, :{name}_member{n}) > 0" for n in range(len(texts)))
        return f"""({name}.value in {members(f"{name}_values")} or {name}.source_value in {members(f"{name}_source")}
            or (substr({name}.value, 1, 2) = '["' and ({is_listed})))"""

    def _match_other(self, name: str, other: str) -> str:
        """SQL: the field has a value or a referenced subject in common with another field of its subject."""
        o = f"{name}o"
        one, joined_one = self._surviving(f"{name}r.ref", f"{name}m")
        two, joined_two = self._surviving(f"{o}r.ref", f"{o}m")
        return f"""exists (select 1 from field_value {o} where {o}.subject = {self.subject}
            and {self._match_name(o, other)} and {self.time.is_in_effect(o, self.at)}
            and (({name}.value = {o}.value and {o}.value <> '[]') or exists (select 1 from field_ref {name}r
            join field_ref {o}r on {_is_ref_of(o)} {joined_one} {joined_two} where {_is_ref_of(name)} and {one} = {two})))"""

    def _surviving(self, person: str, alias: str) -> tuple[str, str]:
        """Return the SQL of a person's id after merges, and the join that it needs."""
        if not self.read.merged_into:
            return person, ""
        self.parameters["merged_into"] = dict(self.read.merged_into)
        return (
            f"coalesce({alias}.value, {person})",
            f"left join {pairs('merged_into')} {alias} on {alias}.key = {person}",
        )

    def _match_range(self, name: str, condition: Condition) -> str:
        """SQL: the value, or else the source value, is a number or a time in the range. Other texts are in no range."""
        (value,) = condition.values
        text = f"coalesce(trim({name}.value, '\"'), {name}.source_value)"
        number = _NUMBER.fullmatch(value)
        if number is None:
            return self._match_time_text(name, text, condition.operator, value)
        self.parameters[f"{name}_number"] = number["number"]
        digits = f"substr({text}, 1, instr({text} || ' ', ' ') - 1)"
        unit = ""
        if number["unit"]:
            self.parameters[f"{name}_unit"] = number["unit"]
            unit = f" and substr({text}, instr({text} || ' ', ' ') + 1) = :{name}_unit"
        return f"""case when {_is_number(digits)}
            then cast({digits} as numeric) {condition.operator} cast(:{name}_number as numeric) else 1 = 0 end{unit}"""

    def _match_time_text(self, name: str, text: str, operator: Operator, value: str) -> str:
        """SQL: a text that starts with a day is in the range. A day covers all times of that day, in UTC."""
        bound = value if _is_day(value) else format_timestamp(parse_timestamp(value))
        if _is_day(value) and operator in ("<=", ">"):
            bound, operator = bound + "~", _AFTER_DAY[operator]  # the text of a time of that day sorts before this
        self.parameters[f"{name}_time"] = bound
        return f"(substr({text}, 5, 1) = '-' and substr({text}, 8, 1) = '-' and {text} {operator} :{name}_time)"

    def _compare_time(self, name: str, condition: Condition) -> str:
        (value,), operator = condition.values, condition.operator
        bound = parse_micros(value)
        if _is_day(value) and operator in ("<=", ">"):
            bound, operator = bound + DAY_US, _AFTER_DAY[operator]
        self.parameters[f"{name}_time"] = bound
        pick = SUBJECT_TIMES[condition.field.removeprefix(OF_SUBJECT)]
        return f"""(select {pick}({name}.valid_from) from field_value {name} where {name}.subject = {self.subject}
            and {self.time.is_known(name)} and {name}.valid_from <= {self.at}) {operator} :{name}_time"""

    def _compare_event(self, name: str, condition: Condition) -> str:
        if self.event is None:
            name = condition.field
            raise UnknownField(name, f"`{name}` is known only in the history of fields, where each row is a change")
        column = f"{self.event}.{EVENT_PROPERTIES[condition.field.removeprefix(OF_CHANGE)]}"
        if condition.other is not None:
            return self._match_person(name, column, condition.other)
        if condition.values == (ANY_VALUE,):
            return f"(coalesce({column}, '[]') <> '[]')"
        texts = [one for value in condition.values for one in self.read.all_ids(value)]
        self.parameters.update({f"{name}_values": texts})
        self.parameters.update({f"{name}_member{n}": dumps(text) for n, text in enumerate(texts)})
        is_listed = "".join(f" or instr(coalesce({column}, ''), :{name}_member{n}) > 0" for n in range(len(texts)))
        return f"(coalesce({column} in {members(f'{name}_values')}, 1 = 0){is_listed})"

    def _match_person(self, name: str, person: str, other: str) -> str:
        """SQL: a field of the subject refers to a person."""
        one, joined_one = self._surviving(f"{name}r.ref", f"{name}m")
        two, joined_two = self._surviving(person, f"{name}p")
        return f"""exists (select 1 from field_value {name} join field_ref {name}r on {_is_ref_of(name)}
            {joined_one} {joined_two} where {name}.subject = {self.subject} and {self._match_name(name, other)}
            and {self.time.is_in_effect(name, self.at)} and {one} = {two})"""


def _is_ref_of(name: str) -> str:
    """SQL: the row of `field_ref` belongs to the row of `field_value`."""
    r = f"{name}r"
    return f"""{r}.subject = {name}.subject and {r}.field = {name}.field and {r}.valid_from = {name}.valid_from
        and {r}.id = {name}.id"""


def _is_number(text: str) -> str:
    """SQL: the text is a decimal number, so that both databases can convert it."""
    return f"""({text} <> '' and length({text}) <= 34 and trim({text}, '-.') <> ''
        and trim({text}, '-.0123456789') = '' and trim({text}, '-0123456789') in ('', '.')
        and instr(substr({text}, 2), '-') = 0)"""


def _is_day(value: str) -> bool:
    return len(value) == len("2024-07-01")
