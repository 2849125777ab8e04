"""The values that a log has for a filter, and those that may have been meant by one that it does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from decisionlog_client import Client, Question, questions

_MAX_LISTED: Final = 20
WILDCARDS: Final = "*?["
_FIELD_NAMES: Final = {"owner": "role.accountable", "accountable": "role.accountable", "release": "target.ship"}
"""What people call a field, and its name."""
VALUES: Final = ("value", "from_value", "to_value", "then_value")


def split_condition(condition: str) -> tuple[str, str, str]:
    """Return the field, the operator and the value of a condition such as `status=accepted`."""
    import re  # noqa: PLC0415  (only for an empty answer)

    found = re.fullmatch(r"\s*([^=<>!\s]+)\s*(!=|<=|>=|=|<|>)\s*(.*)", condition, re.DOTALL)
    return (found[1], found[2], found[3]) if found else (condition, "", "")


def count_values(
    log: Client,
    question: Question[Any],
    group: str,
    fields: Sequence[str],
    kinds: Sequence[str] = (),
) -> list[str]:
    """Return the values, source values or fields that there were at the time asked; none if there are very many."""
    times = {name: question.parameters[name] for name in ("as_of", "known_at") if name in question.parameters}
    counted = questions.fields_count(
        group, field=list(fields), kind=list(kinds), include_removed=True, limit=10_000, **times
    )
    counts = log.ask(counted)
    if counts.get("next"):
        return []  # there are more, and what is meant may be one of those
    rows: Sequence[Mapping[str, Any]] = counts["rows"]
    found = [row[group] for row in rows if row[group]]
    members = [member for each in found for member in (each if isinstance(each, list) else [each])]
    return list(dict.fromkeys(str(each) for each in members))


def list_given(question: Question[Any], name: str) -> list[str]:
    """Return the values that a question gives for a parameter."""
    given = question.parameters.get(name) or ()
    return [given] if isinstance(given, str) else [str(each) for each in given]


def suggest(typed: str, known: Sequence[str]) -> str:
    """Return a sentence that suggests the values closest in spelling, or else lists all values if they are few."""
    from difflib import get_close_matches  # noqa: PLC0415  (only for an error)

    by_folded = {each.casefold(): each for each in known}
    close = find_endings(typed.casefold(), [*by_folded]) or get_close_matches(typed.casefold(), by_folded, 3, 0.5)
    if close:
        return f" Did you mean {' or '.join(by_folded[each] for each in close)}?"
    if not known or len(known) > _MAX_LISTED:
        return ""
    return f" There {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}."


def find_endings(typed: str, known: Sequence[str]) -> list[str]:
    """Return the known values that end with the typed text: `role.delegate` for `delegate`."""
    name = _FIELD_NAMES.get(typed, typed)
    ending = name.removeprefix("v")
    return [each for each in known if each == name or each.endswith((f"-{ending}", f":{ending}", f".{ending}"))][:3]
