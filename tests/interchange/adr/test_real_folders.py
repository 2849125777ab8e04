"""Small folders as real projects have them, by many tools: what is read from each is what a person reads in it."""

import pytest

from interchange.adr.current_files import read_current_files
from interchange.adr.importer import _teams
from interchange.adr.keywords import DEFAULT_WORDS
from interchange.adr.record_fields import RecordFieldReader
from interchange.adr.record_identity import LinkResolver, identify_records
from interchange.adr.record_versions import RecordHistory
from tests.interchange.adr.real_folders import FOLDERS, WAYS_TO_NAME_A_SUCCESSOR
from tests.interchange.adr.support import LATER, a_log, bring_in, decisions, write_out


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def read(folder):
    """What is read from each record of a folder, without a log; the files named are those of the other records."""
    versions = list(read_current_files(folder, RecordHistory(words=DEFAULT_WORDS)))
    records = identify_records(versions, "adrs")
    reader = RecordFieldReader(_teams(versions), LinkResolver(versions, records).find)
    names = {record.subject: version.name for version, record in zip(versions, records, strict=True)}
    return {version.name: described(reader.read(version.fields, version.name), names) for version in versions}


def described(fields, names):
    changes = fields.changes
    links = {
        name: [names[one] for one in changes[name].subjects or ()] if name in changes else []
        for name in ("superseded_by", "amended_by", "amends")
    }
    value = lambda name: changes[name].value if name in changes else None  # noqa: E731
    return {
        **links,
        "supersedes": [names[one] for one in fields.supersedes],
        "title": changes["title"].text if "title" in changes else None,
        "status": value("status"),
        "date": value("x.date"),
        "deciders": list(changes["deciders"].holders or ()) if "deciders" in changes else [],
        "unknown": [one for values in fields.unknown.values() for one in values],
    }


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_read_as_a_person_reads_it(tmp_path, name):
    """Titles, statuses, relations, days and people are those of the text; other files are no records."""
    files, expected = FOLDERS[name]
    write(tmp_path, files)

    found = read(tmp_path)

    assert {record: {key: found[record][key] for key in wanted} for record, wanted in expected.items()} == expected
    assert found.keys() == expected.keys()


@pytest.mark.parametrize("status", WAYS_TO_NAME_A_SUCCESSOR)
def test_a_successor_is_found_in_any_words(tmp_path, status):
    """The successor in a status is found, however it is written."""
    text = f"# A\n\n## Status\n\n{status}\n\n## Context\n\nX\n"
    write(tmp_path, {"0001-a.md": text, "0002-b.md": "# B\n\n## Status\n\nAccepted\n"})

    found = read(tmp_path)["0001-a"]

    assert found["superseded_by"] == ["0002-b"]
    assert found["status"] == "superseded"


@pytest.mark.parametrize(
    "status",
    [
        "Superseded thanks to [B](0002-b.md)",
        "Superseded by the thing that was decided in ADR-0002",
        "Superseded by [C](0003-c.md)",
        "superseded by ADR-7",
    ],
)
def test_a_successor_that_is_not_found_is_reported(tmp_path, status):
    """A superseded record that names another one in a way that is not understood is reported."""
    write(tmp_path, {"0001-a.md": f"# A\n\n## Status\n\n{status}\n", "0002-b.md": "# B\n"})

    found = read(tmp_path)["0001-a"]

    assert found["superseded_by"] == []
    assert found["unknown"]


def test_all_folders_are_the_same_after_export_and_import(tmp_path):
    """Records of all forms that are exported and imported again have the same fields, and once more change nothing."""
    for n, (files, _) in enumerate(FOLDERS.values()):
        write(tmp_path / "all" / f"f{n}", files)
    for n, status in enumerate(WAYS_TO_NAME_A_SUCCESSOR):
        text = f"# A\n\n## Status\n\n{status}\n\n## Context\n\nX\n"
        write(tmp_path / "all" / f"w{n}", {"0001-a.md": text, "0002-b.md": "# B\n\nStatus: accepted\n"})
    fields = ("title", "status", "superseded_by", "amended_by", "amends", "x.date", "context", "decision")

    with a_log(tmp_path / "one") as log, a_log(tmp_path / "other") as other:
        first = bring_in(tmp_path / "all", log)
        again = bring_in(tmp_path / "all", log)
        write_out(log, tmp_path / "out")
        bring_in(tmp_path / "out", other)
        last = bring_in(tmp_path / "out", other)

        subjects = decisions(log)
        for subject in subjects:
            state, same = log.state(subject), other.state(subject)
            found, expected = ([one.value_at(name, LATER) for name in fields] for one in (same, state))
            assert found == expected, state.subjects_at("aliases", LATER)
        assert (again.imported, again.unchanged) == (0, first.imported)
        assert (last.imported, last.unchanged) == (0, len(subjects))
