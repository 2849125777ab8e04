"""Parse and render front matter: the lines between two lines of dashes, in YAML or almost in YAML.

Records are written by hand. Their front matter may contain the braces of a template, comments, and values that are not
YAML. All of it is read, and nothing is executed: no tag creates an object, and no alias is resolved.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import yaml

MAX_YAML_CHARACTERS: Final = 16 * 1024
MAX_BRACKETS: Final = 100
"""Text with more is not parsed as YAML, because the time for that grows with the square of either."""
MAX_TOML_DEPTH: Final = 100
"""TOML that is nested deeper is not read. How deep Python itself can go depends on its version."""
_KEY_LINE: Final = re.compile(r"([A-Za-z][A-Za-z0-9 _.-]{0,63}?)[ \t]*:(?:[ \t]+(.*)|$)")
_OPENING: Final = re.compile(r"---[ \t]*\n")
_LEAD: Final = re.compile(r"(?:\s++|<!--.*?-->)*+(?P<title>#[ \t][^\n]*\n\s*+)?", re.DOTALL)
"""Blank lines, comments, such as a license, and the title above the front matter."""
_TOML: Final = re.compile(r"\+\+\+[ \t]*\n(.{0,16384}?)\n\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_BREAK: Final = re.compile("[\n\x85\u2028\u2029]")
"""The line breaks of YAML."""
_CLOSING: Final = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)


class NamedMember(NamedTuple):
    """The name of a member with keys, and its other keys and values; all of them in braces if it has no name."""

    name: str
    rest: str


@dataclass(slots=True)
class FrontMatter:
    """Front matter: texts or lists of texts by lower-case key. `other_lines` are lines that belong to no key.

    `members` are those of lists such as `- name: Ann Lee`, by key. Their value is the source text.
    """

    values: dict[str, str | list[str]] = field(default_factory=dict)
    members: dict[str, list[NamedMember]] = field(default_factory=dict)
    other_lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def split_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Return the front matter of a text, and the rest of the text: what is above and below."""
    lead = _LEAD.match(text)
    above = text[: text.rfind("\n", 0, lead.end()) + 1] if lead else ""  # up to the start of a line
    text = text[len(above) :]
    if (found := _TOML.match(text)) is not None:
        return _parse_toml(found[1]), above + text[found.end() :]
    opened = _OPENING.match(text)
    start = opened.end() if opened else 0
    closing = _CLOSING.search(text, start)
    block = text[start : closing.start()] if closing else ""
    is_below_title = bool(lead and lead["title"])
    if closing is None or not (
        _may_follow(block, is_below_title) if opened and above else opened or _has_only_keys(block)
    ):
        return FrontMatter(), above + text
    front = _parse(block)
    if not opened:
        front.warnings.append("the front matter has no opening line of dashes")
    return front, above + text[closing.end() :]


def _may_follow(block: str, is_below_title: bool) -> bool:
    """Whether lines between dashes that something else precedes are front matter, and not a text between two rules."""
    return _KEY_LINE.fullmatch(block.partition("\n")[0].rstrip()) is not None and not (
        is_below_title and "\n\n" in block
    )


def _parse_toml(text: str) -> FrontMatter:
    """Parse front matter between two lines of plus signs, as Hugo has it."""
    front = FrontMatter()
    try:
        for key, value in _load_toml(text).items():
            front.values[key.casefold()] = [str(one) for one in value] if isinstance(value, list) else str(value)
            if (members := _named_members(value)) is not None:
                front.members[key.casefold()] = members
    except (ValueError, RecursionError):  # also of `str`: a number can be too long
        front.values.clear()
        front.warnings.append("the front matter is not TOML")
        front.other_lines = [line for line in text.split("\n") if line.strip()]
    return front


def _load_toml(text: str) -> dict[str, Any]:
    """Return the values of a text in TOML.

    Raises:
        ValueError: it is not TOML, or it is nested too deeply.
        RecursionError: it is nested so deeply that Python cannot parse it.
    """
    values = tomllib.loads(text)
    if _depth(values) > MAX_TOML_DEPTH:
        raise ValueError("nested too deeply")
    return values


def _depth(value: Any) -> int:
    """Return how deep tables and lists are nested in a value: 1 for a table or list without others."""
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, dict | list)]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def _has_only_keys(text: str) -> bool:
    """Whether every line has a key; then the text is front matter even without its opening dashes."""
    lines = [line for line in text.split("\n") if line.strip()]
    return bool(lines) and all(_KEY_LINE.fullmatch(line) for line in lines)


def _parse(text: str) -> FrontMatter:
    front = FrontMatter()
    covered: set[int] = set()
    try:
        if len(text) > MAX_YAML_CHARACTERS or text.count("[") + text.count("{") > MAX_BRACKETS:
            front.warnings.append("the front matter is too long for YAML and was read line by line")
            return _parse_lines(text, front)
        for pair in _pairs(text):
            _add_pair(front, pair)
            covered.update(range(pair.first, pair.last + 1))
            if pair.comment:
                front.other_lines.append(pair.comment)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        message = f"the front matter is not YAML{where} and was read line by line"
        return _parse_lines(text, FrontMatter(warnings=[message]))
    rest = (line.rstrip() for n, line in enumerate(_BREAK.split(text)) if n not in covered)
    front.other_lines += [line for line in rest if line.strip()]
    return front


