"""Random histories: every field of every record as of every time equals a naive fold by the identifying column."""

from random import Random
from types import SimpleNamespace

import pytest

from domain.values import format_micros
from interchange import scratch
from interchange.tracker import parse_mapping, scan
from tests.interchange.tracker import naive
from tests.interchange.tracker.support import open_log, run, write

SECOND = 1_000_000
START = naive.micros("2024-01-01T00:00:00Z")
MAPPING = """
system = "tracker"
[product]
key = "shop"
title = "The shop"
[columns]
identity = "uid"
when = "at"
who = "who"
record = "name"
kind = "kind"
field = "field"
from = "old"
to = "new"
[kinds]
create = ["create"]
remove = ["remove"]
restore = ["restore"]
rename = ["rename"]
[[subject]]
kind = "feature"
[subject.fields.title]
field = "title"
[subject.fields.size]
field = "x.size"
[subject.fields.status]
field = "status"
as = "mapped"
[subject.fields.status.values]
a = "proposed"
b = "started"
c = "shipped"
"""
FIELDS = {"title": "title", "size": "x.size", "status": "status"}
STATUSES = {"a": "proposed", "b": "started", "c": "shipped"}


def random_history(seed):
    """Lines in the order of their time, with names that pass between records, removals and ties."""
    random, at, lines = Random(seed), START, []
    names, removed = {}, set()
    for n in range(60):
        at += random.choice([0, 1, 1, 60]) * SECOND
        uid = random.choice([*names, None, None]) if len(names) < 6 else random.choice([*names])
        line = {"n": n, "at": format_micros(at), "who": random.choice(["ann", "bob", None])}
        if uid is None:
            uid, name = f"U-{len(names) + 1}", random.choice(["S-1", "S-2", "S-3"])
            new = {"title": f"t{n}", "status": random.choice("abc")}
            line |= {"kind": "create", "field": "", "old": None, "new": new}
            names[uid] = name
        elif random.random() < 0.2:
            old, names[uid] = names[uid], random.choice(["S-1", "S-2", "S-3", "S-4"])
            line |= {"kind": "rename", "field": "", "old": old, "new": names[uid]}
        elif random.random() < 0.2:
            line |= {"kind": "restore" if uid in removed else "remove", "field": "", "old": None, "new": None}
            removed ^= {uid}
        else:
            field = random.choice(list(FIELDS))
            line |= {"kind": "", "field": field, "old": None, "new": random.choice("abc")}
        lines.append(line | {"uid": uid, "name": names[uid]})
    return lines


def fold(lines, until):
    """Each record by its identity after the lines until a time."""
    records = {}
    for line in lines:
        if naive.micros(line["at"]) > until:
            break
        record = records.setdefault(line["uid"], {})
        record["aliases"] = [line["name"]]
        if line["kind"] == "create":
            record |= {"exists": True, **line["new"]}
        elif line["kind"] in ("remove", "restore"):
            record["exists"] = line["kind"] == "restore"
        elif line["kind"] != "rename":
            record[line["field"]] = line["new"]
    return records


