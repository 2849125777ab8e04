"""From the log to a real topic."""

import shutil
from contextlib import closing

import pytest
from kafka import TopicPartition

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import header, message_of, position_of, row_of
from consumers.kafka.command_consumer import Intake
from consumers.kafka.publisher import CannotPublish, Publisher, Stream, _sending
from consumers.kafka.topics import Topics
from eventlog.entry import Caller
from eventlog.worker_status import workers_at
from tests.faults.logs import do
from tests.kafka.support import everything_in, fits, open_log, reporter, running, send, until


def products(log, first, last):
    do(log, [[{"type": "DefineProduct", "key": f"p{n}", "title": f"Product {n}"}] for n in range(first, last + 1)])


@pytest.fixture
def publisher(tmp_path, bootstrap_servers, prefix):
    def make(log, folder=tmp_path):
        kept = reporter(folder, "publisher", f"{prefix}.events")
        return Publisher(log, Broker.at(bootstrap_servers), Topics(prefix), kept)

    return make


def published(tmp_path):
    sheet = workers_at(tmp_path / "log.sqlite3").of("publisher")
    return sheet.position if sheet else 0


def test_every_entry_is_published_in_order(tmp_path, bootstrap_servers, prefix, publisher):
    """What is there and what comes later arrives as it is in the log; the next publisher goes on right behind it."""
    with open_log(tmp_path) as log:
        products(log, 1, 40)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 41)
            products(log, 41, 50)
            until(lambda: published(tmp_path) == 51)
        products(log, 51, 60)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 61)
        rows, log_id = log.rows(0, 100), log.id

    found = everything_in(bootstrap_servers, f"{prefix}.events")
    assert [row_of(message) for message in found] == rows
    for message, row in zip(found, rows, strict=True):
        plain = message._replace(headers=[each for each in message.headers if each[0] != "confirmed"])
        assert plain == message_of(row, log_id)
        assert int(header(message, "confirmed")) < row.position
        fits(message)


def test_another_log_has_another_topic(tmp_path, publisher):
    """Two logs in one topic would be none: the second publisher stops with a sentence, and says so on its sheet."""
    (tmp_path / "other").mkdir()
    with open_log(tmp_path) as log, running(publisher(log)):
        until(lambda: published(tmp_path) == 1)
    with open_log(tmp_path / "other") as log, pytest.raises(CannotPublish, match="Choose another name"):
        publisher(log, tmp_path / "other").run()

    assert workers_at(tmp_path / "other" / "log.sqlite3").of("publisher").failing


def test_a_log_that_was_put_back_is_another_history(tmp_path, publisher):
    """An older copy of the log that went on differently is not published behind what it no longer knows."""
    before = tmp_path / "before"
    before.mkdir()
    with open_log(tmp_path) as log:
        products(log, 1, 3)
    shutil.copy(tmp_path / "log.sqlite3", before)
    with open_log(tmp_path) as log, running(publisher(log)):
        products(log, 4, 6)
        until(lambda: published(tmp_path) == 7)

    with open_log(before) as log:
        with pytest.raises(CannotPublish, match="position 7 which the log does not have"):
            publisher(log, before).run()
        products(log, 10, 20)
        with pytest.raises(CannotPublish, match="position 7 which the log does not have"):
            publisher(log, before).run()


def test_a_topic_that_has_forgotten_everything_is_gone_on_with(tmp_path, bootstrap_servers, prefix, publisher):
    """Where retention has taken every message, the next publisher goes on where the one before said it was."""
    with open_log(tmp_path) as log:
        products(log, 1, 5)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 6)
        with Broker.at(bootstrap_servers).admin() as admin:
            admin.delete_records({TopicPartition(f"{prefix}.events", 0): -1})
        assert everything_in(bootstrap_servers, f"{prefix}.events") == []
        products(log, 6, 6)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 7)

    assert [position_of(each) for each in everything_in(bootstrap_servers, f"{prefix}.events")] == [7]


