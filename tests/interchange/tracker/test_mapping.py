"""A mapping is validated before anything is imported, and all of its keys are documented."""

import re
from pathlib import Path

import pytest

from interchange.tracker.mapping import (
    Columns,
    LineKinds,
    Mapping,
    MappingError,
    PeopleTable,
    PersonTable,
    Product,
    ReleasesTable,
    SubjectTable,
    load_mapping,
    parse_mapping,
)
from interchange.value_parsers import FieldRule
from tests.interchange.tracker.support import EXAMPLE, MAPPINGS, example

HOWTO = Path(__file__).parents[3] / "docs" / "how-to" / "import-a-tracker.md"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('system = "tracker"', "", "system: "),
        ('system = "tracker"', 'system = "tracker"\nsistem = 1', "sistem: no such field"),
        ('when = "when"', "when = 1", "columns.when: "),
        ('when = "when"', f'when = "times[{"9" * 5_000}]"', "columns.when: an index in a path has at most 9 digits"),
        ('key = "shop"', 'key = "The Shop"', "product.key: a key has"),
        ("team = '(team-[a-z]+)'", "team = '(team'", "people.team: is not a regular expression"),
        ("pattern = 'v?([0-9.]+)'", "pattern = 'v'", "releases.pattern: needs a group"),
        ("pattern = 'v?([0-9.]+)'", "", "subject.1.fields.aim.as: to read releases"),
        ('as = "mapped"', 'as = "mappings"', "subject.0.fields.state.as: "),
        ('done = "accepted"', 'done = "finished"', "subject.0.fields.state.values: the status of a decision is one of"),
        ('field = "role.accountable"', 'field = "Role"', "subject.0.fields.owners.field: 'Role' is not a field name"),
        ('field = "blocks"', 'field = "blocks.*"', "subject.0.fields.blocks.field: must contain `*` if"),
        ('as = "people"', 'as = "mapped"', "subject.0.fields.owners.values: a table of values is required"),
        (
            'kind = "decision"',
            'kind = "decision"\ncreated_by = "state"',
            "subject.0.created_by: every record becomes the first subject",
        ),
        ('kind = "decision"', 'kind = "decision"\nlink = "x"', "subject.0.link: the other subjects"),
        ('kind = "feature"', 'kind = "decision"', "subject: a record can become only one subject of a kind"),
        ('kind = "feature"', 'kind = "goal"', "subject.1.kind: "),
        ("[[subject]]", '[[person]]\nname = "ann arbor"\n[[subject]]', "person.1: 'ann arbor' is already in person.0"),
        ('empty_values = ["TBD"]', 'empty_values = "TBD"', "empty_values: must be a list"),
        ("handle = '@?([a-z]+)'", "display_as = 'x'", "people.display_as: must contain `{}` once"),
        ("[product]", "[product", "this is not TOML: "),
    ],
)
def test_an_error_names_its_key(old, new, named):
    """An error names the key in the file and how to fix it."""
    assert old in EXAMPLE

    with pytest.raises(MappingError, match=re.escape(named)):
        parse_mapping(EXAMPLE.replace(old, new, 1))


def test_all_errors_are_reported():
    """Two errors are reported in two lines."""
    text = EXAMPLE.replace('done = "accepted"', 'done = "finished"').replace('field = "blocks"', 'field = "B"')

    with pytest.raises(MappingError) as told:
        parse_mapping(text)

    assert len(str(told.value).splitlines()) == 2


def test_an_error_names_its_file(tmp_path):
    """An error names the mapping file."""
    path = tmp_path / "mine.toml"
    path.write_text("x = 1")

    with pytest.raises(MappingError, match=r"mine\.toml: "):
        load_mapping(path)


def test_the_most_specific_rule_applies():
    """A field's own rule applies first, then that of the longest prefix, with the star replaced."""
    subject = example(
        EXAMPLE
        + '[subject.fields."aim.*"]\nfield = "target.*"\nas = "release"\n'
        + '[subject.fields."aim.old.*"]\nfield = "x.old_*"\n'
        + '[subject.fields."aim.old.one"]\nfield = "first"\n'
    ).subject[1]

    found = {name: subject.find_rule(name) for name in ("aim.Beta 2", "aim.old.two", "aim.old.one", "aims")}

    assert {name: rule and rule.field for name, rule in found.items()} == {
        "aim.Beta 2": "target.beta_2",
        "aim.old.two": "x.old_two",
        "aim.old.one": "first",
        "aims": None,
    }


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_example_mappings_are_valid(path):
    """Each example mapping can be loaded."""
    assert load_mapping(path).system == path.stem


@pytest.mark.parametrize(
    "part", [Mapping, Product, Columns, LineKinds, ReleasesTable, PeopleTable, PersonTable, SubjectTable, FieldRule]
)
def test_every_key_is_documented(part):
    """The guide describes every key of a mapping."""
    guide = HOWTO.read_text(encoding="utf-8")

    keys = [info.alias or name for name, info in part.model_fields.items()]

    assert [key for key in keys if not re.search(rf"`(?:[a-z]+\.|\[+)?{key}\]*`", guide)] == []


def test_the_mapping_in_the_guide_is_valid():
    """The mapping in the guide can be parsed."""
    (shown,) = re.findall(r"```toml tracker\.toml\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)

    assert parse_mapping(shown).system == "tracker"


def test_the_code_knows_no_example():
    """Only the mapping files know PEPs and KEPs."""
    code = Path(__file__).parents[3] / "interchange"

    for path in code.rglob("*.py"):
        assert not re.search(r"\b(pep|kep|sig|prr)s?\b", path.read_text(encoding="utf-8"), re.IGNORECASE), path
