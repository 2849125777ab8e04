"""A publisher finds where to resume from the end of the topic alone, whichever messages were lost."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.kafka.cloudevents import CONFIRMED_HEADER, Message, get_position
from consumers.kafka.topic_reader import CannotPublish, find_resume_position

LOG = "log:a"


def message(position: int, confirmed: int, log: str = LOG) -> Message:
    headers = [("ce_source", log.encode()), ("ce_id", b"%d" % position), (CONFIRMED_HEADER, b"%d" % confirmed)]
    return Message(b"k", b"v", headers)


@dataclass
class Topic:
    """The messages of a topic, of which the oldest may be gone already."""

    messages: list[Message] = field(default_factory=list)
    begin: int = 0

    @property
    def end(self) -> int:
        return len(self.messages)

    def read(self, start: int) -> Iterator[Message]:
        return iter(self.messages[start:])


def reader_of(topic: Topic) -> int:
    """How far a reader gets who reads all that ever was in the topic, drops what they have and stops at a hole."""
    position = 0
    for each in topic.messages:
        if get_position(each) == position + 1:
            position += 1
    return position


RUNS = st.lists(
    st.tuples(st.integers(0, 8), st.lists(st.booleans(), max_size=6), st.integers(0, 3)), min_size=1, max_size=12
)
"""Each run of a publisher: how many messages arrive, which of those behind them arrive, and how many the topic then forgets."""


def published(
    runs: list[tuple[int, list[bool], int]], left_off: Callable[[Topic, int], int]
) -> Iterator[tuple[Topic, int]]:
    """A topic after each run; every run goes on where the one before left off, and the last messages may be lost."""
    topic, known = Topic(), 0
    for arrived, arrive, forgotten in runs:
        position = left_off(topic, known)
        for n in range(1, arrived + 1):
            topic.messages.append(message(position + n, position + n - 1))
        known = position + arrived
        for n, arrives in enumerate(arrive, 1):
            if arrives:
                topic.messages.append(message(known + n, known))
        topic.begin = min(topic.begin + forgotten, topic.end)
        yield topic, known


def ours(topic: Topic, known: int) -> int:
    found = find_resume_position(topic, LOG, "t")
    return known if found is None else found[0]


@given(RUNS)
@settings(max_examples=500)
def test_no_reader_misses_an_entry(runs):
    """However many messages fail before delivered ones, the next publisher starts no later than a reader stopped."""
    for topic, known in published(runs, ours):
        assert ours(topic, known) <= reader_of(topic)
        # What the topic has let go of is not known to have arrived.
        assert topic.begin or known <= ours(topic, known)


@given(st.lists(st.tuples(st.integers(0, 8), st.just([]), st.just(0)), min_size=1))
@settings(max_examples=200)
def test_nothing_is_sent_twice_without_failures(runs):
    """If everything was delivered in order, the next publisher starts right after it."""
    for topic, _ in published(runs, ours):
        assert ours(topic, 0) == reader_of(topic)
        assert len(topic.messages) == reader_of(topic)


def test_resuming_after_the_last_message_is_detected():
    """Resuming after the last message loses the messages that failed before it."""

    def last(topic: Topic, _: int) -> int:
        return get_position(topic.messages[-1]) if topic.messages else 0

    *_, (topic, _) = published([(3, [False, True], 0), (4, [], 0)], last)

    assert reader_of(topic) == 3
    assert [get_position(each) for each in topic.messages] == [1, 2, 3, 5, 6, 7, 8, 9]


def test_foreign_messages_and_other_logs():
    """Foreign messages are ignored, and an entry of another log stops the publisher."""
    topic = Topic(
        [message(1, 0), message(2, 1), Message(None, b"hello", []), Message(None, None, [("ce_source", b"log:b")])]
    )
    assert find_resume_position(topic, LOG, "t") == (2, None)

    topic.messages.append(message(3, 2, "log:b"))
    with pytest.raises(CannotPublish, match="entries of log:b, and this is log:a"):
        find_resume_position(topic, LOG, "t")
