"""Read the two history files as simply as possible, without any code of the importer.

A document is known by the number of its first line. First each line is given to its document, in the order of the
file, which is the order of names; then the changes are folded in whatever order is asked for.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path

CORPORA = Path(__file__).parents[4] / "shared" / "corpora"
PEPS = CORPORA / "peps_before_2021-01-01.jsonl"
KEPS = CORPORA / "keps_before_2023-01-01.jsonl"
RECORDS = {"superseded_by", "replaces", "requires"}


@dataclass
class Said:
    """What one line says of one document."""

    doc: int
    line: dict
    fields: dict


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def micros(instant):
    return round(datetime.fromisoformat(instant).timestamp()) * 1_000_000


def match_lines(lines):
    """Each line with its document, in the order of the file. Lines of what never began are left out."""
    by_name = {}
    for _, group in groupby(lines, key=lambda line: line["at"]):
        found = list(match_lines_of_one_time(list(group), by_name))
        for one in found:
            one.fields = {key: linked(value, by_name) if key in RECORDS else value for key, value in one.fields.items()}
            yield one


def match_lines_of_one_time(lines, by_name):
    """The lines of one instant. A record that one of them names can begin in another."""
    for line in lines:
        name, to = line["record"], line["to"]
        if line["kind"] == "proposed":
            by_name[name] = line["seq"]
            fields = {"exists": True, "name": name, **to}
        elif line["kind"] == "renumbered" and line["field"] == "record":
            by_name[name] = by_name.pop(line["from"])
            fields = {"name": name}
        elif line["field"] == "record":
            fields = {"exists": line["kind"] == "reinstated"}
        else:
            fields = {line["field"]: to}
        if name in by_name:
            yield Said(by_name[name], line, fields)


def linked(names, by_name):
    """Names of documents as they are meant when they are written, where each is one; paths and the like stay."""
    return [by_name.get(name, name) for name in names]


@dataclass
class Fold:
    """The documents after some changes, as one goes through them in order."""

    docs: dict = field(default_factory=dict)
    aimed: set = field(default_factory=set)
    """Those that have ever aimed at a version."""

    def apply(self, change):
        self.docs.setdefault(change.doc, {}).update(change.fields)
        if change.fields.get("python_version"):
            self.aimed.add(change.doc)


def fold(changes):
    """The documents after these changes."""
    found = Fold()
    for change in changes:
        found.apply(change)
    return found


def version(word, product):
    """The release a word names, if it is one and nothing more."""
    match = re.fullmatch(r"v?(\d+\.\d+(\.\d+)?)", word)
    return f"release:{product}-{match[1]}" if match and word != "v0.0" else None
