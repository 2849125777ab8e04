"""The codec: converts events to bytes and back, and composes the entries that are hashed and published.

An event is stored as canonical JSON: its metadata and its data. Each erasable text is replaced in it by a commitment,
HMAC-SHA-256(salt, text) in hex. `texts` maps the place of each text, a JSON pointer, to its salt and the text. A verifier
needs nothing else. When a text is erased it reads `[erased]`, and no hash changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import from_json

from domain.catalog import EVENTS
from domain.fields import without_nones
from domain.messages import Event, Message, Reference, string_fields, string_paths, strings_at, strings_of_kind
from domain.values import (
    ERASED,
    STORED,
    StringKind,
    format_micros,
    is_subject,
    parse_micros,
)
from eventlog.canonical import SAFE_INTEGER, canonical, encode_checked, require_canonical_form
from eventlog.entry import Delegate, Entry, Metadata, Origin

SALT_BYTES: Final = 16
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_INNER_REST: Final = b"\x36" * (64 - SALT_BYTES)
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
_OUTER_REST: Final = b"\x5c" * (64 - SALT_BYTES)
"""The padding after the salt in a 64-byte block of the hash."""
_MICROS_PER_HOUR: Final = 3_600_000_000
_TEXT: Final = StringKind.TEXT
_PERSON: Final = StringKind.PERSON
Place = tuple[str | int, ...]
Texts = dict[str, tuple[str, str]]
FoundText = tuple[str, Any, str | int, str]
"""A text in the JSON of an event: its JSON pointer, the object or list that contains it, its name or index there, and the text."""


def encode(event: Event, metadata: Metadata, entropy: Callable[[int], bytes]) -> tuple[bytes, bytes | None]:
    """Return the canonical JSON of an event without its texts, and its texts, None if it has none.

    Raises:
        NotCanonicalError: a value has no canonical form, such as an integer of 2^53.
    """
    own = _metadata_to_json(metadata)
    flat = None if metadata.references else _flat_data(event)
    if data := content(event) if flat is None else flat[0]:
        own["data"] = data
    if flat is None:
        _require_person_ids(event)
        found = _texts_in(type(event), own)
    else:
        found = [*flat[1], ("/note", own, "note", metadata.note)] if metadata.note is not None else flat[1]
    texts: dict[str, list[str]] = {}
    for pointer, holder, name, text in found:
        salt = entropy(SALT_BYTES)
        texts[pointer] = [salt.hex(), text]
        holder[name] = commitment(salt, text)
    serialize = canonical if flat is None else encode_checked
    return serialize(own), encode_checked(texts) if texts else None


def commitment(salt: bytes, text: str) -> str:
    """Return the commitment to a text, in hex."""
    # RFC 2104 in its own terms: the standard library takes twice as long, and its fast form, `hmac.digest`, releases the
    # interpreter lock for each short text, and then waits for it while other threads run.
    inner = sha256(salt.translate(_INNER_PAD) + _INNER_REST + text.encode()).digest()
    return sha256(salt.translate(_OUTER_PAD) + _OUTER_REST + inner).hexdigest()


def decode(
    *, position: int, subject: str, version: int, type_: str, recorded_at: int, own: bytes, texts: bytes | None
) -> Entry:
    """Return the entry of a row, from its columns by name; erased texts read `[erased]`."""
    data = from_json(own)
    known: dict[str, list[str]] = from_json(texts) if texts else {}
    model = EVENTS[type_]
    for place, _ in _text_places(model, data):
        _set_at(data, place, known.get(_pointer(place), ("", ERASED))[1])
    event = model.model_validate(data.get("data", {}), context=STORED)
    return Entry(position, recorded_at, subject, type_, version, event, _parse_metadata(data))


def compose(row: tuple[int, str, int, str, int, bytes, bytes | None]) -> bytes:
    """Return the entry as it is hashed and published, from the columns of its row."""
    position, subject, version, type_, recorded_at, own, _ = row
    hour, rest = divmod(recorded_at, _MICROS_PER_HOUR)
    return b'{"event":%b,"position":%d,"recorded_at":"%b:%02d:%02d.%06dZ","subject":%b,"type":%b,"version":%d}' % (
        own,
        position,
        _date_and_hour(hour),
        rest // 60_000_000,
        rest // 1_000_000 % 60,
        rest % 1_000_000,
        canonical(subject),
        _json_string(type_),
        version,
    )


@lru_cache(64)
def _date_and_hour(hour: int) -> bytes:
    """Return the date and the hour of a time; consecutive entries seldom differ in them."""
    return format_micros(hour * _MICROS_PER_HOUR)[: len("2025-01-01T00")].encode()


@lru_cache(256)
def _json_string(value: str) -> bytes:
    """Return the name of an event type, which many entries share, as JSON."""
    return canonical(value)


def decode_row(row: tuple[int, str, int, str, int, bytes, bytes | None]) -> Entry:
    """Return the entry of a row; erased texts read `[erased]`."""
    position, subject, version, type_, recorded_at, own, texts = row
    return decode(
        position=position, subject=subject, version=version, type_=type_, recorded_at=recorded_at, own=own, texts=texts
    )


def parse_texts(stored: bytes | None) -> Texts:
    """Return the texts of a row by place, each with its salt in hex."""
    return {place: (salt, text) for place, (salt, text) in from_json(stored).items()} if stored else {}


def iter_commitments(model: type[Event], own: Any) -> list[tuple[str, str]]:
    """Return the place of each text in an event, as a JSON pointer, with the commitment to it."""
    return [(_pointer(place), committed) for place, committed in _text_places(model, own)]


def find_broken_text(model: type[Event], own: Any, texts: Mapping[str, Sequence[str]]) -> str | None:
    """Return the first place whose text does not match the commitment in the event, or None."""
    committed = dict(iter_commitments(model, own))
    for place, (salt, text) in texts.items():
        given = bytes.fromhex(salt)
        # The hex form of a salt must be canonical too.
        if given.hex() != salt or len(given) != SALT_BYTES or committed.pop(place, None) != commitment(given, text):
            return place
    return next(iter(committed), None)


# Events as JSON --------------------------------------------------------------------------------------------------------


def _metadata_to_json(metadata: Metadata) -> dict[str, Any]:
    source = metadata.source
    whole: dict[str, Any] = {
        "id": metadata.id,
        "transaction": {"id": metadata.transaction, "index": metadata.index},
        "actor": metadata.actor,
        "credential": metadata.credential,
        "source": {"channel": source.channel},
    }
    if source.system is not None or source.reference is not None or source.at is not None:
        whole["source"] |= without_nones(system=source.system, reference=source.reference, at=_format_time(source.at))
    if metadata.on_behalf_of:
        whole["on_behalf_of"] = [
            without_nones(who=link.who, delegation=link.delegation) for link in metadata.on_behalf_of
        ]
    if metadata.effective_at is not None:
        whole["effective_at"] = format_micros(metadata.effective_at)
    if metadata.because:
        whole["because"] = list(metadata.because)
    if metadata.references:
        whole["references"] = [content(reference) for reference in metadata.references]
    if metadata.note is not None:
        whole["note"] = metadata.note
    if metadata.corrects is not None:
        whole["corrects"] = metadata.corrects
    return whole


def _flat_data(event: Event) -> tuple[dict[str, Any], list[FoundText]] | None:
    """Return what `content` returns for an event, and its texts in the order of their places, in one pass over its fields.

    Return None if that takes more: if a field holds a message with texts, a time, a list of texts, or anything else but
    a text, a code, a list of codes, an integer, a boolean or a message without texts.
    """
    members = vars(event)
    data: dict[str, Any] = {}
    texts: list[FoundText] = []
    for name, key, kind, empty_by_default, pointer in _flat_fields(type(event)):
        value = members[name]
        if value is None:
            continue
        if isinstance(value, str):
            if kind is _TEXT:
                texts.append((pointer, data, key, value))
            elif kind is _PERSON:
                _require_person_id(value)
        elif value == () and empty_by_default:
            continue
        else:
            value = _flat_value(value, kind)
            if value is None:
                return None
        data[key] = value
    return data, texts


def _flat_value(value: Any, kind: StringKind | None) -> Any:
    """Return the value of a field that is no string as JSON, or None if it holds more than `_flat_data` handles."""
    if isinstance(value, tuple):
        if kind is _PERSON:
            list(map(_require_person_id, value))
        elif (kind is _TEXT and value) or any(not isinstance(member, str) for member in value):
            return None
        return list(value)
    if isinstance(value, Message):
        return None if string_paths(type(value), StringKind.TEXT) else _textless_content(value)
    return value if isinstance(value, int) and abs(value) <= SAFE_INTEGER else None


@lru_cache(1024)
def _textless_content(message: Message) -> dict[str, Any]:
    """Return what `content` returns for a message without texts, such as a verdict: most decisions share a few."""
    _require_person_ids(message)
    data = content(message)
    require_canonical_form(data)
    return data


@cache
def _flat_fields(model: type[Event]) -> tuple[tuple[str, str, StringKind | None, bool, str], ...]:
    """Return each field in the order of its place: name, name in JSON, kind of string, whether it is empty by default."""
    kinds = {leaf.path[0]: leaf.kind for leaf in string_fields(model) if set(leaf.path[1:]) <= {"*"}}
    fields = (
        (name, info.alias or name, kinds.get(name), info.default == (), _pointer(("data", info.alias or name)))
        for name, info in model.model_fields.items()
    )
    return tuple(sorted(fields, key=lambda field: field[-1]))


def content(message: Message) -> dict[str, Any]:
    """Return a message as JSON, without nulls, and without empty lists where an empty list is the default.

    An empty list with a meaning, such as the tags of a revision, stays.
    """
    data: dict[str, Any] = message.model_dump(mode="json", by_alias=True, exclude_none=True)
    _prune(message, data)
    return data


def _prune(message: BaseModel, data: dict[str, Any]) -> None:
    lists, nesting = _prunable(type(message))
    for key in lists:
        if not data.get(key, True):
            del data[key]
    for name, key in nesting:
        value = getattr(message, name)
        if isinstance(value, tuple):
            for member, dumped in zip(value, data.get(key, ()), strict=True):
                _prune(member, dumped)
        elif value is not None:
            _prune(value, data[key])


@cache
def _prunable(model: type[BaseModel]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the names in JSON of lists that are empty by default, and name and name in JSON of fields that nest."""
    nesting = {leaf.path[0] for leaf in string_fields(model) if any(part != "*" for part in leaf.path[1:])}
    names = {name: info.alias or name for name, info in model.model_fields.items()}
    return (
        tuple(key for name, key in names.items() if model.model_fields[name].default == ()),
        tuple((name, key) for name, key in names.items() if name in nesting),
    )


