"""Importing from the command line, on real history."""

import json
from pathlib import Path
from typing import Any

import pytest
from support_serving import run, serving

ROOT = Path(__file__).parents[2]
CORPORA = ROOT.parent / "shared" / "corpora"
KEPS = (str(CORPORA / "keps_before_2023-01-01.jsonl"), "--mapping", str(ROOT / "examples" / "mappings" / "keps.toml"))


def test_a_dry_run_says_what_would_happen(tmp_path):
    """A dry run reports on every line, and leaves nothing behind."""
    done = run(tmp_path / "data", "import", "changes", *KEPS, "--dry-run", "--json")

    report = json.loads(done.stdout)
    assert (report["dry_run"], report["applied"], report["refused"]) == (True, report["lines"] - 2, [])
    assert [remark["line"] for remark in report["not_placed"]] == ["2105", "2196"]
    assert not (tmp_path / "data").exists()


def reported(data: Path) -> dict[str, Any]:
    done = run(data, "import", "changes", *KEPS, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_through_a_server(tmp_path):
    """What is imported beside a server is there when it is done; the same file without a server changes nothing."""
    with serving(tmp_path):
        first = reported(tmp_path)
    again = reported(tmp_path)

    assert (first["applied"], first["refused"]) == (first["lines"] - 2, [])
    assert (again["applied"], again["already_there"]) == (0, first["applied"])
    assert again["position"] == first["position"]


@pytest.mark.parametrize(("mapping", "said"), [("tea = 1", "tea"), ("= tea", "mapping.toml"), ("", "mapping.toml")])
def test_a_mapping_out_of_order(tmp_path, mapping, said):
    """A mapping that cannot be read or understood is refused before anything is written, naming what is wrong."""
    (tmp_path / "mapping.toml").write_text(mapping, encoding="utf-8")

    done = run(tmp_path / "data", "import", "changes", KEPS[0], "--mapping", str(tmp_path / "mapping.toml"))

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
