"""Pages show what another system had, even where it is of another kind than what is recorded here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of


def _import(service: LocalService, subject: str, **change: Any) -> None:
    """Import a subject that the other system calls Tea, with one more field."""
    changes = [{"field": "exists", "value": True}, {"field": "title", "text": "Tea"}, change]
    body = {"type": "ImportChanges", "subject": subject, "source": {"system": "jira"}, "changes": changes}
    assert service.post("/commands", body).status_code == 200


def _import_decision(service: LocalService, **change: Any) -> None:
    """Import an accepted decision with one more field."""
    _import(service, "decision:tea", field="status", value="accepted")
    _import(service, "decision:tea", **change)


def test_an_imported_date_of_a_review_may_be_no_day(service: LocalService, pages: PageReader) -> None:
    """Home is shown without the review, and the decision with what the other system had."""
    _import_decision(service, field="review_on", value="2019")

    assert "review " not in text_of(pages.get("/"))
    assert "2019" in text_of(pages.get("/decisions/tea"))


def test_an_owner_of_an_old_import_may_be_no_list_of_people(
    service: LocalService, pages: PageReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a text, which imports refuse now, is no person who has left."""
    monkeypatch.setattr("domain.any_subject._require_form", lambda *_: None)
    _import_decision(service, field="role.accountable", value="Ann")

    assert "Tea" in text_of(pages.get("/people"))
    assert " left." not in text_of(pages.get("/people"))


def test_imported_options_may_be_texts(service: LocalService, pages: PageReader) -> None:
    """Each text is an option without arguments."""
    _import_decision(service, field="options", texts=["Green tea", "Black tea"])

    shown = text_of(pages.get("/decisions/tea"))

    assert "Green tea" in shown
    assert "Black tea" in shown


def test_an_owner_whom_only_the_source_names_is_shown(service: LocalService, pages: PageReader) -> None:
    """The owner of an imported goal or task may be no one whom the directory has."""
    _import(service, "goal:tea", field="role.accountable", source_value="Ann of Sales")
    _import(service, "task:tea", field="role.accountable", source_value="Bo of Sales")

    assert "Ann of Sales" in text_of(pages.get("/goals"))
    assert "Bo of Sales" in text_of(pages.get("/tasks")) + text_of(pages.get("/tasks", closed="true"))


def test_a_release_may_have_no_day_but_a_word(service: LocalService, pages: PageReader) -> None:
    """A release that is due in `Q3` has no place on the axis of the timeline, and is listed with that word."""
    _import(service, "release:tea", field="due_on", value="Q3")

    assert "Q3" in text_of(pages.get("/releases"))
    pages.get("/roadmap", layout="timeline")
    pages.get("/")


def test_a_report_has_what_is_due_on_no_day(service: LocalService, pages: PageReader) -> None:
    """A goal or a release that is due `in Q3` is in the report of its product, with these words."""
    service.post("/products", {"title": "Shop", "key": "shop"})
    for subject in ("goal:tea", "release:tea"):
        _import(service, subject, field="due_on", value="in Q3")
        _import(service, subject, field="products", subjects=["product:shop"])

    assert "due in Q3" in text_of(pages.get("/reports/shop", since="2020-01-01"))


def test_an_imported_field_may_be_called_subject(service: LocalService, pages: PageReader) -> None:
    """It does not take the place of the id of its decision in lists and forms."""
    _import_decision(service, field="subject", value=True)

    assert "Tea" in text_of(pages.get("/decisions"))
    assert "Tea" in text_of(pages.get("/do/ReverseDecision", subject="decision:tea"))


def test_imported_findings_may_be_texts(service: LocalService, pages: PageReader) -> None:
    """The form that judges a choice is shown without them."""
    _import_decision(service, field="findings", texts=["People ask for it."])

    assert "People ask for it." not in text_of(pages.get("/do/JudgeChoice", subject="decision:tea"))
