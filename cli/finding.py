"""Find the subject or the person that someone types: by id, key, number, title, name, or the beginning of one.

What is ambiguous or unknown is asked back on a terminal; elsewhere the error lists the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cli.asking import choose
from cli.candidates import MAX_CANDIDATES, MAX_SIMILAR, Candidate, build_candidate, find_similar, fold
from cli.errors import CommandFailed
from cli.table import print_note
from decisionlog_client import Client, questions
from domain.ids import is_subject, key_of, kind_of

KINDS: Final = (
    "decision",
    "feature",
    "product",
    "release",
    "goal",
    "evidence",
    "assumption",
    "meeting",
    "task",
    "team",
    "person",
)
"""The kinds that are searched if any will do."""
MAX_LISTED: Final = 5
"""Subjects that are all listed where none is spelled like what was typed."""
MAX_SUBJECTS: Final = 20_000
"""Subjects that a name is compared with; in a larger log, a kind or an id is needed."""
ME: Final = "me"
_NUMBER: Final = re.compile(r"(?:product:)?(?P<product>[^\s/:#]+?)[-/#](?P<number>[0-9]{1,9})")
_SEPARATORS: Final = re.compile(r"(?P<loose>(?<![0-9])[\s_/#:-]+|[\s_/#:-]+(?![0-9]))|[\s_/#:-]+")
_VERSION: Final = re.compile(r"^v(?:ersion)?(?=[0-9])")
_NUMBERED: Final = re.compile(r"[^\W\d]+[-_ #/]?0*(?P<number>[0-9]+)")
UNREGISTERED: Final = ("service", "group")
"""Kinds that have no titles: their ids are taken as typed."""


@dataclass
class Finder:
    """Finds subjects in one log, which it reads once for each kind. `when` are the times for which it is asked.

    With `prefers_decision`, a decision and a feature of the same name and title are one record of another system, and
    the decision is meant; that is for questions, which can tell the reader about the other.
    """

    log: Client
    when: Mapping[str, Any] = field(default_factory=dict)
    prefers_decision: bool = False
    _known: dict[str, list[Candidate]] = field(default_factory=dict)
    _last_number: int = 0
    """The last number of the product in the number that was typed, if no decision has that number."""

    def find(self, typed: str, kinds: Sequence[str] = KINDS) -> str:
        """Return the id of the one subject that is meant.

        Raises:
            CommandFailed: none or several are, and there is no terminal to ask on.
        """
        text = typed.strip()
        if is_subject(text) and (kind_of(text) in kinds or kind_of(text) in ("log", "import")):
            return text
        if text.casefold() == ME and "person" in kinds:
            return str(self.log.ask(questions.me())["actor"])
        if "decision" in kinds and (numbered := self._find_number(text)):
            return numbered
        return self._find_named(text, kinds)

    def _find_number(self, text: str) -> str | None:
        """Return the decision with the number of a product: `TIDE-11`, where `tide` begins only one product's key."""
        found = _NUMBER.fullmatch(text)
        if not found:
            return None
        code, number = fold(found["product"]), int(found["number"])
        keys = {each.subject: fold(key_of(each.subject)) for each in self.candidates("product")}
        exact = [subject for subject, key in keys.items() if key == code]
        products = exact or [subject for subject, key in keys.items() if key.startswith(code)]
        if len(products) != 1:
            return None
        question = questions.decisions(product=products[0], include_removed=True, **self.when)
        for answer in self.log.pages(question):
            for row in answer["rows"]:
                self._last_number = max(self._last_number, row["number"].get(products[0], 0))
                if row["number"].get(products[0]) == number:
                    return row["subject"]
        return None

    def _find_named(self, text: str, kinds: Sequence[str]) -> str:
        wanted = fold(text)
        candidates = self._list_candidates(kinds)
        found = self.list_named(text, kinds)
        found = found or [each for each in candidates if any(name.startswith(wanted) for name in each.names)]
        if len(found) == 1:
            return found[0].subject
        if found:
            return self._ask_back(f"{text!r} is ambiguous.", found, text)
        problem = f"No {name_kinds(kinds)} {text!r}."
        if self._last_number and (numbered := _NUMBER.fullmatch(text)):
            raise CommandFailed(f"{problem} {_explain_number(numbered, self._last_number)}")
        similar = find_similar(wanted, candidates)
        if other_kind := self.explain_other_kind(text, kinds):
            problem = f"{problem} {other_kind}"
            if not similar:
                raise CommandFailed(problem)
        if not similar and 0 < len(candidates) <= MAX_LISTED:
            return self._offer_all(problem, candidates)
        return self._ask_back(problem, similar[:MAX_SIMILAR], text)

    def list_named(self, text: str, kinds: Sequence[str] = KINDS) -> list[Candidate]:
        """Return the subjects with exactly this name, or else those with this name as people also write it, or else
        those with this number.
        """
        candidates = self._list_candidates(kinds)
        wanted, loose = fold(text), loosen(text)
        found = (
            [each for each in candidates if wanted in each.names]
            or [each for each in candidates if any(loosen(name) == loose for name in each.names)]
            or [
                each
                for each in candidates
                if loose.isdecimal() and any(_has_number(name, loose) for name in each.names)
            ]
        )
        return self._prefer_decision(text, found) if self.prefers_decision else found

    def explain_other_kind(self, text: str, kinds: Sequence[str] = ()) -> str:
        """Return a sentence that says of which other kind the subject with this name is; empty if none has the name."""
        from cli.other_kinds import explain_other_kind  # noqa: PLC0415  (only for an error)

        candidates = self._list_candidates([kind for kind in KINDS if kind not in kinds])
        numbered = None if "decision" in kinds else self._find_number(text)
        found = (
            [each for each in candidates if each.subject == numbered]
            or [each for each in candidates if fold(text) in each.names]
            or [each for each in candidates if any(loosen(name) == loosen(text) for name in each.names)]
        )
        return explain_other_kind(text, found)

    def _list_candidates(self, kinds: Sequence[str]) -> list[Candidate]:
        return [each for kind in kinds if kind not in UNREGISTERED for each in self.candidates(kind)]

    @staticmethod
    def _prefer_decision(text: str, found: list[Candidate]) -> list[Candidate]:
        """Return the decision of a decision and a feature with the same title and key, with a note about the feature."""
        decided = [each for each in found if kind_of(each.subject) == "decision"]
        same = [each for each in found if decided and _is_same_record(each, decided[0])]
        if len(decided) != 1 or len(same) != len(found) or len(found) == 1:
            return found
        others = " and ".join(each.subject for each in found if each is not decided[0])
        print_note(f"{text!r} is read as {decided[0].subject}; {others} has the same name.")
        return decided

    @staticmethod
    def _offer_all(problem: str, candidates: Sequence[Candidate]) -> str:
        labels = [each.label for each in candidates]
        chosen = choose(problem, labels)
        if chosen is None:
            raise CommandFailed(f"{problem} There {'is' if len(labels) == 1 else 'are'} {', '.join(labels)}.")
        return candidates[chosen].subject

    def _ask_back(self, problem: str, candidates: Sequence[Candidate], typed: str) -> str:
        shown = list(candidates[:MAX_CANDIDATES])
        chosen = choose(problem, [each.label for each in shown]) if shown else None
        if chosen is not None:
            return shown[chosen].subject
        if not shown:
            raise CommandFailed(f"{problem} {_suggest_listing(typed)}")
        labels = " or ".join(each.label for each in shown)
        more = f", or one of {len(candidates) - len(shown)} others" if len(candidates) > len(shown) else ""
        raise CommandFailed(f"{problem} Did you mean {labels}{more}?")

    def candidates(self, kind: str) -> list[Candidate]:
        """Return every subject of a kind, as it is called at the time asked."""
        if kind not in self._known:
            read: Callable[[str], Iterator[Candidate]] = self._read_people if kind == "person" else self._read_subjects
            self._known[kind] = list(read(kind))
        return self._known[kind]

    def _read_people(self, _kind: str) -> Iterator[Candidate]:
        """Yield the people in the directory. All ids of a merged person are one, found by the names of each."""
        merged = self._read_merges()
        titles: dict[str, str] = {}
        names: dict[str, list[str]] = {}
        for answer in self.log.pages(questions.people(limit=10_000)):
            for row in answer["rows"]:
                if kind_of(row["id"]) == "person":
                    person = _end_of(row["id"], merged)
                    names.setdefault(person, []).extend((row["id"], key_of(row["id"]), *row["spellings"]))
                    if row["name"] and (person == row["id"] or person not in titles):
                        titles[person] = row["name"]
        for person, spellings in names.items():
            yield build_candidate(person, titles.get(person, ""), spellings)

    def _read_merges(self) -> dict[str, str]:
        """Return the id that each merged person was merged into."""
        question = questions.fields(kind=["person"], field=["merged_into"], include_removed=True, limit=10_000)
        rows = (row for answer in self.log.pages(question) for row in answer["rows"])
        return {row["subject"]: row["value"] for row in rows if row["value"]}

    def _read_subjects(self, kind: str) -> Iterator[Candidate]:
        aliases: dict[str, list[str]] = {}
        titles: dict[str, str] = {}
        question = questions.fields(
            kind=[kind], field=["exists", "aliases"], include_removed=True, limit=10_000, **self.when
        )
        for answer in self.log.pages(question):
            for row in answer["rows"]:
                titles[row["subject"]] = row["title"] or ""
                value = row["value"]
                aliases.setdefault(row["subject"], []).extend(map(str, value) if isinstance(value, list) else ())
            if len(titles) >= MAX_SUBJECTS:
                break
        for subject, title in titles.items():
            yield build_candidate(subject, title, aliases[subject])


