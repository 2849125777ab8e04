"""Values of answers in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decisionlog_client import Client, questions
from domain.ids import is_subject


def format_number(numbers: Mapping[str, int]) -> str:
    """Return a decision's number in its first product, such as `TIDE-11`; empty if it has none."""
    for product, number in numbers.items():
        return f"{product.partition(':')[2].upper()}-{number}"
    return ""


def describe(value: Any, log: Client) -> str:
    """Return a value of a command in words, with the titles of subjects."""
    if isinstance(value, list):
        return ", ".join(describe(each, log) for each in value)
    if isinstance(value, str) and is_subject(value):
        if value.startswith("person:"):
            return str(log.ask(questions.person(value))["name"] or value)
        if not value.startswith(("service:", "group:", "log:")):
            page = log.ask(questions.subject(value))
            version = page["fields"].get("version")
            return str(page["title"] or (version and version["value"]) or value)
    return str(value)
