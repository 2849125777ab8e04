"""What a command says was recorded."""

import pytest

from cli.error_messages import describe_failure
from cli.errors import CommandFailed
from decisionlog_client import Refused
from tests.support_log import LocalService, quiet_token
from tests.support_terminal import run_command


def test_a_ratification_says_whether_it_counts(tmp_path):
    """The receipt tells what the log judged: the decider's own does not count, and what does not exceed needs none."""
    with LocalService(tmp_path) as opened:
        bo = opened.person("Bo")
        opened.post("/products", {"key": "shop", "title": "Shop", "accountable": opened.ada})
        rule = {"roles": ["accountable"], "cost_limit": {"amount": 100, "currency": "EUR"}}
        opened.post("/products/shop/decision-rights", {"rules": [rule, {"holders": [bo]}]})
        for key, amount in (("tea", 101), ("cake", 9)):
            decision = {"key": key, "title": key, "decision": "D.", "why": "W.", "accountable": opened.ada}
            opened.post("/decisions", {**decision, "products": ["shop"], "cost": {"amount": amount, "currency": "EUR"}})
        by_bo = quiet_token(opened.log, bo, ("read", "write"))

        own, unneeded = (run_command(opened, "decision", "ratify", key).stdout for key in ("tea", "cake"))
        counted = run_command(opened, "decision", "ratify", "tea", token=by_bo).stdout

    assert "This does not count, and the decision still needs ratification: Ada Lovelace decided with their" in own
    assert "The decision did not need it" in unneeded
    assert "It counts: the person who ratified it had the authority to decide it." in counted


def test_a_receipt_says_what_became_of_what(tmp_path):
    """A successor, a day and a new title are not mistaken for what they replace; a version is what a release is called."""
    with LocalService(tmp_path) as opened:
        bo = opened.person("Bo")
        opened.post("/products", {"key": "shop", "title": "Shop", "accountable": opened.ada})
        opened.post("/releases", {"key": "shop-1.0", "version": "1.0", "products": ["shop"]})
        for key in ("tea", "coffee"):
            decision = {"key": key, "title": key.title(), "decision": "D.", "why": "W.", "accountable": opened.ada}
            opened.post("/decisions", {**decision, "products": ["shop"]})
        said = [
            run_command(opened, *words).stdout.partition(" (")[0]
            for words in (
                ("release", "move", "1.0", "2035-03-01"),
                ("decision", "supersede", "tea", "coffee", "--yes"),
                ("owner", "hand-over", "shop", bo),
                ("subject", "rename", "shop", "The shop"),
                ("product", "vision", "shop", "Berths. \u05db\u05dc."),
            )
        ]

    assert said == [
        "Moved 1.0 to 2035-03-01.",
        "Superseded SHOP-1 Tea by Coffee.",
        "Handed over Shop to Bo.",
        "Renamed product:shop to The shop.",
        "Set the vision of The shop: Berths. \u05db\u05dc.",
    ]


def test_a_refusal_names_options_and_the_part_that_is_wrong(tmp_path):
    """A field is named as its option, and of an option with several parts the one that is wrong."""
    with LocalService(tmp_path) as opened:
        opened.post("/products", {"key": "shop", "title": "Shop"})
        opened.post("/goals", {"key": "reach", "title": "Reach", "products": ["shop"], "measure": "M"})
        with pytest.raises(CommandFailed, match=r"Invalid --rule: kindz: no such field\.$"):
            run_command(opened, "product", "rights", "shop", "--rule", '{"kindz": ["feature"]}')
        with pytest.raises(Refused, match=r"give at least one of --measure, --baseline, --target, --unit, --due-on$"):
            run_command(opened, "goal", "revise", "reach")
        with pytest.raises(Refused) as refused:
            run_command(opened, "owner", "revoke-delegation", "shop", "summer")

    assert describe_failure(refused.value)[1].endswith("has no delegation 'summer' in force.")
