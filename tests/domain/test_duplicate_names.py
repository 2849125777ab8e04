"""A name that an object of a JSON text has twice is found, and named by its path."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from domain.duplicate_names import find_duplicate_name


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"a": 1, "a": 1}', "a"),
        ('{"a": 1, "b": 2, "a": "x:y"}', "a"),
        ('{"a": {"b": "c:d"}, "c": [{"e": 1, "e": 2}]}', "c.0.e"),
        ('{"\\u0061": 1, "a": 2}', "a"),
        ('{"at": "09:30", "at": "09:31", "why": "\\"at\\": \\\\"}', "at"),
        ('[{"a": 1}, {"a": [{"b": 1, "b": 2}]}]', "1.a.0.b"),
        ('{"": 1, "": 2}', ""),
        (f'{{"n": {"9" * 5_000}, "n": 1}}', "n"),
        ('{"a": 1, "b": ":"}', None),
        ('{"a": {"a": {"a": ["a:a", {"a": 1}]}}}', None),
        ('[{"a": 1}, {"a": 1}]', None),
        ('{"a\\\\": 1, "\\"a": "\\\\\\":"}', None),
        ('"a:b"', None),
        ("7", None),
        ("{}", None),
    ],
)
def test_a_duplicate_name_is_found(text: str, path: str | None) -> None:
    """Escaped names are compared as what they mean, and colons in strings are no members."""
    value = None if "9" * 5_000 in text else json.loads(text)

    assert find_duplicate_name(text.encode(), {"n": 1} if value is None else value) == path


def test_duplicates_are_those_of_a_parser_that_keeps_every_member() -> None:
    """However a text is spaced, and whatever its strings contain, the answer is that of comparing all members."""
    random = Random(5)

    def build(depth: int) -> str:
        if depth == 0 or random.random() < 0.3:
            return random.choice(['"a:b"', '"\\\\"', '"\\":"', "1", "null"])
        if random.random() < 0.3:
            return f"[{', '.join(build(depth - 1) for _ in range(random.randint(0, 3)))}]"
        names = random.choices(["a", "b", "c:", 'd\\"', " : ", "e", "f", "g"], k=random.randint(0, 3))
        colon = random.choice([":", " :", "\n: ", "\t :"])
        members = ", ".join(f'"{name}"{colon}{build(depth - 1)}' for name in names)
        return f"{{{members}}}"

    def has_duplicate(text: str) -> bool:
        found: list[bool] = []

        def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found.append(len(dict(pairs)) < len(pairs))
            return dict(pairs)

        json.loads(text, object_pairs_hook=collect)
        return any(found)

    for n in range(200):
        text = f'{{"x": {build(4)}, "{"x" if n % 2 else "y"}": {build(3)}}}'
        assert (find_duplicate_name(text.encode(), json.loads(text)) is not None) == has_duplicate(text)