def _explain_number(typed: re.Match[str], last: int) -> str:
    """Return why no decision has a number. Numbers have no gaps: one that has none was given before the last."""
    if not 0 < int(typed["number"]) < last:
        return f"The last number is {typed['product']}-{last}."
    return (
        f"It is the number of a decision that was voided, is now of other products, or that you may not read. See what was "
        f"voided with `decisionlog audit --corrections`, or it as it was with `decisionlog show {typed[0]} --known-at TIME`."
    )


def _end_of(person: str, merged: Mapping[str, str]) -> str:
    """Return the id that a person is known by: the end of their merges, or in a cycle its smallest id."""
    path = [person]
    while (target := merged.get(path[-1])) is not None:
        if target in path:
            return min(path[path.index(target) :])
        path.append(target)
    return path[-1]


def loosen(text: str) -> str:
    """Return the form that spellings share which differ in what people leave out: `pep572` for "PEP 572" and `PEP-572`,
    `1.22` for `v1.22`.
    """
    joined = _SEPARATORS.sub(lambda found: "" if found["loose"] else "-", fold(text))
    return _VERSION.sub("", joined)


def _has_number(name: str, number: str) -> bool:
    """Return whether a name is a word with this number: `PEP-572`."""
    found = _NUMBERED.fullmatch(name)
    return found is not None and found["number"] == number


def _is_same_record(one: Candidate, other: Candidate) -> bool:
    return one.title == other.title and key_of(one.subject) == key_of(other.subject)


def name_kinds(kinds: Sequence[str]) -> str:
    """Return kinds of subject in words: "person or team"; "subject" for many."""
    shown = [kind for kind in kinds if kind not in UNREGISTERED]
    return " or ".join(shown) if len(shown) <= 2 else "subject"  # noqa: PLR2004  (a pair reads well)


def _suggest_listing(typed: str) -> str:
    return f"Search all text with `decisionlog search {_quote(typed)}`."


def _quote(text: str) -> str:
    import shlex  # noqa: PLC0415  (only for an error)

    return shlex.quote(text)
