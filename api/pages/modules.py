"""The pages, a module for each noun."""

from __future__ import annotations

from typing import Final

from api.pages import (
    admin,
    audit,
    decisions,
    home,
    people,
    provider_sign_in,
    record,
    report,
    roadmap,
    search,
    sign_in,
    subjects,
)

PAGE_MODULES: Final = (
    home,
    roadmap,
    decisions,
    record,
    subjects,
    people,
    audit,
    search,
    report,
    admin,
    sign_in,
    provider_sign_in,
)
