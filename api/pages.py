"""What is answered without a token: health, version and the documentation."""

from __future__ import annotations

from html import escape
from importlib.metadata import version
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from api import answers
from api.services import Served
from domain.catalogue import COMMANDS, EVENTS

INTRODUCTION: Final = """\
The log of a product organisation's decisions, and the roadmap of any day.

**Who you are** is known from your token: `Authorization: Bearer TOKEN`. `on_behalf_of` is a claim, and shown as one.

**Writing.** Every command has a route; `POST /v1/commands` takes any of them, or several as one unit. Send an
`Idempotency-Key`, and a lost answer is no harm: the same request again has one effect and the same answer. `If-Match`
with the ETag you read keeps you from overwriting what you have not seen.

**Reading.** `as_of` asks what was in effect at an instant, `known_at` what the log had recorded by then; both are now
if silent, and can be asked together. `after=POSITION` waits until the answer covers a position you have written. Every
answer says the `position` it speaks up to. Tables come as JSON, or as CSV or JSON Lines: `format=csv`, `format=jsonl`,
or the `Accept` header.

**People** are named by id, or by any name, e-mail or handle the directory knows. Register them first, with
`POST /v1/people`; who nobody knows can be accountable for nothing.

**Errors** are problem documents (RFC 9457) that name the field and say what would be right.
"""

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
code{background:#f2f2f2;padding:.1em .3em;border-radius:3px}h2{margin-top:2.5rem}summary{cursor:pointer;padding:.3rem 0}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;
border-bottom:1px solid #ddd}pre{background:#f2f2f2;padding:.75rem;overflow:auto}
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}code,pre{background:#2a2a2a}
td,th{border-color:#444}a{color:#8ab4ff}}
"""


def router() -> APIRouter:
    """The open routes."""
    routes = APIRouter(tags=["Service"])
    routes.add_api_route("/", lambda: RedirectResponse("/docs"), methods=["GET"], include_in_schema=False)
    routes.add_api_route(
        "/v1/health",
        health,
        methods=["GET"],
        summary="Is it well?",
        **answers.declared(answers.Health, more=answers.STOPPED),
    )
    routes.add_api_route(
        "/v1/version", service_version, methods=["GET"], summary="What is it?", **answers.declared(answers.Version)
    )
    routes.add_api_route(
        "/v1/catalogue",
        catalogue,
        methods=["GET"],
        summary="All commands and events, by name",
        **answers.declared(answers.Catalogue),
    )
    routes.add_api_route("/docs", documentation, methods=["GET"], response_class=HTMLResponse, include_in_schema=False)
    return routes


async def health(served: Served) -> dict[str, Any]:
    """The size of the log and how far the read models are behind it; 503 when they have stopped following."""
    served.must_follow()
    recorded, shown = served.log.head().size, served.runner.position
    return {"status": "ok", "position": recorded, "read_model": shown, "lag": recorded - shown}


async def service_version() -> dict[str, str]:
    """Name and version of what is running."""
    return {"service": "decisionlog", "version": version("decisionlog"), "api": "v1"}


async def catalogue() -> dict[str, Any]:
    """Every command that can be sent and every event it can come to, each with what it means."""
    return {
        "commands": {name: _first_line(command) for name, command in COMMANDS.items()},
        "events": {name: sorted(event.model_fields) for name, event in EVENTS.items()},
    }


def _first_line(thing: type) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


async def documentation(request: Request) -> HTMLResponse:
    """The reference as a page that needs nothing from elsewhere."""
    document = request.app.openapi()
    sections: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["Other"])[0]
            sections.setdefault(tag, []).append(_operation(method, path, operation, document))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(rows)}" for tag, rows in sections.items())
    intro = "".join(f"<p>{_inline(part)}</p>" for part in INTRODUCTION.split("\n\n"))
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Decision log: reference</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>Decision log</h1>{intro}'
        f'<p>The same for machines: <a href="/openapi.json">openapi.json</a>.</p>{body}</html>',
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _inline(text: str) -> str:
    """Escaped text with `code` and **strong** marked."""
    parts = escape(text).split("`")
    marked = "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
    return "".join(f"<strong>{part}</strong>" if n % 2 else part for n, part in enumerate(marked.split("**")))


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> str:
    fields = [*_parameters(operation), *_body_fields(operation, document)]
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if optional else ' *'}</td><td>{_inline(text)}</td></tr>"
        for name, optional, text in fields
    )
    table = f"<table>{rows}</table><p>* required</p>" if rows else ""
    return (
        f"<details><summary><code>{method.upper()} {escape(path)}</code> {escape(operation.get('summary', ''))}</summary>"
        f"<p>{_inline(operation.get('description', ''))}</p>{table}</details>"
    )


def _parameters(operation: dict[str, Any]) -> list[tuple[str, bool, str]]:
    return [
        (parameter["name"], not parameter.get("required"), parameter.get("description", ""))
        for parameter in operation.get("parameters", [])
    ]


def _body_fields(operation: dict[str, Any], document: dict[str, Any]) -> list[tuple[str, bool, str]]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    schema = document["components"]["schemas"].get(content.get("$ref", "").rpartition("/")[2], {})
    required = schema.get("required", [])
    return [
        (name, name not in required, field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]
