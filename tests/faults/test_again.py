"""Sent again is not done again."""

from contextlib import nullcontext
from random import Random

import pytest

from tests.faults.again import KEYLESS, again
from tests.faults.kill import Place
from tests.support_postgresql import fresh_schema


@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
def test_every_command_over_a_kill_has_one_effect_and_one_answer(tmp_path, on):
    """Every command, sent one to five times with one key over kills of its server, is recorded once and answered alike."""
    with fresh_schema() if on == "postgresql" else nullcontext("") as store:
        caller, wrong = again(Place(tmp_path, store), 1, Random(1))

    assert wrong == []
    assert caller.kills == 1
    assert any(len(answers) > 1 for answers in caller.answers.values())


def test_a_server_that_keeps_no_keys_is_caught(tmp_path):
    """Where no answer is kept under its key, what is sent again is refused, or done again."""
    with pytest.raises(AssertionError, match="already-exists"):
        again(Place(tmp_path), 0, Random(1), KEYLESS)
