"""How a broker is reached. The client library is imported only when one is."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

LARGEST_MESSAGE: Final = 8 * 1024 * 1024
"""Bytes; an entry with its texts fits, as a unit has at most half as many when it comes in."""
_SOON_AGAIN: Final = MappingProxyType({"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 1_000})
"""A broker that comes back is found within a second, not after half a minute."""
_RESOLUTE: Final = MappingProxyType(
    {
        "acks": "all", "enable_idempotence": True, "linger_ms": 5, "batch_size": 128 * 1024,
        "max_request_size": LARGEST_MESSAGE, "allow_auto_create_topics": False, "metrics_enabled": False,
    }
)  # fmt: skip


class NoClient(Exception):
    """The client library is not installed; the message says how to."""


def must_have_client() -> None:
    """Whether a broker can be spoken to at all.

    Raises:
        NoClient: the client library is not installed.
    """
    if find_spec("kafka") is None:
        raise NoClient("Kafka needs kafka-python. Install it with `pip install 'decisionlog[kafka]'`, and try again.")


class _Secret(str):
    """A word that is not shown where the client library notes down what it was given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the brokers of a cluster are, and how they know us. `patience` is how long they have to answer at first, in
    milliseconds.
    """

    bootstrap_servers: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_password: str | None = field(default=None, repr=False)
    patience: int = 5_000

    @classmethod
    def at(cls, servers: str, **more: Any) -> Broker:
        """The brokers at addresses with commas between."""
        return cls(tuple(server.strip() for server in servers.split(",")), **more)

    def __str__(self) -> str:
        return ",".join(self.bootstrap_servers)

    def arguments(self) -> dict[str, Any]:
        """What every client of kafka-python takes."""
        given = {
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": _Secret(self.sasl_password) if self.sasl_password else None,
            "ssl_cafile": self.ssl_cafile,
            "ssl_certfile": self.ssl_certfile,
            "ssl_keyfile": self.ssl_keyfile,
            "ssl_password": _Secret(self.ssl_password) if self.ssl_password else None,
        }
        told = {name: value for name, value in given.items() if value is not None}
        found = {"bootstrap_servers": list(self.bootstrap_servers), "bootstrap_timeout_ms": self.patience}
        return found | {"client_id": "decisionlog"} | _SOON_AGAIN | told

    # Each of these raises kafka.errors.KafkaError where no broker answers.

    def admin(self, **more: Any) -> KafkaAdminClient:
        """A client that looks at topics and makes them."""
        from kafka import KafkaAdminClient  # noqa: PLC0415  (only who speaks to a broker needs it)

        return KafkaAdminClient(**self.arguments() | more)

    def producer(self, **more: Any) -> KafkaProducer:
        """A client that sends, in order, and takes only what every replica in sync has for sent."""
        from kafka import KafkaProducer  # noqa: PLC0415

        return KafkaProducer(**self.arguments() | _RESOLUTE | more)

    def consumer(self, *topics: str, **more: Any) -> KafkaConsumer:
        """A client that reads; it commits nothing by itself, and begins at the oldest message."""
        from kafka import KafkaConsumer  # noqa: PLC0415

        careful: dict[str, Any] = {
            "enable_auto_commit": False, "auto_offset_reset": "earliest", "allow_auto_create_topics": False,
            "max_partition_fetch_bytes": LARGEST_MESSAGE, "metrics_enabled": False,
        }  # fmt: skip
        return KafkaConsumer(*topics, **self.arguments() | careful | more)
