"""Everything that a manager records can be recorded with forms, and a mistake loses nothing."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from api.pages.command_forms import REVISIONS, find_form
from api.problems import HttpProblem
from domain.catalog import COMMANDS
from tests.support_log import quiet_token
from tests.support_pages import text_of


class Forms:
    """Fills in forms as a browser without scripts does."""

    def __init__(self, service: Any) -> None:
        self.service = service

    def open(self, path: str) -> dict[str, str]:
        """The values that a form starts with."""
        response = self.service.client.get(path, headers={"Accept": "text/html"})
        assert response.status_code == 200, response.text
        return self.read(response.text)

    def read(self, page: str) -> dict[str, str]:
        """The values of the form on a page."""
        form = page.partition('<form class="sheet-form"')[2].partition("</form>")[0]
        found = {
            unescape(name): unescape(value)
            for name, value in re.findall(r'<input(?! type="radio")[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form)
        }
        found |= {
            name: unescape(text) for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)<', form)
        }
        for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
            chosen = re.search(r'<option value="([^"]*)" selected', body) or re.search(
                r"<option selected>([^<]*)", body
            )
            found[name] = unescape(chosen[1]) if chosen else ""
        found.pop("confirmed", None)
        return found

    def send(self, path: str, values: dict[str, str], **headers: str) -> Any:
        sent = {name: value for name, value in values.items() if value is not None}
        return self.service.client.post(
            path.partition("?")[0],
            data=sent,
            headers={"Accept": "text/html", **{name.replace("_", "-"): each for name, each in headers.items()}},
            follow_redirects=False,
        )

    def record(self, path: str, **values: str) -> str:
        """Fill in a form, and return the address of the page that follows."""
        response = self.send(path, {**self.open(path), **values})
        assert response.status_code == 303, text_of(response.text)
        return response.headers["location"]


@pytest.fixture
def forms(service):
    return Forms(service)


def subject_of(location: str, kind: str) -> str:
    return f"{kind}:{location.partition('?')[0].rpartition('/')[2]}"


@pytest.fixture
def product(forms):
    return subject_of(forms.record("/do/DefineProduct", title="Tideline"), "product")


@pytest.fixture
def feature(forms, product):
    location = forms.record(f"/do/ProposeFeature?product={product}", title="Night mode")
    return subject_of(location, "feature")


def test_a_decision_is_recorded_with_four_fields(service, forms, product):
    """The product and the caller as accountable are filled in already."""
    location = forms.record("/record", title="Cards only", decision="We take cards only.", why="Invoices take weeks.")

    answer = service.get(f"/decisions/{subject_of(location, 'decision').partition(':')[2]}")
    fields = answer["fields"]
    assert fields["title"]["value"] == "Cards only"
    assert fields["products"]["value"] == [product]
    assert answer["roles"]["accountable"]["value"] == [service.ada]
    assert fields["status"]["value"] == "accepted"


def test_a_form_that_is_sent_twice_records_once(service, forms, product):
    """Both are answered with the same page."""
    values = {**forms.open("/record"), "title": "Once", "decision": "Once.", "why": "Once."}

    first, second = forms.send("/record", values), forms.send("/record", values)

    assert first.headers["location"] == second.headers["location"]
    assert [row["title"] for row in service.rows("/decisions")] == ["Once"]


def test_a_misspelt_name_is_asked_back_and_nothing_typed_is_lost(service, forms, product):
    """The answer names candidates; choosing one fills it in, and nothing is recorded before the form is sent."""
    values = {
        **forms.open("/record"),
        "title": "Cards <only>",
        "decision": "D",
        "why": "W",
        "accountable": "Ada Lovelce",
    }

    refused = forms.send("/record", values)

    assert refused.status_code == 422
    assert "No person or team is called “Ada Lovelce”. Did you mean Ada Lovelace?" in text_of(refused.text)
    assert 'value="Cards &lt;only&gt;"' in refused.text
    (focused,) = re.findall(r'name="(\w+)"[^>]* aria-invalid="true" autofocus', refused.text)
    assert focused == "accountable"
    assert refused.text.count(" autofocus") == 1
    assert '<details class="folded" open>' not in refused.text
    chosen = unescape(re.search(r'name="use" value="([^"]+)"', refused.text)[1])
    filled = forms.send("/record", {**values, "use": chosen})
    assert filled.status_code == 200
    assert service.rows("/decisions") == []
    shown = forms.read(filled.text)
    assert (shown["accountable"], shown["title"]) == ("Ada Lovelace", "Cards <only>")
    assert forms.send("/record", shown).status_code == 303
    assert len(service.rows("/decisions")) == 1


def test_a_candidate_replaces_only_the_name_that_was_not_found(service, forms, product):
    """The other names in a list stay."""
    bob = subject_of(forms.record("/do/RegisterPerson", name="Bob Bee"), "person")
    values = {**forms.open("/record"), "title": "T", "decision": "D", "why": "W", "deciders": "Bob Bee; Ada Lovelce"}
    refused = forms.send("/record", values)
    chosen = unescape(re.search(r'name="use" value="([^"]+)"', refused.text)[1])

    shown = forms.read(forms.send("/record", {**values, "use": chosen}).text)
    location = forms.send("/record", shown).headers["location"]

    assert shown["deciders"] == "Bob Bee; Ada Lovelace"
    assert _decision(service, location)["fields"]["deciders"]["value"] == [bob, service.ada]


def test_people_of_the_same_name_can_be_chosen(service, forms, product):
    """Each candidate is labeled with its key, and the form then names the one that was chosen."""
    people = sorted(subject_of(forms.record("/do/RegisterPerson", name="Bob Lee"), "person") for _ in range(2))
    values = {**forms.open("/record"), "title": "T", "decision": "D", "why": "W", "accountable": "Bob Lee"}

    refused = forms.send("/record", values)
    chosen = [unescape(each) for each in re.findall(r'name="use" value="([^"]+)"', refused.text)]
    shown = forms.read(forms.send("/record", {**values, "use": chosen[1]}).text)
    location = forms.send("/record", shown).headers["location"]

    assert [each.split("=")[1] for each in chosen] == people
    assert _decision(service, location)["roles"]["accountable"]["value"] == [people[1]]


def test_people_who_were_merged_are_one_candidate(service, forms, product):
    """The name that both had, and the other name of the one who was merged, mean the person who was kept."""
    bob, robert = (subject_of(forms.record("/do/RegisterPerson", name=name), "person") for name in ("Bob Lee", "Bobby"))
    service.log.directory.add(robert, "Bob Lee", shared=True)
    assert service.post("/commands", {"type": "MergePeople", "subject": robert, "into": bob}).status_code == 200

    for n, name in enumerate(("Bob Lee", "Bobby")):
        location = forms.record("/record", title=f"T{n}", decision="D", why="W", accountable=name)
        assert _decision(service, location)["roles"]["accountable"]["value"] == [bob]


def test_a_name_of_another_kind_is_recognized(service, forms, product):
    """A name that only a subject of another kind has is refused with what it is."""
    key = product.partition(":")[2]
    service.post("/features", {"key": "vouchers", "title": "Vouchers", "products": [key]})
    service.post("/releases", {"key": "r1", "version": "3.9", "products": [key]})
    service.rows("/releases")

    refused = forms.send(
        "/record", {**forms.open("/record"), "title": "T", "products": "3.9", "accountable": "vouchers"}
    )

    shown = text_of(refused.text)
    assert "No product is called “3.9”. It is the release 3.9" in shown
    assert "No person or team is called “vouchers”. It is the feature Vouchers" in shown


def test_a_missing_field_is_named(forms, product):
    """Each field has its own message."""
    refused = forms.send("/record", {**forms.open("/record"), "title": "Only a title"})

    assert refused.status_code == 422
    assert "“Decision” is missing." in text_of(refused.text)
    assert "“Why” is missing." in text_of(refused.text)


def test_only_the_part_of_a_form_with_an_error_is_unfolded(forms, product):
    """The others stay folded, so that what is wrong is in sight."""
    values = {**forms.open("/record"), "title": "T", "decision": "D", "why": "W", "deciders": "Nobody Known"}

    refused = forms.send("/record", values)

    assert re.findall(r"<details[^>]* open><summary>([^<]+)", refused.text) == [
        "Who decided, when, and what it replaces"
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},
    ],
)
def test_a_form_of_another_site_is_refused(service, forms, product, headers):
    """Only a page of this server can make a browser that is signed in send a form."""
    service.client = service.browser(service.log.sign_in_links.create(service.ada)[0])
    del service.client.headers["Sec-Fetch-Site"]
    before = service.log.head().size
    values = {**forms.open("/record"), "title": "T", "decision": "D", "why": "W"}

    assert forms.send("/record", values, **headers).status_code == 403
    assert service.log.head().size == before
    assert forms.send("/record", values, Sec_Fetch_Site="same-origin").status_code == 303


def test_a_feature_goes_through_its_life_with_forms(service, forms, feature):
    """Define, move with a reason and a decision, commit, start, pause, start, ship, reopen, drop."""
    key = feature.partition(":")[2]
    forms.record("/do/ScheduleRelease", version="2.1", products="Tideline", due_on="2025-06-01")
    forms.record("/record", title="Dark first", decision="D", why="Crews read in the dark.")
    forms.record(f"/do/DefineFeature?subject={feature}", definition="A red screen at night.")
    product_key = service.rows("/products")[0]["subject"].partition(":")[2]
    forms.record(
        f"/do/MoveFeature?subject={feature}",
        horizon="next",
        rank="2",
        release="Tideline 2.1",
        note="Asked for at every fair.",
        because=f"{product_key.upper()}-1",
    )
    for name in ("CommitFeature", "StartFeature", "PauseFeature", "StartFeature", "ShipFeature"):
        forms.record(f"/do/{name}?subject={feature}")
    forms.record(f"/do/ReopenFeature?subject={feature}", why="Not dark enough.")
    forms.record(f"/do/DropFeature?subject={feature}", why="Phones do this now.")

    answer = service.get(f"/features/{key}")
    fields = answer["fields"]
    assert {name: fields[name]["value"] for name in ("definition", "horizon", "rank", "status")} == {
        "definition": "A red screen at night.",
        "horizon": "next",
        "rank": 2,
        "status": "dropped",
    }
    assert answer["targets"]["ship"]["value"].startswith("release:")
    blame = fields["horizon"]["blame"]
    assert blame["note"] == "Asked for at every fair."
    assert blame["because"] == [service.rows("/decisions")[0]["subject"]]


def test_only_what_was_changed_is_recorded(service, forms, feature):
    """Moving a feature to another horizon leaves its target alone; changing nothing records nothing."""
    forms.record(f"/do/MoveFeature?subject={feature}", horizon="now", note="First.")
    before = service.log.head().size

    refused = forms.send(f"/do/MoveFeature?subject={feature}", forms.open(f"/do/MoveFeature?subject={feature}"))

    assert refused.status_code == 422
    assert "Nothing was changed." in text_of(refused.text)
    assert service.log.head().size == before
    types = [row["type"] for row in service.rows("/audit", subject=feature)]
    assert "MilestoneTargeted.v1" not in types


def test_a_move_to_another_horizon_leaves_the_release_and_its_reason(service, forms, feature, product):
    """The release is shown by its title and kept by its id: it was not changed, so nothing about it is recorded."""
    body = {"key": "tide-1", "products": [product], "version": "1.0", "due_on": "2030-03-09"}
    assert service.post("/releases", body).status_code == 201
    address = f"/do/MoveFeature?subject={feature}"
    release = "Tideline 1.0"
    forms.record(address, horizon="now", release=release, note="Promised to the club.")
    shown = forms.open(address)
    size = service.log.head().size

    unchanged = forms.send(address, shown)
    forms.record(address, horizon="next", note="The club waits.")

    assert shown["release"] == release
    assert "Nothing was changed." in text_of(unchanged.text)
    assert service.log.head().size == size + 1
    assert service.rows("/audit", subject=feature)[0]["type"] == "FeaturePrioritized.v1"


def test_ownership_goals_people_and_teams_are_recorded_with_forms(service, forms, feature):
    """Each form leads to the page of what it is about."""
    bob = subject_of(forms.record("/do/RegisterPerson", name="Bob Bee"), "person")
    forms.record("/do/RegisterTeam", title="Core")
    goal = subject_of(forms.record("/do/SetGoal", title="Forty nights", due_on="2025-12-31"), "goal")
    forms.record(f"/do/LinkFeature?subject={feature}", goals="Forty nights")
    forms.record(f"/do/AssignOwnership?subject={feature}", holders="Core; Bob Bee", role="consulted")
    forms.record(f"/do/HandOverOwnership?subject={feature}", to="Core")
    forms.record(f"/do/HandOverOwnership?subject={feature}", to="bob bee", note="Core is full.")
    forms.record(f"/do/CloseGoal?subject={goal}", outcome="met", why="41 nights.", confirmed="yes")

    answer = service.get(f"/features/{feature.partition(':')[2]}")
    fields = answer["fields"]
    assert answer["roles"]["accountable"]["value"] == [bob]
    assert fields["goals"]["value"] == [goal]
    assert service.rows("/goals")[0]["fields"]["status"]["value"] == "met"


def test_what_cannot_be_undone_asks_for_confirmation(service, forms):
    """Without the check mark nothing is recorded."""
    bob = subject_of(forms.record("/do/RegisterPerson", name="Bob Bee"), "person")
    path = f"/do/RecordPersonLeft?subject={bob}"

    refused = forms.send(path, forms.open(path))

    assert refused.status_code == 422
    assert "Confirm that this cannot be undone." in text_of(refused.text)
    assert forms.send(path, {**forms.open(path), "confirmed": "yes"}).status_code == 303


def test_a_proposal_is_advised_accepted_and_superseded_with_forms(service, forms, product):
    """Each step is on the decision's page, by name."""
    first = subject_of(forms.record("/do/ProposeDecision", title="A fee per night"), "decision")
    forms.record(f"/do/AdviseOnDecision?subject={first}", advice="Do it for new contracts.")
    forms.record(f"/do/AcceptDecision?subject={first}", decision="Five percent.", why="It is simple.")
    forms.record("/record", title="A monthly price", decision="190 euros.", why="Steady.", supersedes="A fee per night")

    html = text_of(service.client.get(f"/decisions/{first.partition(':')[2]}", headers={"Accept": "text/html"}).text)
    assert "Proposed" in html
    assert "Advice from 1" in html
    assert "Ada Lovelace advised Do it for new contracts." in html
    assert "Superseded" in html
    assert "replaced by A monthly price" in html


