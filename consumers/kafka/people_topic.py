"""The topic of people: what each is called, by id; compacted, so that of each only the last word is kept.

An id whose names were all forgotten gets a message without a value, and with it the broker drops what came before. The
log does not rest on any of this: without the topic, replicas show ids.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, Protocol

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import JSON
from consumers.kafka.event_consumer import reading
from consumers.kafka.topics import Topics, UnfitTopic
from eventlog.canonical import canonical
from eventlog.directory import DirectoryPerson
from projections import replica_state
from projections.database import Writer

if TYPE_CHECKING:
    from kafka import KafkaConsumer

_log: Final = logging.getLogger("decisionlog.people")

LOOK: Final = 1.0
"""Seconds between two looks at the directory, and until what failed is tried again."""
ARRIVING: Final = 30.0
"""Seconds that a message has to arrive."""
ANEW: Final = 6 * 60 * 60 * 1_000_000
"""Microseconds after which a reader begins at the beginning again: by then no word of a forgetting can be gone itself."""
ANSWERING: Final = 5_000
"""Milliseconds that a broker has to say how much there is."""

Names = Mapping[str, tuple[str, ...]]
"""The spellings of people by id, the one to show first."""


class Directory(Protocol):
    """Who is called what."""

    def list_people(self) -> Iterator[DirectoryPerson]:
        """All there are."""


def value_of(person: str, spellings: tuple[str, ...]) -> bytes:
    """What a message says of somebody."""
    return canonical({"person": person, "name": spellings[0], "spellings": list(spellings)})


def names_of(person: str, value: bytes | None) -> tuple[str, ...]:
    """The spellings that a message tells of somebody; none where they were forgotten, or it says something else."""
    try:
        told = json.loads(value) if value else {}
        spellings = tuple(told.get("spellings", ()))
    except (ValueError, AttributeError, TypeError):
        spellings = ()
    if not all(isinstance(each, str) for each in spellings):
        spellings = ()
    if value and not spellings:
        _log.warning("What the topic says of %s is not understood.", person)
    return spellings


def whole(consumer: KafkaConsumer) -> dict[str, tuple[str, ...]]:
    """Everybody's names as the topic has them, read from its beginning to its end; none for the forgotten.

    Raises:
        KafkaError: the broker does not answer.
    """
    (place,) = consumer.assignment()
    consumer.seek_to_beginning(place)
    end = consumer.end_offsets([place], timeout_ms=ANSWERING)[place]
    found: dict[str, tuple[str, ...]] = {}
    while consumer.position(place) < end:
        found |= news(consumer, 0.5)
    return found


def news(consumer: KafkaConsumer, seconds: float) -> dict[str, tuple[str, ...]]:
    """What the topic says next; waits so long for it."""
    records = [each for some in consumer.poll(timeout_ms=round(seconds * 1000)).values() for each in some]
    persons = [(record.key.decode(errors="replace"), record.value) for record in records if record.key]
    return {person: names_of(person, value) for person, value in persons}


class PeoplePublisher:
    """Keeps the topic as the directory is, looking every second."""

    def __init__(self, directory: Directory, broker: Broker, topics: Topics) -> None:
        self._directory = directory
        self._broker = broker
        self._topics = topics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="people", daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Ends, once what was sent has arrived."""
        self._stop.set()
        self._thread.join(2 * ARRIVING)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._keep()
            except UnfitTopic as error:
                _log.error("Names are not published: %s", error)
                return
            except Exception as error:  # noqa: BLE001  (the broker, the store: nothing of the log rests on it)
                _log.warning("Names will be published again in a second: %s", error)
                self._stop.wait(LOOK)

    def _keep(self) -> None:
        topic = self._topics.people
        with closing(self._broker.admin()) as admin:
            self._topics.made(admin, topic)
        with closing(reading(self._broker, topic.name)) as consumer:
            there: Names = {person: spellings for person, spellings in whole(consumer).items() if spellings}
        with closing(self._broker.producer()) as producer:
            while not self._stop.is_set():
                there = self._sent(producer, there)
                self._stop.wait(LOOK)

    def _sent(self, producer: Any, there: Names) -> Names:
        """Sends what has changed, and waits until it has arrived; what the topic says then."""
        wanted = {each.id: each.spellings for each in self._directory.list_people()}
        changed = [person for person in sorted({*wanted, *there}) if wanted.get(person) != there.get(person)]
        under_way = [
            producer.send(
                self._topics.people.name, key=person.encode(), partition=0, headers=[("content-type", JSON)],
                value=value_of(person, wanted[person]) if person in wanted else None,
            )
            for person in changed
        ]  # fmt: skip
        for future in under_way:
            future.get(ARRIVING)
        return wanted


class PeopleKept:
    """Keeps the names in a replica's database as the topic has them."""

    def __init__(self, broker: Broker, topics: Topics, clock: Callable[[], int]) -> None:
        """`clock` gives microseconds since 1970."""
        self._broker = broker
        self._topic = topics.people.name
        self._clock = clock
        self._consumer: KafkaConsumer | None = None
        self._read_at = 0
        self._looked_at = 0

    def step(self, writer: Writer) -> None:
        """Reads the whole topic at first and now and then, where it is there; else what is new in it.

        Raises:
            KafkaError: the broker does not answer.
        """
        if self._consumer is None or self._clock() - self._read_at > ANEW:
            self._begin(writer)
        elif changed := news(self._consumer, 0):
            with writer.transaction():
                for person, spellings in changed.items():
                    replica_state.put_names(writer, person, spellings)

    def _begin(self, writer: Writer) -> None:
        from kafka.errors import UnknownTopicOrPartitionError  # noqa: PLC0415

        if self._clock() - self._looked_at < LOOK * 1_000_000:
            return
        self._looked_at = self._clock()
        try:
            consumer = self._consumer or reading(self._broker, self._topic)
        except UnknownTopicOrPartitionError:  # nobody publishes names, or not yet
            return
        self._consumer = consumer
        found = whole(consumer)
        with writer.transaction():
            replica_state.drop_names_but(writer, [person for person, spellings in found.items() if spellings])
            for person, spellings in found.items():
                replica_state.put_names(writer, person, spellings)
        self._read_at = self._clock()

    def close(self) -> None:
        """Ends the connections; the next step makes others, and begins at the beginning."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


class NobodyKept:
    """Keeps no names: where they are not wanted any more, those there are are dropped."""

    def __init__(self) -> None:
        self._dropped = False

    def step(self, writer: Writer) -> None:
        """Drops them, once."""
        if not self._dropped:
            with writer.transaction():
                replica_state.drop_names_but(writer, ())
            self._dropped = True

    def close(self) -> None:
        """Nothing is to be closed."""
