"""The programs in the documentation that check an exported log and an inclusion proof without this software."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eventlog.canonical import canonical
from eventlog.checkpoint import Checkpoint
from eventlog.inclusion import find_inclusion_path, root_of_path
from eventlog.merkle import append_leaves, leaf_hash, root

PAGE = Path(__file__).parents[2] / "docs" / "explanations" / "merkle-tree-and-proofs.md"
CHECK_LOG, CHECK_PROOF = re.findall(
    r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
ENTRIES = [canonical({"position": position}) for position in range(1, 626)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


@pytest.mark.parametrize(("position", "size"), [(1, 1), (1, 2), (3, 3), (16, 21), (16, 625), (512, 625), (625, 625)])
def test_the_documented_program_accepts_a_proof_of_any_entry(monkeypatch, tmp_path, capsys, position, size):
    """It prints the position, the size and the root."""
    monkeypatch.chdir(tmp_path)

    _check_proof(_prove(position, size))

    assert capsys.readouterr().out.startswith(f"entry {position} is in the log of {size} entries whose root is ")


@pytest.mark.parametrize(
    "forged",
    [
        {"position": 16},
        {"position": 16, "entry": b64encode(canonical({"position": 16})).decode()},
        {"position": 624},
        {"position": 626},
        {"position": 0},
        {"size": 624},
        {"size": 626},
        {"size": 1250},
        {"size": 9},
        {"path": []},
        {"entry": b64encode(ENTRIES[0]).decode()},
        {"root": "00" * 32},
    ],
)
def test_the_documented_program_refuses_a_forged_proof(monkeypatch, tmp_path, forged):
    """Of the last entry, whose path is shorter than others: another position, size, path, entry or root."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(AssertionError):
        _check_proof({**_prove(625, 625), **forged})


@pytest.mark.parametrize("change", [lambda path: path[:-1], lambda path: path[1:], lambda path: [*path, path[0]]])
def test_the_documented_program_refuses_a_path_of_another_length(monkeypatch, tmp_path, change):
    """Even if the root is the one that this path leads to."""
    monkeypatch.chdir(tmp_path)
    proof = _prove(16, 21)
    path = change(proof["path"])

    with pytest.raises(AssertionError, match="the path is too"):
        _check_proof({**proof, "path": path})


def test_a_position_inside_the_entry_is_compared(monkeypatch, tmp_path):
    """An entry proves nothing if its position differs from its place in the tree."""
    monkeypatch.chdir(tmp_path)
    entry = canonical({"position": 2})
    proof = {"position": 1, "size": 1, "entry": b64encode(entry).decode(), "path": [], "root": leaf_hash(entry).hex()}

    with pytest.raises(AssertionError, match="another entry"):
        _check_proof(proof)


@pytest.mark.parametrize("people", [[], [{"person": "person:a", "name": "Ada", "spellings": []}]])
def test_the_documented_program_checks_an_export_with_and_without_people(tmp_path, people):
    """It refuses one that was altered."""
    lines: list[dict[str, Any]] = [*people, *({"entry": json.loads(entry)} for entry in ENTRIES[:5])]
    checkpoint = Checkpoint("log:abcdefghjkmnpqrs", 5, root(append_leaves((), 0, LEAVES[:5])))
    (tmp_path / "checkpoint").write_text(str(checkpoint), encoding="utf-8")

    assert _check_log(tmp_path, lines).returncode == 0

    lines[-1]["entry"]["position"] = 6
    assert "the log was altered" in _check_log(tmp_path, lines).stderr


def _prove(position: int, size: int) -> dict[str, Any]:
    path = find_inclusion_path(LEAVES, position - 1, size)
    return {
        "position": position,
        "size": size,
        "entry": b64encode(ENTRIES[position - 1]).decode(),
        "path": [each.hex() for each in path],
        "root": root_of_path(LEAVES[position - 1], position - 1, size, path).hex(),
    }


def _check_proof(proof: Mapping[str, Any]) -> None:
    Path("proof.json").write_text(json.dumps(proof), encoding="utf-8")
    exec(compile(CHECK_PROOF, PAGE.name, "exec"), {})


def _check_log(folder: Path, lines: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    (folder / "log.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
    return subprocess.run([sys.executable, "-c", CHECK_LOG], cwd=folder, capture_output=True, text=True, check=False)
