"""Whatever people write is shown as text: every text field of every command, on every page, and in every form."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from api.pages.admin_forms import FORMS
from api.pages.command_forms import MOVE, find_form
from api.pages.subject_addresses import subject_path
from domain.catalog import COMMANDS
from domain.examples import examples_for
from domain.messages import Message
from domain.values import Line, Text
from tests.support_log import ALL_SCOPES, LocalService, quiet_token
from tests.support_pages import PageReader

NAUGHTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7*7 }}{% raw %}${7*7}#{7*7}",
    "javascript:alert(1)",
    "</title></textarea></select></style></script><svg onload=alert(1)>",
    "&lt;b&gt; &amp;amp; &#x3c;script&#x3e;",
    "<!-- --><![CDATA[ ]]><b>",
    "\u202eevil\u202c \ufdfa Z\u0332\u035d 田中さん \U0001f469\u200d\U0001f469",
    "a" * 90,
    "decision:x feature:<b>",
)
UNFIT = frozenset({"VoidEntry", "EraseTexts", "IssueReport"})
"""Examples about positions of another log, and one that erases what is tested."""
JUDGED = {"risk": "usable", "answer": "yes", "finding": "Seen."}
MORE_EXAMPLES = (
    {"type": "ProposeDecision", "key": "cake", "title": "Cake", "options": [{"title": "Cake", "findings": [JUDGED]}]},
    {"type": "ReviseDecision", "subject": "decision:cake", "options": [{"title": "Cake", "findings": [JUDGED]}]},
    {
        "type": "RecordDecision",
        "key": "pie",
        "title": "Pie",
        "decision": "Pie.",
        "why": "It is warm.",
        "accountable": "Ann Bee",
        "options": [{"title": "Pie", "findings": [JUDGED]}],
    },
)
LISTS = (
    *("/", "/?view=superior", "/?view=auditor", "/roadmap", "/roadmap?layout=timeline", "/roadmap?layout=table"),
    *("/decisions", "/goals", "/releases", "/people", "/evidence", "/assumptions", "/flags", "/debt", "/outcomes"),
    *(
        "/slips",
        "/meetings",
        "/tasks",
        "/audit",
        "/activity",
        "/search?text=tea",
        "/reports",
        "/reports/shop",
        "/admin",
    ),
    *("/record", "/account", "/access-journal"),
)
ALLOWED_SCRIPTS = ("/static/",)


class Content(HTMLParser):
    """What a browser would make of a page: its text, the values of its fields, and whatever could act."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.texts += given.values()
        if tag in ("img", "b", "iframe", "object", "embed", "style") and not (tag == "b" and not given):
            self.active.append(self.get_starttag_text() or tag)
        if tag == "script" and not given.get("src", "").startswith(ALLOWED_SCRIPTS):
            self.active.append(self.get_starttag_text() or tag)
        links = (given.get("href", ""), given.get("src", ""), given.get("action", ""))
        if any(name.startswith("on") for name in given) or any(each.startswith("javascript:") for each in links):
            self.active.append(self.get_starttag_text() or tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(html: str) -> Content:
    """Parse a page, and check that nothing of it acts."""
    content = Content()
    content.feed(html)
    assert content.active == []
    return content


def is_text(hint: Any) -> bool:
    return hint in (Text, Line)


def unwrap(hint: Any) -> Any:
    """Return the type of a value, or of the items of a list, without `None`."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    if typing.get_origin(hint) is typing.Annotated and typing.get_origin(typing.get_args(hint)[0]) is tuple:
        hint = typing.get_args(hint)[0]
    return typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint


def text_fields(model: type[Message], path: str = "") -> Iterator[str]:
    """Yield the paths of all fields of a command that are free text."""
    hints = typing.get_type_hints(model, include_extras=True)
    for name in model.model_fields:
        hint = unwrap(hints[name])
        if is_text(hint):
            yield f"{path}{name}"
        elif isinstance(hint, type) and issubclass(hint, Message):
            yield from text_fields(hint, f"{path}{name}.")


class Filler:
    """Fills the text fields of examples with a hostile text, and remembers which were filled."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.filled: set[tuple[str, str]] = set()

    def fill(self, model: type[Message], given: dict[str, Any], path: str = "", command: str = "") -> dict[str, Any]:
        command = command or model.__name__
        hints = typing.get_type_hints(model, include_extras=True)
        found = dict(given)
        for name, info in model.model_fields.items():
            hint, key = unwrap(hints[name]), _key_of(name, info)
            if is_text(hint):
                found[key] = self._text(given.get(key), hints[name])
                self.filled.add((command, f"{path}{name}"))
            elif key in given and isinstance(hint, type) and issubclass(hint, Message):
                items = given[key] if isinstance(given[key], list) else [given[key]]
                filled = [self.fill(hint, each, f"{path}{name}.", command) for each in items]
                found[key] = filled if isinstance(given[key], list) else filled[0]
        return found

    def _text(self, before: Any, hint: Any) -> Any:
        """Return the text after that of the example, so that what names something still names the same."""
        if isinstance(before, list) or "tuple" in str(hint):
            return [f"{each} {self.text}" for each in before or [""]]
        return f"{before or ''} {self.text}".strip()


def _key_of(name: str, info: FieldInfo) -> str:
    return info.alias or name


def record_everything(service: LocalService, text: str) -> Filler:
    """Record one example of every command with the text in every text field."""
    filler = Filler(text)
    more = {"references": [{"system": "jira", "id": "1"}]}
    client = service.client
    bob, ann, *examples = examples_for(service.log.id)
    for example in (bob, ann, *MORE_EXAMPLES, *examples):
        name, subject = str(example["type"]), str(example.get("subject", ""))
        if name in UNFIT:
            continue
        given = {**{key: value for key, value in example.items() if key != "corrects"}, **more}
        if name == "RegisterPerson":  # the other examples name these people, and Ann records them
            assert service.post("/commands", given).status_code == 201
            if given["key"] == "ann":
                client = service.client_of(quiet_token(service.log, "person:ann", ALL_SCOPES))
            given = {"type": name, "name": given["name"], "identifiers": [f"known as {given['name']}"], **more}
        headers = {"If-Match": f'"{service.log.state(subject).version}"'} if name == "ReviseDecision" else {}
        answer = client.post("/v1/commands", json=filler.fill(COMMANDS[name], given), headers=headers)
        assert answer.status_code < 300, (name, answer.text)
        client = service.client if name == "RecordPersonLeft" else client
    return filler


def addresses_of(service: LocalService) -> list[str]:
    """Return the address of every list and every subject's page, and of some entries, whose pages are alike."""
    events = service.rows("/audit", limit=1000)
    subjects = sorted({row["subject"] for row in events if not row["subject"].startswith("log:")})
    entries = [f"/audit/{row['position']}" for row in events[::10]]
    return [*LISTS, *map(subject_path, subjects), *entries]


def check_everything(service: LocalService, pages: PageReader, text: str) -> None:
    filler = record_everything(service, text)
    every = {(name, path) for name, command in COMMANDS.items() for path in text_fields(command)}
    assert {name for name, _ in every - filler.filled} == UNFIT

    shown = 0
    for address in addresses_of(service):
        content = read(pages.get(address))
        shown += sum(text in each for each in content.texts)
    assert shown > len(every)


def test_every_text_that_was_recorded_is_shown_as_text(service, pages):
    """With all hostile strings at once, in every text field of every command, on every page."""
    check_everything(service, pages, " ".join(NAUGHTY))


@pytest.mark.slow
@pytest.mark.parametrize("text", NAUGHTY)
def test_each_hostile_string_is_shown_as_text(service, pages, text):
    """Each on its own, as only the beginning of a text may end an attribute."""
    check_everything(service, pages, text)


def test_every_text_that_was_typed_is_shown_as_text_again(service, pages):
    """A form that is refused shows what was typed into each of its fields, and the error, as text."""
    text = " ".join(NAUGHTY).replace(";", ",")
    record_everything(service, "text")
    first = {row["subject"].partition(":")[0]: row["subject"] for row in service.rows("/audit", limit=1000)}
    forms = [(f"/do/{name}", find_form(name).every_field) for name in (*COMMANDS, MOVE) if find_form(name)]
    forms += [("/record", find_form("RecordDecision").every_field)]
    forms += [(f"/admin/{form.name}", form.fields) for form in FORMS.values() if form.fields]
    for address, fields in forms:
        names = [each.name for each in fields]
        typed = {**dict.fromkeys(names, text), "subject": first["product"], "form_key": "k"}
        answer = service.client.post(address, data=typed, headers={"Accept": "text/html"}, follow_redirects=False)

        assert answer.status_code == 422, (address, answer.status_code)
        content = read(answer.text)
        assert any(text in each for each in content.texts), address
