"""The topics: what each is called, what it must be like, and making it where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from consumers.kafka.broker import LARGEST_MESSAGE

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

DEFAULT_PREFIX: Final = "decisionlog"
DAY: Final = 24 * 60 * 60 * 1000
"""Milliseconds."""
DEFAULT_DAYS: Final = 7
CREATED: Final = 15_000
"""Milliseconds until a topic that was made has a leader."""


class UnfitTopic(Exception):
    """A topic that is there is not what it must be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is made. `partitions` None: any number will do, and one is made."""

    name: str
    configs: Mapping[str, str]
    partitions: int | None = 1


@dataclass(frozen=True, slots=True)
class State:
    """A topic as it is: its id, for how long it keeps messages (milliseconds; None: for ever), how large they may be."""

    id: str
    retention: int | None
    largest: int

    def __str__(self) -> str:
        if self.retention is None:
            return "messages are kept for ever, and with them what is forgotten in the log"
        return f"messages are kept for {self.retention / DAY:.3g} days"


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of a log's topics, and how they are made.

    `days` is how long messages are kept: what is forgotten in the log is gone from the topics so much later.
    `copies` is the number of brokers that hold each; -1 leaves it to them.
    """

    prefix: str = DEFAULT_PREFIX
    days: float = DEFAULT_DAYS
    copies: int = -1

    @property
    def events(self) -> Topic:
        """Every entry of the log in its own order, and hence exactly one partition."""
        return Topic(f"{self.prefix}.events", self._passing())

    @property
    def commands(self) -> Topic:
        """What is to be put to the log."""
        return Topic(f"{self.prefix}.commands", self._passing(), None)

    @property
    def results(self) -> Topic:
        """What became of commands that were applied."""
        return Topic(f"{self.prefix}.results", self._passing(), None)

    @property
    def rejected(self) -> Topic:
        """Commands that were not, and why; each twice as large as what it tells of, at most."""
        return Topic(f"{self.prefix}.rejected", self._passing(2 * LARGEST_MESSAGE), None)

    @property
    def people(self) -> Topic:
        """The names of people by their ids; of each only the last counts, and what is empty is forgotten."""
        soon = {"min.cleanable.dirty.ratio": "0.01", "segment.ms": str(DAY), "delete.retention.ms": str(DAY),
                "max.compaction.lag.ms": str(DAY)}  # fmt: skip
        return Topic(f"{self.prefix}.people", {"cleanup.policy": "compact"} | soon | self._held())

    def _passing(self, largest: int = LARGEST_MESSAGE) -> dict[str, str]:
        kept = round(self.days * DAY)
        # A segment is thrown away as a whole, so it must not span much more than what it may keep.
        limits = {"retention.ms": str(kept), "segment.ms": str(min(DAY, kept)), "max.message.bytes": str(largest)}
        return {"cleanup.policy": "delete", "retention.bytes": "-1"} | limits | self._held()

    def _held(self) -> dict[str, str]:
        return {"min.insync.replicas": str(self.copies - 1)} if self.copies > 2 else {}  # noqa: PLR2004

    def made(self, admin: KafkaAdminClient, topic: Topic) -> State:
        """A topic, made where it was missing, once it can be used.

        Raises:
            UnfitTopic: it is there, and is not what it must be.
            KafkaError: the broker does not answer, or does not let us.
        """
        from kafka.errors import TopicAlreadyExistsError  # noqa: PLC0415

        if topic.name not in admin.list_topics():
            wanted = {
                "num_partitions": topic.partitions or 1, "replication_factor": self.copies, "configs": dict(topic.configs),
            }  # fmt: skip
            with suppress(TopicAlreadyExistsError):  # another process was faster
                admin.create_topics({topic.name: wanted})
            admin.wait_for_topics([topic.name], timeout_ms=CREATED)
        return found(admin, topic)


def found(admin: KafkaAdminClient, topic: Topic) -> State:
    """A topic as it is.

    Raises:
        UnfitTopic: it is not there, or not what it must be.
        KafkaError: the broker does not answer, or does not let us.
    """
    told = admin.describe_topics([topic.name])[0]
    partitions = len(told.get("partitions") or ())
    if not partitions:
        raise UnfitTopic(f"The broker has no topic {topic.name}.")
    if topic.partitions not in (None, partitions):
        raise UnfitTopic(
            f"{topic.name} has {partitions} partitions, and must have {topic.partitions}, so that its readers see one "
            "order. Choose another name with DECISIONLOG_KAFKA_PREFIX, or delete the topic, and it is made anew."
        )
    configs = _configs(admin, topic.name)
    policy = configs.get("cleanup.policy", "delete")
    if policy != topic.configs["cleanup.policy"]:
        raise UnfitTopic(
            f"{topic.name} has the cleanup policy {policy}, and must have {topic.configs['cleanup.policy']}, or its "
            f"readers miss messages. Set cleanup.policy={topic.configs['cleanup.policy']} on it."
        )
    kept = int(configs.get("retention.ms", -1))
    largest = int(configs.get("max.message.bytes", LARGEST_MESSAGE))
    return State(str(told["topic_id"]), None if kept < 0 or policy == "compact" else kept, largest)


def _configs(admin: KafkaAdminClient, name: str) -> dict[str, Any]:
    from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415

    told = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
    return {key: config["value"] for key, config in told["topic"][name].items()}
