"""Pages show imported subjects whose values could not be mapped: such a field has a source value, and no value."""

from __future__ import annotations

import pytest

from tests.support_log import LocalService

FIELDS = {
    "release": ("due_on", "version"),
    "goal": ("due_on", "role.accountable"),
    "meeting": ("held_on", "agenda", "attendees"),
    "evidence": ("valid_until", "kind"),
    "assumption": ("check_on",),
    "task": ("due_on", "role.accountable"),
    "decision": ("status", "deciders", "review_on", "options", "goals", "role.accountable"),
    "feature": ("status", "horizon", "target.ship", "role.accountable", "goals"),
}
PAGES = (
    *(
        "/",
        "/releases",
        "/goals",
        "/meetings",
        "/evidence",
        "/assumptions",
        "/tasks",
        "/decisions",
        "/roadmap",
        "/debt",
    ),
    *(f"/{kind}s/old" for kind in ("release", "goal", "meeting", "assumption", "task", "decision", "feature")),
    *("/evidence/old", "/decisions/old/review", "/reports/shop"),
)


@pytest.mark.parametrize("without_products", [False, True])
def test_values_that_could_not_be_mapped_fail_no_page(service: LocalService, without_products: bool) -> None:
    """Given subjects of every kind whose dates, people and lists an import could not map, then each page is shown."""
    service.post("/products", {"title": "Shop", "key": "shop"})
    products = {"source_value": "TBD"} if without_products else {"subjects": ["product:shop"]}
    for kind, names in FIELDS.items():
        changes = [
            {"field": "exists", "value": True},
            {"field": "products", **products},
            *({"field": name, "source_value": "TBD"} for name in names),
        ]
        body = {"changes": changes, "source": {"system": "jira"}}
        response = service.post("/commands", {"type": "ImportChanges", "subject": f"{kind}:old", **body})
        assert response.status_code == 200, response.text
    service.runner.wait_for(service.log.head().size, 10)
    answers = {path: service.client.get(path, headers={"Accept": "text/html"}).status_code for path in PAGES}
    assert answers == dict.fromkeys(PAGES, 200)
