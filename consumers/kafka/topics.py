"""The Kafka topics: their names and configuration, and how they are created and checked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from consumers.kafka.broker import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

DEFAULT_PREFIX: Final = "decisionlog"
DAY_MS: Final = 24 * 60 * 60 * 1000
DEFAULT_RETENTION_DAYS: Final = 7
CREATE_TIMEOUT_MS: Final = 15_000
"""How long a new topic may take to get a leader."""


class InvalidTopic(Exception):
    """A topic is missing or does not have the required configuration; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is created. With `partitions` None, one is created, and any number is accepted."""

    name: str
    configs: Mapping[str, str]
    partitions: int | None = 1


@dataclass(frozen=True, slots=True)
class TopicState:
    """The state of an existing topic. `retention_ms` is None if messages are kept forever."""

    id: str
    retention_ms: int | None
    max_message_bytes: int

    def __str__(self) -> str:
        if self.retention_ms is None:
            return "messages are kept forever, including texts that are erased in the log"
        return f"messages are kept for {self.retention_ms / DAY_MS:.3g} days"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a log.

    `days` is how long messages are kept, and how long text stays in the topics after its erasure in the log.
    `copies` -1 leaves the choice to the brokers.
    """

    prefix: str = DEFAULT_PREFIX
    retention_days: float = DEFAULT_RETENTION_DAYS
    replication_factor: int = -1

    @property
    def events(self) -> Topic:
        """Every entry of the log in order, hence in one partition."""
        return Topic(f"{self.prefix}.events", self._expiring())

    @property
    def commands(self) -> Topic:
        """Commands for the log. The brokers decompress them, as the client library may lack what a producer compresses with."""
        return Topic(f"{self.prefix}.commands", self._expiring() | {"compression.type": "uncompressed"}, None)

    @property
    def results(self) -> Topic:
        """The receipts of commands that were applied."""
        return Topic(f"{self.prefix}.results", self._expiring(), None)

    @property
    def rejected(self) -> Topic:
        """Problems with commands that were not applied. Each is at most twice as large as its command."""
        return Topic(f"{self.prefix}.rejected", self._expiring(2 * MAX_MESSAGE_BYTES), None)

    @property
    def people(self) -> Topic:
        """The names of people by id. Only the last message of each id counts; an empty one erases the names."""
        compaction = {
            "min.cleanable.dirty.ratio": "0.01",
            "segment.ms": str(DAY_MS),
            "delete.retention.ms": str(DAY_MS),
            "max.compaction.lag.ms": str(DAY_MS),
        }
        return Topic(f"{self.prefix}.people", {"cleanup.policy": "compact"} | compaction | self._replication())

    def _expiring(self, max_message_bytes: int = MAX_MESSAGE_BYTES) -> dict[str, str]:
        retention_ms = round(self.retention_days * DAY_MS)
        # A segment is deleted as a whole, so it must not span much more time than the retention.
        limits = {
            "retention.ms": str(retention_ms),
            "segment.ms": str(min(DAY_MS, retention_ms)),
            "max.message.bytes": str(max_message_bytes),
        }
        return {"cleanup.policy": "delete", "retention.bytes": "-1"} | limits | self._replication()

    def _replication(self) -> dict[str, str]:
        return {"min.insync.replicas": str(self.replication_factor - 1)} if self.replication_factor > 2 else {}  # noqa: PLR2004

    def ensure_topic(self, admin: KafkaAdminClient, topic: Topic) -> TopicState:
        """Create a topic unless it exists, and return its state.

        Raises:
            InvalidTopic: the topic exists and does not have the required configuration.
            KafkaError: the broker does not answer, or denies access.
        """
        from kafka.errors import TopicAlreadyExistsError  # noqa: PLC0415

        if topic.name not in admin.list_topics():
            settings = {
                "num_partitions": topic.partitions or 1,
                "replication_factor": self.replication_factor,
                "configs": dict(topic.configs),
            }
            with suppress(TopicAlreadyExistsError):  # another process has created it
                admin.create_topics({topic.name: settings})
            admin.wait_for_topics([topic.name], timeout_ms=CREATE_TIMEOUT_MS)
        return describe_topic(admin, topic)


def describe_topic(admin: KafkaAdminClient, topic: Topic) -> TopicState:
    """Return the state of a topic.

    Raises:
        InvalidTopic: the topic does not exist, or does not have the required configuration.
        KafkaError: the broker does not answer, or denies access.
    """
    description = admin.describe_topics([topic.name])[0]
    partitions = len(description.get("partitions") or ())
    if not partitions:
        raise InvalidTopic(f"the broker has no topic {topic.name}.")
    if topic.partitions not in (None, partitions):
        raise InvalidTopic(
            f"the topic {topic.name} has {partitions} partitions, and must have {topic.partitions}, so that its readers see one "
            "order. Choose another prefix with DECISIONLOG_KAFKA_PREFIX, or delete the topic to have it created again."
        )
    configs = _configs(admin, topic.name)
    policy = configs.get("cleanup.policy", "delete")
    if policy != topic.configs["cleanup.policy"]:
        raise InvalidTopic(
            f"the topic {topic.name} has the cleanup policy {policy}, and must have {topic.configs['cleanup.policy']}, or its "
            f"readers miss messages. Set cleanup.policy={topic.configs['cleanup.policy']} on it."
        )
    retention_ms = int(configs.get("retention.ms", -1))
    max_message_bytes = int(configs.get("max.message.bytes", MAX_MESSAGE_BYTES))
    return TopicState(
        str(description["topic_id"]),
        None if retention_ms < 0 or policy == "compact" else retention_ms,
        max_message_bytes,
    )


def _configs(admin: KafkaAdminClient, name: str) -> dict[str, Any]:
    from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415

    found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
    return {key: config["value"] for key, config in found["topic"][name].items()}
