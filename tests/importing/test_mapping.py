"""A mapping file is checked before anything is read, and everything it can say is documented."""

import re
from pathlib import Path

import pytest

from interchange.tracker.mapping import (
    Columns,
    Kinds,
    Mapping,
    MappingError,
    People,
    Product,
    Releases,
    Rule,
    Someone,
    Subject,
    load_mapping,
    parse_mapping,
)  # fmt: skip
from tests.importing.support import EXAMPLE, MAPPINGS, example

HOWTO = Path(__file__).parents[2] / "docs" / "how-to" / "import-a-tracker.md"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('system = "tracker"', "", "system: "),
        ('system = "tracker"', 'system = "tracker"\nsistem = 1', "sistem: there is no such"),
        ('when = "when"', "when = 1", "columns.when: "),
        ('key = "shop"', 'key = "The Shop"', "product.key: a key is"),
        ("team = '(team-[a-z]+)'", "team = '(team'", "people.team: is no regular expression"),
        ("pattern = 'v?([0-9.]+)'", "pattern = 'v'", "releases.pattern: needs a group"),
        ("pattern = 'v?([0-9.]+)'", "", "subject.1.fields.aim.as: to read releases"),
        ('as = "words"', 'as = "wrods"', "subject.0.fields.state.as: "),
        ('done = "accepted"', 'done = "finished"', "subject.0.fields.state.words: a status of a decision is one of"),
        ('cell = "role.accountable"', 'cell = "Role"', "subject.0.fields.owners.cell: 'Role' is no name"),
        ('cell = "blocks"', 'cell = "blocks.*"', "subject.0.fields.blocks.cell: a field that ends in `*`"),
        ('as = "people"', 'as = "words"', "subject.0.fields.owners.words: a table of words is needed"),
        ('kind = "decision"', 'kind = "decision"\nwhen = "state"', "subject.0.when: the first subject"),
        ('kind = "decision"', 'kind = "decision"\nlink = "x"', "subject.0.link: the first subject"),
        ('kind = "feature"', 'kind = "decision"', "subject: a record can become one subject of a kind"),
        ('kind = "feature"', 'kind = "goal"', "subject.1.kind: "),
        ("[[subject]]", '[[person]]\nname = "ann arbor"\n[[subject]]', "person.1: 'ann arbor' is in person.0 already"),
        ('nothing = ["TBD"]', 'nothing = "TBD"', "nothing: must be a list"),
        ("handle = '@?([a-z]+)'", "show = 'x'", "people.show: needs `{}` once"),
        ("[product]", "[product", "this is not TOML: "),
    ],
)
def test_what_is_wrong_is_named_by_its_key(old, new, named):
    """Each fault is told with the key that stands in the file and what would be right."""
    assert old in EXAMPLE

    with pytest.raises(MappingError, match=re.escape(named)):
        parse_mapping(EXAMPLE.replace(old, new, 1))


def test_all_that_is_wrong_is_told_at_once():
    """Two faults are two lines."""
    text = EXAMPLE.replace('done = "accepted"', 'done = "finished"').replace('cell = "blocks"', 'cell = "B"')

    with pytest.raises(MappingError) as told:
        parse_mapping(text)

    assert len(str(told.value).splitlines()) == 2


def test_the_file_is_named_where_it_is_wrong(tmp_path):
    """Whoever imports with several mappings hears which of them is meant."""
    path = tmp_path / "mine.toml"
    path.write_text("x = 1")

    with pytest.raises(MappingError, match=r"mine\.toml: "):
        load_mapping(path)


def test_a_field_is_read_by_its_own_rule_before_that_of_a_prefix():
    """The longest prefix wins, and the rest of the field's name goes where the star is, in letters of a cell."""
    subject = example(
        EXAMPLE
        + '[subject.fields."aim.*"]\ncell = "target.*"\nas = "release"\n'
        + '[subject.fields."aim.old.*"]\ncell = "x.old_*"\n'
        + '[subject.fields."aim.old.one"]\ncell = "first"\n'
    ).subject[1]

    found = {name: subject.rule(name) for name in ("aim.Beta 2", "aim.old.two", "aim.old.one", "aims")}

    assert {name: rule and rule.cell for name, rule in found.items()} == {
        "aim.Beta 2": "target.beta_2",
        "aim.old.two": "x.old_two",
        "aim.old.one": "first",
        "aims": None,
    }


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_mappings_that_are_shipped_are_in_order(path):
    """Each example can be loaded."""
    assert load_mapping(path).system == path.stem


@pytest.mark.parametrize("part", [Mapping, Product, Columns, Kinds, Releases, People, Someone, Subject, Rule])
def test_every_key_is_documented(part):
    """A stranger can map a tracker by the guide alone: it speaks of every key there is."""
    guide = HOWTO.read_text(encoding="utf-8")

    keys = [info.alias or name for name, info in part.model_fields.items()]

    assert [key for key in keys if not re.search(rf"`(?:[a-z]+\.|\[+)?{key}\]*`", guide)] == []


def test_the_mapping_in_the_guide_works():
    """What the guide shows can be copied."""
    (shown,) = re.findall(r"```toml tracker\.toml\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)

    assert parse_mapping(shown).system == "tracker"


def test_nothing_of_the_examples_is_in_the_code():
    """PEPs and KEPs are known to the mapping files alone."""
    code = Path(__file__).parents[2] / "consumers"

    for path in code.rglob("*.py"):
        assert not re.search(r"\b(pep|kep|sig|prr)s?\b", path.read_text(encoding="utf-8"), re.IGNORECASE), path
