"""Converts entries to rows of the table `event` and back. A row has all of an entry but the event's own id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from domain.catalog import EVENTS
from domain.messages import Reference, replace_strings, string_paths
from domain.values import ERASED, STORED, StringKind
from eventlog.entry import Delegate, Entry, Metadata, Origin
from projections.read_model.schema import TABLES, dumps

COLUMNS: Final = TABLES["event"][0]


def event_row(entry: Entry) -> tuple[Any, ...]:
    """Return the row of an entry that is not voided."""
    who: Metadata = entry.metadata
    return (
        entry.position,
        entry.recorded_at,
        entry.effective_at,
        who.effective_at,
        entry.type,
        entry.subject,
        entry.version,
        who.transaction,
        who.index,
        who.actor,
        who.principal,
        dumps(list(map(_link_to_json, who.on_behalf_of))) if who.on_behalf_of else None,
        who.credential,
        dumps(list(who.because)) if who.because else None,
        who.note,
        who.source.channel,
        who.source.system,
        who.source.reference,
        who.source.at,
        dumps([each.model_dump(mode="json", exclude_none=True) for each in who.references]) if who.references else None,
        who.corrects,
        None,
        dumps(entry.event.model_dump(mode="json", by_alias=True, exclude_none=True)),
    )


def _link_to_json(link: Delegate) -> dict[str, str | int]:
    return {"who": link.who, **({"delegation": link.delegation} if link.delegation else {})}


def entry_from_row(row: Sequence[Any]) -> Entry:
    """Return the entry of a row with its texts. The event's own id is empty."""
    position, recorded_at, _, effective_at, type_, subject, version, transaction, index, actor, _ = row[:11]
    chain, credential, because, note, channel, system, reference, at, references, corrects, _, body = row[11:]
    metadata = Metadata(
        id="",
        transaction=transaction,
        index=index,
        actor=actor,
        credential=credential,
        source=Origin(channel, system, reference, at),
        on_behalf_of=tuple(Delegate(link["who"], link.get("delegation")) for link in _load_list(chain)),
        effective_at=effective_at,
        because=tuple(_load_list(because)),
        references=tuple(Reference.model_validate(each, context=STORED) for each in _load_list(references)),
        note=note,
        corrects=corrects,
    )
    return Entry(
        position,
        recorded_at,
        subject,
        type_,
        version,
        EVENTS[type_].model_validate(json.loads(body), context=STORED),
        metadata,
    )


def without_texts(entry: Entry) -> Entry:
    """Return the entry with all its texts erased."""
    event, references = entry.event, entry.metadata.references
    for path in string_paths(type(event), StringKind.TEXT):
        event = replace_strings(event, path, _erase)
    for path in string_paths(Reference, StringKind.TEXT):
        references = tuple(replace_strings(each, path, _erase) for each in references)
    note = entry.metadata.note if entry.metadata.note is None else ERASED
    return entry._replace(event=event, metadata=entry.metadata._replace(note=note, references=references))


def _erase(_: str) -> str:
    return ERASED


def _load_list(stored: str | None) -> list[Any]:
    found: list[Any] = json.loads(stored) if stored else []
    return found
