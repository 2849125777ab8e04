"""What the subjects in an answer are called, and its values in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from cli.table import Cell
from domain.fields import EXISTS
from domain.ids import LOG_SERVICE, is_subject, key_of, replace_ids
from projections.queries.hidden_reasons import HIDDEN_REASON

Row = Mapping[str, Any]
WHO: Final = ("who", "why", "put by", "source", "position")
"""Columns that say who made a change, and why."""


def _key_of(subject: str) -> str:
    """Return what distinguishes two subjects with the same title: the id of a person, the key of anything else."""
    return subject if subject.startswith("person:") else key_of(subject)


def _add_key(title: str, key: str) -> str:
    """Return a title with the key that tells it from others; a key that ends in the title says both: `tideline-1.1`."""
    return key if key.endswith(f"-{title}") else f"{title} ({key})"


class Titles:
    """What the subjects in an answer are called. Two with the same title are shown with their keys."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        counts = Counter(titles.values())
        self._titles = {
            subject: title if counts[title] == 1 else _add_key(title, _key_of(subject))
            for subject, title in titles.items()
        }

    def format(self, value: Any) -> str:
        """Return a value, or the title of a subject, as text."""
        match value:
            case None:
                return ""
            case bool():
                return "yes" if value else "no"
            case list():
                return ", ".join(map(self.format, value))
            case dict():
                return self._format_object(value)
            case _:
                is_log = value == LOG_SERVICE or (str(value).startswith("log:") and is_subject(str(value)))
                return "the log" if is_log else self._titles.get(str(value), str(value))

    def _format_object(self, value: Row) -> str:
        match value:
            case {"answer": answer, **rest}:  # of a finding, and of a constraint that was checked
                finding = rest.get("finding")
                return str(answer).replace("-", " ") + (f": {finding}" if finding else "")
            case {"title": title, **rest}:
                more = self.format(rest)
                return f"{title} ({more})" if more else str(title)
            case {"amount": int(amount), "currency": currency}:
                return f"{amount:,} {currency}"
        parts = ((name.replace("_", " "), part) for name, part in value.items() if part not in (None, []))
        return "; ".join(f"{name}: {self.format(part)}" for name, part in parts)

    def title_of(self, subject: str) -> str:
        """Return what a subject is called; empty if it has no title."""
        return self._titles.get(subject, "")

    def format_sentence(self, sentence: str) -> str:
        """Return a sentence with the titles of people and subjects instead of their ids; commands keep the ids."""
        return replace_ids(sentence, lambda subject: self._titles.get(subject, subject))

    def format_field_name(self, name: str) -> str:
        """Return the name of a field, as `--field` takes it; one that has the id of a person has their name instead."""
        if name == EXISTS:
            return "current"
        group, _, key = name.rpartition(".")
        person = self._titles.get(f"person:{key}")
        return f"{group} of {person}" if group and person else name

    def format_change(self, row: Row) -> tuple[str, str]:
        """Return the value of a field before and after a change, in words."""
        before, after = row["before"], row["after"]
        if row["field"] != EXISTS:
            return self.format_field(before), self.format_field(after)
        if after is None or not after["value"]:
            return "", "removed" if before and before["value"] else ""
        return "", "restored" if before and before["value"] is False else "added"

    def format_field(self, field: Row | None) -> str:
        """Return the value of a field, with the source value in parentheses where it differs."""
        if field is None:
            return ""
        value, source_value = field["value"], field["source_value"]
        text = self.format(value)
        if not source_value or (isinstance(value, list) and value) or source_value.casefold() == text.casefold():
            return text
        return f"{text} ({source_value})" if text else str(source_value)

    def blame_cells(self, blame: Row | None) -> list[Cell]:
        """Return the cells of the columns `WHO`."""
        if blame is None:
            return [None] * len(WHO)
        actor = blame["actor"] if blame["actor"] != blame["principal"] else None
        return [
            self.format(blame["principal"]),
            self.reason(blame),
            self.format(actor),
            source(blame["source"]),
            blame["position"],
        ]

    def reason(self, blame: Row) -> str:
        """Return the decisions behind a change, else its note."""
        hidden = HIDDEN_REASON if blame.get("because_hidden") else ""
        return self.format(blame["because"]) or str(blame.get("note") or hidden)

    def event_reason(self, event: Row) -> str:
        """Return the reason of an event of the audit trail: its own with the decisions behind it, else those."""
        from projections.queries.own_reasons import find_own_reason  # noqa: PLC0415  (only for the audit trail)

        own = find_own_reason(event["type"], event["data"]) or event.get("note")
        based = self.format(event["because"])
        return (f"{own} (based on {based})" if based else str(own)) if own else self.reason(event)


def source(origin: Row) -> str:
    """Return the source of a change: for imports the system and its reference, else the channel."""
    parts = [origin.get("system"), origin.get("reference")]
    return " ".join(part for part in parts if part) or str(origin["channel"])
