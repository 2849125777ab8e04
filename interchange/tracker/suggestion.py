"""`import changes --suggest-mapping`: propose a mapping from a file, with everything that is not certain marked."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from interchange.source_file import NotAHistoryError, recognize_file
from interchange.times import MONTHS, TimeReader, list_formats
from interchange.tracker.columns import unfold
from interchange.tracker.presets.shared_mapping import STATUS_WORDS
from interchange.value_parsers import as_text, fold_word

MAX_ROWS: Final = 20_000
MAX_VALUES: Final = 60
_ROLES: Final = {
    "when": (
        *("created", "when", "date", "time", "timestamp", "at", "created at", "changed", "updated", "datetime", "ts"),
        *("created on", "changed on", "changed at", "modified", "occurred at", "event time", "date of change"),
        *(
            "created date",
            "date created",
            "creation date",
            "updated at",
            "modified at",
            "geändert am",
            "datum",
            "zeit",
            "zeitpunkt",
            "modifié le",
            "fecha",
            "変更日時",
        ),
        *("日時", "更新日", "修改时间", "时间"),
    ),
    "record": (
        *("issue", "key", "issue key", "record", "ticket", "item", "card", "number", "iid", "story", "task", "feature"),
        *(
            "issue id",
            "ticket id",
            "item id",
            "record id",
            "entity id",
            "entity",
            "subject id",
            "work item",
            "work item id",
        ),
        *(
            "task id",
            "story id",
            "feature id",
            "card id",
            "reference",
            "reference #",
            "reference number",
            "reference num",
        ),
        *("ticket number", "issue number", "vorgang", "vorgangsschlüssel", "aufgabe", "tâche", "incidencia", "課題"),
        *("課題キー", "问题", "id"),
    ),
    "field": (
        *("field", "attribute", "property", "column", "what", "changed field", "field name", "attr", "feld", "champ"),
        *("campo", "項目", "フィールド", "字段"),
    ),
    "to": (
        *(
            "to",
            "tostring",
            "to string",
            "new",
            "new value",
            "after",
            "value",
            "to value",
            "payload",
            "data",
            "changes",
        ),
        *("neuer wert", "neu", "nachher", "nouvelle valeur", "nuevo valor", "変更後", "新值"),
    ),
    "from": (
        *(
            "from",
            "fromstring",
            "from string",
            "old",
            "old value",
            "before",
            "from value",
            "alter wert",
            "alt",
            "vorher",
        ),
        *("ancienne valeur", "valor anterior", "変更前", "旧值"),
    ),
    "who": (
        *("author", "who", "user", "actor", "by", "changed by", "username", "creator", "modified by", "user id"),
        *("updated by", "created by", "benutzer", "autor", "geändert von", "utilisateur", "usuario", "変更者", "作者"),
    ),
    "kind": ("action", "kind", "type", "event", "operation", "change type", "event type", "aktion"),
    "id": ("id", "seq", "change id", "history id", "event id"),
    "identity": ("uid", "uuid", "guid", "path", "internal id", "identity"),
    "note": ("comment", "note", "notes", "message", "subject", "reason", "kommentar", "commentaire", "コメント"),
    "added": ("added", "add"),
    "removed": ("removed", "remove"),
}
"""The columns of each role, the best first; names are compared without case, underscores and humps."""
_UPDATED: Final = (
    *("updated", "updated at", "updated on", "updated date", "date updated", "last updated", "last update"),
    *("modified", "modified at", "modified on", "modified date", "date modified", "last modified", "last modified at"),
    *("changed", "changed at", "changed on", "changed date", "last changed", "last activity date"),
)
_CREATED: Final = ("created", "created at", "created on", "created date", "date created", "creation date")
_SHARE_OF_TIMES: Final = 0.9
_CREATE: Final = ("created", "create", "proposed", "opened", "new", "added", "insert", "begin")
_REMOVE: Final = ("deleted", "delete", "removed", "remove", "destroyed")
_RESTORE: Final = ("restored", "undeleted", "reinstated")
_RENAME: Final = ("renamed", "moved", "renumbered", "rename")
_STATUSES: Final = (
    ("proposed", r"open|opened|new|to ?do|backlog|triage|draft|proposed|idea|reopened"),
    ("committed", r"selected.*|ready.*|planned|approved|accepted|committed|scheduled|next"),
    ("started", r"in .*|doing|active|started|review|testing|wip|.*progress.*"),
    ("paused", r"on hold|blocked|paused|waiting.*|deferred"),
    ("shipped", r"done|closed|resolved|complete[d]?|released|shipped|finished|merged|fixed|deployed"),
    ("dropped", r"cancel.*|rejected|won'?t.*|duplicate|dropped|abandoned|withdrawn|invalid"),
)
_FIELDS: Final = (
    (
        r"summary|title|subject|(?:(?:task|story|card|item|issue) )?name|headline|titel|zusammenfassung|titre|título|要約|标题",
        "title",
        "",
    ),
    (r"status|state|stage|(?:section/)?column|list|zustand|statut|estado|ステータス|状态", "status", "mapped"),
    (
        r"assignees?|owners?|assigned to|accountable|responsible|assigned|bearbeiter|担当者",
        "role.accountable",
        "people",
    ),
    (r"fix version.*|version|release(?: name)?|milestone|target.*|iteration.*", "target.ship", "release"),
    (r"labels?|tags?", "labels", ""),
    (r"due.*|deadline", "x.due", "date"),
)
_DOUBT: Final = "  # ?"


def suggest_mapping(path: Path) -> str:
    """Return a mapping for a file as TOML. A line that ends in `# ?` is a guess to check.

    Raises:
        NotAHistoryError: the file is no history.
        OSError: the file cannot be read.
    """
    source = recognize_file(path)
    rows = [line.data for line in islice(source.rows(), MAX_ROWS) if line.data]
    if not rows:
        raise NotAHistoryError(f"{path}: no line of this file is a JSON object.")
    return "\n".join(_Suggestion(path, rows).lines()) + "\n"


class _Suggestion:
    def __init__(self, path: Path, rows: Sequence[dict[str, Any]]) -> None:
        self._path = path
        self._rows = rows
        self._columns = list(dict.fromkeys(name for row in rows[:1000] for name in row))
        self._prefix = _shared_word(self._columns)
        self._items = self._find_items()
        self._chosen: dict[str, str] = {}
        for role, names in _ROLES.items():
            found = self._find(names)
            if found is not None:
                self._chosen[role] = found
        self._guess_by_content()
        has_payload = any(isinstance(row.get(self._chosen.get("to", "")), dict) for row in rows)
        if "field" not in self._chosen and not has_payload:
            self._chosen.pop("to", None)
        self._is_list = "field" not in self._chosen and not has_payload
        if self._is_list:
            self._choose_times_of_list()

    def _find_items(self) -> str | None:
        """Return the path of the list of changes in each row, whose columns then count too."""
        for name in self._columns:
            members = [row[name] for row in self._rows if isinstance(row.get(name), list)]
            inner = [one for some in members for one in some if isinstance(one, dict)]
            keys = {_fold(key) for one in inner for key in one}
            if keys & set(_ROLES["field"]) and keys & set(_ROLES["to"]):
                path = f"{name}[]"
                self._rows = [{**outer, **item} for row in self._rows for outer, item in unfold(row, path)]
                self._columns = list(dict.fromkeys(key for row in self._rows[:1000] for key in row))
                return path
        return None

    def _guess_by_content(self) -> None:
        """Choose the column of the time by its values, if no name is known."""
        if "when" in self._chosen:
            return
        for name in self._columns:
            values = [value for row in self._rows[:200] if (value := row.get(name)) not in (None, "")]
            read = sum(_is_time(value) for value in values)
            if values and name not in self._chosen.values() and read >= _SHARE_OF_TIMES * len(values):
                self._chosen["when"] = name
                return

    def _choose_times_of_list(self) -> None:
        """Choose when a row of a list was true, its last update, and when its record was created."""
        when = self._chosen.get("when")
        updated = self._find(_UPDATED)
        if when is not None and updated is not None and self._plain(when) not in _UPDATED:
            self._chosen |= {"when": updated, "created": when}

    def _plain(self, name: str) -> str:
        """Return the name of a column as it is compared, without the word that most of them begin with."""
        return _fold(name).removeprefix(self._prefix)

    def _find(self, names: Iterable[str]) -> str | None:
        folded = {self._plain(name): name for name in reversed(self._columns)}
        taken = set(self._chosen.values())
        return next((folded[name] for name in names if name in folded and folded[name] not in taken), None)

    def lines(self) -> Iterator[str]:
        stem = re.sub(r"[^a-z0-9._~-]+", "-", self._path.stem.casefold()).strip("-._~") or "tracker"
        yield f"# A suggested mapping for {json.dumps(self._path.name)}. Check every line that ends in `# ?`."
        yield f"system = {json.dumps(stem)}{_DOUBT}"
        yield "\n[product]"
        yield f'key = "product"{_DOUBT} the key of your product'
        yield f'title = "The product"{_DOUBT}'
        if self._is_list:
            yield '\n[file]\nrows = "records"' + f"{_DOUBT} each row is a record, not a change"
        elif self._items:
            yield f"\n[file]\nitems = {json.dumps(self._items, ensure_ascii=False)}{_DOUBT} each of these is a change"
        yield from self._time_lines()
        yield "\n[columns]"
        yield from self._column_lines()
        yield from self._kind_lines()
        if self._has_releases():
            yield "\n[releases]\npattern = '(.+)'" + _DOUBT
        yield '\n[[subject]]\nkind = "feature"' + f'{_DOUBT} or "decision"'
        found = self._values()
        for name, values in found.items():
            yield from self._field_lines(name, values)
        if not any(_rule(self._plain(name))[0] for name in found):
            name = next(iter(found), "title")
            yield f'\n[subject.fields.{json.dumps(name, ensure_ascii=False)}]\nfield = "title"{_DOUBT} no field is known by its name'

    def _time_lines(self) -> Iterator[str]:
        column = self._chosen.get("when")
        if column is None:
            return
        values = [row.get(column) for row in self._rows if row.get(column) not in (None, "")]
        reader = TimeReader()
        failed = [value for value in values if not _reads(reader, value)]
        if failed and isinstance(failed[0], str):
            texts = [one for one in failed if isinstance(one, str)]
            yield "\n[time]"
            yield f"formats = {json.dumps(list(_guess_formats(texts)))}{_DOUBT} {_explain_formats(texts)}"
        elif reader.assumed_utc:
            yield f'\n[time]\nzone = "UTC"{_DOUBT} the times name no zone'

    def _column_lines(self) -> Iterator[str]:
        needed = ("when", "record") if self._is_list else ("when", "record", "field", "to")
        for role in (
            *needed,
            *(
                one
                for one in ("from", "who", "kind", "id", "identity", "added", "removed", "created")
                if not (self._is_list and one in ("from", "kind", "added", "removed"))
            ),
        ):
            column = self._chosen.get(role)
            if column is None and role == "field":
                yield f'field = "field"{_DOUBT} no column names the field that changed'
            elif column is None and role in needed:
                named = ", ".join(json.dumps(name, ensure_ascii=False) for name in self._columns[:20])
                yield f'{role} = ""{_DOUBT} one of {named}'
            elif column is not None:
                path = self._path_in(column) if role in ("who", "record") else column
                is_sure = column.casefold() == _ROLES.get(role, ("",))[0] and path == column
                doubt = "" if is_sure else _DOUBT
                if self._is_list and role == "when" and self._plain(column) in _CREATED:
                    doubt = (
                        f"{_DOUBT} no column says when a row changed last, so its values would be those of its creation"
                    )
                yield f"{role} = {json.dumps(path, ensure_ascii=False)}{doubt}"
        if "note" in self._chosen:
            yield f"note = [{json.dumps(self._chosen['note'], ensure_ascii=False)}]"

    def _path_in(self, column: str) -> str:
        """Return the path of the name in a column of objects."""
        example = next((row[column] for row in self._rows if isinstance(row.get(column), dict)), None)
        keys = ("key", "number", "displayName", "name", "login", "username", "id") if example else ()
        return next((f"{column}.{key}" for key in keys if key in (example or {})), column)

    def _kind_lines(self) -> Iterator[str]:
        column = self._chosen.get("kind")
        found = Counter(as_text(row.get(column)) for row in self._rows if row.get(column)) if column else Counter()
        groups = {
            "create": [kind for kind in found if _verb_of(kind) in _CREATE],
            "remove": [kind for kind in found if _verb_of(kind) in _REMOVE],
            "restore": [kind for kind in found if _verb_of(kind) in _RESTORE],
            "rename": [kind for kind in found if _verb_of(kind) in _RENAME],
        }
        yield "\n[kinds]"
        for name, kinds in groups.items():
            if kinds and not self._is_list:
                yield f"{name} = {json.dumps(kinds, ensure_ascii=False)}{_DOUBT}"
        if not groups["create"] and not self._is_list:
            yield f'unknown_records = "create"{_DOUBT} no kind of line says that a record is created'

    def _values(self) -> dict[str, Counter[str]]:
        """Return the values of each field of the tracker, as often as they occur."""
        found: dict[str, Counter[str]] = {}
        taken = set(self._chosen.values())
        for row in self._rows:
            pairs: Iterable[tuple[str, Any]]
            to = row.get(self._chosen.get("to", ""))
            if self._is_list:
                pairs = ((name, value) for name, value in row.items() if name not in taken)
            elif isinstance(to, dict):
                pairs = to.items()
            else:
                pairs = [(as_text(row.get(self._chosen.get("field", "")) or ""), to)]
            for name, value in pairs:
                if name:
                    found.setdefault(name, Counter()).update([as_text(value)] if value not in (None, "", []) else [])
        return found

    def _has_releases(self) -> bool:
        return any(_rule(self._plain(name))[1] == "release" for name in self._values())

    def _field_lines(self, name: str, values: Counter[str]) -> Iterator[str]:
        field, as_ = _rule(self._plain(name))
        if not field or (as_ == "people" and any(value.startswith("[") for value in values)):
            yield f"\n# {json.dumps(name, ensure_ascii=False)} is kept as an attribute: {_examples(values)}"
            return
        key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
        yield f"\n[subject.fields.{key}]"
        yield f'field = "{field}"{_DOUBT if as_ else ""}'
        if as_:
            yield f'as = "{as_}"'
        if as_ == "people" and self._plain(name).endswith("s") and any("," in value for value in values):
            yield f'separator = ","{_DOUBT} names with a comma would be split'
        if as_ == "mapped":
            yield f"[subject.fields.{key}.values]"
            for value, _ in values.most_common(MAX_VALUES):
                status, is_sure = _status_of(value)
                yield f'{json.dumps(value, ensure_ascii=False)} = "{status}"{"" if is_sure else _DOUBT}'
            if not values:
                yield f'"open" = "proposed"{_DOUBT}'


def _fold(name: str) -> str:
    """Return a name in small letters, with its words apart: `createdAt` and `created_at` are `created at`."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[_-]+", " ", apart.casefold()).split())


