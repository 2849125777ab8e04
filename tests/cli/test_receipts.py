"""What a command says was recorded."""

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
