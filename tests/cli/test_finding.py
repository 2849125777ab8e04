"""A subject is found by any number, key or title that people write, and what is not found is explained."""

import json
import re

import pytest

from cli.caller import call_holder, find_person
from cli.errors import CommandFailed
from decisionlog_client import Refused
from tests.support_log import LocalService
from tests.support_terminal import run_command


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A log with an import of another system: a decision and a feature of one record, and what a release has."""
    with LocalService(tmp_path_factory.mktemp("imported")) as opened:
        opened.post("/products", {"key": "python", "title": "Python"})
        for number in (57, 572, 5720):
            record = {"key": f"pep-{number}", "title": f"Record {number}", "products": ["python"]}
            opened.post("/decisions", {**record, "decision": "Yes.", "why": "No.", "accountable": "Ada Lovelace"})
            opened.post("/features", {**record, "because": [f"pep-{number}"]})
        opened.post(
            "/releases", {"key": "python-3.9", "version": "3.9", "products": ["python"], "due_on": "2025-08-01"}
        )
        opened.post("/features/pep-572/target", {"release": "python-3.9"})
        source = {"system": "adr", "at": "2024-01-01T00:00:00Z"}
        changes = [
            {"field": "exists", "value": True},
            {"field": "status", "value": "accepted", "source_value": "Angenommen"},
        ]
        command = {"type": "ImportChanges", "subject": "decision:adr-1", "source": source, "changes": changes}
        opened.post("/commands", {"commands": [command]})
        yield opened


@pytest.mark.parametrize("name", ["PEP-572", "572", "pep572", "PEP 572", "pep/572"])
def test_a_number_names_exactly_one_record(imported, name):
    """What has exactly this number wins over what begins with it, and of a decision and its feature, the decision."""
    found = run_command(imported, "show", name)

    assert "decision:pep-572" in found.stdout
    assert "feature:pep-572 has the same name" in found.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("show", "--field", "target.ship", "--value", "v3.9"),
        ("show", "--field", "target.ship", "--where", "target.ship = v3.9"),
        ("blame", "--field", "target.ship", "--to-value", "3.9"),
        ("roadmap", "--value", "V3.9", "--field", "target.ship"),
        ("show", "--field", "target.ship", "--value", "python 3.9", "--csv"),
    ],
    ids=" ".join,
)
def test_a_value_is_read_as_the_only_subject_of_that_name(imported, words):
    """A release is found by what people call it, and the note says how it was read."""
    found = run_command(imported, *words)

    assert "feature:pep-572" in found.stdout
    assert "as 3.9 (release:python-3.9)." in found.stderr


def test_a_field_is_read_as_the_only_one_that_ends_so(imported):
    """`ship` is the field target.ship, because no other field ends with it; the note says how it was read."""
    found = run_command(imported, "show", "--field", "ship", "--field", "status")

    assert "Read 'ship' as target.ship." in found.stderr
    assert "target.ship" in found.stdout


def test_a_value_is_read_as_what_the_source_called_it(imported):
    """Where no value is meant, what the source called a value is."""
    found = run_command(imported, "blame", "--field", "status", "--to-value", "Angenommen")

    assert "decision:adr-1" in found.stdout
    assert "Read 'Angenommen' as what the source called it." in found.stderr


def test_a_target_is_that_of_the_feature(imported):
    """Where only features have what is asked for, the name of a decision and its feature means the feature."""
    found = run_command(imported, "slips", "--subject", "PEP-572")

    assert "feature:pep-572 has the same name" not in found.stderr


def test_filters_that_belong_together(imported):
    """A filter that means something only with another is not asked for alone."""
    found = run_command(imported, "deciders", "python", "--cost", "100", "EUR")

    assert found.stderr.startswith("No decision rights cover this kind of decision yet.")


def test_a_note_names_what_was_typed(imported):
    """The note about a filter says what was typed, not the id that was found."""
    found = run_command(imported, "decisions", "--accountable", "me", "--status", "reversed")

    assert "Nothing matches --accountable 'me'." in found.stderr or "'reversed'" in found.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("show", "PYTHON-99"), "No subject 'PYTHON-99'. The last number is PYTHON-3."),
        (
            ("feature", "target", "pep-57", "next sumer"),
            "A day is written as 2027-02-28, 'next friday' or 'in 2 weeks'.",
        ),
        (("feature", "target", "pep-57", "2027-02-30"), "A day is written as"),
        (
            ("roadmap", "--milestone", "3.9"),
            "No target has the milestone '3.9'. '3.9' is the release 3.9 (release:python-3.9). Give it as --value.",
        ),
        (("roadmap", "--milestone", "shipp"), "No target has the milestone 'shipp'. Did you mean ship?"),
        (
            ("roadmap", "--columns", "Ada Lovelace"),
            "No column 'Ada Lovelace'. 'Ada Lovelace' is the person Ada Lovelace (person:",
        ),
        (
            ("roadmap", "V3.9"),
            "No product 'V3.9'. 'V3.9' is the release 3.9 (release:python-3.9). Give it as --value.",
        ),
        (
            ("decisions", "--accountable", "python"),
            "No person or team 'python'. 'python' is the product Python (product:python). Give it as --product.",
        ),
        (
            ("feature", "ship", "PYTHON-1"),
            "No feature 'PYTHON-1'. 'PYTHON-1' is the decision Record 57 (decision:pep-57).",
        ),
        (
            ("release", "move", "Record 57", "2030-01-01"),
            "No release 'Record 57'. 'Record 57' is the decision Record 57 (decision:pep-57) and the feature Record 57",
        ),
        (
            ("feature", "link", "pep-57", "--goal", "3.9"),
            "No goal '3.9'. '3.9' is the release 3.9 (release:python-3.9).",
        ),
        (("feature", "link", "pep-57", "--decision", "feature:pep-572"), "Give it as FEATURE."),
        (("feature", "add"), "Missing TITLE and --product."),
        (("record",), "Missing TITLE, --decision and --why."),
        (("decisions", "--status", "approvd"), "there is no status `approvd`; did you mean `accepted`?"),
        (("decisions", "--status", "Cancelled"), "did you mean `dropped`?"),
        (("roadmap", "--status", "in progress"), "did you mean `started`?"),
        (("roadmap", "--status", "shippd"), "did you mean `shipped`?"),
        (("token", "create", "Ada Lovelase"), "No person named Ada Lovelase. Did you mean Ada Lovelace (person:"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_a_mistake_is_answered_with_what_would_be_right(imported, words, hint):
    """A number, a day, a status or a person that does not exist leads to one that does."""
    if words[0] == "token":
        with pytest.raises(CommandFailed, match=re.escape(hint)):
            find_person(imported.log, words[2])
        return
    with pytest.raises((CommandFailed, Refused), match=re.escape(hint)):
        run_command(imported, *words)


def test_a_field_that_the_subject_never_had_is_explained(imported):
    """A field of other kinds of subject is named, with those that this one has."""
    found = run_command(imported, "blame", "feature:pep-572", "--field", "due_on")

    assert "feature:pep-572 never had the field 'due_on'." in found.stderr


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """A log in which two ids of Bob Lee were merged."""
    with LocalService(tmp_path_factory.mktemp("merged")) as opened:
        opened.post("/products", {"key": "tide", "title": "Tide"})
        for key in ("bob", "bob2"):
            opened.post("/people", {"key": key, "name": "Bob Lee", "identifiers": [f"{key}@example.org"]})
        opened.post("/people/bob2/merge", {"into": "person:bob"})
        yield opened


@pytest.mark.parametrize("name", ["Bob Lee", "bob lee", "bob2", "bob2@example.org", "bob"])
def test_a_name_of_merged_people_means_the_person_who_is_kept(merged, name):
    """All names and keys of merged people are those of one person."""
    words = ("--product", "tide", "--decision", "Yes.", "--why", "No.", "--accountable", name, "--json")

    receipt = json.loads(run_command(merged, "record", "Bob", *words).stdout)

    event = merged.log.entry(receipt["position"]).event
    assert event.accountable == "person:bob"


def test_an_administrator_names_merged_people_as_one(merged):
    """A command on the files of a log finds the person who is kept, too, by a name or a key."""
    names = ("Bob Lee", "bob2@example.org", "bob2", "bob")
    assert {find_person(merged.log, name) for name in names} == {"person:bob"}
    assert call_holder(merged.log, "person:bob") == "Bob Lee"
