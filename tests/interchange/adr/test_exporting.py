"""Decisions from the log are exported as MADR 4."""

import asyncio

import pytest

from domain.any_subject import RemoveSubject, SetAliases, SetAttribute
from domain.decision_messages import Option, RecordDecision, ReverseDecision
from domain.people import RegisterPerson
from domain.product import DefineProduct
from eventlog.entry import Caller, Transaction
from interchange.adr import export_records
from tests.interchange.adr.madr import faults_of
from tests.interchange.adr.support import LATER, a_log, bring_in, cells, decisions, find_alias, put, write_out

ANN = Caller("person:ann", "token", "cli")
WHOLE = RecordDecision(
    key="cards",
    title="Sell gift cards",
    decision="We sell them.",
    why="People ask.",
    accountable="Ann Arbor",
    deciders=("Ann Arbor",),
    context="Shops\nsell cards.",
    option="Sell",
    products=("product:shop",),
    options=(
        Option(title="Sell", pros=("Money",), cons=("Work\nand more",), cost="5 days"),
        Option(title="Wait"),
    ),
    constraints=("GDPR",),
    evidence=("Ten letters",),
    assumptions=("They stay",),
    expected="* Good, because of money.",
)


@pytest.fixture
def log(tmp_path):
    with a_log(tmp_path / "log") as log:
        tell(log, RegisterPerson(key="ann", name="Ann Arbor"), DefineProduct(key="shop", title="Shop"))
        yield log


def tell(log, *commands):
    asyncio.run(log.execute(Transaction(commands, ANN)))


def texts(log, **options):
    return {one.subject: one.text for one in export_records(log, LATER + 10**9, **options)}


def test_a_complete_decision(log):
    """Every part of a decision is exported to its section in MADR 4."""
    tell(log, WHOLE)

    text = texts(log)["decision:cards"]

    assert faults_of(text) == []
    assert text == (
        "---\nstatus: accepted\ndate: 2027-01-15\ndecision-makers: Ann Arbor\naccountable: Ann Arbor\n"
        "subject: decision:cards\n---\n\n# Sell gift cards\n\n"
        "## Context and Problem Statement\n\nShops\nsell cards.\n\n"
        "## Decision Drivers\n\n* GDPR\n\n## Considered Options\n\n* Sell\n* Wait\n\n"
        '## Decision Outcome\n\nChosen option: "Sell".\n\nWe sell them.\n\nBecause: People ask.\n\n'
        "### Consequences\n\n* Good, because of money.\n\n"
        "## Pros and Cons of the Options\n\n### Sell\n\n* Good, because Money\n* Neutral, because of its cost: 5 days\n"
        "* Bad, because Work\n  and more\n\n"
        "## More Information\n\n### Evidence\n\n* Ten letters\n\n### Assumptions\n\n* They stay\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("# Sell gift cards\n", "## Sell gift cards\n", "no front matter and title"),
        ("* GDPR", "- GDPR", "a list that does not begin with an asterisk: - GDPR"),
        ("## Decision Drivers\n\n", "## Decision Drivers\n", "no blank line around ## Decision Drivers"),
        ("## Considered Options", "## Options", "no ## Considered Options"),
        ("status: accepted\n", "", "no status"),
        ("### Sell", "##### Sell", "a level left out"),
        ("We sell them.\n", "We sell them. \n", "spaces at the end of We sell them. "),
    ],
)
def test_the_format_check_detects_errors(log, before, after, fault):
    """The check of the format detects each kind of error."""
    tell(log, WHOLE)
    text = texts(log)["decision:cards"]

    assert before in text
    assert fault in faults_of(text.replace(before, after, 1))


def test_superseded_and_reversed_decisions(log):
    """A superseded decision links to its successor, and a reversed one is deprecated."""
    tell(log, WHOLE)
    tell(log, WHOLE.model_copy(update={"key": "new", "title": "Stop", "supersedes": ("decision:cards",)}))
    tell(log, ReverseDecision(subject="decision:new", why="Wrong."))

    text = texts(log)

    assert "\nstatus: superseded by [0002-stop](0002-stop.md)\n" in text["decision:cards"]
    assert "\nstatus: deprecated\n" in text["decision:new"]


def test_what_is_not_exported(log, tmp_path):
    """The export names fields that MADR cannot express, and omits removed decisions and those of other products."""
    tell(log, WHOLE.model_copy(update={"tags": ("money",)}))
    tell(log, WHOLE.model_copy(update={"key": "elsewhere", "products": ()}))
    tell(log, WHOLE.model_copy(update={"key": "struck"}), RemoveSubject(subject="decision:struck", why="A test."))

    noticed = write_out(log, tmp_path / "out", product="shop")

    assert noticed == {"0001-sell-gift-cards": ("MADR cannot express kind, tags",)}
    assert list(texts(log)) == ["decision:cards", "decision:elsewhere"]


def test_file_names(log, tmp_path):
    """An imported record keeps its file name, others are numbered after it, and no name leaves the folder."""
    bring_in(put(tmp_path / "adr", r0041_one="# One\n"), log)
    tell(log, WHOLE.model_copy(update={"title": "../../etc/passwd"}))
    tell(log, SetAliases(subject="decision:cards", aliases=("../../0001-x",)))

    assert sorted(write_out(log, tmp_path / "out")) == ["0041-one", "0042-etc-passwd"]


def test_texts_with_headings(log, tmp_path):
    """A text with headings of its own is exported unchanged, with a warning."""
    tell(log, WHOLE.model_copy(update={"context": "Why?\n\n## Decision Outcome\n\nNone."}))

    noticed = write_out(log, tmp_path / "out")

    assert any(
        "an import of this file would change" in what and "context" in what for what in noticed["0001-sell-gift-cards"]
    )


def test_an_exported_decision_keeps_its_id(log, tmp_path):
    """An exported decision is imported into another log under its id, with attributes, people and texts."""
    tell(log, WHOLE, SetAttribute(subject="decision:cards", name="budget", value="5 of 7: enough"))
    write_out(log, tmp_path / "out")

    with a_log(tmp_path / "other") as other:
        bring_in(tmp_path / "out", other)
        held = cells(other, "decision:cards")

        assert decisions(other) == [find_alias(other, "0001-sell-gift-cards")] == ["decision:cards"]
        assert held["deciders"] == held["role.accountable"] == (["ann arbor"], None)
        assert held["x.budget"] == ("5 of 7: enough", None)
        assert held["status"] == ("accepted", None)