def test_a_revision_of_what_somebody_else_changed_meanwhile_is_refused(service, forms, product):
    """A text that was changed since it was read is not overwritten."""
    subject = subject_of(forms.record("/do/ProposeDecision", title="A fee", decision="Five percent."), "decision")
    path = f"/do/ReviseDecision?subject={subject}"
    mine, theirs = forms.open(path), forms.open(path)
    assert forms.send(path, {**theirs, "decision": "Six percent."}).status_code == 303

    refused = forms.send(path, {**mine, "decision": "Four percent."})

    assert refused.status_code == 422
    assert service.get(f"/decisions/{subject.partition(':')[2]}")["fields"]["decision"]["value"] == "Six percent."
    assert "Four percent." in refused.text
    assert "It was changed meanwhile to “Six percent.”." in text_of(refused.text)
    assert forms.send(path, forms.read(refused.text)).status_code == 303
    assert service.get(f"/decisions/{subject.partition(':')[2]}")["fields"]["decision"]["value"] == "Four percent."


def test_what_somebody_else_changed_meanwhile_is_not_changed_back(service, forms, feature):
    """A field that was left as the form showed it is not recorded, also if it is something else by then."""
    path = f"/do/MoveFeature?subject={feature}"
    forms.record(path, horizon="later", note="First.")
    mine = forms.open(path)
    forms.record(path, horizon="now", note="Promised.")

    assert forms.send(path, {**mine, "day": "2030-03-01", "note": "The contract."}).status_code == 303

    answer = service.get(f"/features/{feature.partition(':')[2]}")
    assert answer["fields"]["horizon"]["value"] == "now"
    assert answer["fields"]["horizon"]["blame"]["note"] == "Promised."
    assert answer["targets"]["ship"]["value"] == "2030-03-01"


