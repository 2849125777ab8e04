"""What is answered without a token: health, version and the documentation."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.metadata import version
from threading import Lock
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from api import answers
from api.services import Served
from domain.catalog import COMMANDS, EVENTS
from domain.examples import EXAMPLES

INTRODUCTION: Final = """\
The log of a product organisation's decisions, and the roadmap of any day.

**Who you are** is known from your token: `Authorization: Bearer TOKEN`. `on_behalf_of` is a claim, and shown as one.

**Writing.** Every command has a route; `POST /v1/commands` takes any of them, or several as one unit. Send an
`Idempotency-Key`, and a lost answer is no harm: the same request again has one effect and the same answer. `If-Match`
with the ETag you read keeps you from overwriting what you have not seen.

**Reading.** `as_of` asks what was in effect at an instant, `known_at` what the log had recorded by then; both are now
if silent, and can be asked together. `min_position=POSITION` waits until the answer covers a position you have written. Every
answer says the `position` it speaks up to. Tables come as JSON, or as CSV or JSON Lines: `format=csv`, `format=jsonl`,
or the `Accept` header.

**People** are named by id, or by any name, e-mail or handle the directory knows. Register them first, with
`POST /v1/people`; who nobody knows can be accountable for nothing.

**Errors** are problem documents (RFC 9457) that name the field and say what would be right.
"""

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--tint:#f2f2f2;--line:#ddd;--link:#0b57d0}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#161616;--tint:#2a2a2a;--line:#444;--link:#8ab4ff}}
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:1.5rem auto;padding:0 1rem;overflow-wrap:anywhere;
color:var(--ink);background:var(--paper)}a{color:var(--link)}
code,pre{background:var(--tint);border-radius:3px}code{padding:.1em .3em}pre{padding:.75rem;white-space:pre-wrap}
h2{margin-top:2.5rem}h3,h4{margin:1rem 0 .25rem}summary{cursor:pointer;padding:.35rem 0}
table{border-collapse:collapse;width:100%}td{vertical-align:top;padding:.3rem .75rem .3rem 0;
border-bottom:1px solid var(--line)}td:first-child{width:40%}small{display:block;opacity:.75}
"""


_MAX_DOCUMENTS: Final = 16
"""Documents kept: one page for each address at which the service is reached."""


def _hash_of(style: str) -> str:
    """Return what a content security policy calls an inline style by."""
    return b64encode(sha256(style.encode()).digest()).decode()


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
        "/v1/catalog",
        catalogue,
        methods=["GET"],
        summary="All commands and events, by name",
        **answers.declared(answers.Catalogue),
    )
    for path, answer in {"/docs": documentation, "/openapi.json": openapi}.items():
        routes.routes.append(Route(path, answer, methods=["GET"], include_in_schema=False))
    return routes


async def health(served: Served) -> dict[str, Any]:
    """The size of the log and how far the read models are behind it; 503 when they have stopped following.

    `degraded`: all is well but that expensive questions have had to wait for half a minute without a break.
    """
    served.must_be_sound()
    served.must_follow()
    return {"status": "degraded" if served.questions.is_saturated() else "ok", **served.extent()}


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


async def documentation(request: Request) -> Response:
    """The reference as a page that needs nothing from elsewhere."""
    origin = str(request.base_url).rstrip("/")
    return await _once(request, f"/docs {origin}", lambda: _page(request.app.openapi(), origin), _HTML)


async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return await _once(
        request, "/openapi.json", lambda: _json(request.app.openapi()), {"content-type": "application/json"}
    )


_HTML: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_hash_of(_STYLE)}'",
}


