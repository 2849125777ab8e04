"""A repeated request is not applied twice."""

from contextlib import nullcontext
from random import Random

import pytest

from tests.faults.kill import Place
from tests.faults.retry import WITHOUT_KEYS, retry_all
from tests.support_postgresql import fresh_schema

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
def test_every_command_retried_over_a_kill_is_recorded_once(tmp_path, on):
    """Each command, sent up to five times with one key over kills of the server, is recorded once and answered alike."""
    with fresh_schema() if on == "postgresql" else nullcontext("") as store:
        caller, wrong = retry_all(Place(tmp_path, store), 1, Random(1))

    assert wrong == []
    assert caller.kills == 1
    assert any(len(answers) > 1 for answers in caller.answers.values())


def test_a_server_without_idempotency_records_is_detected(tmp_path):
    """Without idempotency records, a repeated request is refused or applied twice."""
    with pytest.raises(AssertionError, match="already-exists"):
        retry_all(Place(tmp_path), 0, Random(1), WITHOUT_KEYS)
