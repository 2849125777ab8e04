"""Forms for administrators: roles, API tokens, sign-in links and sessions. They do what the API does, by the same policy.

A secret is only in the response to the form that made it. A form that is sent twice acts once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from secrets import token_hex
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.access_journal import record_refusal
from api.command_routes import build_transaction
from api.pages.command_forms import FormField
from api.pages.form_input import LIST_SEPARATOR, Errors, Typed, read_form, use_candidate
from api.pages.page import Context, Page, PageDependency, add_page, build_address, page_router
from api.pages.references import (
    MAX_OFFERED,
    Candidate,
    NotFoundError,
    find_one,
    list_candidates,
    people_candidates,
    with_distinct_labels,
)
from api.permissions import held_roles, is_administrator
from api.problems import HttpProblem, unprocessable
from api.query_execution import wait_for_position
from api.routes.sessions import NewSignInLink, create_sign_in_link
from api.routes.tokens import NewToken, create_token, describe_token, revoke_token
from api.services import refuse_writes_on_replica
from domain import roles
from domain.actions import ADMINISTER
from domain.errors import Forbidden, Refused
from domain.held_roles import NO_PRODUCT, may, may_anywhere
from domain.messages import Command
from domain.scopes import DEFAULT_SCOPES, IMPORT_SCOPE, SCOPES
from domain.validation_messages import list_errors
from domain.values import format_timestamp, from_micros
from identity.decision_log import DecisionLog
from projections.answer_types.tokens import TokenRow
from projections.queries.grants import grants
from projections.read_model.model import Read

HOUR_US: Final = 3_600_000_000
SENT_TWICE: Final = (
    "This form was already sent, and its result was shown once. If you no longer have it, fill in a new form; you "
    "can revoke a token that was lost."
)
CHANGES: Final[Mapping[str, type[roles.GrantRole | roles.RevokeRole]]] = {
    "grant-role": roles.GrantRole,
    "revoke-role": roles.RevokeRole,
}
_INPUTS: Final = {"subject": "holder", "person": "holder", "expires_at": "expires_on"}
"""The input of a field of the API, where they have different names."""


def _field(name: str, label: str, control: Any, hint: str = "", **more: Any) -> FormField:
    default: dict[str, Any] = {"kind": "", "choices": (), "is_list": False, "is_required": False, "is_folded": False}
    return FormField(
        **{**default, "name": name, "label": label, "hint": hint, "control": control, "default": None, **more}
    )


def _product(hint: str) -> FormField:
    return _field("product", "Product", "subject", hint, kind="product", empty="all products")


_ROLE_HINT: Final = "; ".join(f"{role} {what}" for role, what in roles.DESCRIPTIONS.items()).capitalize() + "."
_ROLE_FIELDS: Final = (
    _field(
        "holder",
        "Person, team, service or group",
        "person",
        "A name, or an id such as service:tracker or group:design.",
        kind="role_holder",
        is_required=True,
    ),
    _field("role", "Role", "choice", _ROLE_HINT, choices=roles.ROLES, is_required=True),
    _product("With the products of its line."),
    _field("note", "Reason", "text"),
)
_TOKEN_FIELDS: Final = (
    _field(
        "holder",
        "Holder",
        "person",
        "A person, or a service such as service:tracker.",
        kind="token_holder",
        is_required=True,
    ),
    _field(
        "scopes",
        "Scopes",
        "choices",
        "What the token may be used for. It never exceeds its holder's roles.",
        choices=tuple(SCOPES),
    ),
    _field(
        "system", "Imports from one system only", "line", "A system such as jira: the token gets the scope import:jira."
    ),
    _field("label", "Label", "line", "What the token is used for."),
    _field("expires_on", "Expires on", "day", "It expires at the beginning of this day; after a year by default."),
    _field("never", "This token never expires.", "check"),
    _field(
        "role",
        "Role for the holder",
        "choice",
        "Granted in the same step, unless they have it.",
        choices=("", *roles.ROLES),
    ),
    _product("The product for which the role is granted."),
)
_PERSON: Final = _field("holder", "Person", "person", kind="person", is_required=True)


@dataclass(frozen=True, slots=True)
class AdminForm:
    """A form for administrators."""

    name: str
    title: str
    summary: str
    fields: tuple[FormField, ...]
    button: str
    is_for_any_product: bool = False
    """Whether administrators of one product may send it, too; the log then judges each command."""


FORMS: Final[Mapping[str, AdminForm]] = {
    each.name: each
    for each in (
        AdminForm(
            "grant-role",
            "Grant a role",
            "Give a person, team, service or group a role, for all products or for one.",
            _ROLE_FIELDS,
            "Grant the role",
            is_for_any_product=True,
        ),
        AdminForm(
            "revoke-role",
            "Revoke a role",
            "It ends at once. What was recorded with it stays.",
            _ROLE_FIELDS,
            "Revoke the role",
            is_for_any_product=True,
        ),
        AdminForm(
            "create-token",
            "Create an API token",
            "A program sends it to act as its holder. The token is shown once.",
            _TOKEN_FIELDS,
            "Create the token",
        ),
        AdminForm(
            "revoke-token",
            "Revoke an API token",
            "It stops working at once, and cannot be restored.",
            (),
            "Revoke the token",
        ),
        AdminForm(
            "create-sign-in-link",
            "Create a sign-in link",
            "A person signs in with it once, within 15 minutes. The link is shown once.",
            (_PERSON,),
            "Create the link",
        ),
        AdminForm(
            "end-sessions",
            "End the sessions of a person",
            "Their browsers are signed out at once. They can sign in again, unless they left.",
            (_PERSON,),
            "End all their sessions",
        ),
    )
}


@dataclass(frozen=True)
class Filling:
    """A form being filled in: what was typed, and what is wrong with it."""

    form: AdminForm
    typed: Typed = field(default_factory=dict)
    errors: Errors = field(default_factory=Errors)
    status: int = 200
    form_key: str = ""


def router() -> APIRouter:
    """Return the routes of these forms."""
    routes = page_router()
    for form in FORMS.values():
        add_page(routes, f"/admin/{form.name}", _build_get(form), "light")
        routes.add_api_route(f"/admin/{form.name}", _build_post(form), methods=["POST"], response_model=None)
    return routes


FormParameter = Annotated[str, Query(max_length=500)]


def _build_get(form: AdminForm) -> Callable[..., Response]:
    def get_form(
        page: PageDependency,
        holder: FormParameter = "",
        role: FormParameter = "",
        product: FormParameter = "",
        token: FormParameter = "",
    ) -> Response:
        given = {"holder": holder, "role": role, "product": product, "token": token}
        _require(page, form)
        return _show(page, Filling(form, {name: value for name, value in given.items() if value}))

    return get_form


def _build_post(form: AdminForm) -> Callable[..., Any]:
    async def post_form(request: Request, page: PageDependency) -> Response:
        await refuse_writes_on_replica(request, page.services)
        await run_in_threadpool(_require, page, form)
        typed = await read_form(request)
        key = typed.get("form_key", "")
        if "use" in typed:
            chosen = Filling(form, use_candidate(form.fields, typed), form_key=key)
            return await page.execution.run("light", lambda: _show(page, chosen))
        filling = Filling(form, typed, status=422, form_key=key)
        try:
            if form.name in CHANGES:
                return await _change_role(page, filling)
            return await run_in_threadpool(_ACTIONS[form.name], page, filling)
        except _InvalidError:
            pass
        except (Refused, HttpProblem) as error:
            if isinstance(error, Forbidden):
                record_refusal(request, HTTPStatus.FORBIDDEN, error.detail, is_command=True)
            _add_error(filling, error.field, error.detail)
        except ValidationError as error:
            for path, message in list_errors(error.errors(include_url=False, include_input=False)):
                _add_error(filling, path, message)
        return await page.execution.run("light", lambda: _show(page, filling))

    return post_form


class _InvalidError(Exception):
    """The errors of the form say what is wrong."""


def _require(page: Page, form: AdminForm) -> None:
    """Check that the caller may send a form.

    Raises:
        HttpProblem: 403 with the scope or the role that is missing, 421 on a replica.
    """
    held = held_roles(page.services, page.caller)
    reason = may_anywhere(held, ADMINISTER) if form.is_for_any_product else may(held, ADMINISTER, [NO_PRODUCT])
    if reason is not None:
        raise HttpProblem(403, reason)
    _ = page.services.log


def allowed_forms(page: Page) -> frozenset[str]:
    """Return the names of the forms whose buttons the caller sees: none on a replica, and none at another time."""
    if not page.time.is_now or not isinstance(page.services.book, DecisionLog):
        return frozenset()
    if is_administrator(page.services, page.caller):
        return frozenset(FORMS)
    may_somewhere = may_anywhere(held_roles(page.services, page.caller), ADMINISTER) is None
    return frozenset(each.name for each in FORMS.values() if each.is_for_any_product and may_somewhere)


def _add_error(filling: Filling, api_field: str | None, message: str) -> None:
    first = (api_field or "").partition(".")[0]
    name = _INPUTS.get(first, first)
    filling.errors.add(name if name in {each.name for each in filling.form.fields} else "", message)


# Acting ---------------------------------------------------------------------------------------------------------------


async def _change_role(page: Page, filling: Filling) -> Response:
    command = await run_in_threadpool(_build_role_command, page, filling)
    page.services.quotas.take_commands(page.caller, 1)
    receipt = await page.services.log.execute(build_transaction((command,), page.caller, filling.form_key or None, {}))
    with suppress(HttpProblem):  # the page will show it a little later
        await wait_for_position(page.services, receipt.position)
    return _redirect(done=receipt.position)


def _build_role_command(page: Page, filling: Filling) -> Command:
    found = _find_subjects(page, filling)
    note = filling.typed.get("note", "").strip() or None
    role: Any = filling.typed.get("role", "")
    return CHANGES[filling.form.name](subject=found["holder"], role=role, product=found.get("product"), note=note)


def _create_token(page: Page, filling: Filling) -> Response:
    found, typed = _find_subjects(page, filling), filling.typed
    system = typed.get("system", "").strip()
    scopes = [each.strip() for each in typed.get("scopes", "").split(LIST_SEPARATOR) if each.strip()]
    new = NewToken.model_validate(
        {
            "holder": found["holder"],
            "scopes": [*scopes, *([f"{IMPORT_SCOPE}:{system}"] if system else [])],
            "label": typed.get("label", "").strip(),
            "expires_at": _parse_expiry(page, typed),
            "role": typed.get("role") or None,
            "product": found.get("product"),
        }
    )
    if not new.scopes:
        raise unprocessable("choose at least one scope", field="scopes")
    _claim(page, filling)
    made = create_token(page.services, page.caller, new)
    facts = {
        "Holder": made["holder"],
        "Scopes": ", ".join(made["scopes"]),
        "Role": new.role or "",
        "For": (new.product or "all products") if new.role else "",
    }
    return _show_secret(page, "The token was created", "API token", made["secret"], made["expires_at"], facts)


def _parse_expiry(page: Page, typed: Typed) -> str | None:
    day = typed.get("expires_on", "").strip()
    if typed.get("never") == "yes":
        return "never"
    if not day:
        return None
    try:
        time = datetime.fromisoformat(day).replace(tzinfo=page.time.zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise unprocessable("write the day as YYYY-MM-DD", field="expires_at") from None
    return format_timestamp(time)


def _create_link(page: Page, filling: Filling) -> Response:
    new = NewSignInLink(person=_find_subjects(page, filling)["holder"])
    _claim(page, filling)
    made = create_sign_in_link(page.request, page.services, page.caller, new)
    facts = {"Person": made["person"]}
    return _show_secret(page, "The link was created", "Sign-in link", made["url"], made["expires_at"], facts)


def _claim(page: Page, filling: Filling) -> None:
    """Claim the key of a form, which is sent once.

    Raises:
        HttpProblem: 409 if it was sent before.
    """
    key, until = f"{page.caller.actor} {filling.form_key}", page.time.now + 24 * HOUR_US
    if filling.form_key and not page.services.log.codes.claim("administration form", key, until):
        raise HttpProblem(409, SENT_TWICE)


def _revoke_token(page: Page, filling: Filling) -> Response:
    revoke_token(page.services, page.caller, filling.typed.get("token", ""))
    return _redirect(anchor="tokens")


def _end_sessions(page: Page, filling: Filling) -> Response:
    sessions = page.services.log.sessions
    if session := filling.typed.get("session", ""):
        sessions.end(session)
    else:
        sessions.end_all(_find_subjects(page, filling)["holder"])
    return _redirect(anchor="sessions")


_ACTIONS: Final[Mapping[str, Callable[[Page, Filling], Response]]] = {
    "create-token": _create_token,
    "revoke-token": _revoke_token,
    "create-sign-in-link": _create_link,
    "end-sessions": _end_sessions,
}


def _redirect(anchor: str = "", done: int | None = None) -> Response:
    address = build_address("/admin", {"done": done}) + (f"#{anchor}" if anchor else "")
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


def _show_secret(
    page: Page, title: str, name: str, secret: str, expires_at: str | None, facts: Mapping[str, str]
) -> Response:
    """Return the only page that contains a secret. It is the response to a form, so its address contains nothing of it."""
    context = {"title": title, "name": name, "secret": secret, "expires_at": expires_at, "facts": facts}
    return page.render("admin_secret.html", lambda _read: context, headers={"Cache-Control": "no-store"})


# Showing --------------------------------------------------------------------------------------------------------------


def _show(page: Page, filling: Filling) -> Response:
    form = filling.form

    def build(read: Read) -> Context:
        candidates = _find_candidates(read, page, form)
        is_first = "form_key" not in filling.typed
        values = {**_start_values(page, form), **filling.typed} if is_first else filling.typed
        labels = {each.subject: each.label for found in candidates.values() for each in found}
        return {
            "form": form,
            "values": {name: labels.get(value, value) for name, value in values.items()},
            "chosen": {each.strip() for each in values.get("scopes", "").split(LIST_SEPARATOR)},
            "choice_hints": SCOPES,
            "errors": filling.errors.by_field,
            "mentioned": filling.errors.mentioned,
            "candidates": candidates,
            "most": MAX_OFFERED,
            "form_key": token_hex(16) if form.name not in CHANGES else filling.form_key or token_hex(16),
            "token": _find_token(page, filling.typed.get("token", "")) if form.name == "revoke-token" else None,
        }

    return page.render("admin_form.html", build, status=filling.status, headers={"Cache-Control": "no-store"})


def _start_values(page: Page, form: AdminForm) -> dict[str, str]:
    if form.name != "create-token":
        return {"role": roles.VIEWER}
    until = from_micros(page.services.log.tokens.default_expiry()).astimezone(page.time.zone)
    return {"scopes": f"{LIST_SEPARATOR} ".join(sorted(DEFAULT_SCOPES)), "expires_on": until.date().isoformat()}


def _find_token(page: Page, token: str) -> TokenRow:
    for each in page.services.log.tokens.all():
        if each.id == token:
            return describe_token(each)
    raise HttpProblem(404, f"there is no token {token}", field="token")


def _find_subjects(page: Page, filling: Filling) -> dict[str, str]:
    """Return the ids of what was typed into the fields that refer to subjects.

    Raises:
        _InvalidError: something is missing, unknown or ambiguous; the errors of the form say what.
    """
    found: dict[str, str] = {}
    with page.services.read() as read:
        candidates = _find_candidates(read, page, filling.form)
    for each in filling.form.fields:
        text = filling.typed.get(each.name, "").strip()
        if each.kind and not text and each.is_required:
            filling.errors.add(each.name, f"{each.label} is missing.")
        elif each.kind and text:
            try:
                found[each.name] = find_one(text, candidates[each.kind], _NOUNS.get(each.kind, each.kind))
            except NotFoundError as error:
                filling.errors.add(each.name, error.message, error.candidates, text)
    if filling.errors.by_field:
        raise _InvalidError
    return found


_NOUNS: Final = {"role_holder": "person, team, service or group", "token_holder": "person or service"}


def _find_candidates(read: Read, page: Page, form: AdminForm) -> dict[str, Sequence[Candidate]]:
    kinds = {each.kind for each in form.fields if each.kind}
    found: dict[str, Sequence[Candidate]] = {"product": list_candidates(read, "product")} if "product" in kinds else {}
    if kinds - {"product"}:
        known = [*page.services.book.directory.list_people()]
        people = people_candidates(known, read.merged_into)
        machines = {each.id for each in known} | {row["holder"] for row in grants(read).rows}
        if "token_holder" in kinds:
            machines |= {token.actor for token in page.services.log.tokens.all()}
        services = _by_id(each for each in machines if each.startswith("service:"))
        groups = _by_id(each for each in machines if each.startswith("group:"))
        found |= {
            "person": people,
            "token_holder": [*people, *services],
            "role_holder": [*people, *list_candidates(read, "team"), *services, *groups],
        }
    return {kind: with_distinct_labels(each) for kind, each in found.items() if kind in kinds}


def _by_id(ids: Any) -> list[Candidate]:
    return [Candidate(each, each, (each, each.partition(":")[2])) for each in sorted(ids)]
