"""The example in docs/how-to/write-a-projection.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventlog.entry import Caller
from tests.eventlog.support import do, open_log, where

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-projection.md"
DECISION = {"type": "RecordDecision", "decision": "Yes.", "why": "Guests ask.", "accountable": "person:ann"}


def test_the_example_counts_decisions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example reads the log that a server has open, and counts each decision once."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    with open_log(tmp_path) as log:
        for person in ("ann", "bea"):
            do(log, {"type": "RegisterPerson", "key": person, "name": person.title()})
        for n, person in enumerate(["ann", "bea", "ann"]):
            do(
                log,
                {**DECISION, "key": f"d{n}", "title": f"D{n}"},
                caller=Caller(f"person:{person}", "token-1", "http"),
            )
        code = example.replace('Path("data") / "log.sqlite3"', f"Path({str(where(tmp_path))!r})")
        exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})

    assert sorted(capsys.readouterr().out.splitlines()) == ["person:ann 2", "person:bea 1"]
