"""The commands that record: one for each command of the catalog, derived from it."""

import json
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from cli import recording
from cli.command_wording import NOT_TYPED
from cli.errors import CommandFailed
from cli.main import cli
from cli.verb_list import read_verbs
from decisionlog_client import Refused, questions
from domain.catalog import COMMANDS
from domain.examples import EXAMPLES, examples_for
from tests.support_log import EmptyService, LocalService
from tests.support_terminal import around, run_command
from tools.generate_verbs import derive_words


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A product with a decision, a feature, a release and people, two of whom are called alike."""
    with LocalService(tmp_path_factory.mktemp("service")) as opened:
        for name in ("Priya Raman", "Priya Nair", "Bob Tea"):
            opened.person(name)
        opened.post("/products", {"key": "tideline", "title": "Tideline"})
        opened.post("/releases", {"key": "r1", "version": "1.0", "products": ["tideline"]})
        for key, title in (("night-mode", "Night mode"), ("night-watch", "Watch at night"), ("tea", "Tea on deck")):
            opened.post("/features", {"key": key, "title": title, "products": ["tideline"]})
        opened.post(
            "/decisions",
            {
                "key": "tea",
                "title": "Serve tea",
                "decision": "Tea.",
                "why": "Thirst.",
                "accountable": "Ada Lovelace",
                "products": ["tideline"],
            },
        )
        yield opened


def test_a_command_without_words_has_a_verb_too():
    """The verb of a command that is not in the table is the first word of its name, after the kind of its subject."""
    assert derive_words(COMMANDS["ReviewDecision"]).path == "decision review"
    assert derive_words(COMMANDS["RegisterTeam"]).path == "team register"
    assert derive_words(COMMANDS["ChangeTitle"]).path == "subject change-title"


def test_every_command_has_an_example():
    """The example in the help of each command is a command line of it."""
    for path, verb in read_verbs()[1].items():
        assert verb["example"].startswith(f"decisionlog {path}"), path


def test_every_example_works(tmp_path):
    """The examples in help, in the order of the catalog's own, record the events that the catalog's examples record."""
    verbs = {verb["command"]: verb for verb in read_verbs()[1].values()}

    def type_(service, command):
        name = command["type"]
        if name in NOT_TYPED or command not in examples_of(service):
            return send(service, command)
        try:
            answer = run_command(service, *shlex.split(verbs[name]["example"])[1:], "--yes", "--json")
        except (Refused, CommandFailed, click.ClickException) as error:
            return str(error)
        return [each["type"] for each in json.loads(answer.stdout)["recorded"]]

    assert record_examples(tmp_path / "typed", type_) == record_examples(tmp_path / "sent", send)


def examples_of(service):
    """The examples in the catalog's table, without what is recorded between them."""
    return [
        example | ({"subject": service.log.id} if name == "EraseTexts" else {}) for name, example in EXAMPLES.items()
    ]


def record_examples(folder, record):
    """What recording each example of the catalog leads to, in a log of its own."""
    folder.mkdir()
    with EmptyService(folder) as service:
        found = []
        for command in examples_for(service.log.id):
            if command["type"] == "DisbandTeam":
                service.leave()
            found.append((command["type"], record(service, command)))
        return found


def send(service, command):
    """The types of the events that a command leads to over HTTP."""
    subject = command.get("subject")
    expected = {subject: service.log.state(subject).version} if command["type"] == "ReviseDecision" else {}
    answer = service.client.post("/v1/commands", json={"commands": [command], "expected": expected})
    return [each["type"] for each in answer.json()["recorded"]] if answer.is_success else answer.text


def test_a_dry_run_records_nothing(service):
    """A dry run says what would be recorded, and the log is as it was."""
    before = service.log.head().size

    told = run_command(service, "feature", "move", "night-mode", "later", "--dry-run").stdout
    added = run_command(service, "feature", "add", "Fog horn", "--product", "tideline", "--dry-run").stdout

    assert told == "Dry run, nothing recorded: Moved Night mode: later. (FeaturePrioritized)\n"
    assert added == "Dry run, nothing recorded: Added Fog horn. (FeatureProposed)\n"
    assert service.log.head().size == before
    with pytest.raises(Refused):
        run_command(service, "feature", "ship", "night-mode", "--dry-run", "--effective-at", "2020-01-01")


