"""The OpenAPI document: its introduction, command schemas, operation ids, tags and servers."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import answer_documentation, command_schemas
from api.routes.accounts import AccountName, NewAccount
from api.routes.commands import BulkRequest, KeyedTransaction
from api.routes.people import Names
from api.routes.sessions import NewSignInLink
from api.routes.tokens import NewToken

DESCRIPTION: Final = """\
The decision log of a product organization, and its roadmap as of any day.

**Authentication.** Send an API token: `Authorization: Bearer TOKEN`. The token determines who you are; `on_behalf_of` is a
claim and is shown as one.

**Writing.** Every command has a route. `POST /v1/commands` takes any command, or several as one transaction. Send an
`Idempotency-Key` to retry safely: the same request is recorded once and gets the same response. Send the ETag you read
in `If-Match` so that you do not overwrite a change you have not seen. A body in which an object has a name twice is refused.

**Reading.** The log is bitemporal: `as_of` asks what was in effect at a time, `known_at` what the log had recorded by a
time. Both default to now and can be combined. `min_position=POSITION` waits until the answer covers a position that you
have written. Every answer states its `position`. Tables are available as JSON, CSV and JSON Lines: pass `format=csv` or
`format=jsonl`, or send an `Accept` header. They come in pages of `limit` rows: `next`, and in every format the header
`Decisionlog-Next`, is the `cursor` of the next page.

**People** are identified by an id, by any name, email address or handle in the directory, or by their key, unless it is the
name of a person. Register them first, with `POST /v1/people`.

