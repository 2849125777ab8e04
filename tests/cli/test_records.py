"""Decision records from the command line."""

import json
from pathlib import Path

import pytest

from tests.support_serving import forked_server, run

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "adr-alphagov-govuk-aws"
RECORD = "# 1. One\n\n## Status\n\nAccepted\n\n## Context\n\nC.\n"


def test_in_and_out(tmp_path):
    """Records are imported through a running server as a dry run predicts, and once: without it, they exist already. They go out as files, by
    the names they had.
    """
    words = ("import", "nygard", "--yes", str(CORPUS), "--product", "govuk")
    with forked_server(tmp_path / "data"):
        dry, first = (
            json.loads(run(tmp_path / "data", *words, *more).stdout) for more in (("--dry-run", "--json"), ("--json",))
        )
        out = run(tmp_path / "data", "export", "madr", str(tmp_path / "out"), "--product", "govuk")
    again = run(tmp_path / "data", *words)

    assert (dry["imported"], first["imported"]) == (106, 106)
    assert again.stdout.startswith(
        "Records of adr-alphagov-govuk-aws, product:govuk\n145 versions: 0 imported, 145 unchanged"
    )
    assert out.stderr.splitlines()[-1] == f"Exported 38 decisions to {tmp_path / 'out'}"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in CORPUS.glob("*.md")}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log with one record in it, imported without a product from the folder `adr` next to it. It is only read."""
    above = tmp_path_factory.mktemp("log")
    folder = above / "adr"
    folder.mkdir()
    (folder / "0001-one.md").write_text(RECORD, encoding="utf-8")
    done = run(above / "data", "import", "madr", "--yes", str(folder), "--system", "ours")
    assert done.stdout.startswith("Records of ours\n1 version: 1 imported")
    return above / "data"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "madr", "--yes", "adr", "--product", "No Key"), "--product"),
        (("import", "madr", "--yes", "nowhere"), "does not exist"),
        (("export", "madr", "adr"), "is not empty"),
        (("export", "madr", "new", "--product", "shop"), "No product 'shop'"),
        (("export", "--people", "madr", "new"), "apply only to"),
    ],
)
def test_what_cannot_be_done(log, monkeypatch, words, said):
    """What is asked for and cannot be is said in a sentence, and nothing is written."""
    monkeypatch.chdir(log.parent)

    done = run(log, *words)

    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2)
    assert not Path("new").exists()


def test_the_directory_may_be_named_before(log, tmp_path):
    """`--data` is heard before `madr` and after it."""
    words = [
        ("export", "--data", str(log), "madr", str(tmp_path / "a")),
        ("export", "madr", str(tmp_path / "b"), "--data", str(log)),
    ]

    done = [run(tmp_path / "elsewhere", *each) for each in words]

    assert [one.returncode for one in done] == [0, 0]
    assert (tmp_path / "a" / "0001-one.md").read_text() == (tmp_path / "b" / "0001-one.md").read_text()


def test_a_log_that_was_never_begun(tmp_path):
    """There is nothing to export where there is no log, and that is said."""
    done = run(tmp_path / "data", "export", "madr", str(tmp_path / "out"))

    assert done.returncode == 1
    assert "No log in" in done.stderr