def test_a_field_that_is_recorded_with_another_one_must_be_as_it_was_shown(service, forms, feature):
    """A rank is recorded with its horizon: if that was changed meanwhile, the form shows the newer one and asks."""
    path = f"/do/MoveFeature?subject={feature}"
    forms.record(path, horizon="later", note="First.")
    mine = forms.open(path)
    forms.record(path, horizon="now", note="Promised.")

    refused = forms.send(path, {**mine, "rank": "3", "note": "Third."})
    shown = forms.read(refused.text)

    assert refused.status_code == 422
    assert "It was changed meanwhile. Check what it is now" in text_of(refused.text)
    assert (shown["horizon"], shown["rank"]) == ("now", "3")
    assert forms.send(path, shown).status_code == 303
    fields = service.get(f"/features/{feature.partition(':')[2]}")["fields"]
    assert (fields["horizon"]["value"], fields["rank"]["value"]) == ("now", 3)


@pytest.mark.parametrize("read_at", ["", "9" * 5_000, "1.2.3", "0.99999", "²"])
def test_a_form_that_does_not_say_when_it_was_shown_is_compared_with_now(service, forms, feature, read_at):
    """A hidden input with anything else in it does not fail."""
    path = f"/do/MoveFeature?subject={feature}"

    assert forms.send(path, {**forms.open(path), "read_at": read_at, "horizon": "now"}).status_code == 303


