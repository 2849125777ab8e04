"""A log is published to a real topic."""

import shutil
from contextlib import closing

import pytest
from kafka import TopicPartition

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import build_message, get_header, get_position, parse_message
from consumers.kafka.command_consumer import CommandConsumer
from consumers.kafka.publisher import EntryStream, Publisher, open_producer
from consumers.kafka.topic_reader import CannotPublish
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
        return Publisher(log, Broker.from_addresses(bootstrap_servers), Topics(prefix), kept)

    return make


def published(tmp_path):
    sheet = workers_at(tmp_path / "log.sqlite3").find("publisher")
    return sheet.position if sheet else 0


def test_every_entry_is_published_in_order(tmp_path, bootstrap_servers, prefix, publisher):
    """Present and later entries are published in order, and the next publisher continues after them."""
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
    assert [parse_message(message) for message in found] == rows
    for message, row in zip(found, rows, strict=True):
        plain = message._replace(headers=[each for each in message.headers if each[0] != "confirmed"])
        assert plain == build_message(row, log_id)
        assert int(get_header(message, "confirmed")) < row.position
        fits(message)


def test_two_logs_cannot_share_a_topic(tmp_path, publisher):
    """A publisher stops if the topic has entries of another log, and its status shows that."""
    (tmp_path / "other").mkdir()
    with open_log(tmp_path) as log, running(publisher(log)):
        until(lambda: published(tmp_path) == 1)
    with open_log(tmp_path / "other") as log, pytest.raises(CannotPublish, match="Choose another prefix"):
        publisher(log, tmp_path / "other").run()

    assert workers_at(tmp_path / "other" / "log.sqlite3").find("publisher").failing


def test_a_restored_log_is_not_published(tmp_path, publisher):
    """A log that was restored to an earlier state is not published to the same topic."""
    before = tmp_path / "before"
    before.mkdir()
    with open_log(tmp_path) as log:
        products(log, 1, 3)
    shutil.copy(tmp_path / "log.sqlite3", before)
    with open_log(tmp_path) as log, running(publisher(log)):
        products(log, 4, 6)
        until(lambda: published(tmp_path) == 7)

    with open_log(before) as log:
        with pytest.raises(CannotPublish, match="position 7 that the log does not have"):
            publisher(log, before).run()
        products(log, 10, 20)
        with pytest.raises(CannotPublish, match="position 7 that the log does not have"):
            publisher(log, before).run()


def test_resuming_after_all_messages_expired(tmp_path, bootstrap_servers, prefix, publisher):
    """If all messages have expired, the next publisher continues at the reported position."""
    with open_log(tmp_path) as log:
        products(log, 1, 5)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 6)
        with Broker.from_addresses(bootstrap_servers).admin() as admin:
            admin.delete_records({TopicPartition(f"{prefix}.events", 0): -1})
        assert everything_in(bootstrap_servers, f"{prefix}.events") == []
        products(log, 6, 6)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 7)

    assert [get_position(each) for each in everything_in(bootstrap_servers, f"{prefix}.events")] == [7]


def test_messages_after_a_failed_one_are_sent_again(tmp_path, bootstrap_servers, prefix, publisher):
    """If position 4 failed and position 5 was delivered, the next publisher sends both."""
    topics, broker = Topics(prefix), Broker.from_addresses(bootstrap_servers)
    with open_log(tmp_path) as log:
        products(log, 1, 5)
        with broker.admin() as admin:
            topics.ensure_topic(admin, topics.events)
        with open_producer(broker, 1_000_000) as producer:
            stream = EntryStream(producer, topics.events.name, log.id, 0)
            stream.send(log.rows(0, 3))
            assert stream.wait_for_delivery(0, 10)
            stream.sent += 1  # 4 is lost on its way, and the publisher dies before it hears of it
            stream.send(log.rows(4, 1))
            producer.flush()
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 6)

    found = [get_position(each) for each in everything_in(bootstrap_servers, topics.events.name)]
    assert found == [1, 2, 3, 5, 4, 5, 6]


def test_a_message_that_is_too_large_blocks_later_ones(tmp_path, bootstrap_servers, prefix, publisher):
    """A publisher stops before an entry that is too large, reports it, and continues once the topic accepts it."""
    topics = Topics(prefix)
    with Broker.from_addresses(bootstrap_servers).admin() as admin:
        admin.create_topics({topics.events.name: {"num_partitions": 1, "configs": {"max.message.bytes": "20000"}}})
        with open_log(tmp_path) as log:
            do(log, [[{"type": "DefineProduct", "key": "p", "title": "P", "description": "x" * 20_000}]])
            products(log, 1, 3)
            with running(publisher(log)):
                sheet = until(lambda: workers_at(tmp_path / "log.sqlite3").find("publisher"))
                until(lambda: workers_at(tmp_path / "log.sqlite3").find("publisher").failing)
                sheet = workers_at(tmp_path / "log.sqlite3").find("publisher")
                assert "max.message.bytes" in sheet.error
                assert sheet.position <= 1
                _allow(admin, topics.events.name)
                until(lambda: published(tmp_path) == 5)

    assert [get_position(each) for each in everything_in(bootstrap_servers, topics.events.name)] == [1, 2, 3, 4, 5]


def _allow(admin, name):
    from kafka.admin import ConfigResource, ConfigResourceType

    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": "1000000"})])


def test_an_unavailable_broker_is_retried(tmp_path, prefix):
    """Publisher and command consumer keep trying, and their status says why they fail."""
    broker, topics = Broker.from_addresses("127.0.0.1:9", bootstrap_timeout_ms=100), Topics(prefix)
    out, in_ = (reporter(tmp_path, name, name) for name in ("publisher", "consumer"))
    caller = Caller("service:consumer", "local", "kafka")
    with open_log(tmp_path) as log:
        consumer = CommandConsumer(log, broker, topics, caller, in_, log_id=log.id, clock=lambda: 0)
        with running(Publisher(log, broker, topics, out)), running(consumer):
            sheets = until(lambda: len(found := workers_at(tmp_path / "log.sqlite3").all()) == 2 and found)

    assert all(sheet.failing and "no broker answers at 127.0.0.1:9" in sheet.error for sheet in sheets)


def test_foreign_messages_are_ignored(tmp_path, bootstrap_servers, prefix, publisher):
    """A foreign message at the end of the topic is ignored."""
    with open_log(tmp_path) as log:
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 1)
        send(bootstrap_servers, f"{prefix}.events", (b"k", b"hello", []))
        products(log, 1, 1)
        with running(publisher(log)):
            until(lambda: published(tmp_path) == 2)

    assert [get_position(each) for each in everything_in(bootstrap_servers, f"{prefix}.events")] == [1, None, 2]


def test_closing_a_producer_discards_messages(bootstrap_servers):
    """Messages in flight are discarded when a producer is closed, and no thread remains."""
    import threading

    with closing(Broker.from_addresses(bootstrap_servers).admin()) as admin:
        admin.create_topics({"given-up": {"num_partitions": 1}}, raise_errors=False)
        admin.wait_for_topics(["given-up"])
    before = threading.active_count()
    with open_producer(Broker.from_addresses(bootstrap_servers), 1_000_000) as producer:
        producer.config["linger_ms"] = 0
        producer._accumulator.muted.add(TopicPartition("given-up", 0))  # so that nothing leaves
        future = producer.send("given-up", value=b"x", partition=0)

    assert future.is_done
    assert future.failed()
    assert threading.active_count() <= before
