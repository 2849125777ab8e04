"""The API reference as an HTML page, made from the OpenAPI document, and the document itself."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from threading import Lock
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from domain.catalog import COMMANDS
from domain.examples import EXAMPLES

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
"""Documents kept: one page for each address the server is reached at."""


def _hash_of(style: str) -> str:
    """Return the hash by which a content security policy allows an inline style."""
    return b64encode(sha256(style.encode()).digest()).decode()


async def get_docs(request: Request) -> Response:
    """Return the API reference as one page that loads nothing else."""
    origin = str(request.base_url).rstrip("/")
    return await _respond(request, f"/docs {origin}", lambda: _build_page(request.app.openapi(), origin), _HTML_HEADERS)


async def get_openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return await _respond(
        request, "/openapi.json", lambda: _encode(request.app.openapi()), {"content-type": "application/json"}
    )


_HTML_HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_hash_of(_STYLE)}'",
}


class Documents:
    """A cache of public documents, each built at its first request, with its ETag."""

    def __init__(self) -> None:
        self._cache: dict[str, tuple[bytes, str]] = {}
        self._lock = Lock()

    async def get(self, name: str, build: Callable[[], bytes]) -> tuple[bytes, str]:
        """Return a document and its ETag. The first request builds it, in a thread."""
        cached = self._cache.get(name)
        if cached is None:
            cached = await run_in_threadpool(self._build, name, build)
        return cached

    def _build(self, name: str, build: Callable[[], bytes]) -> tuple[bytes, str]:
        with self._lock:
            if name not in self._cache:
                if len(self._cache) >= _MAX_DOCUMENTS:
                    self._cache.clear()
                body = build()
                self._cache[name] = (body, f'"{sha256(body).hexdigest()[:32]}"')
            return self._cache[name]


async def _respond(request: Request, name: str, build: Callable[[], bytes], headers: Mapping[str, str]) -> Response:
    """Return a public document, or 304 if the client already has it."""
    documents: Documents = request.app.state.documents
    body, etag = await documents.get(name, build)
    caching = {"etag": etag, "cache-control": "public, no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=caching)
    return Response(body, headers={**headers, **caching})


def _encode(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _build_page(document: Schema, address: str) -> bytes:
    """Return the reference as HTML, with the server's address in its examples."""
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
    intro = "".join(f"<p>{_inline(part)}</p>" for part in document["info"]["description"].split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Decision log: API reference</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>Decision log</h1>{intro}'
        f'<p>OpenAPI document: <a href="/openapi.json">openapi.json</a></p><ul>{contents}</ul>{body}</html>'
    ).encode()


def _inline(text: str) -> str:
    """Return escaped text with `code` and **strong** as HTML."""
    parts = escape(text).split("`")
    marked = "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))
    return "".join(f"<strong>{part}</strong>" if n % 2 else part for n, part in enumerate(marked.split("**")))


