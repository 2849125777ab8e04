"""Check the project's language: phrases to avoid, function names that are bare participles, and American spelling.

Occurrences that already exist are counted in `tools/language_baseline.txt`, one line for each file and rule. The check fails
when a file has more of them than its baseline allows. `--update` writes a new baseline, and refuses if the total would grow.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BASELINE: Final = Path("tools/language_baseline.txt")
GENERATED: Final = ("docs/reference/",)
EXEMPT: Final = ("tools/check_language.py", str(BASELINE), "tests/test_language.py")
SUFFIXES: Final = (".md", ".py", ".toml", ".yml")

PHRASES: Final = (
    r"if silent",
    r"anew",
    r"whoever",
    r"at hand",
    r"(?:is|are|was|were|be|been) told",
    r"beside (?:an?|the|it|them|each|another|others?|those|these|that|this|its?|whom|which)",
    r"(?:nobody|somebody|everybody) (?:are|has|had?|have|is|knew|can|may|must|will|would|should|did|else|was|who|[a-z]{3,}s)",
    r"so many",
    r"go(?:es|ing)? on behind",
    r"what is there",
    r"(?:says?|said) so",
    r"in our meaning",
    r"(?:is|are|be|was) (?:not )?in order",
    r"for want of",
    r"of its own accord",
    r"stands? (?:in|beside|there|at|alone|by itself)",
    r"(?:an?|the|this|our|each|every|whole) (?:house|room|door)",
)
"""Phrases to avoid. A space matches any white space, and the start of a comment on the next line."""

PARTICIPLES: Final = (
    "answered asked begun bound built chosen counted declared done drawn due folded found framed given gone held judged "
    "kept known learnt left listed made marked meant moved named parsed placed said seen sent settled shown sorted "
    "spelt spoken taken told wanted worded written"
)
"""Names that are no names of functions, with or without an underscore before them. Private ones in `ed` are none either."""

_GAP: Final = r"\s+(?:#\s+)?"
_PHRASE: Final = re.compile(rf"\b(?:{'|'.join(phrase.replace(' ', _GAP) for phrase in PHRASES)})\b", re.IGNORECASE)
_NAME: Final = re.compile(rf"\bdef (_?(?:{PARTICIPLES.replace(' ', '|')})|_[a-z]+[^e\W]ed)\(")
_SPELLING: Final = re.compile(r"^(?:\./)?(?P<path>[^:]+):(?P<line>\d+): (?P<found>.+)$")


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation of a rule."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        """Return the finding as compilers write theirs."""
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def find_in_text(path: str, text: str) -> Iterator[Finding]:
    """Return the phrases and function names in a text that are to be avoided."""
    found = [("phrase", match, match[0]) for match in _PHRASE.finditer(text)]
    if path.endswith(".py"):
        found += [("name", match, match[1]) for match in _NAME.finditer(text)]
    for rule, match, words in found:
        yield Finding(path, text.count("\n", 0, match.start()) + 1, rule, " ".join(words.split()))


def find_misspellings(paths: Sequence[str]) -> Iterator[Finding]:
    """Return what codespell finds in files.

    Raises:
        RuntimeError: codespell did not run.
    """
    command = [sys.executable, "-m", "codespell_lib", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [match for line in done.stdout.splitlines() if (match := _SPELLING.match(line))]
    if done.returncode and not found:
        raise RuntimeError(done.stderr or done.stdout)
    for match in found:
        yield Finding(match["path"], int(match["line"]), "spelling", match["found"])


def list_files() -> list[str]:
    """Return the paths of all files to check: those that git tracks, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(
        path
        for path in listed
        if path.endswith(SUFFIXES) and not path.startswith(GENERATED) and path not in EXEMPT and Path(path).is_file()
    )


def read_baseline() -> Counter[tuple[str, str]]:
    """Return how many findings are allowed, by path and rule."""
    lines = BASELINE.read_text(encoding="utf-8").splitlines() if BASELINE.exists() else []
    parts = (line.rsplit(" ", 2) for line in lines if line and not line.startswith("#"))
    return Counter({(path, rule): int(count) for path, rule, count in parts})


def write_baseline(counts: Counter[tuple[str, str]]) -> None:
    """Write how many findings are allowed, by path and rule."""
    header = "# Findings of tools/check_language.py that existed when it was introduced: path, rule, count. May only shrink.\n"
    lines = [f"{path} {rule} {count}\n" for (path, rule), count in sorted(counts.items())]
    BASELINE.write_text(header + "".join(lines), encoding="utf-8")


def main() -> int:
    """Check all files, and return the exit code."""
    parser = argparse.ArgumentParser(description="Check the project's language.")
    parser.add_argument("--update", action="store_true", help="write a new baseline, unless the total would grow")
    update = parser.parse_args().update
    paths = list_files()
    findings = [found for path in paths for found in find_in_text(path, Path(path).read_text(encoding="utf-8"))]
    findings += find_misspellings(paths)
    counts = Counter((found.path, found.rule) for found in findings)
    allowed = read_baseline()
    if update and (not BASELINE.exists() or counts.total() <= allowed.total()):
        write_baseline(counts)
        sys.stdout.write(f"Baseline: {counts.total()} findings (before: {allowed.total()}).\n")
        return 0
    excess = {key for key, count in counts.items() if count > allowed[key]}
    for found in findings:
        if (found.path, found.rule) in excess:
            sys.stdout.write(f"{found}\n")
    for path, rule in sorted(excess):
        sys.stdout.write(f"{path}: {counts[path, rule]} findings of rule '{rule}', {allowed[path, rule]} allowed.\n")
    return 1 if excess else 0


if __name__ == "__main__":
    sys.exit(main())
