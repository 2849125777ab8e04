"""How the operations of the OpenAPI document are called, and under which heading each stands.

Those who generate a client get its functions by these names, so they are chosen here and not made from Python's.
"""

from __future__ import annotations

import re
from typing import Any, Final

_IDS: Final = {
    "GET /v1/health": "getHealth",
    "GET /v1/version": "getVersion",
    "GET /v1/catalog": "getCatalogue",
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
    "GET /v1/audit": "listAudit",
    "GET /v1/search": "search",
    "GET /v1/products/{key}/report": "getReport",
    "GET /v1/fields/count": "countFields",
    "GET /v1/fields/history/count": "countFieldChanges",
    "GET /v1/accountability/count": "countAccountability",
    "GET /v1/subjects/{subject}": "getSubject",
    "GET /v1/subjects/{subject}/history": "getHistory",
    "GET /v1/subjects/{subject}/graph": "getGraph",
    "GET /v1/subjects/{subject}/accountability": "getAccountability",
}
_TAGS: Final = {
    "decisions": "Decisions", "features": "Features", "products": "Products", "releases": "Releases", "goals": "Goals",
    "people": "People", "teams": "People", "roadmap": "Roadmap", "slips": "Roadmap", "changes": "Roadmap",
    "accountability": "Ownership", "unowned": "Ownership", "audit": "Audit", "search": "Search",
    "fields": "Fields", "subjects": "Subjects", "commands": "Commands", "bulk": "Commands",
    "log": "Log", "tokens": "Tokens", "me": "Tokens",
}  # fmt: skip
_OWNERSHIP: Final = frozenset(
    {"assign", "release", "hand-over", "acknowledge", "delegate", "revoke-delegation", "accountability"}
)
_SERVICE: Final = "Service"


def name_operations(document: dict[str, Any]) -> None:
    """Give each operation of an OpenAPI document its id and its heading, and the document its servers."""
    document["servers"] = [{"url": "/", "description": "Where this document was read."}]
    used = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["operationId"] = _id_of(method.upper(), path, operation["operationId"])
            operation["tags"] = [_tag_of(path)]
            used.add(operation["tags"][0])
    order = dict.fromkeys((*_TAGS.values(), _SERVICE))
    document["tags"] = [{"name": tag} for tag in order if tag in used]


def _id_of(method: str, path: str, own: str) -> str:
    """Return `listDecisions`, `getDecision`, `acceptDecision`."""
    if f"{method} {path}" in _IDS:
        return _IDS[f"{method} {path}"]
    collection = re.sub(r"\W", " ", path.split("/")[2]).title().replace(" ", "")
    if method == "POST":  # the command's own name, with which FastAPI begins
        command = own.partition("_")[0]
        return command[:1].lower() + command[1:]
    return f"get{collection.removesuffix('s')}" if "{" in path else f"list{collection}"


def _tag_of(path: str) -> str:
    parts = path.split("/")
    if parts[2] == "subjects" and parts[-1] in _OWNERSHIP:
        return "Ownership"
    return _TAGS.get(parts[2], _SERVICE)
