"""The verb of each type of event, as sentences and receipts say it."""

import re

import pytest

from api.pages.verbs import verb_of
from cli.receipts import past_tense
from domain.catalog import EVENTS
from domain.errors import format_alternatives
from projections.queries.suggestions import similar_names

PARTICIPLES = re.compile(r"\b(begun|broken|chosen|drawn|given|shown|taken|withdrawn|written)\b")


@pytest.mark.parametrize("name", EVENTS)
def test_a_verb_is_in_the_past_tense(name):
    """The verb of an event follows a person's name: "Ann withdrew", and never "Ann withdrawn"."""
    assert not PARTICIPLES.search(verb_of(name))


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("EvidenceWithdrawn.v1", "withdrew"),
        ("SignInLinkCreated.v1", "created a sign-in link for"),
        ("AccountDisconnected.v1", "disconnected a sign-in account from"),
    ],
)
def test_an_event_about_a_person_names_what_was_done(name, verb):
    """A person is not created or connected: the verb names the link or the account."""
    assert verb_of(name) == verb


def test_a_receipt_of_a_target_says_that_it_was_set():
    """A feature that gets a target was not moved."""
    assert past_tense("MilestoneTargeted.v1") == "set the target of"


@pytest.mark.parametrize(("names", "text"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_alternatives_read_as_a_sentence(names, text):
    """Only the last two alternatives are separated by "or"."""
    assert format_alternatives(names) == text


@pytest.mark.parametrize(
    ("typed", "found"),
    [("grace", ["Grace Hopper"]), ("hop", ["Grace Hopper"]), ("Grace Hoper", ["Grace Hopper"]), ("Xu", []), ("", [])],
)
def test_the_beginning_of_a_name_is_enough_for_a_suggestion(typed, found):
    """A name is suggested if it is similar, or else if one of its words begins as typed."""
    assert similar_names(typed, ["Grace Hopper", "Ada Lovelace"]) == found
