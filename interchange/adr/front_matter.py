"""The front matter of a record: what stands between two lines of dashes, in YAML or in what was meant to be YAML.

Records are written by hand. Front matter keeps the braces of the template it was made from, comments, and values that
are no YAML; all of it is read, and nothing in it is ever carried out: no tag makes an object, no alias is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

LONGEST: Final = 16 * 1024
MOST_BRACKETS: Final = 100
"""What is longer or has more brackets is not read as YAML: the time that takes grows with the square of either."""
_KEYED: Final = re.compile(r"([A-Za-z][A-Za-z0-9 _.-]{0,63}?)[ \t]*:(?:[ \t]+(.*)|$)")
_OPENING: Final = re.compile(r"\A---[ \t]*\n")
_BREAK: Final = re.compile("[\n\x85\u2028\u2029]")
"""What ends a line in YAML."""
_CLOSING: Final = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)


@dataclass(slots=True)
class Front:
    """Front matter by its keys, in lower case: a text, or a list of texts. `loose` are lines that belong to no key."""

    told: dict[str, str | list[str]] = field(default_factory=dict)
    loose: list[str] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)


def split(text: str) -> tuple[Front, str]:
    """The front matter of a text, and the rest."""
    opened = _OPENING.match(text)
    start = opened.end() if opened else 0
    closing = _CLOSING.search(text, start)
    if closing is None or not (opened or _is_keyed(text[: closing.start()])):
        return Front(), text
    front = _read(text[start : closing.start()])
    if not opened:
        front.noticed.append("the front matter is not opened by a line of dashes")
    return front, text[closing.end() :]


def _is_keyed(text: str) -> bool:
    """Whether every line has a key, so that a text that lacks its opening dashes is front matter all the same."""
    lines = [line for line in text.split("\n") if line.strip()]
    return bool(lines) and all(_KEYED.fullmatch(line) for line in lines)


def _read(text: str) -> Front:
    front = Front()
    covered: set[int] = set()
    try:
        if len(text) > LONGEST or text.count("[") + text.count("{") > MOST_BRACKETS:
            front.noticed.append("the front matter is too much to be read as YAML, and was read line by line")
            return _by_line(text, front)
        for pair in _pairs(text):
            _take(front, pair)
            covered.update(range(pair.first, pair.last + 1))
            if pair.behind:
                front.loose.append(pair.behind)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        told = Front(noticed=[f"the front matter is no YAML{where}, and was read line by line"])
        return _by_line(text, told)
    rest = (line.rstrip() for n, line in enumerate(_BREAK.split(text)) if n not in covered)
    front.loose += [line for line in rest if line.strip()]
    return front


def _by_line(text: str, front: Front) -> Front:
    for line in text.split("\n"):
        match = _KEYED.fullmatch(line.rstrip())
        if match and match[1].casefold() not in front.told:
            front.told[match[1].casefold()] = (match[2] or "").strip()
        elif line.strip():
            front.loose.append(line.rstrip())
    return front


@dataclass(slots=True)
class _Pair:
    """A key, the text and the texts of its value, the lines it takes, and a comment behind it."""

    key: str
    value: str | list[str]
    first: int
    last: int
    behind: str
    braced: bool


def _take(front: Front, pair: _Pair) -> None:
    if pair.key in front.told:
        front.noticed.append(f"the front matter says `{pair.key}` twice")
        shown = ", ".join(pair.value) if isinstance(pair.value, list) else pair.value
        front.loose.append(f"{pair.key}: {shown}")
        return
    if pair.braced and isinstance(pair.value, list):
        front.noticed.append(f"the value of `{pair.key}` still has the braces of a template")
        pair.value = ", ".join(pair.value)
    front.told[pair.key] = pair.value


def _pairs(text: str) -> Iterator[_Pair]:
    """The keys and values at the top of a YAML mapping.

    Raises:
        yaml.YAMLError: it is not one.
    """
    lines = _BREAK.split(text)
    told = yaml.parse(text, Loader=yaml.SafeLoader)
    events = [event for event in told if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent)]
    if not events:
        return
    if not isinstance(events[0], yaml.MappingStartEvent):
        raise yaml.YAMLError
    n = 1
    while n < len(events) - 1:
        key, n = events[n], n + 1
        if not isinstance(key, yaml.ScalarEvent):
            raise yaml.YAMLError
        first, depth = n, 0
        while True:
            depth += isinstance(events[n], yaml.CollectionStartEvent) - isinstance(events[n], yaml.CollectionEndEvent)
            n += 1
            if depth == 0:
                break
        yield _pair(text, lines, key, events[first:n])


def _pair(text: str, lines: list[str], key: Any, value: list[Any]) -> _Pair:
    flow = isinstance(value[0], yaml.CollectionStartEvent) and bool(value[0].flow_style)
    scalars = [event for event in value if isinstance(event, yaml.ScalarEvent)]
    end: Any = value[-1].end_mark if flow or not scalars else scalars[-1].end_mark
    last = end.line - (end.column == 0 and end.line > key.start_mark.line)
    behind = lines[end.line][end.column :].strip() if end.column else ""
    raw = text[value[0].start_mark.index : end.index]
    return _Pair(
        key.value.strip().casefold(), _value(value, raw), key.start_mark.line, last,
        behind if behind.startswith("#") else "", flow and isinstance(value[0], yaml.MappingStartEvent) and bool(scalars),
    )  # fmt: skip


def _value(value: list[Any], raw: str) -> str | list[str]:
    """A text as a text, a list of texts as a list, and a mapping without values, such as `{a, b}`, as what stands in it.

    Anything deeper is the text it was written as.
    """
    if isinstance(value[0], yaml.ScalarEvent):
        return str(value[0].value)
    members = value[1:-1]
    if isinstance(value[0], yaml.AliasEvent) or not all(isinstance(one, yaml.ScalarEvent) for one in members):
        return raw.strip()
    texts = [str(one.value) for one in members]
    if isinstance(value[0], yaml.SequenceStartEvent):
        return texts
    return raw.strip() if any(texts[1::2]) else texts[::2]


class _Plain(yaml.SafeDumper):
    """Writes a text as people do: without quotes wherever it can be read without, and several lines as several lines."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (the library's own way of saying so)


def _represented(dumper: _Plain, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _represented)


def written(told: Mapping[str, str | list[str]], loose: list[str] | None = None) -> str:
    """Front matter with its lines of dashes. Loose lines stand first, as comments."""
    lines = [line if line.lstrip().startswith("#") else f"# {line}" for line in loose or []]
    lines += [_line(key, value) for key, value in told.items()]
    return "\n".join(["---", *lines, "---", ""])


def _line(key: str, value: str | list[str]) -> str:
    if not value:
        return f"{key}:"
    flow = None if isinstance(value, list) else False  # a list stands on one line, and the mapping around it does not
    return yaml.dump({key: value}, Dumper=_Plain, default_flow_style=flow, allow_unicode=True, width=10_000_000).rstrip(
        "\n"
    )