def test_a_revision_that_is_sent_twice_records_once(service, forms, product):
    """The second answer is the first one, though nothing differs by then."""
    decision = subject_of(forms.record("/do/ProposeDecision", title="A fee"), "decision")
    path = f"/do/ReviseDecision?subject={decision}"
    values = {**forms.open(path), "decision": "Five percent."}

    first, second = forms.send(path, values), forms.send(path, values)

    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]


def test_a_reason_is_given_only_for_what_was_revised(service, forms):
    """The other measures of a goal keep the reason that they have."""
    goal = subject_of(forms.record("/do/SetGoal", title="Forty nights", target="50", note="The board asked."), "goal")
    path = f"/do/ReviseGoal?subject={goal}"

    forms.record(path, due_on="2030-12-31", note="The supplier is late.")

    (row,) = service.rows("/goals")
    history = service.rows("/fields/history", subject=goal)
    assert row["fields"]["target"]["value"] == "50"
    changed = {(each["field"], each["blame"]["note"]) for each in history}
    assert ("due_on", "The supplier is late.") in changed
    assert ("target", "The supplier is late.") not in changed


def test_what_a_revision_cannot_empty_is_refused(service, forms):
    """It would stay as it was, though the form said that it was recorded."""
    goal = subject_of(forms.record("/do/SetGoal", title="Forty nights", target="50", unit="nights"), "goal")
    size = service.log.head().size

    refused = forms.send("/do/ReviseGoal", {**forms.open(f"/do/ReviseGoal?subject={goal}"), "unit": "", "target": "60"})

    assert refused.status_code == 422
    assert "“Unit” can be replaced, but not emptied." in text_of(refused.text)
    assert service.log.head().size == size