def _parse_lines(text: str, front: FrontMatter) -> FrontMatter:
    for line in text.split("\n"):
        match = _KEY_LINE.fullmatch(line.rstrip())
        if match and match[1].casefold() not in front.values:
            front.values[match[1].casefold()] = (match[2] or "").strip()
        elif line.strip():
            front.other_lines.append(line.rstrip())
    return front


@dataclass(slots=True)
class _Pair:
    """A key and its value, its first and last line, and the comment after it."""

    key: str
    value: str | list[str]
    first: int
    last: int
    comment: str
    is_braced: bool
    members: list[NamedMember] | None


def _add_pair(front: FrontMatter, pair: _Pair) -> None:
    if pair.key in front.values:
        front.warnings.append(f"the front matter has `{pair.key}` twice")
        value = ", ".join(pair.value) if isinstance(pair.value, list) else pair.value
        front.other_lines.append(f"{pair.key}: {value}")
        return
    if pair.is_braced and isinstance(pair.value, list):
        front.warnings.append(f"the value of `{pair.key}` still has the braces of a template")
        pair.value = ", ".join(pair.value)
    front.values[pair.key] = pair.value
    if pair.members is not None:
        front.members[pair.key] = pair.members


def _pairs(text: str) -> Iterator[_Pair]:
    """Yield the keys and values at the top level of a YAML mapping.

    Raises:
        yaml.YAMLError: the text is not a mapping.
    """
    lines = _BREAK.split(text)
    parsed = yaml.parse(text, Loader=yaml.SafeLoader)
    events = [event for event in parsed if isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent)]
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
    ends = [event.end_mark for event in value if isinstance(event, yaml.ScalarEvent) or _ends_flow(event, text)]
    end: Any = ends[-1] if ends else value[-1].end_mark
    last = end.line - (end.column == 0 and end.line > key.start_mark.line)
    rest = lines[end.line][end.column :].strip() if end.column else ""
    raw = text[value[0].start_mark.index : end.index]
    return _Pair(
        key.value.strip().casefold(),
        _value(value, raw),
        key.start_mark.line,
        last,
        rest if rest.startswith("#") else "",
        flow and isinstance(value[0], yaml.MappingStartEvent) and bool(scalars),
        _named_members(_build(value)),
    )


def _ends_flow(event: Any, text: str) -> bool:
    """Whether an event is the closing bracket of a list or mapping; others end where the next key begins."""
    source = text[event.start_mark.index : event.end_mark.index]
    return isinstance(event, yaml.CollectionEndEvent) and source in ("]", "}")


def _value(value: list[Any], raw: str) -> str | list[str]:
    """Return a text, a list of texts, or the keys of a mapping without values such as `{a, b}`.

    Anything deeper is returned as its source text.
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


def _build(events: list[Any]) -> Any:
    """Return the texts, lists and mappings that the events of a value make."""
    stack: list[list[Any]] = [[]]
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append([])
        elif isinstance(event, yaml.SequenceEndEvent):
            stack[-2].append(stack.pop())
        elif isinstance(event, yaml.MappingEndEvent):
            parts = stack.pop()
            stack[-1].append(
                {
                    str(key) if isinstance(key, str) else "": value
                    for key, value in zip(parts[::2], parts[1::2], strict=True)
                }
            )
        else:
            stack[-1].append(str(event.value) if isinstance(event, yaml.ScalarEvent) else "")
    return stack[0][0]


def _named_members(value: Any) -> list[NamedMember] | None:
    """Return the members of a list, if some of them have keys, or of a mapping with values; else None."""
    members = value if isinstance(value, list) else [value]
    if not any(isinstance(one, dict) and any(one.values()) for one in members):
        return None
    return [_named_member(one) if isinstance(one, dict) else NamedMember(_flat(one), "") for one in members]


def _named_member(pairs: Mapping[str, Any]) -> NamedMember:
    name = next((_flat(value) for key, value in pairs.items() if key.casefold() == "name"), "")
    rest = ", ".join(f"{key}: {_flat(value)}" for key, value in pairs.items() if not name or key.casefold() != "name")
    return NamedMember(name, rest) if name else NamedMember(f"{{{rest}}}", "")


def _flat(value: Any) -> str:
    """Return a value in one line."""
    return " ".join(str(value if _depth(value) <= MAX_TOML_DEPTH else "...").split())


class _PlainDumper(yaml.SafeDumper):
    """Writes texts without quotes where possible, and several lines as a block."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (as the library declares it)


def _represent_text(dumper: _PlainDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_PlainDumper.add_representer(str, _represent_text)


def render_front_matter(values: Mapping[str, str | list[str]], other_lines: list[str] | None = None) -> str:
    """Return front matter between lines of dashes. `other_lines` come first, as comments."""
    lines = [line if line.lstrip().startswith("#") else f"# {line}" for line in other_lines or []]
    lines += [_render_line(key, value) for key, value in values.items()]
    return "\n".join(["---", *lines, "---", ""])


def _render_line(key: str, value: str | list[str]) -> str:
    if not value:
        return f"{key}:"
    flow = None if isinstance(value, list) else False  # write a list on one line, and the mapping around it as a block
    return yaml.dump(
        {key: value}, Dumper=_PlainDumper, default_flow_style=flow, allow_unicode=True, width=10_000_000
    ).rstrip("\n")