def _verb_of(kind: str) -> str:
    """Return the last word of a kind, such as `created` of `feature.created`."""
    return re.split(r"[.:/_ -]+", kind.casefold())[-1]


def _is_time(value: Any) -> bool:
    return _reads(TimeReader(), value) or (isinstance(value, str) and next(_guess_formats([value]), "") != "YYYY-MM-DD")


def _shared_word(columns: Sequence[str]) -> str:
    """Return the word that most columns begin with, such as `feature` of `Feature name`, with a space; empty if none does."""
    words = Counter(folded.partition(" ")[0] for name in columns if " " in (folded := _fold(name)))
    word, count = words.most_common(1)[0] if words else ("", 0)
    return f"{word} " if count * 2 > len(columns) else ""


def _rule(plain_name: str) -> tuple[str, str]:
    return next(((field, as_) for pattern, field, as_ in _FIELDS if re.fullmatch(pattern, plain_name)), ("", ""))


def _status_of(value: str) -> tuple[str, bool]:
    """Return the status that a word means, and whether it is known."""
    word = fold_word(value)
    found = STATUS_WORDS.get(word) or next((one for one, words in _STATUSES if re.fullmatch(words, word)), None)
    return (found, True) if found else ("proposed", False)


def _examples(values: Counter[str]) -> str:
    return ", ".join(json.dumps(value[:40], ensure_ascii=False) for value, _ in values.most_common(3)) or "always empty"


