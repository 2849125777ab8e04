"""Filters on subjects and fields, and the SQL conditions they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.fields import Value
from projections.queries.conditions import Condition, ConditionSql, check_field_names, field_names
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import dumps, is_any_of, members
from projections.read_model.tokenizer import tokenize


@dataclass(frozen=True, slots=True)
class Filter:
    """Which fields a query covers. Any item of a sequence may match; all sequences that are given must match.

    `fields` are names, or prefixes that end in `*`. `values` and `source_values` are what the field holds, or has in its
    list. `holders` are subjects that the value refers to; a merged person matches under each of their ids. `statuses` are
    those of the subject, as a value or a source value. `products` are those the subject belongs to; a product belongs to
    itself. `conditions` are on any fields of the subject, and all must hold. Removed subjects are left out unless
    `include_removed`.
    """

    kinds: Sequence[str] = ()
    subjects: Sequence[str] = ()
    products: Sequence[str] = ()
    fields: Sequence[str] = ()
    values: Sequence[Value] = ()
    source_values: Sequence[str] = ()
    holders: Sequence[str] = ()
    statuses: Sequence[str] = ()
    conditions: Sequence[Condition] = ()
    include_removed: bool = False

    def of_subjects(self) -> Filter:
        """Return the filter without its conditions on the field itself."""
        return replace(self, fields=(), values=(), source_values=(), holders=())


def fields_where(read: Read, asked: Filter, time: ResolvedTime) -> tuple[str, dict[str, Any]]:
    """Return SQL and parameters for the rows `c` of `field_value` that match, in effect or not."""
    terms, parameters = subjects_where(read, asked, time, "c.subject")
    if asked.fields:
        terms += " and " + match_fields(asked.fields, "c", parameters)
    if asked.values:
        texts = [value for value in asked.values if isinstance(value, str)]
        parameters |= {"f_values": json_spellings(asked.values), "f_members": texts}
        in_list = " or ".join(f"instr(c.value, :f_member{n}) > 0" for n in range(len(texts)))
        parameters |= {f"f_member{n}": dumps(text) for n, text in enumerate(texts)}
        is_member = f" or (substr(c.value, 1, 2) = '[\"' and ({in_list}))" if texts else ""
        terms += f" and (c.value in {members('f_values')} or {refers_to_any('c', 'f_members')}{is_member})"
    if asked.source_values:
        parameters["f_source_values"] = list(asked.source_values)
        terms += f" and c.source_value in {members('f_source_values')}"
    if asked.holders:
        parameters["f_holders"] = [person_id for holder in asked.holders for person_id in read.all_ids(holder)]
        terms += f" and {refers_to_any('c', 'f_holders')}"
    return terms, parameters


def subjects_where(read: Read, asked: Filter, time: ResolvedTime, subject: str) -> tuple[str, dict[str, Any]]:
    """Return SQL and parameters for the subjects that match; `subject` is the SQL of their id.

    Raises:
        UnknownField: a condition names a field that does not exist.
    """
    parameters: dict[str, Any] = time.parameters
    terms = ["1 = 1"]
    if asked.kinds:
        terms.append(_match_kinds(asked.kinds, subject, parameters))
    if asked.subjects:
        ids = [one for wanted in asked.subjects for one in read.all_ids(wanted)]
        terms.append(is_any_of(subject, "f_subjects", ids, parameters))
    if asked.products:
        parameters["f_products"] = list(asked.products)
        terms.append(f"{subject} in {_product_members(time, 'f_products')}")
    if asked.statuses:
        parameters |= {"f_statuses": json_spellings(asked.statuses), "f_source_statuses": list(asked.statuses)}
        terms.append(f"""{subject} in (select s.subject from field_value s where s.field = 'status'
            and {time.is_in_effect("s")}
            and (s.value in {members("f_statuses")} or s.source_value in {members("f_source_statuses")}))""")
    if asked.conditions:
        check_field_names(read, field_names(asked.conditions))
        terms += ConditionSql(read, time, parameters, subject).all_hold(asked.conditions)
    if not asked.include_removed:
        terms.append(time.exists(subject))
    return " and ".join(terms), parameters


def refers_to_any(alias: str, parameter: str) -> str:
    """SQL: the row of `field_value` refers to a member of the list in a parameter."""
    # A list of keys rather than a correlated subquery, so that the database can start with the few rows referred to.
    return f"""({alias}.subject, {alias}.field, {alias}.valid_from, {alias}.id) in (
        select r.subject, r.field, r.valid_from, r.id from field_ref r where r.ref in {members(parameter)})"""


def json_spellings(values: Iterable[Value]) -> list[str]:
    """Return the JSON texts that match these values. A number or boolean from a URL arrives as a string."""
    found = [dumps(value) for value in values]
    return found + [v for v in values if isinstance(v, str) and re.fullmatch(r"true|false|-?[0-9]{1,16}", v)]


def starts_with(column: str, name: str, prefix: str, parameters: dict[str, Any]) -> str:
    """SQL: the column starts with a prefix. Written as a range, so that an index serves it."""
    parameters |= {f"{name}_from": prefix, f"{name}_to": prefix + "\U0010ffff"}
    return f"({column} >= :{name}_from and {column} < :{name}_to)"


def within(column: str, period: tuple[int | None, int | None], name: str, parameters: dict[str, Any]) -> str:
    """SQL that starts with "and": the column lies in a half-open period. None leaves that end open."""
    parameters |= {f"{name}_from": period[0], f"{name}_to": period[1]}
    begin = f" and {column} >= :{name}_from" if period[0] is not None else ""
    return begin + (f" and {column} < :{name}_to" if period[1] is not None else "")


def matches_text(alias: str, name: str, text: str, parameters: dict[str, Any]) -> str:
    """SQL: the row of `search` has every word of the text, or a word that starts with it."""
    words = tokenize(text)
    parameters[name] = " ".join(words)
    return f"matches({alias}, :{name})" if words else "1 = 0"


def match_fields(patterns: Sequence[str], alias: str, parameters: dict[str, Any]) -> str:
    """SQL: the field of a row is one of these names, or starts with one that ends in `*`."""
    exact = list(dict.fromkeys(pattern for pattern in patterns if not pattern.endswith("*")))
    terms = [is_any_of(f"{alias}.field", "f_fields", exact, parameters)] if exact else []
    for n, pattern in enumerate(dict.fromkeys(pattern for pattern in patterns if pattern.endswith("*"))):
        terms.append(starts_with(f"{alias}.field", f"f_field{n}", pattern[:-1], parameters))
    return f"({' or '.join(terms)})"


def _match_kinds(kinds: Sequence[str], subject: str, parameters: dict[str, Any]) -> str:
    terms = [starts_with(subject, f"f_kind{n}", f"{kind}:", parameters) for n, kind in enumerate(kinds)]
    return f"({' or '.join(terms)})"


def _product_members(time: ResolvedTime, parameter: str) -> str:
    """SQL: the subjects that belong to some products, and these products. One list, so that a database can begin with it."""
    return f"""(select m.subject from field_ref r cross join field_value m
        where r.ref in {members(parameter)} and r.field = 'products' and m.subject = r.subject
        and m.field = r.field and m.valid_from = r.valid_from and m.id = r.id and {time.is_in_effect("m")}
        union all select p.subject from field_value p where p.subject in {members(parameter)})"""
