"""Entries are converted to CloudEvents messages and back."""

import pytest

from consumers.kafka.cloudevents import InvalidMessage, Message, build_message, get_header, get_position, parse_message
from consumers.kafka.people_topic import decode_names
from domain.values import format_micros
from identity.decision_log import DecisionLog
from tests.faults.logs import write_log


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.sqlite3"
    write_log(path, 300, 1)
    with DecisionLog.open(path, clock=lambda: 0, read_only=True) as log:
        return log.rows(0, 1000)


def test_a_message_is_parsed_into_its_row(rows):
    """Every entry, including one with erased texts, is parsed into the row it was built from."""
    messages = [build_message(row, "log:a") for row in rows]

    assert [parse_message(message) for message in messages] == rows
    assert [get_position(message) for message in messages] == list(range(1, len(rows) + 1))
    assert {row.texts is None for row in rows} == {True, False}


def test_headers_are_the_attributes_of_cloudevents(rows):
    """The headers are the attributes of CloudEvents, and the value is the entry."""
    row = rows[5]
    message = build_message(row, "log:a")

    assert message.key == row.subject.encode()
    assert {name: get_header(message, name) for name, _ in message.headers if name not in ("leaf", "texts")} == {
        "ce_specversion": "1.0",
        "ce_type": f"decisionlog.{row.type}",
        "ce_source": "log:a",
        "ce_id": "6",
        "ce_subject": row.subject,
        "ce_time": format_micros(row.recorded_at),
        "content-type": "application/json",
    }


def changed(message, **headers):
    kept = [(name, value) for name, value in message.headers if name not in headers]
    return message._replace(headers=kept + [(name, value) for name, value in headers.items() if value is not None])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda m: m._replace(value=None), "has no value"),
        (lambda m: m._replace(value=m.value.replace(b"2025", b"2026")), "leaf hash"),
        (lambda m: changed(m, leaf=None), "leaf hash"),
        (lambda m: changed(m, texts=b'{"/data/title":["00","x"]}'), "texts of position"),
        (lambda m: changed(m, texts=b"[]"), "not an entry"),
        (lambda m: changed(m, ce_id=b"7"), "the headers say"),
        (lambda m: m._replace(key=b"feature:other"), "the headers say"),
    ],
)
def test_an_altered_message_is_invalid(rows, change, why):
    """A message that was altered in any part is invalid, and the error names the reason."""
    row = next(row for row in rows if row.texts)

    with pytest.raises(InvalidMessage, match=why):
        parse_message(change(build_message(row, "log:a")))


def test_an_altered_text_is_invalid(rows):
    """A text that was replaced by one of the same length does not match its commitment."""
    row = next(row for row in rows if row.texts)
    texts = row.texts[:-4] + (b"z" if row.texts[-4:-3] != b"z" else b"y") + row.texts[-3:]

    with pytest.raises(InvalidMessage, match="texts of position"):
        parse_message(build_message(row._replace(texts=texts), "log:a"))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"event":{}}',
        b'{"event":1,"position":1,"recorded_at":"x","subject":"s","type":"t","version":1}',
    ],
)
def test_other_values_are_invalid(value):
    """A value that is not an entry is invalid, even with the right leaf hash."""
    from eventlog.merkle import leaf_hash

    with pytest.raises(InvalidMessage):
        parse_message(Message(b"k", value, [("leaf", leaf_hash(value).hex().encode())]))


def test_json_must_be_canonical(rows):
    """Equal JSON in another form is invalid, even with the right leaf hash."""
    from eventlog.merkle import leaf_hash

    message = build_message(rows[0], "log:a")
    value = message.value.replace(b'"position":1,', b'"position": 1,')

    with pytest.raises(InvalidMessage):
        parse_message(changed(message._replace(value=value), leaf=leaf_hash(value).hex().encode()))


@pytest.mark.parametrize("text", [b"9" * 5_000, b"-1", b"+1", b" 1", b"1.0", "\u0663".encode(), b"\xff", b""])
def test_a_position_is_a_short_number(text):
    """A header that is not the position of an entry counts as missing, however long it is."""
    assert get_position(Message(None, b"", [("ce_id", text)])) is None


@pytest.mark.parametrize(
    "value",
    [
        *(b"[" * 100_000, b'{"spellings":' * 50_000, b'{"spellings":[' + b"[" * 100_000),
        *(b'{"spellings":["\\ud800"]}', b'{"spellings":"abc"}', b'{"spellings":{"a":1}}', b'{"spellings":[1]}'),
        *(b'{"spellings":null}', b"{}", b"[]", b"null", b"9" * 5_000, b"\xff", b"NaN"),
    ],
)
def test_names_that_cannot_be_read_are_none(value):
    """A message of the people topic that is invalid, however deep, gives no names, and does not end the replica."""
    assert decode_names("person:ann", value) == ()