def _require_person_ids(message: Message) -> None:
    for _, value in strings_of_kind(message, StringKind.PERSON):
        _require_person_id(value)


def _require_person_id(value: str) -> None:
    assert is_subject(value), "a person in an event is an id, never a name"


def _parse_metadata(own: dict[str, Any]) -> Metadata:
    source = own["source"]
    return Metadata(
        id=own["id"],
        transaction=own["transaction"]["id"],
        index=own["transaction"]["index"],
        actor=own["actor"],
        credential=own["credential"],
        source=Origin(source["channel"], source.get("system"), source.get("reference"), _parse_time(source.get("at"))),
        on_behalf_of=tuple(Delegate(link["who"], link.get("delegation")) for link in own.get("on_behalf_of", ())),
        effective_at=_parse_time(own.get("effective_at")),
        because=tuple(own.get("because", ())),
        references=tuple(
            Reference.model_validate(reference, context=STORED) for reference in own.get("references", ())
        ),
        note=own.get("note"),
        corrects=own.get("corrects"),
    )


def _format_time(value: int | None) -> str | None:
    return None if value is None else format_micros(value)


def _parse_time(value: str | None) -> int | None:
    return None if value is None else parse_micros(value)


# Places --------------------------------------------------------------------------------------------------------------


@cache
def _text_paths(model: type[Event]) -> dict[str, list[tuple[str, ...]]]:
    """Return the paths of all texts in the data of events of a class, by the member that they begin with."""
    paths: dict[str, list[tuple[str, ...]]] = {}
    for path in string_paths(model, StringKind.TEXT):
        paths.setdefault(path[0], []).append(("data", *path))
    return paths