def test_the_last_link_of_a_feature_is_removed_with_a_form(service, forms, feature):
    """An emptied list is recorded as empty."""
    forms.record("/do/SetGoal", title="Forty nights")
    path = f"/do/LinkFeature?subject={feature}"
    forms.record(path, goals="Forty nights")

    forms.record(path, goals="")

    assert "goals" not in service.get(f"/features/{feature.partition(':')[2]}")["fields"]


def test_every_command_whose_omitted_fields_stay_has_a_form_of_only_what_was_changed():
    """Their descriptions have the words."""
    revisions = {name for name, command in COMMANDS.items() if re.search("mitted (fields|lists) stay", command.__doc__)}

    assert revisions == REVISIONS


def test_a_date_replaces_the_release_that_a_feature_was_planned_for(service, forms, feature, product):
    """The release that the form started with need not be cleared."""
    service.post("/releases", {"key": "tide-1", "products": [product], "version": "1.0"})
    path = f"/do/MoveFeature?subject={feature}"
    forms.record(path, release="Tideline 1.0")

    forms.record(path, day="2030-03-01")
    assert service.get(f"/features/{feature.partition(':')[2]}")["targets"]["ship"]["value"] == "2030-03-01"
    forms.record(path, release="Tideline 1.0")
    assert service.get(f"/features/{feature.partition(':')[2]}")["targets"]["ship"]["value"] == "release:tide-1"


def test_enter_in_an_input_sends_the_form(forms, product):
    """A browser presses the first button of a form: not one that adds an item or uses a candidate."""
    values = {**forms.open("/record"), "title": "T", "decision": "D", "why": "W", "accountable": "Ada Lovelce"}

    refused = forms.send("/record", values)

    buttons = re.findall(r"<button[^>]*>", refused.text.partition('<form class="sheet-form"')[2])
    assert 'name="' not in buttons[0]
    assert any('name="use"' in each for each in buttons)


def test_a_time_is_kept_when_a_form_is_shown_again(forms, product):
    """It is in the value of the input in the zone of the log, and exactly where scripts show it in the reader's zone."""
    values = {**forms.open("/record"), "title": "T", "effective_at": "2026-01-02T03:04:00Z"}

    refused = forms.send("/record", values)

    (tag,) = re.findall(r'<input id="f-effective_at"[^>]*>', refused.text)
    assert 'value="2026-01-02T03:04"' in tag
    assert 'data-time="2026-01-02T03:04:00Z"' in tag


def test_a_duration_of_thousands_of_digits_is_refused_at_its_input(forms, product):
    """So is a number, an amount or anything else that is too long to be one."""
    values = {**forms.open("/record"), "title": "T", "decision": "D", "why": "W"}

    refused = forms.send("/record", {**values, "time_limit": f"{'9' * 5_000} weeks"})

    assert refused.status_code == 422
    assert 'href="#f-time_limit"' in refused.text


def test_earlier_decisions_with_the_same_words_are_shown(pages, forms, product):
    """While a title is typed, a fragment lists similar ones."""
    forms.record("/record", title="A monthly price for large harbors", decision="D", why="W")

    assert "A monthly price for large harbors" in pages.get("/similar", title="Another price for harbors")
    assert "harbors" not in pages.get("/similar", title="Cards only")


def test_a_decision_shows_the_verdict_on_the_authority_of_its_deciders(service, forms, product):
    """In words, with names instead of ids; without decision rights it says that no rule applies."""
    location = forms.record("/record", title="Cards only", decision="D", why="W")

    html = service.client.get(location, headers={"Accept": "text/html"}).text
    verdict = text_of(html.partition('class="verdict"')[2].partition("</section>")[0])

    assert "no rule on authority" in verdict
    assert service.ada not in verdict


OPTIONS = {
    "options.0.title": "A fee per night",
    "options.0.pros": "Simple.\nFair.",
    "options.0.cost": "9,000",
    "options.1.title": "A monthly price",
    "options.1.cons": "Small harbors leave.",
    "options.1.valuable": "Yes, for large harbors.",
}


