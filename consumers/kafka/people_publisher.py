"""Publish the names of people to the people topic."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, Protocol

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import JSON_TYPE
from consumers.kafka.event_consumer import open_topic_consumer
from consumers.kafka.people_topic import Names, encode_names, read_all_names
from consumers.kafka.topics import InvalidTopic, Topics
from identity.people_directory import DirectoryPerson

_log: Final = logging.getLogger("decisionlog.people")

POLL_INTERVAL_S: Final = 1.0
SEND_TIMEOUT_S: Final = 30.0


class PeopleSource(Protocol):
    """A directory of people."""

    def list_people(self) -> Iterator[DirectoryPerson]:
        """Yield all people."""


class PeoplePublisher:
    """Keeps the topic equal to the directory, which it checks every second in a thread."""

    def __init__(self, directory: PeopleSource, broker: Broker, topics: Topics) -> None:
        self._directory = directory
        self._broker = broker
        self._topics = topics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="people", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, after messages in flight were delivered."""
        self._stop.set()
        self._thread.join(2 * SEND_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._publish()
            except InvalidTopic as error:
                _log.error("Names are not published: %s", error)
                return
            except Exception as error:  # noqa: BLE001  (a failing broker or store must not affect the log)
                _log.warning("Publishing names failed and will be retried: %s", error)
                self._stop.wait(POLL_INTERVAL_S)

    def _publish(self) -> None:
        topic = self._topics.people
        with closing(self._broker.admin()) as admin:
            self._topics.ensure_topic(admin, topic)
        with closing(open_topic_consumer(self._broker, topic.name)) as consumer:
            published: Names = {person: names for person, names in read_all_names(consumer).items() if names}
        with closing(self._broker.producer()) as producer:
            while not self._stop.is_set():
                published = self._send_changes(producer, published)
                self._stop.wait(POLL_INTERVAL_S)

    def _send_changes(self, producer: Any, published: Names) -> Names:
        """Send what has changed, wait until it is delivered, and return what is published then."""
        current = {each.id: each.spellings for each in self._directory.list_people()}
        changed = [person for person in sorted({*current, *published}) if current.get(person) != published.get(person)]
        in_flight = [
            producer.send(
                self._topics.people.name,
                key=person.encode(),
                partition=0,
                headers=[("content-type", JSON_TYPE)],
                value=encode_names(person, current[person]) if person in current else None,
            )
            for person in changed
        ]
        for future in in_flight:
            future.get(SEND_TIMEOUT_S)
        return current
