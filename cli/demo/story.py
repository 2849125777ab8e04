"""Load the story of the demo from its four files: a list of steps, each with commands as they would be sent."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

DAYS: Final = 365
"""The story begins on day 0 and ends before this day."""

_LIFE: Final = re.compile(r"(?P<day>\d+) (?P<what>[^,:]+)(?:, because (?P<because>[a-z0-9-]+))?(?:: (?P<note>.+))?")
_PLAIN: Final = {
    "committed": "CommitFeature",
    "started": "StartFeature",
    "paused": "PauseFeature",
    "shipped": "ShipFeature",
    "dropped": "DropFeature",
    "reopened": "ReopenFeature",
}
_MANAGERS: Final = {"tideline": ((205, "tomas"), (DAYS, "priya")), "harbor-desk": ((271, "priya"), (DAYS, "ilse"))}
"""The product managers, each until a day. They plan the features of their product."""
_PLANS: Final = frozenset({"proposed", "now", "next", "later", "for", "by", "committed"})
_OWNERS_WORK: Final = frozenset({"proposed", "committed", "started", "paused", "shipped"})
"""What the owner of a feature records."""
_LEFT: Final = {"tomas": 236}
"""People who leave, with their last day."""


class InvalidStory(ValueError):
    """A file of the story contains a line that cannot be parsed."""


@dataclass(frozen=True, slots=True)
class Step:
    """Commands that one person sends together on a day.

    In the commands `@DAY` stands for a date, and `@NAME` for the position of a step or the id of a person. `effective`
    is the day on which they took effect, if earlier. Later steps refer to `name`.
    """

    day: int
    who: str
    commands: tuple[Mapping[str, Any], ...]
    effective: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """The people, and the steps in order."""

    people: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]


def load() -> Story:
    """Load the story.

    Raises:
        InvalidStory: a line cannot be parsed.
    """
    story = _read_file("story.toml")
    steps = [
        *_parse_decisions(_read_file("decisions.toml")),
        *map(_parse_step, story["act"]),
        *_parse_features(_read_file("features.toml")),
        *map(_parse_step, _read_file("evidence.toml")["act"]),
    ]
    return Story(
        tuple(story["people"]), tuple(sorted(steps, key=lambda step: step.day))
    )  # stable: in the order of the files


def _read_file(name: str) -> dict[str, Any]:
    return tomllib.loads(files("cli.demo").joinpath(name).read_text(encoding="utf-8"))


def _parse_step(line: Mapping[str, Any]) -> Step:
    own = {name: value for name, value in line.items() if name not in ("day", "who", "effective", "as", "subjects")}
    each = [{**own, "subject": subject} for subject in line.get("subjects", ())]
    commands = line.get("commands") or each or [own]
    return Step(line["day"], line["who"], tuple(commands), line.get("effective"), line.get("as"))


def _parse_decisions(decisions: Mapping[str, Any]) -> Iterator[Step]:
    for key, fields in decisions.items():
        by = fields["by"]
        case = {name: value for name, value in fields.items() if name not in ("day", "by", "open", "review_on")}
        command = {"key": key, "products": ["tideline"], "accountable": by[0], **case}
        if "review_on" in fields:
            command["review_on"] = f"@{fields['review_on']}"
        if fields.get("open"):
            yield Step(fields["day"], by[0], ({"type": "ProposeDecision", **command},))
        else:
            yield Step(fields["day"], by[0], ({"type": "RecordDecision", "deciders": by, **command},))


def _parse_features(features: Mapping[str, Any]) -> Iterator[Step]:
    for key, fields in features.items():
        product, owner = fields.get("product", "tideline"), fields.get("owner")
        for line in fields["life"]:
            found = _LIFE.fullmatch(line)
            if found is None:
                raise InvalidStory(f"{key}: {line!r} cannot be parsed")
            day = int(found["day"])
            command = {**_parse_line(key, fields, product, found), **_parse_reasons(found, fields)}
            yield Step(day, _find_author(found["what"], day, owner, product), (command,))
            owner = found["what"].removeprefix("to ") if found["what"].startswith("to ") else owner


def _find_author(what: str, day: int, owner: str | None, product: str) -> str:
    """Return who records a line of a feature's life: its owner, if they are there, or the manager of its product."""
    manager = next(who for until, who in _MANAGERS[product] if day < until)
    is_owners = owner and what in _OWNERS_WORK and day < _LEFT.get(owner, DAYS)
    return owner if owner and is_owners else manager


def _parse_line(key: str, fields: Mapping[str, Any], product: str, found: re.Match[str]) -> dict[str, Any]:
    """Return the command for one line of a feature's life."""
    what, subject = found["what"], f"feature:{key}"
    first, *rest = what.split()
    if what == "proposed":
        owner = {"accountable": fields["owner"]} if "owner" in fields else {}
        return {"type": "ProposeFeature", "key": key, "title": fields["title"], "products": [product], **owner}
    if first in ("now", "next", "later"):
        return {
            "type": "PrioritizeFeature",
            "subject": subject,
            "horizon": first,
            "rank": int(rest[0]) if rest else None,
        }
    if first == "to":
        return {"type": "HandOverOwnership", "subject": subject, "to": rest[0]}
    if first == "for":
        return {"type": "TargetMilestone", "subject": subject, "release": f"{product}-{rest[0]}"}
    if what.startswith("by day "):
        return {"type": "TargetMilestone", "subject": subject, "day": f"@{rest[1]}"}
    if what in _PLAIN:
        return {"type": _PLAIN[what], "subject": subject}
    raise InvalidStory(f"{key}: {what!r} cannot be parsed")


def _parse_reasons(found: re.Match[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reason of a line: its own, the decision that it names, or the one behind the plans of the feature."""
    is_plan = found["what"].split()[0] in _PLANS
    decision = found["because"] or (fields.get("because") if is_plan and not found["note"] else None)
    note = "why" if found["what"] in ("dropped", "reopened") else "note"
    return {**({"because": [decision]} if decision else {}), **({note: found["note"]} if found["note"] else {})}