def _decision(service: Any, location: str) -> dict[str, Any]:
    return service.get(f"/decisions/{subject_of(location, 'decision').partition(':')[2]}")


def test_options_are_recorded_with_the_chosen_one(service, forms, product):
    """The mark on an option chooses it, before its title is known; blank options are left out."""
    location = forms.record("/record", title="Prices", decision="D", why="W", **OPTIONS, option="#1")

    fields = _decision(service, location)["fields"]
    assert fields["options"]["value"] == [
        {"title": "A fee per night", "pros": ["Simple.", "Fair."], "cons": [], "cost": "9,000"},
        {
            "title": "A monthly price",
            "pros": [],
            "cons": ["Small harbors leave."],
            "valuable": "Yes, for large harbors.",
        },
    ]
    assert fields["option"]["value"] == "A monthly price"


def test_another_option_is_added_without_scripts_and_nothing_typed_is_lost(service, forms, product):
    """The button returns the form with one more item, and records nothing."""
    before = service.log.head().size
    values = {**forms.open("/record"), "title": "Prices", **OPTIONS, "option": "#1", "more": "options"}

    answer = forms.send("/record", values)

    assert answer.status_code == 200
    assert service.log.head().size == before
    assert 'name="options.2.title"' in answer.text
    assert 'value="A fee per night"' in answer.text
    assert re.search(r'type="radio" name="option" value="#1" checked', answer.text)


def test_an_option_without_a_title_is_named(forms, product):
    """The message is at its own field, also where an item before it was left blank."""
    refused = forms.send(
        "/record", {**forms.open("/record"), "title": "T", "decision": "D", "why": "W", "options.1.pros": "Cheap."}
    )

    assert refused.status_code == 422
    assert 'href="#f-options.1.title"' in refused.text
    assert "“Name of the option” is missing." in text_of(refused.text)


def test_the_options_of_a_proposal_are_edited_and_one_is_chosen(service, forms, product):
    """Unchanged options are no revision; the form of acceptance offers their titles."""
    location = forms.record("/do/ProposeDecision", title="Prices", **OPTIONS)
    subject = subject_of(location, "decision")
    path = f"/do/ReviseDecision?subject={subject}"
    assert "Nothing was changed." in text_of(forms.send(path, forms.open(path)).text)

    forms.record(path, **{"options.0.title": "A fee per berth"})
    forms.record(f"/do/AcceptDecision?subject={subject}&option=A fee per berth", decision="D", why="W")

    fields = _decision(service, location)["fields"]
    assert [each["title"] for each in fields["options"]["value"]] == ["A fee per berth", "A monthly price"]
    assert fields["option"]["value"] == "A fee per berth"
    html = service.client.get(location, headers={"Accept": "text/html"}).text
    assert re.search("A fee per berth.{0,300}chosen", html, re.DOTALL)


RULES = {
    "rules.0.kinds": "strategic",
    "rules.0.holders": "ada lovelace",
    "rules.0.cost_limit": "EUR 24,000",
    "rules.0.approvals": "1",
    "rules.0.mode": "enforce",
    "rules.1.roles": "accountable; approver",
    "rules.1.approvals": "2",
    "rules.1.mode": "record",
}


def test_decision_rights_are_set_with_a_form_and_shown_as_a_table(service, forms, product):
    """The table says who may decide what, up to which cost, with how many approvals, and what happens otherwise."""
    path = f"/do/SetDecisionRights?subject={product}"
    forms.record(path, **RULES)

    rules = service.get(f"/products/{product.partition(':')[2]}")["fields"]["decision_rights"]["value"]
    assert rules == [
        {
            "kinds": ["strategic"],
            "holders": [service.ada],
            "cost_limit": {"amount": 24000, "currency": "EUR"},
            "mode": "enforce",
        },
        {"roles": ["accountable", "approver"], "approvals": 2},
    ]
    html = service.client.get(f"/products/{product.partition(':')[2]}", headers={"Accept": "text/html"}).text
    table = text_of(html.partition('id="rights"')[2].partition("</section>")[0])
    assert "strategic Ada Lovelace 24,000 EUR 1 refused" in table
    assert "all the accountable, approver any cost 2 recorded as exceeding" in table
    opened = forms.open(path)
    assert {name: opened[name] for name in ("rules.0.holders", "rules.0.cost_limit", "rules.1.approvals")} == {
        "rules.0.holders": "Ada Lovelace",
        "rules.0.cost_limit": "24000 EUR",
        "rules.1.approvals": "2",
    }