class Documents:
    """Public documents by name, each made at its first request and kept as bytes, with its ETag."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, str]] = {}
        self._making = Lock()

    async def get(self, name: str, make: Callable[[], bytes]) -> tuple[bytes, str]:
        """Return a document and its ETag; only the first request waits until it is made, in a thread."""
        kept = self._kept.get(name)
        if kept is None:
            kept = await run_in_threadpool(self._make, name, make)
        return kept

    def _make(self, name: str, make: Callable[[], bytes]) -> tuple[bytes, str]:
        with self._making:
            if name not in self._kept:
                if len(self._kept) >= _MAX_DOCUMENTS:
                    self._kept.clear()
                body = make()
                self._kept[name] = (body, f'"{sha256(body).hexdigest()[:32]}"')
            return self._kept[name]


async def _once(request: Request, name: str, make: Callable[[], bytes], headers: Mapping[str, str]) -> Response:
    """Return a public document; 304 where the caller has it already."""
    documents: Documents = request.app.state.documents
    body, etag = await documents.get(name, make)
    caching = {"etag": etag, "cache-control": "public, no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=caching)
    return Response(body, headers={**headers, **caching})


def _json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _page(document: Schema, address: str) -> bytes:
    """The reference as HTML, with an address for its examples."""
    page = Reference(document["components"]["schemas"], address)
    sections: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", ["Other"])[0]
            sections.setdefault(tag, []).append(page.operation(method, path, operation))
    sections["Objects"] = page.objects()
    contents = "".join(
        f'<li><a href="#{escape(tag)}">{escape(tag)}</a> ({len(rows)})' for tag, rows in sections.items()
    )
    body = "".join(f'<h2 id="{escape(tag)}">{escape(tag)}</h2>{"".join(rows)}' for tag, rows in sections.items())
    intro = "".join(f"<p>{_inline(part)}</p>" for part in INTRODUCTION.split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Decision log: reference</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>Decision log</h1>{intro}'
        f'<p>The same for machines: <a href="/openapi.json">openapi.json</a>.</p><ul>{contents}</ul>{body}</html>'
    ).encode()


def _inline(text: str) -> str:
    """Escaped text with `code` and **strong** marked."""
    parts = escape(text).split("`")
    marked = "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
    return "".join(f"<strong>{part}</strong>" if n % 2 else part for n, part in enumerate(marked.split("**")))


Schema = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """Writes operations of an OpenAPI document as HTML.

    `schemas` are the document's components; `address` is where the service is reached, for the examples.
    """

    schemas: Mapping[str, Schema]
    address: str

    def operation(self, method: str, path: str, operation: Schema) -> str:
        """One route: what it is for, what it takes with an example to paste, and what it answers."""
        bodies = self._bodies(operation)
        asked = [
            (each["name"], bool(each.get("required")), each["schema"], each.get("description", ""))
            for each in operation.get("parameters", [])
        ]
        taken = asked + [field for body in bodies[:1] for field in _fields(body)]
        return (
            f"<details><summary><code>{method.upper()} {escape(path)}</code> {escape(operation['summary'])}</summary>"
            f"<p>{_inline(operation.get('description', ''))}</p>{self._table(taken)}"
            f"<h4>Try it</h4><pre>{escape(self.curl(method, path, operation))}</pre>"
            f"{self._answers(operation)}</details>"
        )

    def objects(self) -> list[str]:
        """The objects that stand in fields, each with its own; commands and bodies are explained where they are sent."""
        return [
            f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
            f"<p>{_inline(schema.get('description', ''))}</p>{self._table(list(_fields(schema)))}</details>"
            for name, schema in sorted(self.schemas.items())
            if name not in COMMANDS and name.removesuffix("Body") not in COMMANDS and "properties" in schema
        ]

    def _bodies(self, operation: Schema) -> list[Schema]:
        """The objects that can be sent. Of a choice of commands only what is not a command of its own."""
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        found = [self._resolved(each) for each in content.get("anyOf", [content])]
        return [each for each in found if "properties" in each]

    def _resolved(self, schema: Schema) -> Schema:
        return self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def _table(self, fields: list[Field]) -> str:
        """Fields with their type and meaning, those that must be there first."""
        ordered = sorted(fields, key=lambda field: not field[1])
        rows = "".join(
            f"<tr><td><code>{escape(name)}</code>{' *' if required else ''}<small>{self._type(schema)}</small></td>"
            f"<td>{_inline(text)}</td></tr>"
            for name, required, schema, text in ordered
        )
        star = "<p>* required</p>" if any(required for _, required, _, _ in fields) else ""
        return f"<table>{rows}</table>{star}" if rows else ""

    def _type(self, schema: Schema) -> str:
        """What may stand in a field, in words; HTML, since an object leads to where it is explained."""
        if "anyOf" in schema:
            kinds = [self._type(each) for each in schema["anyOf"] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
        if "enum" in schema:
            return escape(f"one of {', '.join(map(str, schema['enum']))}")
        if "oneOf" in schema:
            return "command, with its type"
        if "properties" in self._resolved(schema) and "$ref" in schema:
            name = escape(schema["$ref"].rpartition("/")[2])
            return f'<a href="#{name}">{name}</a>'
        if schema.get("type") == "array":
            return f"list of {self._type(schema.get('items', {}))}"
        words = {
            "date-time": "instant",
            "date": "day",
            "string": "text",
            "boolean": "true or false",
            "integer": "number",
        }
        kind = str(schema.get("format") or schema.get("const") or schema.get("type") or "any")
        return escape(words.get(kind, kind))

    def curl(self, method: str, path: str, operation: Schema) -> str:
        """The request for a terminal, with the example of its body and of what stands in its path.

        The examples are those of `domain.examples`: sent in that order, every one of them is taken.
        """
        bodies = self._bodies(operation)
        path = _example_of(path, operation)
        needed = [
            f"{each['name']}={_SAMPLES.get(each['name'], each['name'].upper())}"
            for each in operation.get("parameters", [])
            if each["in"] == "query" and (each.get("required") or "examples" in each)
        ]  # fmt: skip
        lines = [f"curl '{self.address}{path}{'?' if needed else ''}{'&'.join(needed)}'"]
        lines += ["-H 'Authorization: Bearer TOKEN'"] if operation.get("security") else []
        lines += [f"-X {method.upper()}"] if method != "get" and not bodies else []
        lines += [
            "-H 'If-Match: \"VERSION\"'"
            for each in operation.get("parameters", [])
            if each["name"] == "If-Match" and each["required"]
        ]
        if bodies:
            example = json.dumps(bodies[0].get("examples", [{}])[0], ensure_ascii=False, indent=2)
            lines += ["-H 'Content-Type: application/json'", "-d '" + example.replace("'", "'\\''") + "'"]
        return " \\\n  ".join(lines)

    def _answers(self, operation: Schema) -> str:
        """The fields of what is answered when all is well, and of its rows."""
        found = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
        refs = [media["schema"] for media in found[0].get("content", {}).values() if "$ref" in media.get("schema", {})]
        if not refs:
            return ""
        answer = self._resolved(refs[0])
        rows = answer["properties"].get("rows", {})
        kinds = [each["items"] for each in rows.get("anyOf", [rows]) if "items" in each]
        parts = [f"<h4>Answer</h4><p>{_inline(answer.get('description', ''))}</p>{self._table(list(_fields(answer)))}"]
        parts += [f"<h4>{self._type(kind)}</h4>{self._table(list(_fields(self._resolved(kind))))}" for kind in kinds]
        return "".join(parts).replace("<p>* required</p>", "<p>* always there</p>")


Field = tuple[str, bool, Schema, str]
"""Name, whether it must be there, schema and meaning."""

_IN_PATHS: Final = {
    "products": "shop", "decisions": "tea", "features": "gift-cards", "releases": "r1", "goals": "reach",
    "people": "ann", "teams": "core", "subjects": "feature:gift-cards", "tokens": "ID", "entries": "1",
}  # fmt: skip


def _example_of(path: str, operation: Schema) -> str:
    """A path with the subject of its command's example, else with one of those that the examples begin."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    command = content.get("$ref", "").rpartition("/")[2].removesuffix("Body")
    subject = EXAMPLES.get(command, {}).get("subject", "")

    def fill(found: re.Match[str]) -> str:
        sample = subject if found["name"] == "subject" else subject.partition(":")[2]
        return f"{found['collection']}/{sample or _IN_PATHS.get(found['collection'], found['name'].upper())}"

    return re.sub(r"(?P<collection>\w+)/\{(?P<name>\w+)\}", fill, path)


_SAMPLES: Final = {"since": "2025-01-01", "group": "field", "who": "Ann%20Bee", "text": "tea"}


def _fields(schema: Schema) -> Iterator[Field]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        yield name, name in required, field, field.get("description", "")
