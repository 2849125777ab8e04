"""The broker and its topics."""

import logging

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from cli.settings import Settings
from cli.streaming import broker_of
from consumers.kafka.broker import Broker
from consumers.kafka.topics import Topic, Topics, UnfitTopic, found


@pytest.fixture
def admin(bootstrap_servers):
    with Broker.at(bootstrap_servers).admin() as client:
        yield client


def test_topics_are_made_as_they_must_be(admin, prefix):
    """Each is made once and found as it was made: events for seven days in one partition, people compacted."""
    topics = Topics(prefix)
    made = [topics.made(admin, each) for each in (topics.events, topics.people, topics.commands)]

    assert [topics.made(admin, each) for each in (topics.events, topics.people, topics.commands)] == made
    assert [str(state) for state in made] == [
        "messages are kept for 7 days",
        "messages are kept for ever, and with them what is forgotten in the log",
        "messages are kept for 7 days",
    ]


def test_a_topic_in_two_partitions_has_no_order(admin, prefix):
    """Events are refused such a topic; commands may have it."""
    topics = Topics(prefix)
    for topic in (topics.events, topics.commands):
        admin.create_topics({topic.name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)

    with pytest.raises(UnfitTopic, match="has 2 partitions, and must have 1"):
        topics.made(admin, topics.events)
    assert found(admin, topics.commands).retention is not None


def test_a_compacted_topic_loses_events(admin, prefix):
    """Where only the last event of a subject is kept, nothing is published."""
    topics = Topics(prefix)
    topics.made(admin, Topic(topics.events.name, topics.people.configs))

    with pytest.raises(UnfitTopic, match="cleanup policy compact, and must have delete"):
        topics.made(admin, topics.events)


def test_every_setting_reaches_the_client():
    """What is set is what each client of the library is made with, under a name that it knows."""
    settings = Settings(
        kafka_bootstrap_servers="a:1, b:2", kafka_security_protocol="SASL_SSL", kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="ann", kafka_sasl_password="one", kafka_ssl_cafile="ca", kafka_ssl_certfile="cert",
        kafka_ssl_keyfile="key", kafka_ssl_password="two",
    )  # fmt: skip
    given = broker_of(settings).arguments()

    for client in (KafkaAdminClient, KafkaConsumer, KafkaProducer):
        assert given.keys() <= client.DEFAULT_CONFIG.keys()
    told = {name: value for name, value in given.items() if name.startswith(("bootstrap_servers", "s"))}
    assert told == {
        "bootstrap_servers": ["a:1", "b:2"], "security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ann", "sasl_plain_password": "one", "ssl_cafile": "ca", "ssl_certfile": "cert",
        "ssl_keyfile": "key", "ssl_password": "two",
    }  # fmt: skip


def test_secrets_are_not_shown(bootstrap_servers, caplog):
    """A password is neither in what we show nor in what the client library notes down."""
    broker = Broker.at(bootstrap_servers, sasl_password="s3cret", ssl_password="s3cret too")

    with caplog.at_level(logging.DEBUG), broker.admin() as client:
        client.list_topics()

    assert "configuration" in caplog.text
    assert "s3cret" not in caplog.text + repr(broker) + str(broker)
