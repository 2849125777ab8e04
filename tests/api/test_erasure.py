"""What somebody wrote can be forgotten everywhere, and every proof still holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.catalog import COMMANDS
from domain.examples import examples_for
from domain.messages import replace_strings, string_paths
from domain.values import ERASED, StringKind
from tests.support_log import EmptyService


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[EmptyService]:
    with EmptyService(tmp_path) as opened:
        yield opened


class Canaries:
    """Puts a word that stands nowhere else into every text of a command."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def put_into(self, example: dict[str, Any]) -> dict[str, Any]:
        example = {"note": "n", "references": [{"id": "r"}], **example}
        for path in string_paths(COMMANDS[example["type"]], StringKind.TEXT):
            if path[0] in ("name", "identifiers"):
                continue  # names go to the directory, which forgets in its own way
            example = replace_strings(example, path, self._next)
        return example

    def _next(self, _: str) -> str:
        self.sent.append(f"canary{len(self.sent):04}xyzzy")
        return self.sent[-1]


@pytest.fixture
def texts(empty: EmptyService) -> list[str]:
    """All acts of Ann's, with a canary in every text of every command."""
    canaries = Canaries()
    examples = [
        each
        for each in examples_for(empty.log.id)
        if each["type"] not in ("RecordPersonLeft", "DisbandTeam", "EraseTexts")
    ]
    for example in examples:
        body = canaries.put_into(example)
        headers = {"Idempotency-Key": f"key-{example['type']}-{example.get('key', '')}"}
        if example["type"] == "ReviseDecision":
            headers["If-Match"] = f'"{empty.log.state(example["subject"]).version}"'
        response = empty.client.post("/v1/commands", json=body, headers=headers)
        assert response.status_code in (200, 201), (example, response.text)
    assert len(canaries.sent) >= 50
    return canaries.sent


def _find(canaries: list[str], data: bytes) -> list[str]:
    lowered = data.lower()
    return [canary for canary in canaries if canary.encode() in lowered]


def _everything(empty: EmptyService) -> bytes:
    """Every byte that the server stores or returns: all files, the export, every event and every field."""
    empty.get("/fields")
    empty.log.checkpoint_and_vacuum()
    while not empty.model.scrub():  # a reader, or the runner that does the same, may be in its way
        time.sleep(0.01)
    files = b"".join(file.read_bytes() for file in sorted(empty.folder.iterdir()) if file.is_file())
    out = [
        empty.client.get(path, params={"limit": 10_000}).content
        for path in ("/v1/log/entries", "/v1/audit", "/v1/fields", "/v1/fields/history")
    ]
    return files + b"".join(out)


def test_what_a_person_wrote_is_in_no_byte_once_it_is_forgotten(empty: EmptyService, texts: list[str]) -> None:
    """Fifty canaries and more, in every text field there is, are gone from files, read models and exports."""
    assert set(_find(texts, _everything(empty))) == set(texts)
    leaves = [raw.leaf for raw in empty.log.raw(0, 10_000)]
    positions = [row["position"] for row in empty.rows("/audit", by="person:ann", limit=10_000)]

    response = empty.post("/log/erase", {"positions": positions})

    assert response.status_code == 200, response.text
    assert _find(texts, _everything(empty)) == []
    assert [raw.leaf for raw in empty.log.raw(0, 10_000)][: len(leaves)] == leaves
    assert empty.log.verify() is None


def test_what_is_forgotten_leaves_the_files_of_a_running_log(empty: EmptyService, texts: list[str]) -> None:
    """Soon after, without anybody's doing, no file of the log holds a forgotten text or name, not even the journal."""
    positions = [row["position"] for row in empty.rows("/audit", limit=10_000)]

    empty.post("/log/erase", {"positions": positions})
    empty.client.delete("/v1/people/bob/names")

    deadline = time.monotonic() + 120
    files = [file for file in empty.folder.iterdir() if file.name.startswith("log.")]
    while time.monotonic() < deadline:
        found = _find([*texts, "bob tea"], b"".join(file.read_bytes() for file in files))
        if not found:
            break
        time.sleep(0.05)
    assert found == []


def test_where_words_were_it_says_so(empty: EmptyService, texts: list[str]) -> None:
    """Cells, history and audit trail show `[erased]`, and all that is no text is as before."""
    before = {(row["subject"], row["field"]): row["value"] for row in empty.rows("/fields", include_removed="true")}
    positions = [row["position"] for row in empty.rows("/audit", limit=10_000)]

    empty.post("/log/erase", {"positions": positions})

    after = {(row["subject"], row["field"]): row["value"] for row in empty.rows("/fields", include_removed="true")}
    assert after.keys() == before.keys()
    assert after["product:shop", "title"] == ERASED
    assert after["product:shop", "status"] == before["product:shop", "status"]
    assert empty.rows("/search", text="canary0001xyzzy") == []
    notes = {row.get("note") for row in empty.rows("/audit", limit=10_000) if row["position"] in positions}
    assert notes <= {ERASED, None}


def test_a_rebuild_after_forgetting_comes_to_the_same(empty: EmptyService, texts: list[str]) -> None:
    """The read model after an erasure and one rebuilt from what is left are equal row for row."""
    from projections.read_model.model import content_hash
    from projections.read_model.rebuild import rebuild

    positions = [row["position"] for row in empty.rows("/audit", limit=10_000)][::2]
    empty.post("/log/erase", {"positions": positions})
    empty.get("/fields")
    followed = content_hash(empty.model)

    rebuild(empty.log, empty.model)

    assert content_hash(empty.model) == followed


def test_a_forgotten_key_still_answers_but_reveals_nothing(empty: EmptyService, texts: list[str]) -> None:
    """The answer under an idempotency key is the same as before; its salted hash can no longer confirm a guess."""
    body = {"type": "RegisterTeam", "key": "later", "title": "secretplan"}
    first = empty.client.post("/v1/commands", json=body, headers={"Idempotency-Key": "k"}).json()

    empty.post("/log/erase", {"positions": [first["position"]]})

    again = empty.client.post("/v1/commands", json=body, headers={"Idempotency-Key": "k"}).json()
    guess = empty.client.post("/v1/commands", json={**body, "title": "wrong"}, headers={"Idempotency-Key": "k"}).json()
    assert again["recorded"] == first["recorded"] == guess["recorded"]


def test_a_persons_names_are_forgotten_and_the_id_stays(empty: EmptyService, texts: list[str]) -> None:
    """The id has no name any more; what it did and holds is still there."""
    assert empty.client.get("/v1/people", params={"name": "Bob Tea"}).json()["rows"]

    response = empty.client.delete("/v1/people/bob/names")

    assert response.json() == {"id": "person:bob", "name": None, "spellings": []}
    assert empty.client.get("/v1/people", params={"name": "Bob Tea"}).json()["rows"] == []
    assert _find(["bob tea"], _everything(empty)) == []
