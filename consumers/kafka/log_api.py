"""The HTTP API of the log, from which a replica fetches entries that are missing in the topic."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx2

from consumers.kafka.cloudevents import InvalidMessage, parse_entry
from eventlog.canonical import canonical
from eventlog.records import EntryRow

TIMEOUT_S: Final = 10.0


class LogApiError(Exception):
    """The log's API returned an error, or an invalid answer."""


class LogApi:
    """The API of a log. Every entry is checked against its leaf hash."""

    transient_errors: Final = (httpx2.HTTPError, LogApiError, InvalidMessage, ValueError, KeyError)

    def __init__(self, address: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=TIMEOUT_S)

    def size(self) -> tuple[str, int]:
        """Return the log's id and its last position."""
        head = self._get("/v1/log").json()
        return head["log"], head["size"]

    def rows(self, after: int, limit: int) -> Sequence[EntryRow]:
        """Return at most `limit` rows after a position, in order."""
        lines = self._get("/v1/log/entries", cursor=after, limit=limit).text
        return list(_in_order((_row(json.loads(line)) for line in lines.splitlines()), after))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _get(self, path: str, **parameters: int) -> httpx2.Response:
        response = self._http.get(path, params=parameters)
        if response.is_error:
            raise LogApiError(f"{self._http.base_url} answers {response.status_code}: {_error_detail(response)}")
        return response


def _error_detail(response: httpx2.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return response.text[:200]


def _row(line: dict[str, Any]) -> EntryRow:
    texts = canonical(line["texts"]) if line["texts"] else None
    return parse_entry(canonical(line["entry"]), line["leaf"], texts)


def _in_order(rows: Iterator[EntryRow], after: int) -> Iterator[EntryRow]:
    for expected, row in enumerate(rows, after + 1):
        if row.position != expected:
            raise LogApiError(f"the log's API sent position {row.position} instead of {expected}")
        yield row
