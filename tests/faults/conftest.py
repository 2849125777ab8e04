"""Tests on a real broker use the one that all tests share."""

from tests.kafka.conftest import bootstrap_servers, prefix

__all__ = ["bootstrap_servers", "prefix"]
