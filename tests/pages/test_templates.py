"""No template can run or load what it must not, and every one compiles."""

import re

import pytest
from jinja2 import UndefinedError

from api.pages.static_files import load_static_files
from api.pages.templating import FOLDER, load_templates

FORBIDDEN = {
    "a filter that turns escaping off": r"\|\s*safe\b|autoescape",
    "an inline style": r"<style|<[a-z][^>{]*\sstyle=",
    "an inline script": r"<script(?![^>]*\ssrc=)|\son[a-z]+=|hx-on|javascript:",
    "an address elsewhere": r"(?:src|href|action)=\"(?:https?:)?//",
    "an htmx value that needs eval": r"hx-vals=.js:|hx-live",
}


@pytest.mark.parametrize("name", sorted(each.name for each in FOLDER.iterdir()))
def test_a_template_contains_nothing_that_the_content_policy_forbids(name):
    """No template turns escaping off, has inline styles or scripts, or refers to another host."""
    source = (FOLDER / name).read_text()

    found = {what for what, pattern in FORBIDDEN.items() if re.search(pattern, source)}

    assert found == set()
    load_templates().get_template(name)


def test_an_unknown_name_in_a_template_is_an_error():
    """A page that lacks a value fails in its test and never shows an empty place."""
    with pytest.raises(UndefinedError):
        load_templates().from_string("{{ missing }}").render()


def test_values_are_escaped():
    """Text is shown as text."""
    assert load_templates().from_string("{{ v }}").render(v="<b>&\"'") == "&lt;b&gt;&amp;&#34;&#39;"


def test_the_style_sheet_refers_to_fonts_by_their_hashed_addresses():
    """A font can be cached for a year, because its address changes with its content."""
    files = load_static_files()

    addresses = re.findall(r'url\("([^"]+)"\)', files["app.css"].body.decode())

    assert addresses
    assert set(addresses) <= {each.address for each in files.values()}