def record_as_of(log, uid, until):
    """A record of the log as of a time, by the fields of the tracker."""
    state = log.state(f"feature:{uid.lower()}")
    found = {
        name: state.value_at(field, until)
        for name, field in {**FIELDS, "exists": "exists", "aliases": "aliases"}.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def expected(record):
    return {name: STATUSES.get(value, value) if name == "status" else value for name, value in record.items()}


def assert_equal_at_all_times(log, lines):
    times = sorted({naive.micros(line["at"]) for line in lines})
    for until in [one + shift for one in times for shift in (-1, 0)]:
        wanted = {uid: expected(record) for uid, record in fold(lines, until).items()}
        told = {uid: record_as_of(log, uid, until) for uid in {line["uid"] for line in lines}}
        assert {uid: record for uid, record in told.items() if record} == wanted


def arranged(lines, order, seed):
    """The lines in another order. Those of one second keep theirs, or are all reversed where the file is."""
    if order == "reversed":
        return lines[::-1]
    if order == "shuffled":
        groups = {}
        for line in lines:
            groups.setdefault(line["at"], []).append(line)
        times = list(groups)
        Random(seed).shuffle(times)
        return [line for at in times for line in groups[at]]
    return lines


@pytest.mark.parametrize("order", ["sorted", "reversed", "shuffled"])
@pytest.mark.parametrize("seed", range(6))
def test_a_random_history_equals_its_fold(tmp_path, seed, order):
    """Each field of each record as of each time equals the fold, in whatever order the lines come."""
    lines = random_history(seed)
    with open_log(tmp_path) as log:
        file = write(tmp_path / "history.jsonl", *arranged(lines, order, seed))

        report, again = run(file, parse_mapping(MAPPING), log), run(file, parse_mapping(MAPPING), log)

        assert (report.skipped, report.rejected, again.imported) == ([], [], 0)
        assert_equal_at_all_times(log, lines)


@pytest.mark.parametrize("order", ["sorted", "reversed", "shuffled"])
@pytest.mark.parametrize("kept", [0, scan.READ_ONCE_BYTES])
def test_what_is_on_disk_is_as_in_memory(tmp_path, monkeypatch, kept, order):
    """A history that does not fit in memory equals its fold, whether the file is read once or twice."""
    monkeypatch.setattr(scratch, "VALUES_KEPT", 2)
    monkeypatch.setattr(scan, "READ_ONCE_BYTES", kept)
    monkeypatch.setattr(scan, "SAMPLE_ENTRIES", 2)
    lines = random_history(11)
    with open_log(tmp_path) as log:
        file = write(tmp_path / "history.jsonl", *arranged(lines, order, 11))

        report, again = run(file, parse_mapping(MAPPING), log), run(file, parse_mapping(MAPPING), log)

        assert (report.skipped, report.rejected, again.imported) == ([], [], 0)
        assert_equal_at_all_times(log, lines)


@pytest.mark.parametrize("kept", [0, scan.READ_ONCE_BYTES])
def test_too_little_room_is_said_before_anything_is_sent(tmp_path, monkeypatch, kept):
    """If the temporary folder has too little space, the import fails with how much it needs and what to do."""
    monkeypatch.setattr(scan, "READ_ONCE_BYTES", kept)
    monkeypatch.setattr(scratch.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with open_log(tmp_path) as log:
        file, before = write(tmp_path / "history.jsonl", *random_history(1)), log.head()

        with pytest.raises(OSError, match="set TMPDIR to a folder with more space"):
            run(file, parse_mapping(MAPPING), log)

        assert log.head() == before


@pytest.mark.parametrize("seed", range(6))
def test_pieces_in_any_order_equal_one_file(tmp_path, seed):
    """A history in three files, imported in any order and again until all lines are placed, equals one file."""
    lines = random_history(seed)
    times = sorted({line["at"] for line in lines})
    first, second = times[len(times) // 3], times[2 * len(times) // 3]
    pieces = [
        [line for line in lines if line["at"] < first],
        [line for line in lines if first <= line["at"] < second],
        [line for line in lines if line["at"] >= second],
    ]
    Random(seed).shuffle(pieces)
    with open_log(tmp_path) as log:
        for _ in range(3):
            for n, piece in enumerate(pieces):
                run(write(tmp_path / f"{n}.jsonl", *piece), parse_mapping(MAPPING), log)

        assert_equal_at_all_times(log, lines)


def test_the_fold_notices_a_missing_line():
    """The fold of a history without the last change of a title differs from that of the whole."""
    lines = [line for line in random_history(1) if line["kind"] == "create" or line["field"] == "title"]
    last = naive.micros(lines[-1]["at"])
    changed = max(n for n, line in enumerate(lines) if line["kind"] == "create")

    assert fold(lines, last) != fold(lines[:changed] + lines[changed + 1 :], last)