def test_messages_behind_one_that_failed_are_sent_again(tmp_path, bootstrap_servers, prefix, publisher):
    """A run that lost position 4 and got 5 through is followed by one that sends both, so that no reader misses any."""
    topics, broker = Topics(prefix), Broker.at(bootstrap_servers)
    with open_log(tmp_path) as log:
        products(log, 1, 5)
        with broker.admin() as admin:
            topics.made(admin, topics.events)
        with _sending(broker, 1_000_000) as producer:
            stream = Stream(producer, topics.events.name, log.id, 0)
            stream.send(log.rows(0, 3))
            assert stream.settled(0, 10)
            stream.sent += 1  # 4 is lost on its way, and the publisher dies before it hears of it
            stream.send(log.rows(4, 1))
            producer.flush()
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 6)

    found = [position_of(each) for each in everything_in(bootstrap_servers, topics.events.name)]
    assert found == [1, 2, 3, 5, 4, 5, 6]


def test_a_message_that_does_not_fit_is_said_and_nothing_passes_it(tmp_path, bootstrap_servers, prefix, publisher):
    """The publisher stands before an entry larger than the topic takes, says so, and goes on when the topic takes it."""
    topics = Topics(prefix)
    with Broker.at(bootstrap_servers).admin() as admin:
        admin.create_topics({topics.events.name: {"num_partitions": 1, "configs": {"max.message.bytes": "20000"}}})
        with open_log(tmp_path) as log:
            do(log, [[{"type": "DefineProduct", "key": "p", "title": "P", "description": "x" * 20_000}]])
            products(log, 1, 3)
            with running(publisher(log)):
                sheet = until(lambda: workers_at(tmp_path / "log.sqlite3").of("publisher"))
                until(lambda: workers_at(tmp_path / "log.sqlite3").of("publisher").failing)
                sheet = workers_at(tmp_path / "log.sqlite3").of("publisher")
                assert "max.message.bytes" in sheet.error
                assert sheet.position <= 1
                _allow(admin, topics.events.name)
                until(lambda: published(tmp_path) == 5)

    assert [position_of(each) for each in everything_in(bootstrap_servers, topics.events.name)] == [1, 2, 3, 4, 5]


def _allow(admin, name):
    from kafka.admin import ConfigResource, ConfigResourceType

    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": "1000000"})])


def test_a_broker_that_is_not_there_is_waited_for(tmp_path, prefix):
    """Publisher and intake go on trying, and their sheets say that they fail, and why."""
    broker, topics = Broker.at("127.0.0.1:9", patience=100), Topics(prefix)
    out, in_ = (reporter(tmp_path, name, name) for name in ("publisher", "intake"))
    caller = Caller("service:intake", "local", "kafka")
    with open_log(tmp_path) as log:
        intake = Intake(log, broker, topics, caller, in_, log_id=log.id, clock=lambda: 0)
        with running(Publisher(log, broker, topics, out)), running(intake):
            sheets = until(lambda: len(found := workers_at(tmp_path / "log.sqlite3").all()) == 2 and found)

    assert all(sheet.failing and "bootstrap" in sheet.error for sheet in sheets)


def test_strangers_in_the_topic_do_no_harm(tmp_path, bootstrap_servers, prefix, publisher):
    """What somebody else put behind the last entry is passed over."""
    with open_log(tmp_path) as log:
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 1)
        send(bootstrap_servers, f"{prefix}.events", (b"k", b"hello", []))
        products(log, 1, 1)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 2)

    assert [position_of(each) for each in everything_in(bootstrap_servers, f"{prefix}.events")] == [1, None, 2]


def test_a_producer_is_given_up_at_once(bootstrap_servers):
    """What has not arrived when a producer is given up never does, and no thread of it stays behind."""
    import threading

    with closing(Broker.at(bootstrap_servers).admin()) as admin:
        admin.create_topics({"given-up": {"num_partitions": 1}}, raise_errors=False)
        admin.wait_for_topics(["given-up"])
    before = threading.active_count()
    with _sending(Broker.at(bootstrap_servers), 1_000_000) as producer:
        producer.config["linger_ms"] = 0
        producer._accumulator.muted.add(TopicPartition("given-up", 0))  # so that nothing leaves
        future = producer.send("given-up", value=b"x", partition=0)

    assert future.is_done
    assert future.failed()
    assert threading.active_count() <= before
