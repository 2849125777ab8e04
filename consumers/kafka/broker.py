"""Connections to Kafka brokers. The client library is imported only when one is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""An entry with its texts fits, because a request has at most half as many bytes."""
_RECONNECT: Final = MappingProxyType({"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 1_000})
"""Reconnect to a restarted broker within a second, instead of half a minute."""
_RELIABLE: Final = MappingProxyType(
    {
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": 5,
        "batch_size": 128 * 1024,
        "max_request_size": MAX_MESSAGE_BYTES,
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
)


class KafkaClientMissing(Exception):
    """The client library is not installed; the message says how to install it."""


def require_client() -> None:
    """Check that the client library is installed.

    Raises:
        NoClient: the client library is not installed.
    """
    if find_spec("kafka") is None:
        raise KafkaClientMissing(
            "Kafka needs kafka-python. Install it with `pip install 'decisionlog-server[kafka]'`, and try again."
        )


def describe_broker_error(error: BaseException) -> str:
    """Return an error of the client library in one line; what an operator can mend, in words."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = _UNREACHABLE.sub(lambda found: f"no broker answers at {found[1].replace(chr(39), '')}", text)
    return _COMPRESSED.sub(
        r"messages are compressed with \1, for which a library is missing: install `kafka-python[\1]` in the environment of "
        "decisionlog, and restart it; with compression.type=uncompressed on the topic, later messages need no library",
        text,
    )


_COMPRESSED: Final = re.compile(r"^UnsupportedCodecError: Libraries for (\w+) compression codec not found$")
_UNREACHABLE: Final = re.compile(r"^KafkaTimeoutError: Unable to bootstrap from \[(.*)\]$")


class _Secret(str):
    """A password that does not appear when the client library logs its configuration."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Broker:
    """The brokers of a cluster: their addresses, and the credentials for them. `patience` limits the first
    connection.
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
    bootstrap_timeout_ms: int = 5_000

    @classmethod
    def from_addresses(cls, servers: str, **more: Any) -> Broker:
        """Return the brokers at comma-separated addresses."""
        return cls(tuple(server.strip() for server in servers.split(",")), **more)

    def __str__(self) -> str:
        return ",".join(self.bootstrap_servers)

    def client_arguments(self) -> dict[str, Any]:
        """Return the arguments that every client of kafka-python takes."""
        credentials = {
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": _Secret(self.sasl_password) if self.sasl_password else None,
            "ssl_cafile": self.ssl_cafile,
            "ssl_certfile": self.ssl_certfile,
            "ssl_keyfile": self.ssl_keyfile,
            "ssl_password": _Secret(self.ssl_password) if self.ssl_password else None,
        }
        given = {name: value for name, value in credentials.items() if value is not None}
        addresses = {
            "bootstrap_servers": list(self.bootstrap_servers),
            "bootstrap_timeout_ms": self.bootstrap_timeout_ms,
        }
        return addresses | {"client_id": "decisionlog"} | _RECONNECT | given

    # Each of these raises kafka.errors.KafkaError if no broker answers.

    def admin(self, **more: Any) -> KafkaAdminClient:
        """Return a client that describes and creates topics."""
        from kafka import KafkaAdminClient  # noqa: PLC0415  (imported only if Kafka is used)

        return KafkaAdminClient(**self.client_arguments() | more)

    def producer(self, **more: Any) -> KafkaProducer:
        """Return a client that sends in order, and waits for the confirmation of all in-sync replicas."""
        from kafka import KafkaProducer  # noqa: PLC0415

        return KafkaProducer(**self.client_arguments() | _RELIABLE | more)

    def consumer(self, *topics: str, **more: Any) -> KafkaConsumer:
        """Return a client that starts at the oldest message and never commits by itself."""
        from kafka import KafkaConsumer  # noqa: PLC0415

        defaults: dict[str, Any] = {
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "allow_auto_create_topics": False,
            "max_partition_fetch_bytes": MAX_MESSAGE_BYTES,
            "metrics_enabled": False,
        }
        return KafkaConsumer(*topics, **self.client_arguments() | defaults | more)