def test_a_receipt_is_a_sentence(service):
    """What was recorded is named by its title, with the id and the position behind it."""
    moved = run_command(service, "feature", "move", "night-mode", "next", "--note", "Harbours ask").stdout
    owned = run_command(service, "owner", "assign", "night-mode", "bob tea").stdout
    target = run_command(service, "feature", "target", "night-mode", "1.0").stdout

    assert re.fullmatch(r"Moved Night mode: next\. \(feature:night-mode, position \d+\)\n", moved)
    assert owned.startswith("Assigned Night mode: Bob Tea. (feature:night-mode, position ")
    assert target.startswith("Set the target of Night mode: 1.0. (feature:night-mode, position ")


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        (("decision", "dissent", "TIDE-1", "--why", "x"), "decision:tea"),
        (("decision", "dissent", "tideline/1", "--why", "x"), "decision:tea"),
        (("decision", "dissent", "serve", "--why", "x"), "decision:tea"),
        (("subject", "alias", "NIGHT MODE", "N-7"), "feature:night-mode"),
        (("feature", "define", "n-7", "Dark."), "feature:night-mode"),
        (("feature", "define", "watch", "Light."), "feature:night-watch"),
        (("owner", "assign", "tideline", "ada lov"), "product:tideline"),
    ],
)
def test_any_name_finds_its_subject(service, words, subject):
    """A number, a key, an alias, a title, or the beginning of one finds the subject."""
    assert json.loads(run_command(service, *words, "--json").stdout)["subject"] == subject


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("feature", "ship", "nigth-mode"), "No feature 'nigth-mode'. Did you mean Night mode (feature:night-mode)"),
        (
            ("feature", "ship", "night"),
            "'night' is ambiguous. Did you mean Night mode (feature:night-mode) or Watch at",
        ),
        (("owner", "assign", "tea", "me"), "'tea' is ambiguous. Did you mean Serve tea (decision:tea) or Tea on deck"),
        (
            ("owner", "hand-over", "night-mode", "Pria Raman"),
            "No person or team 'Pria Raman'. Did you mean Priya Raman",
        ),
        (("owner", "hand-over", "night-mode", "priya"), "'priya' is ambiguous. Did you mean Priya Raman"),
        (
            ("feature", "ship", "zzz"),
            "No feature 'zzz'. There are Night mode (feature:night-mode), Watch at night (feature:night-watch), Tea on deck",
        ),
        (("feature", "ship"), "Missing FEATURE. On a terminal, the command asks for it."),
        (("decision", "reject", "tea"), "Missing --why. On a terminal, the command asks for it."),
        (("decision", "propose", " "), "Invalid TITLE: must not be blank."),
        (("team", "add", "X", "--key", "Y Z"), "Invalid --key: a key has 1 to 100 characters"),
        (("person", "add", "bob  TEA"), "There is already a person of this name: Bob Tea"),
        (
            ("product", "add", "TIDELINE"),
            "There is already a product of this name: Tideline (product:tideline). Add --yes to add another",
        ),
        (("product", "add", "Tideline", "--key", "tideline"), "Tideline (product:tideline) already exists"),
        (("person", "left", "bob"), "Add --yes to confirm."),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(service, words, sentence):
    """A misspelled, ambiguous, missing or invalid value is reported with suggestions, and nothing is recorded."""
    before = service.log.head().size

    with pytest.raises((CommandFailed, Refused), match=re.escape(sentence)):
        run_command(service, *words)

    assert service.log.head().size == before


def test_a_second_product_of_a_name_is_confirmed(service, monkeypatch):
    """On a terminal, a person is asked before a second product of the same name is added."""
    questions_asked = []
    monkeypatch.setattr("cli.asking.is_interactive", lambda: True)
    monkeypatch.setattr("click.confirm", lambda question, **_: questions_asked.append(question))
    before = service.log.head().size

    with pytest.raises(CommandFailed, match="Nothing was recorded"):
        run_command(service, "product", "add", "Tideline")

    assert questions_asked == ["There is already a product of this name: Tideline (product:tideline). Add another?"]
    assert service.log.head().size == before


@pytest.mark.parametrize("given_up", [("subject", "remove"), ("product", "retire")], ids=" ".join)
def test_the_name_of_a_product_that_was_given_up_is_free(service, given_up):
    """The name of a removed or retired product can be used again without a question."""
    key = f"harbor-{given_up[1]}"
    for words in (("product", "add", key, "--key", key), (*given_up, f"product:{key}", "--why", "No ships.", "--yes")):
        run_command(service, *words)

    assert "Added" in run_command(service, "product", "add", key).stdout


def test_a_refusal_names_subjects_by_their_titles(service):
    """The message of a refusal has the title of the subject, next to its id."""
    with pytest.raises(Refused, match=re.escape("Serve tea (decision:tea) is accepted")):
        run_command(service, "decision", "reject", "tea", "--why", "x")


@pytest.mark.parametrize(
    "words", [("feature", "moove"), ("decision", "aprov"), ("decisionz",)], ids=["verb", "verb of a decision", "noun"]
)
def test_a_misspelled_verb_is_suggested(words):
    """An unknown verb or noun is answered with the one that is meant."""
    with pytest.raises(click.UsageError) as wrong:
        CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)

    assert re.search("move|approve|decision", wrong.value.format_message().partition("Did you mean")[2])


def test_the_same_commands_are_in_the_log(service):
    """What the verbs record is found by asking."""
    run_command(service, "feature", "move", "night-mode", "now")
    run_command(service, "feature", "target", "night-mode", "1.0")
    with around(service).client() as log:
        history = log.ask(questions.history("feature:night-mode"))

    assert {"FeaturePrioritized.v1", "MilestoneTargeted.v1"} <= {row["type"] for row in history["rows"]}


def test_help_of_verbs_loads_nothing_heavy():
    """The help of a command that records is shown without the catalog, and without pydantic."""
    code = (
        "import sys; from click.testing import CliRunner; from cli.main import cli;"
        "assert 'HORIZON' in CliRunner().invoke(cli, ['feature', 'move', '--help']).output;"
        "print([name for name in ('pydantic', 'domain.catalog', 'rich', 'httpx2') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("answer", "value"), [("12", 12), ("9" * 5_000, "9" * 5_000), ("²", "²")])
def test_only_a_number_of_the_log_is_read_as_one(answer, value, monkeypatch):
    """What is typed for a whole number and is none is sent as it is, and the log refuses it."""
    monkeypatch.setattr(recording, "ask_text", lambda _heading: answer)

    assert recording._ask_for({"name": "rank", "option": "rank", "type": "integer"}) == value
