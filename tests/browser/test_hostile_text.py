"""Stored text is shown as text on every page."""

from __future__ import annotations

import httpx2
import pytest

NAUGHTY = [
    "<script>document.title='pwned'</script>",
    "\"><img src=x onerror=document.title='pwned'>",
    "'-document.title='pwned'-'",
    "{{ 7*7 }} {% raw %} ${7*7} #{7*7}",
    "javascript:document.title='pwned'",
    "</title></textarea></select></style><svg onload=document.title='pwned'>",
    "\u202eevil\u202c \ufdfa Z\u0332\u035da\u0350l\u031bg\u032bo\u0324 \U0001f469\u200d\U0001f469 田中さん",
    "a" * 300,
    "decision:x feature:<b>bold</b>",
]


@pytest.mark.parametrize("width", [1280, pytest.param(360, marks=pytest.mark.slow)])
def test_every_naughty_string_is_text_on_every_page(demo, width):
    """In every text field of a decision and a feature; nothing runs, and nothing scrolls sideways."""
    headers = {"Authorization": f"Bearer {demo.token}"}
    keys = []
    with httpx2.Client(base_url=demo.address, headers=headers) as client:
        for n, text in enumerate(NAUGHTY):
            key = f"naughty-{width}-{n}"
            keys.append(key)
            decision = {"key": key, "title": text, "decision": text, "why": text, "accountable": "Priya Raman"}
            more = {
                "context": text,
                "evidence": [text],
                "expected": text,
                "note": text,
                "products": ["product:tideline"],
            }
            options = {"options": [{"title": text, "pros": [text], "cons": [text]}], "option": text}
            assert client.post("/v1/decisions", json={**decision, **more, **options}).status_code == 201
            feature = {"key": key, "title": text, "definition": text, "products": ["product:tideline"], "note": text}
            assert client.post("/v1/features", json=feature).status_code == 201
            last = client.post(f"/v1/features/{key}/drop", json={"why": text}).json()["position"]
        client.get("/v1/decisions", params={"min_position": last, "limit": 1})
    with demo.tab(width=width) as page:
        dialogs = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for n, key in enumerate(keys):
            page.goto(f"/decisions/{key}")
            assert page.locator("h1").text_content() == NAUGHTY[n]
            assert page.evaluate("document.title").startswith("TIDELINE-")
        for address in (
            "/",
            "/?view=superior",
            "/decisions",
            "/audit",
            "/roadmap",
            "/search?text=naughty",
            f"/features/{keys[1]}",
        ):
            page.goto(address)
            assert page.title().endswith("Decision log"), address
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert dialogs == []