**Errors** are problem documents (RFC 9457) that name the field and say how to fix it.
"""

_OPERATION_IDS: Final = {
    "GET /v1/health": "getHealth",
    "GET /v1/version": "getVersion",
    "GET /v1/catalog": "getCatalog",
    "GET /v1/log": "getLog",
    "GET /v1/status": "getStatus",
    "GET /v1/log/entries": "listEntries",
    "GET /v1/log/entries/{position}": "getEntry",
    "GET /v1/me": "getMe",
    "GET /v1/people/{key}": "getPerson",
    "POST /v1/people/{key}/names": "addNames",
    "DELETE /v1/people/{key}/names": "eraseNames",
    "POST /v1/tokens": "createToken",
    "DELETE /v1/tokens/{key}": "revokeToken",
    "POST /v1/commands": "postCommands",
    "POST /v1/bulk": "postBulk",
    "GET /v1/roadmap": "getRoadmap",
    "GET /v1/audit": "listEvents",
    "GET /v1/decisions/{key}/authority": "getDecisionAuthority",
    "GET /v1/products/{key}/deciders": "listDeciders",
    "GET /v1/access-journal": "listAccess",
    "GET /v1/activity": "listActivity",
    "GET /v1/accounts": "listAccounts",
    "POST /v1/accounts": "connectAccount",
    "POST /v1/accounts/disconnect": "disconnectAccount",
    "GET /v1/search": "search",
    "GET /v1/products/{key}/report": "getReport",
    "GET /v1/fields/count": "countFields",
    "GET /v1/fields/history": "listFieldChanges",
    "GET /v1/fields/history/count": "countFieldChanges",
    "GET /v1/accountability/count": "countAccountability",
    "GET /v1/contributions/gaps": "listContributionGaps",
    "GET /v1/debt/months": "listDebtMonths",
    "GET /v1/expected-outcomes": "listExpectedOutcomes",
    "GET /v1/slips/causes": "listSlipCauses",
    "GET /v1/slips/count": "countSlips",
    "GET /v1/decisions/{key}/review": "getDecisionReview",
    "GET /v1/meetings/{key}/minutes": "getMinutes",
    "GET /v1/decisions/{key}/options": "getDecisionOptions",
    "DELETE /v1/sessions": "endOtherSessions",
    "DELETE /v1/sessions/{key}": "endSession",
    "POST /v1/sign-in-links": "createSignInLink",
    "GET /v1/subjects/{subject}": "getSubject",
    "GET /v1/subjects/{subject}/history": "getHistory",
    "GET /v1/subjects/{subject}/graph": "getGraph",
    "GET /v1/subjects/{subject}/accountability": "getAccountability",
}
"""What the general rule does not yield. Generated clients use these as function names."""

_TAGS: Final = {
    "decisions": "Decisions",
    "features": "Features",
    "products": "Products",
    "releases": "Releases",
    "goals": "Goals",
    "contributions": "Goals",
    "evidence": "Evidence",
    "flags": "Evidence",
    "arrivals": "Evidence",
    "assumptions": "Evidence",
    "meetings": "Meetings",
    "tasks": "Meetings",
    "people": "People",
    "teams": "People",
    "roadmap": "Roadmap",
    "slips": "Roadmap",
    "changes": "Roadmap",
    "accountability": "Ownership",
    "unowned": "Ownership",
    "audit": "Audit",
    "access-journal": "Audit",
    "activity": "Audit",
    "search": "Search",
    "fields": "Fields",
    "imports": "Imports",
    "subjects": "Subjects",
    "commands": "Commands",
    "bulk": "Commands",
    "log": "Log",
    "status": "Log",
    "roles": "Roles",
    "tokens": "Tokens",
    "me": "Tokens",
    "sessions": "Sessions",
    "sign-in-links": "Sessions",
    "accounts": "Sessions",
}
_TAG_DESCRIPTIONS: Final = {
    "Decisions": "Record, change and list decisions.",
    "Features": "Plan and ship features.",
    "Products": "Products and their progress reports.",
    "Releases": "Schedule and list releases.",
    "Goals": "Set, measure and close goals, and list what contributes to them.",
    "Meetings": "Plan meetings and write them up, and assign tasks.",
    "Evidence": "Record and list evidence and assumptions, and what rests on those that no longer hold.",
    "People": "People, teams and the names they go by.",
    "Roadmap": "The roadmap as of any day, what changed, and what slipped.",
    "Ownership": "Who is accountable for what.",
    "Audit": "Every event, with who, when and why; and who had access.",
    "Search": "Full-text search.",
    "Fields": "Fields of all subjects, and the history of their values.",
    "Imports": "Imports, and the lines that could not be placed.",
    "Subjects": "Subjects of any kind.",
    "Commands": "Any command, several as one transaction, or many transactions.",
    "Log": "The log's entries, head and followers, and erasure.",
    "Roles": "Who may do what, for all products or for one.",
    "Tokens": "API tokens.",
    "Sessions": "Sign-in links, sessions of browsers, and accounts at an OpenID provider.",
    "Meta": "Health, version and catalog. No token needed.",
}
_OWNERSHIP_PATHS: Final = frozenset(
    {
        "assign",
        "release",
        "hand-over",
        "acknowledge",
        "delegate",
        "revoke-delegation",
        "accountability",
        "decision-rights",
        "deciders",
    }
)


def build_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application, built once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = command_schemas.build_schemas(
            (KeyedTransaction, BulkRequest, Names, NewToken, NewSignInLink, NewAccount, AccountName)
        )
        components = document.setdefault("components", {}).setdefault("schemas", {})
        components.update(answer_documentation.build_answer_schemas(document))
        components.update(schemas)
        _name_operations(document)
        for operation in (each for methods in document["paths"].values() for each in methods.values()):
            _describe_requests_as_sent(operation, components)
            _describe_pages(operation)
        app.openapi_schema = document
    return app.openapi_schema


def _name_operations(document: dict[str, Any]) -> None:
    """Set the id and the tag of each operation, and the servers of the document."""
    document["servers"] = [{"url": "/", "description": "This server."}]
    used = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["operationId"] = _operation_id(method.upper(), path, operation["operationId"])
            operation["tags"] = [_tag_of(path)]
            used.add(operation["tags"][0])
    document["tags"] = [
        {"name": tag, "description": description} for tag, description in _TAG_DESCRIPTIONS.items() if tag in used
    ]


def _describe_requests_as_sent(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Describe what is sent: no parameter can be null, and a body that may be `{}` may be left out."""
    for parameter in operation.get("parameters", ()):
        choices = [each for each in parameter["schema"].get("anyOf", ()) if each != {"type": "null"}]
        if choices:
            rest = {name: value for name, value in parameter["schema"].items() if name != "anyOf"}
            parameter["schema"] = rest | choices[0] if len(choices) == 1 else rest | {"anyOf": choices}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        name = schema.get("$ref", "").rpartition("/")[2]
        operation["requestBody"]["required"] = name not in schemas or bool(schemas[name].get("required"))


def _describe_pages(operation: dict[str, Any]) -> None:
    """Describe the header with the next cursor, where an answer of the read model comes in pages."""
    is_paged = any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ()))
    if is_paged and "headers" in operation["responses"]["200"]:
        operation["responses"]["200"]["headers"] |= answer_documentation.PAGE_HEADERS


def _operation_id(method: str, path: str, generated: str) -> str:
    """Return an id such as `listDecisions`, `getDecision` or `acceptDecision`."""
    if f"{method} {path}" in _OPERATION_IDS:
        return _OPERATION_IDS[f"{method} {path}"]
    collection = path.split("/")[2].title()
    if method == "POST":  # FastAPI's generated id starts with the name of the command
        command = generated.partition("_")[0]
        return command[:1].lower() + command[1:]
    return f"get{collection.removesuffix('s')}" if "{" in path else f"list{collection}"


def _tag_of(path: str) -> str:
    parts = path.split("/")
    if parts[-1] in _OWNERSHIP_PATHS and len(parts) > len(["", "v1", "subjects"]):
        return "Ownership"
    return _TAGS.get(parts[2], "Meta")
