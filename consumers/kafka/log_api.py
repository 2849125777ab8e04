"""The log's own API, from which a replica has what the topic does not bring."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx2

from consumers.kafka.cloudevents import Unreadable, row_from
from eventlog.appender import EntryRow
from eventlog.canonical import canonical

SECONDS: Final = 10.0


class NoAnswer(Exception):
    """The log's API refuses; the message says with what."""


class LogApi:
    """The API of a log. Whatever it says of an entry is held against the entry's leaf."""

    passing: Final = (httpx2.HTTPError, NoAnswer, Unreadable, ValueError, KeyError)

    def __init__(self, address: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=SECONDS)

    def size(self) -> tuple[str, int]:
        """The log's id, and its last position."""
        told = self._get("/v1/log").json()
        return told["log"], told["size"]

    def rows(self, after: int, limit: int) -> Sequence[EntryRow]:
        """At most so many rows after a position, in order."""
        lines = self._get("/v1/log/entries", behind=after, limit=limit).text
        return list(_in_order((_row(json.loads(line)) for line in lines.splitlines()), after))

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def _get(self, path: str, **asked: int) -> httpx2.Response:
        answer = self._http.get(path, params=asked)
        if answer.is_error:
            raise NoAnswer(f"{self._http.base_url} answers {answer.status_code}: {_said(answer)}")
        return answer


def _said(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def _row(line: dict[str, Any]) -> EntryRow:
    texts = canonical(line["texts"]) if line["texts"] else None
    return row_from(canonical(line["entry"]), line["leaf"], texts)


def _in_order(rows: Iterator[EntryRow], after: int) -> Iterator[EntryRow]:
    for expected, row in enumerate(rows, after + 1):
        if row.position != expected:
            raise NoAnswer(f"the log's API sends position {row.position} where {expected} was asked for")
        yield row
