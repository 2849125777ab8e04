"""The addresses of the pages of subjects, and the ids of subjects in a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from markupsafe import Markup, escape

from domain.ids import IN_BACKTICKS, is_subject, replace_ids

KIND_PATHS: Final[Mapping[str, str]] = {
    "product": "products",
    "decision": "decisions",
    "feature": "features",
    "goal": "goals",
    "release": "releases",
    "evidence": "evidence",
    "assumption": "assumptions",
    "meeting": "meetings",
    "task": "tasks",
    "person": "people",
    "team": "teams",
    "service": "people",
    "import": "imports",
}


def subject_path(subject: str) -> str:
    """Return the path of a subject's page."""
    kind, _, key = subject.partition(":")
    return f"/{KIND_PATHS[kind]}/{key}" if kind in KIND_PATHS else f"/audit?subject={subject}"


def page_address(address: str) -> str:
    """Return the address of the page for an address of the API in a report."""
    path = address.partition("/v1/")[2]
    if path.startswith("log/entries/"):
        return f"/audit/{path.rpartition('/')[2]}"
    if path.startswith("subjects/"):
        return subject_path(path.removeprefix("subjects/").partition("/")[0])
    return f"/{path}" if path else address


def with_titles(message: str, titles: Callable[[str], str] = str) -> Markup:
    """Return a message with the titles of the subjects whose ids it contains, and what is in backticks as code."""
    parts = IN_BACKTICKS.split(message)
    return Markup().join(
        Markup("<code>{}</code>").format(each[1:-1]) if n % 2 else escape(replace_ids(each, titles))
        for n, each in enumerate(parts)
    )


def is_subject_id(value: object) -> bool:
    """Return whether a value is the id of a subject."""
    return isinstance(value, str) and is_subject(value)