def _reads(reader: TimeReader, value: Any) -> bool:
    try:
        reader.read(value)
    except ValueError:
        return False
    return True


def _guess_formats(values: Sequence[str]) -> Iterator[str]:
    """Yield the formats that fit the values: day first if any first number is above 12, month first if any second is."""
    parts = [
        re.match(
            r"(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4}|\d{2})(?:,?\s+(\d{1,2}):(\d{2})(:\d{2})?\s*([AaPp][Mm])?)?", value
        )
        for value in values
    ]
    known = [match for match in parts if match]
    if not known:
        yield "YYYY-MM-DD"
        return
    is_month_first = any(int(match[3]) > 12 for match in known) and not any(int(match[1]) > 12 for match in known)  # noqa: PLR2004
    first, second = ("MM", "DD") if is_month_first else ("DD", "MM")
    yield from dict.fromkeys(_format_of(match, first, second) for match in known)


def _format_of(sample: re.Match[str], first: str, second: str) -> str:
    """Return the format of a numeric date whose order of day and month is known."""
    day = f"{first}{sample[2]}{second}{sample[2]}{'YYYY' if len(sample[4]) == 4 else 'YY'}"  # noqa: PLR2004
    if sample[5] is None:
        return day
    clock = ("hh:mm" if sample[8] else "HH:mm") + (":ss" if sample[7] else "") + (" a" if sample[8] else "")
    comma = "," if "," in sample[0] else ""
    return f"{day}{comma} {clock}"


def _explain_formats(values: Sequence[str]) -> str:
    """Return why a format is proposed: a date that shows the order of day and month, or the question of which it is."""
    parts = [(value, match) for value in values if (match := re.match(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d", value))]
    day_first = next((value for value, match in parts if int(match[1]) > MONTHS), None)
    month_first = next((value for value, match in parts if int(match[2]) > MONTHS), None)
    if day_first and month_first:
        return f"{json.dumps(day_first)} begins with the day, but {json.dumps(month_first)} with the month: list both formats"
    if day_first or month_first:
        return f"for {json.dumps(values[0])}; {json.dumps(day_first or month_first)} shows the order of day and month"
    if parts:
        return f"is {json.dumps(parts[0][0])} day-month or month-day? {list_formats(parts[0][0])}"
    return f"for {json.dumps(values[0])}"


__all__ = ["suggest_mapping"]
