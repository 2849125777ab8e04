"""The story of the demo, read from its three files: acts in their order, each a command as it could be sent."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

DAYS: Final = 365
"""The story begins on day 0 and is over before this one."""

_LIFE: Final = re.compile(r"(?P<day>\d+) (?P<what>[^,:]+)(?:, because (?P<because>[a-z0-9-]+))?(?:: (?P<note>.+))?")
_PLAIN: Final = {
    "committed": "CommitFeature", "started": "StartFeature", "paused": "PauseFeature", "shipped": "ShipFeature",
    "dropped": "DropFeature", "reopened": "ReopenFeature",
}  # fmt: skip
_MANAGERS: Final = {"tideline": ((205, "tomas"), (DAYS, "priya")), "harbour-desk": ((271, "priya"), (DAYS, "ilse"))}
"""Who manages which product until which day, and puts to the log what happens to its features."""


class NotInOrder(ValueError):
    """A file of the story says something that is not understood."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody put to the log on a day: commands that go together.

    In the commands `@DAY` stands for a day, and `@NAME` for the position of an act or the id of somebody. `effective` is
    the day on which it took effect, where that was earlier; `name` is what later acts call it.
    """

    day: int
    who: str
    commands: tuple[Mapping[str, Any], ...]
    effective: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """All of it: who there is, and what they did, in order."""

    people: tuple[Mapping[str, Any], ...]
    acts: tuple[Act, ...]


def load() -> Story:
    """The story as it stands in the files.

    Raises:
        NotInOrder: a line of it is not understood.
    """
    told = _file("story.toml")
    acts = [*_decisions(_file("decisions.toml")), *map(_act, told["act"]), *_features(_file("features.toml"))]
    return Story(tuple(told["people"]), tuple(sorted(acts, key=lambda act: act.day)))  # stable: as the files have it


def _file(name: str) -> dict[str, Any]:
    return tomllib.loads(files("cli.demo").joinpath(name).read_text(encoding="utf-8"))


def _act(told: Mapping[str, Any]) -> Act:
    own = {name: said for name, said in told.items() if name not in ("day", "who", "effective", "as", "subjects")}
    commands = [{**own, "subject": subject} for subject in told.get("subjects", ())] or [own]
    return Act(told["day"], told["who"], tuple(commands), told.get("effective"), told.get("as"))


def _decisions(told: Mapping[str, Any]) -> Iterator[Act]:
    for key, said in told.items():
        by = said["by"]
        case = {name: value for name, value in said.items() if name not in ("day", "by", "open", "review_on")}
        command = {"key": key, "products": ["tideline"], "accountable": by[0], **case}
        if "review_on" in said:
            command["review_on"] = f"@{said['review_on']}"
        if said.get("open"):
            yield Act(said["day"], by[0], ({"type": "ProposeDecision", **command},))
        else:
            yield Act(said["day"], by[0], ({"type": "RecordDecision", "deciders": by, **command},))


def _features(told: Mapping[str, Any]) -> Iterator[Act]:
    for key, said in told.items():
        product = said.get("product", "tideline")
        for line in said["life"]:
            found = _LIFE.fullmatch(line)
            if found is None:
                raise NotInOrder(f"{key}: {line!r} is not understood")
            day = int(found["day"])
            who = next(who for until, who in _MANAGERS[product] if day < until)
            yield Act(day, who, ({**_moved(key, said, product, found), **_reasons(found)},))


def _moved(key: str, said: Mapping[str, Any], product: str, found: re.Match[str]) -> dict[str, Any]:
    """The command of one line of a feature's life."""
    what, subject = found["what"], f"feature:{key}"
    first, *rest = what.split()
    if what == "proposed":
        owner = {"accountable": said["owner"]} if "owner" in said else {}
        return {"type": "ProposeFeature", "key": key, "title": said["title"], "products": [product], **owner}
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
    raise NotInOrder(f"{key}: {what!r} is not understood")


def _reasons(found: re.Match[str]) -> dict[str, Any]:
    because = {"because": [found["because"]]} if found["because"] else {}
    note = "why" if found["what"] in ("dropped", "reopened") else "note"
    return {**because, **({note: found["note"]} if found["note"] else {})}
