"""The pages, a module for each noun."""

from __future__ import annotations

from typing import Final

from api.pages import (
    access_journal,
    account,
    activity,
    admin,
    admin_forms,
    audit,
    debt,
    decisions,
    demo,
    evidence,
    home,
    imports,
    meetings,
    outcomes,
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
    evidence,
    people,
    debt,
    outcomes,
    meetings,
    audit,
    search,
    report,
    account,
    admin,
    admin_forms,
    access_journal,
    activity,
    imports,
    demo,
    sign_in,
    provider_sign_in,
)