_METADATA_TEXT_PATHS: Final = (
    ("note",),
    *(("references", "*", *path) for path in string_paths(Reference, StringKind.TEXT)),
)


def _text_places(model: type[Event], own: dict[str, Any]) -> list[tuple[Place, str]]:
    """Return every text of an event with its place."""
    found: list[tuple[Place, str]] = []
    paths = _text_paths(model)
    for name, value in own.get("data", {}).items():
        for path in paths.get(name, ()):
            if isinstance(value, str):
                found.append((path, value))
            else:
                found += strings_at(own, path)
    for path in _METADATA_TEXT_PATHS:
        if path[0] in own:
            found += strings_at(own, path)
    return found


@lru_cache(4096)
def _pointer(place: Place) -> str:
    """Return a place as a JSON pointer. The names of the fields need no escaping."""
    return "".join(f"/{part}" for part in place)


def _texts_in(model: type[Event], own: dict[str, Any]) -> list[FoundText]:
    """Return every text of an event, in the order of their places."""
    places = sorted((_pointer(place), place, text) for place, text in _text_places(model, own))
    return [(pointer, _get_at(own, place[:-1]), place[-1], text) for pointer, place, text in places]


def _get_at(own: Any, place: Place) -> Any:
    for part in place:
        own = own[part]
    return own


def _set_at(own: Any, place: Place, value: str) -> None:
    _get_at(own, place[:-1])[place[-1]] = value