Schema = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """Formats operations of an OpenAPI document as HTML.

    `schemas` are the document's components; `address` is the server's address, for the examples.
    """

    schemas: Mapping[str, Schema]
    address: str

    def operation(self, method: str, path: str, operation: Schema) -> str:
        """Return one route: its purpose, parameters and body, an example request, and its response."""
        bodies = self._bodies(operation)
        parameters = [
            (each["name"], bool(each.get("required")), each["schema"], each.get("description", ""))
            for each in operation.get("parameters", [])
        ]
        inputs = parameters + [field for body in bodies[:1] for field in _fields(body)]
        return (
            f"<details><summary><code>{method.upper()} {escape(path)}</code> {escape(operation['summary'])}</summary>"
            f"<p>{_inline(operation.get('description', ''))}</p>{self._table(inputs)}"
            f"<h4>Example</h4><pre>{escape(self.curl(method, path, operation))}</pre>"
            f"{self._response(operation)}</details>"
        )

    def objects(self) -> list[str]:
        """Return the objects that fields contain. Commands and bodies are explained at their routes."""
        return [
            f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
            f"<p>{_inline(schema.get('description', ''))}</p>{self._table(list(_fields(schema)))}</details>"
            for name, schema in sorted(self.schemas.items())
            if name not in COMMANDS and name.removesuffix("Body") not in COMMANDS and "properties" in schema
        ]

    def _bodies(self, operation: Schema) -> list[Schema]:
        """Return the objects that can be sent, without the commands that have their own routes."""
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        found = [self._resolve(each) for each in content.get("anyOf", [content])]
        return [each for each in found if "properties" in each]

    def _resolve(self, schema: Schema) -> Schema:
        return self.schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def _table(self, fields: list[Field]) -> str:
        """Return fields with their type and meaning, required ones first."""
        ordered = sorted(fields, key=lambda field: not field[1])
        rows = "".join(
            f"<tr><td><code>{escape(name)}</code>{' *' if required else ''}<small>{self._type(schema)}</small></td>"
            f"<td>{_inline(text)}</td></tr>"
            for name, required, schema, text in ordered
        )
        star = "<p>* required</p>" if any(required for _, required, _, _ in fields) else ""
        return f"<table>{rows}</table>{star}" if rows else ""

    def _type(self, schema: Schema) -> str:
        """Return the type of a field as HTML; objects are links to their explanation."""
        if "anyOf" in schema:
            kinds = [self._type(each) for each in schema["anyOf"] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
        if "enum" in schema:
            return escape(f"one of {', '.join(map(str, schema['enum']))}")
        if "oneOf" in schema:
            return "command with its `type`"
        if "properties" in self._resolve(schema) and "$ref" in schema:
            name = escape(schema["$ref"].rpartition("/")[2])
            return f'<a href="#{name}">{name}</a>'
        if schema.get("type") == "array":
            return f"list of {self._type(schema.get('items', {}))}"
        words = {
            "date-time": "date and time",
            "date": "date",
            "string": "text",
            "boolean": "true or false",
            "integer": "number",
        }
        kind = str(schema.get("format") or schema.get("const") or schema.get("type") or "any")
        return escape(words.get(kind, kind))

    def curl(self, method: str, path: str, operation: Schema) -> str:
        """Return the request as a curl command, with an example body and path.

        The examples come from `domain.examples`: sent in that order, each of them succeeds.
        """
        bodies = self._bodies(operation)
        path = _example_of(path, operation)
        query = [
            f"{each['name']}={_QUERY_EXAMPLES.get(each['name'], each['name'].upper())}"
            for each in operation.get("parameters", [])
            if each["in"] == "query" and (each.get("required") or "examples" in each)
        ]
        lines = [f"curl '{self.address}{path}{'?' if query else ''}{'&'.join(query)}'"]
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

    def _response(self, operation: Schema) -> str:
        """Return the fields of a successful response and of its rows."""
        found = [response for code, response in operation["responses"].items() if code.startswith("2")]
        refs = [media["schema"] for media in found[0].get("content", {}).values() if "$ref" in media.get("schema", {})]
        if not refs:
            return ""
        body = self._resolve(refs[0])
        rows = body["properties"].get("rows", {})
        kinds = [each["items"] for each in rows.get("anyOf", [rows]) if "items" in each]
        parts = [f"<h4>Response</h4><p>{_inline(body.get('description', ''))}</p>{self._table(list(_fields(body)))}"]
        parts += [f"<h4>{self._type(kind)}</h4>{self._table(list(_fields(self._resolve(kind))))}" for kind in kinds]
        return "".join(parts).replace("<p>* required</p>", "<p>* always present</p>")


Field = tuple[str, bool, Schema, str]
"""Name, whether it is required, schema and description."""

_PATH_EXAMPLES: Final = {
    "products": "shop",
    "decisions": "tea",
    "features": "gift-cards",
    "releases": "r1",
    "goals": "reach",
    "evidence": "survey",
    "assumptions": "water",
    "meetings": "steering",
    "tasks": "cups",
    "people": "ann",
    "teams": "core",
    "subjects": "feature:gift-cards",
    "tokens": "ID",
    "entries": "1",
}


def _example_of(path: str, operation: Schema) -> str:
    """Return a path with the subject of its command's example, else with one that the examples create."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    command = content.get("$ref", "").rpartition("/")[2].removesuffix("Body")
    subject = EXAMPLES.get(command, {}).get("subject", "")

    def fill(found: re.Match[str]) -> str:
        sample = subject if found["name"] in ("subject", "holder") else subject.partition(":")[2]
        return f"{found['collection']}/{sample or _PATH_EXAMPLES.get(found['collection'], found['name'].upper())}"

    return re.sub(r"(?P<collection>\w+)/\{(?P<name>\w+)\}", fill, path)


_QUERY_EXAMPLES: Final = {"since": "2025-01-01", "group": "field", "who": "Ann%20Bee", "text": "tea"}


def _fields(schema: Schema) -> Iterator[Field]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        yield name, name in required, field, field.get("description", "")
