"""What became of an import, line by line where something is to be said, and counted where there is not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from domain.catalog import COMMANDS
from domain.validation_messages import describe_error

SHOWN: Final = 20
"""How many lines of a kind the readable form lists before it says how many more there are."""


def faults(error: ValidationError, *where: str | int) -> str:
    """What is wrong with a message, each fault with the field it is in; `where` is where the message itself stands."""
    return "; ".join(_fault(one, where) for one in error.errors())


def _fault(one: Any, where: tuple[str | int, ...]) -> str:
    loc = [part for part in one["loc"] if part not in COMMANDS]  # which command it was tried as is said by its type
    place = ".".join(map(str, (*where, *loc)))
    if one["type"] == "union_tag_invalid":
        return f"{place}: there is no command {one['ctx']['tag']!r}; docs/reference/commands.md lists them all"
    if one["type"] == "union_tag_not_found":
        return f"{place}: needs a `type`, the name of a command; docs/reference/commands.md lists them all"
    return f"{place}: {describe_error(one)}"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to be said of one line: its own id, else its number; None where it is of no line."""

    line: str | int | None
    what: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if isinstance(self.line, int) else f"{self.line}: " if self.line else ""
        return _in_one_line(where + self.what)


def _in_one_line(text: str) -> str:
    """A text of others that stays in its line, so that it cannot pass for a line of the report."""
    return " ".join(text.splitlines())


@dataclass(slots=True)
class Findings:
    """What was noticed in reading lines that keeps none of them out of the log."""

    contradictions: list[Remark] = field(default_factory=list)
    reused: list[Remark] = field(default_factory=list)
    noticed: list[Remark] = field(default_factory=list)
    unmapped_fields: Counter[str] = field(default_factory=Counter)
    unmapped_columns: Counter[str] = field(default_factory=Counter)
    unknown_words: dict[str, Counter[str]] = field(default_factory=dict)

    def unknown_word(self, field_: str, word: str) -> None:
        """Counts a word of a field that could not be understood and stands as it is."""
        self.unknown_words.setdefault(field_, Counter())[word] += 1

    def add(self, more: Findings) -> None:
        """Takes in what was noticed elsewhere."""
        self.contradictions += more.contradictions
        self.reused += more.reused
        self.noticed += more.noticed
        self.unmapped_fields.update(more.unmapped_fields)
        self.unmapped_columns.update(more.unmapped_columns)
        for name, words in more.unknown_words.items():
            self.unknown_words.setdefault(name, Counter()).update(words)


@dataclass(slots=True)
class Report(Findings):
    """What became of the lines of a file, or of `what` else was read; in a dry run, what would have.

    The findings are those of the lines that are newly applied; with `verbose`, of those already there as well.
    """

    dry_run: bool = False
    verbose: bool = False
    what: str = "lines"
    lines: int = 0
    unchanged: int = 0
    """Those that say nothing new."""
    applied: int = 0
    already_there: int = 0
    refused: list[Remark] = field(default_factory=list)
    not_placed: list[Remark] = field(default_factory=list)
    persons_registered: int = 0
    teams_registered: int = 0
    position: int | None = None
    """The last position written or answered again; reads that wait for it see the whole import."""

    @property
    def complete(self) -> bool:
        """Whether every line is in the log."""
        return not self.refused and not self.not_placed

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        remarks = {
            name: [{"line": remark.line, "what": remark.what} for remark in getattr(self, name)]
            for name in ("refused", "not_placed", "contradictions", "reused", "noticed")
        }
        counts = {
            name: getattr(self, name)
            for name in (
                "dry_run",
                "lines",
                "unchanged",
                "applied",
                "already_there",
                "persons_registered",
                "teams_registered",
                "position",
            )
        }
        return {
            **counts, **remarks,
            "unmapped_fields": dict(self.unmapped_fields.most_common()),
            "unmapped_columns": dict(self.unmapped_columns.most_common()),
            "unknown_words": {name: dict(words.most_common()) for name, words in self.unknown_words.items()},
        }  # fmt: skip

    def __str__(self) -> str:
        """The report for people."""
        done = "would be applied" if self.dry_run else "applied"
        refused, not_placed = len(self.refused), len(self.not_placed)
        said = [f"{self.applied} {done}", f"{self.already_there} already there"]
        said += [f"{self.unchanged} without anything new"] if self.unchanged else []
        counts = [f"{self.lines} {self.what}: {', '.join(said)}, {refused} refused, {not_placed} not placed"]
        if self.persons_registered or self.teams_registered:
            verb = "would be registered" if self.dry_run else "registered"
            counts.append(f"{self.persons_registered} persons and {self.teams_registered} teams {verb}")
        return "\n".join([*counts, *self._remarks(), *self._counted()])

    def _remarks(self) -> list[str]:
        told = []
        for title, remarks in (
            ("Refused", self.refused),
            ("Not placed", self.not_placed),
            ("Names used again for another record", self.reused),
            ("Noticed", self.noticed),
            ("`from` contradicts what was told before (`to` was taken)", self.contradictions),
        ):
            if remarks:
                told.append(f"\n{title}: {len(remarks)}")
                told += [f"  {remark}" for remark in remarks[:SHOWN]]
                told += [f"  ... and {len(remarks) - SHOWN} more"] if len(remarks) > SHOWN else []
        return told

    def _counted(self) -> list[str]:
        told = []
        for title, counter in (
            ("Fields without a mapping (kept as attributes)", self.unmapped_fields),
            ("Columns the mapping does not name (kept as references)", self.unmapped_columns),
            *((f"Words of {_in_one_line(name)} that were not understood (kept as they stand)", words)
              for name, words in self.unknown_words.items()),
        ):  # fmt: skip
            if counter:
                told.append(f"\n{title}: {counter.total()}")
                told += [f"  {count} x {_in_one_line(name)}" for name, count in counter.most_common()]
        return told
