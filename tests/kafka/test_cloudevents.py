"""An entry as a message, and back."""

import pytest

from consumers.kafka.cloudevents import Message, Unreadable, header, message_of, position_of, row_of
from domain.values import format_micros
from eventlog.log import DecisionLog
from tests.faults.logs import write_log


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.sqlite3"
    write_log(path, 300, 1)
    with DecisionLog.open(path, clock=lambda: 0, read_only=True) as log:
        return log.rows(0, 1000)


def test_there_and_back(rows):
    """Every entry of a log with something of everything, forgotten texts too, comes back as the row it was."""
    messages = [message_of(row, "log:a") for row in rows]

    assert [row_of(message) for message in messages] == rows
    assert [position_of(message) for message in messages] == list(range(1, len(rows) + 1))
    assert {row.texts is None for row in rows} == {True, False}


def test_attributes(rows):
    """Headers carry the attributes of CloudEvents; the value is the entry."""
    row = rows[5]
    message = message_of(row, "log:a")

    assert message.key == row.subject.encode()
    assert {name: header(message, name) for name, _ in message.headers if name not in ("leaf", "texts")} == {
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
        (lambda m: changed(m, texts=b"[]"), "no entry"),
        (lambda m: changed(m, ce_id=b"7"), "says it is"),
        (lambda m: m._replace(key=b"feature:other"), "says it is"),
    ],
)
def test_what_was_changed_is_refused(rows, change, why):
    """A message that is not the one it says it is, in any part, is refused with the reason."""
    row = next(row for row in rows if row.texts)

    with pytest.raises(Unreadable, match=why):
        row_of(change(message_of(row, "log:a")))


def test_another_text_is_refused(rows):
    """A word of a text that was replaced by another of its length is found by its commitment."""
    row = next(row for row in rows if row.texts)
    texts = row.texts[:-4] + (b"z" if row.texts[-4:-3] != b"z" else b"y") + row.texts[-3:]

    with pytest.raises(Unreadable, match="texts of position"):
        row_of(message_of(row._replace(texts=texts), "log:a"))


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
def test_what_is_no_entry_is_refused(value):
    """Whatever else stands in the topic is refused in a sentence, even with the right leaf hash."""
    from eventlog.merkle import leaf_hash

    with pytest.raises(Unreadable):
        row_of(Message(b"k", value, [("leaf", leaf_hash(value).hex().encode())]))


def test_another_spelling_is_another_entry(rows):
    """The same JSON with a space in it is refused, though its leaf hash is right."""
    from eventlog.merkle import leaf_hash

    message = message_of(rows[0], "log:a")
    value = message.value.replace(b'"position":1,', b'"position": 1,')

    with pytest.raises(Unreadable):
        row_of(changed(message._replace(value=value), leaf=leaf_hash(value).hex().encode()))