def test_a_rule_that_entitles_no_one_is_refused_at_that_rule(forms, product):
    """So is a limit without a currency; what was typed stays."""
    path = f"/do/SetDecisionRights?subject={product}"
    nobody = forms.send(path, {**forms.open(path), "rules.1.kinds": "strategic"})
    no_currency = forms.send(path, {**forms.open(path), **RULES, "rules.0.cost_limit": "24000"})

    assert nobody.status_code == no_currency.status_code == 422
    assert 'href="#f-rules.1"' in nobody.text
    assert "such as 24,000 EUR" in text_of(no_currency.text)
    assert 'value="24000"' in no_currency.text


def test_a_delegation_is_given_shown_and_revoked_with_forms(service, forms):
    """One's own page offers it, and lists it until it is revoked."""
    bob = subject_of(forms.record("/do/RegisterPerson", name="Bob Bee"), "person")
    me = f"/people/{service.ada.partition(':')[2]}"
    forms.record(f"/do/DelegateActions?subject={service.ada}", to="Bob Bee", kinds="process", delegation="summer")
    shown = service.client.get(me, headers={"Accept": "text/html"}).text.partition('id="delegations"')[2]
    assert "to Bob Bee process" in text_of(shown.partition("</section>")[0])

    forms.record(f"/do/RevokeDelegation?subject={service.ada}&delegation=summer")

    assert 'id="delegations"' not in service.client.get(me, headers={"Accept": "text/html"}).text
    assert bob


def test_a_refused_form_of_a_release_keeps_the_version_as_typed(service, forms, product):
    """The hidden input with the version of a subject is separate from the version of a release."""
    path = f"/do/ScheduleRelease?product={product}"
    refused = forms.send(path, {**forms.open(path), "version": "1.0", "due_on": "soon"})
    assert refused.status_code == 422
    assert re.findall(r'name="version" value="([^"]*)"', refused.text) == ["1.0"]


def test_superseding_does_not_start_with_the_deciders_of_the_old_decision(service, forms, product):
    """Earlier deciders are not filled in again; the default is the caller."""
    values = {"decision": "We take cards only.", "why": "Invoices take weeks."}
    decision = subject_of(forms.record("/record", title="Cards only", **values, deciders="ada"), "decision")
    assert forms.open(f"/do/SupersedeDecision?subject={decision}")["deciders"] == ""


def test_a_move_offers_the_latest_decisions_of_the_product(service, forms, feature):
    """The chosen decision is the reason for the move, even if its title contains the list separator."""
    values = {"decision": "We start with winter.", "why": "No rush then."}
    decision = subject_of(forms.record("/record", title="Winter first; then spring", **values), "decision")
    path = f"/do/MoveFeature?subject={feature}"
    form = service.client.get(path, headers={"Accept": "text/html"}).text
    (offered,) = re.findall(r'type="checkbox" name="because" value="([^"]*)"', form)
    forms.record(path, horizon="now", because=unescape(offered))
    (entry, *_) = service.rows("/audit", subject=feature)
    assert entry["because"] == [decision]


def test_a_key_that_was_used_for_other_content_can_be_sent_again(service, forms, product):
    """If the response was lost and the text was then changed, the page says that the form was already recorded."""
    values = {**forms.open("/record"), "title": "Cards only", "decision": "Cards.", "why": "Invoices."}
    assert forms.send("/record", values).status_code == 303
    again = forms.send("/record", {**values, "title": "Cards and coins"})
    assert again.status_code == 422
    assert "was already recorded with different content" in text_of(again.text)
    key = re.search(r'name="form_key" value="([^"]*)"', again.text)[1]
    assert forms.send("/record", {**values, "title": "Cards and coins", "form_key": key}).status_code == 303


