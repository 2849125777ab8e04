"""The bytes of every event type are final, and a second composer that shares no code with the first agrees."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from domain.catalog import EVENTS
from domain.messages import Reference
from domain.values import ERASED
from eventlog import codec
from eventlog.entry import Delegate, Entry, Metadata, Origin
from eventlog.merkle import leaf_hash

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.json"))
"""The types with a golden entry; `TYPE+FIELD` where a field was added that the first golden entry leaves out."""


def load(name: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def instant(microseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}Z"


def naive_entry(given: dict[str, Any], salts: dict[str, str]) -> tuple[str, str]:
    """The entry and its leaf, from what the design says of them and nothing else."""
    channel, system, reference, at = given["source"]
    own = {
        "id": given["id"],
        "transaction": {"id": given["transaction"], "index": given["place"]},
        "actor": given["actor"],
        "on_behalf_of": [{"who": who, "delegation": delegation} for who, delegation in given["on_behalf_of"]],
        "credential": given["credential"],
        "effective_at": given["effective_at"] and instant(given["effective_at"]),
        "because": given["because"],
        "source": {"channel": channel, "system": system, "reference": reference, "at": at and instant(at)},
        "references": [{"system": system, "id": id_} for system, id_ in given["references"]],
        "note": given["note"],
        "corrects": given["corrects"],
        "data": given["data"],
    }

    def committed(value: Any, place: str) -> Any:
        if isinstance(value, dict):
            return {k: committed(v, f"{place}/{k}") for k, v in value.items() if v is not None}
        if isinstance(value, list):
            return [committed(member, f"{place}/{n}") for n, member in enumerate(value)]
        if place in salts:
            return hmac.new(bytes.fromhex(salts[place]), value.encode(), hashlib.sha256).hexdigest()
        return value

    present = {k: v for k, v in committed(own, "").items() if v not in ([], {})}
    whole = {"event": present} | {k: given[k] for k in ("position", "subject", "type", "version")}
    whole["recorded_at"] = instant(given["recorded_at"])
    entry = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return entry, hashlib.sha256(b"\0" + entry.encode()).hexdigest()


def envelope_of(given: dict[str, Any]) -> Metadata:
    return Metadata(
        id=given["id"],
        transaction=given["transaction"],
        index=given["place"],
        actor=given["actor"],
        credential=given["credential"],
        source=Origin(*given["source"]),
        on_behalf_of=tuple(Delegate(*link) for link in given["on_behalf_of"]),
        effective_at=given["effective_at"],
        because=tuple(given["because"]),
        references=tuple(Reference(system=system, id=id_) for system, id_ in given["references"]),
        note=given["note"],
        corrects=given["corrects"],
    )


def encoded(golden: dict[str, Any]) -> tuple[bytes, bytes | None]:
    given = golden["given"]
    salts = iter(golden["salts"].values())
    event = EVENTS[given["type"]].model_validate(given["data"])
    own, texts = codec.encode(event, envelope_of(given), lambda _: bytes.fromhex(next(salts)))
    assert {place: salt for place, (salt, _) in codec.parse_texts(texts).items()} == golden["salts"]
    return own, texts


def row(golden: dict[str, Any], own: bytes, texts: bytes | None) -> tuple[Any, ...]:
    given = golden["given"]
    return (
        *(given[name] for name in ("position", "subject", "version", "type", "recorded_at")),
        own,
        texts,
    )


def decoded(golden: dict[str, Any], own: bytes, texts: bytes | None) -> Entry:
    position, subject, version, type_, recorded_at, *_ = row(golden, own, texts)
    return codec.decode(
        position=position, subject=subject, version=version, type_=type_, recorded_at=recorded_at, own=own, texts=texts
    )


def test_every_event_type_has_a_golden_entry() -> None:
    """Every event type has a golden entry, and every golden entry has a known type."""
    assert {name.partition("+")[0] for name in NAMES} == set(EVENTS)
    assert set(EVENTS) <= set(NAMES)


def test_every_field_of_an_event_is_in_a_golden_entry() -> None:
    """Every field of every event, and of every part that events are made of, has a value in at least one golden entry."""
    found: dict[type[BaseModel], set[str]] = {}
    for name in NAMES:
        _collect_fields(EVENTS[name.partition("+")[0]], load(name)["given"]["data"], found)

    assert {
        (model.__name__, field) for model, fields in found.items() for field in _names_of(model).keys() - fields
    } == set()


def _collect_fields(model: type[BaseModel], data: dict[str, Any], found: dict[type[BaseModel], set[str]]) -> None:
    """Add the fields of a message that have a value, and those of the messages in it."""
    filled = found.setdefault(model, set())
    for name, info in _names_of(model).items():
        if data.get(name) in (None, [], {}):
            continue
        filled.add(name)
        items = data[name] if isinstance(data[name], list) else [data[name]]
        for part in _find_models(info.annotation):
            for item in items:
                _collect_fields(part, item, found)


def _names_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.serialization_alias or info.alias or name: info for name, info in model.model_fields.items()}


def _find_models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _find_models(argument)


@pytest.mark.parametrize("name", NAMES)
def test_the_codec_writes_the_golden_bytes(name: str) -> None:
    """The same event, metadata and salts always give the same bytes and the same leaf."""
    golden = load(name)
    entry = codec.compose(row(golden, *encoded(golden)))
    assert entry.decode() == golden["entry"]
    assert leaf_hash(entry).hex() == golden["leaf"]


@pytest.mark.parametrize("name", NAMES)
def test_a_naive_composer_writes_the_golden_bytes(name: str) -> None:
    """A composer written from the design alone gives the same bytes and the same leaf."""
    golden = load(name)
    assert naive_entry(golden["given"], golden["salts"]) == (golden["entry"], golden["leaf"])


@pytest.mark.parametrize("name", NAMES)
def test_golden_bytes_are_decoded(name: str) -> None:
    """Encoded events are decoded to the same event and metadata, with all texts."""
    golden = load(name)
    given = golden["given"]
    entry = decoded(golden, *encoded(golden))
    assert entry.event == EVENTS[given["type"]].model_validate(given["data"])
    assert entry.metadata == envelope_of(given)


@pytest.mark.parametrize("name", [name for name in NAMES if load(name)["salts"]])
def test_erased_texts_read_erased(name: str) -> None:
    """Each erased text reads [erased]; everything else is unchanged, and so is the leaf."""
    golden = load(name)
    own, texts = encoded(golden)
    entry = decoded(golden, own, None)
    again = codec.parse_texts(codec.encode(entry.event, entry.metadata, bytes)[1])
    assert {text for _, text in again.values()} == {ERASED}
    assert set(again) == set(golden["salts"])
    assert leaf_hash(codec.compose(row(golden, own, None))) == leaf_hash(codec.compose(row(golden, own, texts)))


def test_a_meaningful_empty_list_is_stored() -> None:
    """A revision that empties the tags differs from one that does not change them."""
    own, _ = codec.encode(
        EVENTS["DecisionRevised.v1"].model_validate({"tags": [], "why": "so"}),
        envelope_of(load("DecisionRevised.v1")["given"]),
        bytes,
    )
    assert json.loads(own)["data"]["tags"] == []
    assert "evidence" not in json.loads(own)["data"]


def test_the_codec_refuses_a_name_in_place_of_an_id() -> None:
    """An event that names a person otherwise than by id is not encoded."""
    event = EVENTS["AdviceGiven.v1"].model_construct(by="Ann Bee", advice="x")
    with pytest.raises(AssertionError, match="never a name"):
        codec.encode(event, envelope_of(load("AdviceGiven.v1")["given"]), bytes)


@pytest.mark.parametrize("name", NAMES)
def test_the_quick_form_of_an_event_is_the_general_one(name: str) -> None:
    """An event whose fields are read in one pass has the content and the texts that the general way finds."""
    given = load(name)["given"] if "given" in load(name) else load(name)
    event = EVENTS[name.partition("+")[0]].model_validate(given["data"])
    flat = codec._flat_data(event)

    if flat is not None:
        data, texts = flat
        assert data == codec.content(event)
        assert texts == codec._texts_in(type(event), {"data": codec.content(event)})


def test_most_decisions_have_a_quick_form() -> None:
    """Recording, proposing and accepting a decision without options take one pass over the fields."""
    plain = {"title": "T", "decision": "D", "why": "W", "accountable": "person:ann", "deciders": ["person:ann"]}
    recorded = EVENTS["DecisionRecorded.v1"].model_validate(plain)

    assert codec._flat_data(recorded) is not None
    assert codec._flat_data(recorded.model_copy(update={"evidence": ("a text in a list",)})) is None


def test_only_events_that_declare_it_have_periods() -> None:
    """An event whose changes begin or end at times of their own declares it; the rules look at the times only then."""
    for name in NAMES:
        given = load(name)["given"] if "given" in load(name) else load(name)
        event = EVENTS[name.partition("+")[0]].model_validate(given["data"])
        changes = list(event.field_changes())
        has_times = any(change.starts_at is not None or change.ends_at is not None for change in changes)
        assert event.has_periods or event.is_imported or not has_times, name
