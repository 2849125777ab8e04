"""A naive reading of a progress report: for every line of the page, the reason shown against the entries of the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from eventlog.entry import Entry

REASON_FIELDS = ("why", "finding", "vision", "strategy")
NO_REASON = "no reason given"
INHERITED = "inherited from "
ONE_REASON = re.compile(r"(?:#(\d+): )?(.*)", re.DOTALL)


class Lines(HTMLParser):
    """The lines of a report: of each row of a table its cells, as text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._in_body = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_body = self._in_body or tag == "tbody"
        if self._in_body and tag == "tr":
            self.rows.append([])
        if self._in_body and tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_body = self._in_body and tag != "tbody"

    def handle_data(self, data: str) -> None:
        if self._in_body and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def find_untrue_reasons(html: str, entries: Sequence[Entry]) -> tuple[int, list[str]]:
    """Return the number of lines of a report, and each reason that is not the one in the log."""
    log = {entry.position: entry for entry in entries}
    texts: dict[str, list[str]] = {}
    for entry in entries:
        texts.setdefault(entry.subject, []).extend(_texts_of(_data(entry)))
    rows = Lines(html).rows
    wrong = [
        f"{cells[0]}: {reason!r} is not the reason of entry {position}"
        for cells in rows
        for position, reason in _reasons_of(cells)
        if reason.strip()
        if not _is_true(reason.strip(), log[position], texts)
    ]
    return len(rows), wrong


def _reasons_of(cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield each reason of a line with the position of its event; one for all entries of the line if it names none."""
    positions = [int(number) for number in re.findall(r"#(\d+)", cells[2])]
    if re.match(r"#\d+: ", cells[3]):
        for part in re.split(r"; (?=#\d+: )", cells[3]):
            found = re.fullmatch(r"#(\d+): (.*)", part, re.DOTALL)
            assert found
            yield int(found[1]), found[2]
    else:
        for position in positions:
            yield position, cells[3]


def _is_true(shown: str, entry: Entry, texts: Mapping[str, Sequence[str]]) -> bool:
    own, cited = own_reason(entry), entry.metadata.because
    if own:
        return _shows(shown.split(" (see ", maxsplit=1)[0] if cited else shown, [own])
    if cited:
        if not shown.startswith(INHERITED):
            return False
        return any(_shows(shown.rpartition(": ")[2], [text]) or _flat(text)[:40] in shown for text in texts[cited[0]])
    return shown == NO_REASON


def own_reason(entry: Entry) -> str | None:
    """Return the reason that an entry gives itself."""
    data = _data(entry)
    names = ("until",) if entry.type == "DecisionDeferred.v1" else REASON_FIELDS
    return next((str(data[name]) for name in names if data.get(name)), None) or entry.metadata.note


def _data(entry: Entry) -> dict[str, Any]:
    return entry.event.model_dump(mode="json")


def _texts_of(data: Mapping[str, Any]) -> list[str]:
    return [str(data[name]) for name in ("why", "decision", "title") if data.get(name)]


def _shows(shown: str, texts: Sequence[str]) -> bool:
    """Whether a text is shown whole, or cut at its end."""
    return any(_flat(text) == shown or (shown.endswith("…") and _flat(text).startswith(shown[:-1])) for text in texts)


def _flat(text: str) -> str:
    return " ".join(text.split())
