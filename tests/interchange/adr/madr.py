"""Check a file against the template and the linter rules of MADR 4.

`texts=False` leaves out what the linter asks of prose that other people have written.
"""

import re
from itertools import pairwise

import yaml

FRONT = ["status", "date", "decision-makers", "consulted", "informed"]
SECTIONS = [
    "## Context and Problem Statement",
    "## Decision Drivers",
    "## Considered Options",
    "## Decision Outcome",
    "### Consequences",
    "### Confirmation",
    "## Pros and Cons of the Options",
    "## More Information",
]


def faults_of(text, *, texts=True):
    """What is not as it should be, each in a word or two."""
    return [*_form(text), *(_style(text) if texts else ())]


def _form(text):
    match = re.fullmatch(r"---\n(.*?\n)---\n\n# (?! )[^\n]+\n(\n.*)?", text, flags=re.DOTALL)
    if not match:
        yield "no front matter and title"
        return
    matter = yaml.safe_load(match[1])
    ours = [key for key in matter if key in FRONT]
    if ours != [key for key in FRONT if key in matter]:
        yield "the order of the front matter"
    if not isinstance(matter.get("status"), str):
        yield "no status"
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield "the end"


def _style(text):
    lines = text.partition("\n---\n")[2].split("\n")
    headings = [line for line in lines if line.startswith("#")]
    for before, line, after in zip(lines, lines[1:], lines[2:], strict=False):
        if line.startswith("#") and (before or after):
            yield f"no blank line around {line}"
        if not before and not line:
            yield "two blank lines"
        if line != line.rstrip():
            yield f"spaces at the end of {line}"
        if re.match(r"[-+] ", line):
            yield f"a list that does not begin with an asterisk: {line}"
    known = [line for line in headings if line in SECTIONS]
    if known != [line for line in SECTIONS if line in known]:
        yield "the order of the sections"
    if sum(line.startswith("# ") for line in headings) != 1:
        yield "more than one title"
    levels = [len(line) - len(line.lstrip("#")) for line in headings]
    if any(later > level + 1 for level, later in pairwise(levels)):
        yield "a level left out"
    for wanted in ("## Context and Problem Statement", "## Considered Options", "## Decision Outcome"):
        if wanted not in headings:
            yield f"no {wanted}"