def test_a_form_that_is_sent_after_the_session_ended_leads_back_to_itself(service, forms, feature):
    """Nothing was recorded; signing in leads back to the same form, with what was typed."""
    path = f"/do/MoveFeature?subject={feature}"
    headers = {"Referer": f"http://testserver{path}", "Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    with service.client_of(None) as signed_out:
        answer = signed_out.post("/do/MoveFeature", data=forms.open(path), headers=headers)
    assert answer.status_code == 401
    assert "Nothing was recorded" in text_of(answer.text)
    assert f"/sign-in?next=/do/MoveFeature%3Fsubject%3D{feature.replace(':', '%3A')}" in answer.text


def test_a_form_is_shown_again_while_the_read_model_is_behind(service, forms, feature, monkeypatch):
    """It cannot be compared with the latest values, so nothing is recorded, and what was typed is kept."""
    path = f"/do/MoveFeature?subject={feature}"
    values = {**forms.open(path), "horizon": "now", "note": "A long thought."}

    async def never(*_: Any) -> None:
        raise HttpProblem(504, "the read model is at position 1, not yet at 3; try again")

    monkeypatch.setattr("api.pages.record.wait_for_position", never)
    size = service.log.head().size
    refused = forms.send(path, values)

    assert refused.status_code == 422
    assert "not yet at 3; try again" in text_of(refused.text)
    assert forms.read(refused.text)["note"] == "A long thought."
    assert service.log.head().size == size


def test_a_form_that_is_sent_twice_is_no_conflict_with_itself(service, forms, feature, product):
    """What was typed in other words than it is stored in was changed by the form itself, so the answer is the first one."""
    forms.record("/do/SetGoal", title="Forty nights")
    path = f"/do/LinkFeature?subject={feature}"
    values = {**forms.open(path), "goals": "forty NIGHTS"}
    moved = {**forms.open(f"/do/MoveFeature?subject={feature}"), "horizon": "next", "rank": "02"}

    linked = [forms.send(path, values) for _ in range(3)]
    ranked = [forms.send("/do/MoveFeature", moved) for _ in range(3)]

    assert {each.status_code for each in (*linked, *ranked)} == {303}
    assert len({each.headers["location"] for each in linked}) == 1
    assert len({each.headers["location"] for each in ranked}) == 1


def test_a_form_names_the_person_who_is_kept_for_one_who_was_merged(service, forms, product):
    """Once, where both were in a list."""
    people = [subject_of(forms.record("/do/RegisterPerson", name=name), "person") for name in ("Ann X", "Bob X")]
    forms.record("/do/PlanMeeting", title="Round", held_on="2030-05-08", invited="Ann X; Bob X", products="Tideline")
    meeting = service.rows("/meetings")[0]["subject"]
    assert (
        service.post("/commands", {"type": "MergePeople", "subject": people[0], "into": people[1]}).status_code == 200
    )
    service.rows("/people")

    assert forms.open(f"/do/ReviseMeeting?subject={meeting}")["invited"] == "Bob X"
    assert forms.open(f"/meetings/{meeting.partition(':')[2]}/write-up")["attendees"] == "Bob X"


@pytest.mark.parametrize("typed", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_before_or_after_all_times_is_refused_at_its_input(forms, product, typed):
    """The message is about that input, also where UTC has no such year."""
    values = {**forms.open("/record"), "title": "T", "decision": "D", "why": "W", "effective_at": typed}

    refused = forms.send("/record", values)

    assert refused.status_code == 422
    assert 'href="#f-effective_at"' in refused.text


def test_what_is_wrong_is_read_with_its_input(forms):
    """A screen reader says the error of an input with it; an error of no input has the focus itself."""
    missing = forms.send("/do/SetGoal", {**forms.open("/do/SetGoal"), "title": ""})
    assert 'id="f-title"' in missing.text
    assert 'aria-describedby="h-title e-title" aria-invalid="true" autofocus' in missing.text
    assert 'id="e-title"' in missing.text

    location = forms.record("/do/SetGoal", title="Forty nights")
    path = f"/do/ReviseGoal?subject={subject_of(location, 'goal')}"
    unchanged = forms.send(path, forms.open(path))
    assert '<div class="note" role="alert" tabindex="-1" autofocus>' in unchanged.text


def test_a_refusal_shows_a_command_that_can_be_typed(service, forms, feature):
    """Of a command, the id of a person stays: a name with a blank would not be one argument."""
    viewer = service.person("Vic Mole")
    service.log.default_role = "viewer"
    service.client = service.client_of(quiet_token(service.log, viewer, {"read", "write"}))

    refused = forms.send("/do/DropFeature", {"subject": feature, "form_key": "k", "why": "W"})

    assert refused.status_code == 422
    assert f"<code>decisionlog role grant {viewer} manager --product tideline</code>" in refused.text
    assert "`" not in text_of(refused.text)


def test_a_message_calls_fields_what_the_form_calls_them(forms, product, feature):
    """The names of the API are on no form."""
    forms.record(f"/do/ScheduleRelease?product={product}", version="1.0")
    path = f"/do/MoveFeature?subject={feature}"

    refused = forms.send(path, {**forms.open(path), "release": "Tideline 1.0", "day": "2030-01-01"})

    assert "“Release” or “Date instead of a release”" in text_of(refused.text)


def test_a_form_speaks_of_its_own_fields():
    """What a command does is said without the names of its fields, and a form omits none."""
    for form in filter(None, map(find_form, COMMANDS)):
        assert "Omitted" not in form.summary
        assert not {f"`{each.name}`" for each in form.every_field} & {*re.findall(r"`[^`]*`", form.summary)}


def test_a_backtick_that_someone_typed_stays(forms):
    """A message repeats what was typed; only what is between two backticks is code."""
    refused = forms.send("/do/SetGoal", {**forms.open("/do/SetGoal"), "title": "T", "accountable": "Ann`s"})

    assert "No person or team is called “Ann`s”." in text_of(refused.text)
    assert "<code>" not in refused.text
