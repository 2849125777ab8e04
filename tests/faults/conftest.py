"""What runs on a real broker runs on the one that all tests share."""

from tests.kafka.conftest import bootstrap_servers, prefix

__all__ = ["bootstrap_servers", "prefix"]
