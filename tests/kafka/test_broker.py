"""The broker and its topics."""

import logging

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import UnsupportedCodecError

from cli.kafka_workers import connect_broker
from cli.settings import Settings
from consumers.kafka.broker import Broker, describe_broker_error
from consumers.kafka.topics import InvalidTopic, Topic, Topics, describe_topic


@pytest.fixture
def admin(bootstrap_servers):
    with Broker.from_addresses(bootstrap_servers).admin() as client:
        yield client


def test_topics_are_created_with_their_configuration(admin, prefix):
    """Each topic is created once, with its configuration."""
    topics = Topics(prefix)
    made = [topics.ensure_topic(admin, each) for each in (topics.events, topics.people, topics.commands)]

    assert [topics.ensure_topic(admin, each) for each in (topics.events, topics.people, topics.commands)] == made
    assert [str(state) for state in made] == [
        "messages are kept for 7 days",
        "messages are kept forever, including texts that are erased in the log",
        "messages are kept for 7 days",
    ]


def test_brokers_decompress_commands(admin, prefix):
    """A command can be read whatever its producer compresses with."""
    topic = Topics(prefix).commands
    Topics(prefix).ensure_topic(admin, topic)

    found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)], config_filter="all")

    assert found["topic"][topic.name]["compression.type"]["value"] == "uncompressed"


def test_a_missing_compression_library_is_named():
    """The error says what to install, and how to do without."""
    text = describe_broker_error(UnsupportedCodecError("Libraries for lz4 compression codec not found"))

    assert "install `kafka-python[lz4]`" in text
    assert "compression.type=uncompressed" in text


def test_the_events_topic_must_have_one_partition(admin, prefix):
    """An events topic with two partitions is invalid; a commands topic may have several."""
    topics = Topics(prefix)
    for topic in (topics.events, topics.commands):
        admin.create_topics({topic.name: {"num_partitions": 2, "replication_factor": 1}}, wait_for_metadata=True)

    with pytest.raises(InvalidTopic, match="has 2 partitions, and must have 1"):
        topics.ensure_topic(admin, topics.events)
    assert describe_topic(admin, topics.commands).retention_ms is not None


def test_the_events_topic_must_not_be_compacted(admin, prefix):
    """A compacted events topic is invalid, because it loses events."""
    topics = Topics(prefix)
    topics.ensure_topic(admin, Topic(topics.events.name, topics.people.configs))

    with pytest.raises(InvalidTopic, match="cleanup policy compact, and must have delete"):
        topics.ensure_topic(admin, topics.events)


def test_every_setting_reaches_the_client():
    """Every setting is passed to the client library under a name that it knows."""
    settings = Settings(
        kafka_bootstrap_servers="a:1, b:2",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="ann",
        kafka_sasl_password="one",
        kafka_ssl_cafile="ca",
        kafka_ssl_certfile="cert",
        kafka_ssl_keyfile="key",
        kafka_ssl_password="two",
    )
    given = connect_broker(settings).client_arguments()

    for client in (KafkaAdminClient, KafkaConsumer, KafkaProducer):
        assert given.keys() <= client.DEFAULT_CONFIG.keys()
    told = {name: value for name, value in given.items() if name.startswith(("bootstrap_servers", "s"))}
    assert told == {
        "bootstrap_servers": ["a:1", "b:2"],
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ann",
        "sasl_plain_password": "one",
        "ssl_cafile": "ca",
        "ssl_certfile": "cert",
        "ssl_keyfile": "key",
        "ssl_password": "two",
    }


def test_passwords_are_not_shown(bootstrap_servers, caplog):
    """A password appears neither in our output nor in the log of the client library."""
    broker = Broker.from_addresses(bootstrap_servers, sasl_password="s3cret", ssl_password="s3cret too")

    with caplog.at_level(logging.DEBUG), broker.admin() as client:
        client.list_topics()

    assert "configuration" in caplog.text
    assert "s3cret" not in caplog.text + repr(broker) + str(broker)
