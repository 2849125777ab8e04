"""Check the language: phrases to avoid, function names that are bare participles, and American spelling."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GENERATED: Final = ("docs/reference/",)
EXEMPT: Final = ("tools/check_language.py", "tests/test_language.py")
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
    "answered asked begun bound built chosen counted declared done drawn due folded found framed gone held judged "
    "kept known learnt left listed made marked meant moved named parsed placed said seen sent settled shown sorted "
    "spelt spoken taken told wanted worded written"
)
"""Names that are no names of functions, with or without an underscore before them. Private ones in `ed` are none either.

`given` may be one: tests say given, when, then.
"""

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


def main() -> int:
    """Check all files, print what is found, and return the exit code."""
    paths = list_files()
    findings = [found for path in paths for found in find_in_text(path, Path(path).read_text(encoding="utf-8"))]
    findings += find_misspellings(paths)
    for found in findings:
        sys.stdout.write(f"{found}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
