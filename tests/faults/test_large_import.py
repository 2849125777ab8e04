"""A file is imported in constant memory, and an import that was killed goes on where it stopped."""

import pytest

from tests.faults import large_import
from tests.faults.large_import import WRONG, import_and_check, write_file


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "http"])
def test_a_killed_import_goes_on_where_it_stopped(tmp_path, monkeypatch, kind):
    """After a kill, the same command imports the rest: each line is in the log once, on every kind of log."""
    monkeypatch.setattr(large_import, "RECORDS", 50)
    file = write_file(tmp_path, 1_000_000, seed=1)

    found = list(import_and_check(file, tmp_path, kind))

    assert [line for line in found if line.startswith(WRONG)] == []
    assert len(found) == 2
